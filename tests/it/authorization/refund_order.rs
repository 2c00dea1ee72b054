//! The template's `refund_order`, which needs the permission `refunds:write`: for all others it does not exist. Told by
//! the function binary, on the wires of its models.

use ag_ui_dev::provider::{Provider, Reply as Told, Say, Wire};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, says, url_event};
use crate::support::provider::variables;

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// Nobody else's: it stands in the tool's description.
const DESCRIPTION: &str = "Refunds an order";
const ARGUMENTS: &str = r#"{"order_id":"1234","amount":20}"#;

/// What a Lambda authorizer has proven of callers who may not refund.
fn others() -> [(&'static str, Value); 4] {
    [
        ("nobody", Value::Null),
        ("a user without permissions", json!({"principalId": "ada-of-acme"})),
        (
            "a user with another permission",
            json!({"principalId": "ada-of-acme", "scope": "refunds:write:all refunds:read"}),
        ),
        (
            "a user in a group of that name",
            json!({"principalId": "ada-of-acme", "cognito:groups": "refunds:write"}),
        ),
    ]
}

fn clerk() -> Value {
    json!({"principalId": "ada-of-acme", "scope": "refunds:write"})
}

struct Stage {
    wire: Wire,
    provider: Provider,
    function: Function,
}

impl Stage {
    async fn new(wire: Wire, more: &[(&str, &str)]) -> Self {
        let provider = Provider::start().await.unwrap();
        let variables = variables(wire, &provider.url());
        let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<(&str, &str)> =
            variables.chain([("AGUI_APPROVAL_KEY", KEY)]).chain(more.iter().copied()).collect();
        Self { wire, provider, function: local_function(&variables).await }
    }

    /// A run of this caller, the model saying these turns; with what the model was asked.
    async fn run(&self, caller: &Value, input: &Value, turns: &[Vec<Say>]) -> (Reply, Vec<Value>) {
        self.provider.reply(turns.iter().map(|turn| Told::stream(self.wire, turn)));
        let before = self.provider.asked().len();
        let reply = Reply::to(&self.function, &asks(caller, input)).await;
        let asked = self.provider.asked().split_off(before);
        assert_eq!(asked.len(), turns.len(), "{}", reply.text);
        (reply, asked.into_iter().map(|asked| asked.body).collect())
    }

    /// What the caller is told of the agent, without what only local mode tells.
    async fn capabilities(&self, caller: &Value) -> String {
        let request = http::Request::get("/capabilities").header("x-agui-token", TOKEN);
        let mut event = ag_ui_dev::EntryPoint::FunctionUrl.event(&request.body("".into()).unwrap(), None);
        prove(&mut event, caller);
        let mut capabilities = Reply::to(&self.function, &event).await.json();
        assert!(capabilities["custom"]["ag_ui_lambda.tools"].take().is_array());
        capabilities.to_string()
    }

    fn refunds(&self) -> usize {
        self.function.logs().iter().filter(|line| line.contains("refund made")).count()
    }
}

fn asks(caller: &Value, input: &Value) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], input);
    prove(&mut event, caller);
    event
}

fn prove(event: &mut Value, caller: &Value) {
    if !caller.is_null() {
        event["requestContext"]["authorizer"] = json!({ "lambda": caller });
    }
}

fn calls_it() -> Vec<Say> {
    vec![Say::call("call_1", "refund_order", [ARGUMENTS])]
}

fn answers() -> Vec<Say> {
    vec![Say::text("Well.")]
}

/// A history with a call of the tool.
fn history() -> Value {
    let function = json!({"name": "refund_order", "arguments": ARGUMENTS});
    let call = json!({"id": "call_0", "type": "function", "function": function});
    let mut input = says("And again?");
    let last = input["messages"].take();
    input["messages"] = json!([
        {"id": "u0", "role": "user", "content": "Refund order 1234."},
        {"id": "a0", "role": "assistant", "toolCalls": [call]},
        {"id": "t0", "role": "tool", "toolCallId": "call_0", "content": "{\"status\":\"refunded\"}"},
        last[0],
    ]);
    input
}

#[tokio::test]
async fn given_no_permission_then_it_is_on_no_wire_and_in_no_capabilities_and_a_call_of_it_is_refused() {
    join_all(Wire::ALL.map(|wire| async move {
        let stage = Stage::new(wire, &[]).await;
        for (why, caller) in others() {
            let why = format!("{wire:?}, {why}");
            let (reply, asked) = stage.run(&caller, &says("Hello"), &[calls_it(), answers()]).await;

            let first = asked[0].to_string();
            assert!(first.contains("get_weather"), "{why}: other tools are there");
            assert!(!first.contains("refund_order"), "{why}: {first}");
            assert!(!asked[1].to_string().contains(DESCRIPTION), "{why}: {}", asked[1]);
            let refused = json!({"error": "There is no tool of that name."});
            assert_eq!(reply.result_of("refund_order"), refused, "{why}");

            // A call that the client's history has is the client's word: it brings the tool no nearer.
            let (reply, asked) = stage.run(&caller, &history(), &[calls_it(), answers()]).await;
            assert!(asked.iter().all(|asked| !asked.to_string().contains(DESCRIPTION)), "{why}");
            assert_eq!(reply.result_of("refund_order"), refused, "{why}");

            let capabilities = stage.capabilities(&caller).await;
            assert!(capabilities.contains("get_weather"), "{why}: {capabilities}");
            assert!(!capabilities.contains("refund_order"), "{why}: {capabilities}");
        }
        assert_eq!(stage.refunds(), 0);
    }))
    .await;
}

#[tokio::test]
async fn given_no_permission_when_the_model_must_call_it_then_its_name_is_on_no_wire() {
    join_all(Wire::ALL.map(|wire| async move {
        let stage = Stage::new(wire, &[("AGUI_MODEL_TOOL_CHOICE", "refund_order")]).await;
        for (why, caller) in others() {
            let (reply, asked) = stage.run(&caller, &says("Hello"), &[calls_it(), answers()]).await;

            assert!(!asked[0].to_string().contains("refund_order"), "{wire:?}, {why}: {}", asked[0]);
            assert_eq!(reply.result_of("refund_order")["error"], "There is no tool of that name.");
        }
    }))
    .await;
}

#[tokio::test]
async fn given_the_permission_then_it_is_offered_and_runs_once_a_person_has_approved() {
    join_all(Wire::ALL.map(|wire| async move {
        let stage = Stage::new(wire, &[]).await;
        assert!(stage.capabilities(&clerk()).await.contains("refund_order"));

        let (reply, asked) = stage.run(&clerk(), &says("Refund it."), &[calls_it()]).await;
        assert!(asked[0].to_string().contains(DESCRIPTION), "{wire:?}: {}", asked[0]);
        let interrupt = &reply.events.last().unwrap()["outcome"]["interrupts"][0];
        assert_eq!(stage.refunds(), 0, "{wire:?}");

        let next = approved(&reply, interrupt);
        // Without the permission by now, the approval is worth nothing.
        let lost = json!({"principalId": "ada-of-acme", "scope": "refunds:read"});
        let (reply, asked) = stage.run(&lost, &next, &[answers()]).await;
        assert_eq!(results(&reply), [json!({"error": "There is no tool of that name."})], "{wire:?}");
        assert!(!asked[0].to_string().contains(DESCRIPTION), "{wire:?}: {}", asked[0]);
        assert_eq!(stage.refunds(), 0, "{wire:?}");

        let (reply, _) = stage.run(&clerk(), &next, &[answers()]).await;
        let refunded = json!({"order_id": "1234", "amount": 20.0, "status": "refunded"});
        assert_eq!(results(&reply), [refunded], "{wire:?}");
        assert_eq!(stage.refunds(), 1, "{wire:?}");
    }))
    .await;
}

/// The next input: the call as it was told, and a yes.
fn approved(reply: &Reply, interrupt: &Value) -> Value {
    let started = reply.events.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
    let pieces = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS");
    let arguments: String = pieces.map(|event| event["delta"].as_str().unwrap()).collect();
    let function = json!({"name": "refund_order", "arguments": arguments});
    let call = json!({"id": started["toolCallId"], "type": "function", "function": function});
    let mut input = says("Refund it.");
    input["runId"] = "r2".into();
    let message = json!({"id": started["parentMessageId"], "role": "assistant", "toolCalls": [call]});
    input["messages"].as_array_mut().unwrap().push(message);
    input["resume"] =
        json!([{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}}]);
    input
}

fn results(reply: &Reply) -> Vec<Value> {
    let results = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.map(|event| serde_json::from_str(event["content"].as_str().unwrap()).unwrap()).collect()
}
