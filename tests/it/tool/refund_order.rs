//! The template's tool `refund_order`, which needs the permission `refunds:write`. Callers without it cannot see or call it.
//! Tested through the function's binary, on several providers' wires.

use ag_ui_dev::provider::{Provider, Reply as ModelReply, TurnPart, Wire};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, url_event, user_input};
use crate::support::provider::variables;

const KEY: &str = "0123456789abcdef0123456789abcdef";
/// A part of the tool's description, which occurs nowhere else in a request to the model.
const DESCRIPTION: &str = "Refunds an order";
const ARGUMENTS: &str = r#"{"order_id":"1234","amount":20}"#;

/// Returns authorizer contexts of callers without the permission, each with its reason.
fn callers_without_permission() -> [(&'static str, Value); 7] {
    [
        ("nobody", Value::Null),
        ("a user without permissions", json!({"principalId": "ada-of-acme"})),
        (
            "a user with another permission",
            json!({"principalId": "ada-of-acme", "permissions": "refunds:write:all refunds:read"}),
        ),
        (
            "a token with a scope of that name",
            json!({"principalId": "ada-of-acme", "scope": "refunds:write"}),
        ),
        ("the same in scp", json!({"principalId": "ada-of-acme", "scp": ["refunds:write"]})),
        (
            "a permission whose name contains it",
            json!({"principalId": "ada-of-acme", "permissions": "x,refunds:write"}),
        ),
        (
            "a user in a group of that name",
            json!({"principalId": "ada-of-acme", "cognito:groups": "refunds:write"}),
        ),
    ]
}

/// Returns the authorizer context of a caller with the permission.
fn permitted_caller() -> Value {
    json!({"principalId": "ada-of-acme", "permissions": "refunds:write"})
}

struct Stage {
    wire: Wire,
    provider: Provider,
    function: Function,
}

impl Stage {
    /// Starts a provider and a function.
    async fn new(wire: Wire, more: &[(&str, &str)]) -> Self {
        let provider = Provider::start().await.unwrap();
        let variables = variables(wire, &provider.url());
        let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<(&str, &str)> =
            variables.chain([("AGUI_APPROVAL_KEY", KEY)]).chain(more.iter().copied()).collect();
        Self { wire, provider, function: local_function(&variables).await }
    }

    /// Runs for this caller, with these turns of the model. Returns the response and the bodies of the model requests.
    async fn run(&self, caller: &Value, input: &Value, turns: &[Vec<TurnPart>]) -> (Reply, Vec<Value>) {
        self.provider.queue(turns.iter().map(|turn| ModelReply::stream(self.wire, turn)));
        let before = self.provider.requests().len();
        let reply = Reply::send(&self.function, &event_of(caller, input)).await;
        let asked = self.provider.requests().split_off(before);
        assert_eq!(asked.len(), turns.len(), "{}", reply.text);
        (reply, asked.into_iter().map(|asked| asked.body).collect())
    }

    /// Returns the capabilities that the caller sees, without the hints of local mode.
    async fn capabilities(&self, caller: &Value) -> String {
        let request = http::Request::get("/capabilities").header("x-agui-token", TOKEN);
        let mut event = ag_ui_dev::EntryPoint::FunctionUrl.event(&request.body("".into()).unwrap(), None);
        add_claims(&mut event, caller);
        let mut capabilities = Reply::send(&self.function, &event).await.json();
        assert!(capabilities["custom"]["ag_ui_lambda.tools"].take().is_array());
        capabilities.to_string()
    }

    /// Counts the refunds that the function has logged.
    fn count_refunds(&self) -> usize {
        self.function.logs().iter().filter(|line| line.contains("refund made")).count()
    }
}

/// Returns the event of a run for this caller.
fn event_of(caller: &Value, input: &Value) -> Value {
    let mut event = url_event(&[("x-agui-token", TOKEN)], input);
    add_claims(&mut event, caller);
    event
}

/// Adds the authorizer context of a caller to an event.
fn add_claims(event: &mut Value, caller: &Value) {
    if !caller.is_null() {
        event["requestContext"]["authorizer"] = json!({ "lambda": caller });
    }
}

/// Returns the input of a run with this id, in which the user asks for the refund.
fn refund_input(run_id: &str) -> Value {
    let mut input = user_input("Refund it.");
    input["runId"] = run_id.into();
    input
}

/// Returns a turn that calls the refund.
fn refund_turn() -> Vec<TurnPart> {
    vec![TurnPart::call("call_1", "refund_order", [ARGUMENTS])]
}

/// Returns a turn with the final answer.
fn final_turn() -> Vec<TurnPart> {
    vec![TurnPart::text("Well.")]
}

/// Returns an input whose history has a call of the tool.
fn history_with_call() -> Value {
    let function = json!({"name": "refund_order", "arguments": ARGUMENTS});
    let call = json!({"id": "call_0", "type": "function", "function": function});
    let mut input = user_input("And again?");
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
async fn hidden_and_refused_without_permission() {
    join_all(Wire::ALL.map(|wire| async move {
        let stage = Stage::new(wire, &[]).await;
        for (why, caller) in callers_without_permission() {
            let why = format!("{wire:?}, {why}");
            let (reply, asked) =
                stage.run(&caller, &user_input("Hello"), &[refund_turn(), final_turn()]).await;

            let first = asked[0].to_string();
            assert!(first.contains("get_weather"), "{why}: other tools are there");
            assert!(!first.contains("refund_order"), "{why}: {first}");
            assert!(!asked[1].to_string().contains(DESCRIPTION), "{why}: {}", asked[1]);
            let refused = json!({"error": "There is no tool of that name."});
            assert_eq!(reply.result_of("refund_order"), refused, "{why}");

            // A call in the client's history is not trusted and does not make the tool available.
            let (reply, asked) =
                stage.run(&caller, &history_with_call(), &[refund_turn(), final_turn()]).await;
            assert!(asked.iter().all(|asked| !asked.to_string().contains(DESCRIPTION)), "{why}");
            assert_eq!(reply.result_of("refund_order"), refused, "{why}");

            let capabilities = stage.capabilities(&caller).await;
            assert!(capabilities.contains("get_weather"), "{why}: {capabilities}");
            assert!(!capabilities.contains("refund_order"), "{why}: {capabilities}");
        }
        assert_eq!(stage.count_refunds(), 0);
    }))
    .await;
}

#[tokio::test]
async fn forced_tool_choice_does_not_reveal_it() {
    join_all(Wire::ALL.map(|wire| async move {
        let stage = Stage::new(wire, &[("AGUI_MODEL_TOOL_CHOICE", "refund_order")]).await;
        for (why, caller) in callers_without_permission() {
            let (reply, asked) =
                stage.run(&caller, &user_input("Hello"), &[refund_turn(), final_turn()]).await;

            assert!(!asked[0].to_string().contains("refund_order"), "{wire:?}, {why}: {}", asked[0]);
            assert_eq!(reply.result_of("refund_order")["error"], "There is no tool of that name.");
        }
    }))
    .await;
}

#[tokio::test]
async fn permitted_caller_runs_it_after_approval() {
    join_all(Wire::ALL.map(|wire| async move {
        let stage = Stage::new(wire, &[]).await;
        assert!(stage.capabilities(&permitted_caller()).await.contains("refund_order"));

        // Each approval counts once, so each answer is for a call of its own.
        let ask = async |run_id: &str| {
            let (reply, asked) =
                stage.run(&permitted_caller(), &refund_input(run_id), &[refund_turn()]).await;
            assert!(asked[0].to_string().contains(DESCRIPTION), "{wire:?}: {}", asked[0]);
            let interrupt = &reply.events.last().unwrap()["outcome"]["interrupts"][0];
            assert_eq!(stage.count_refunds(), 0, "{wire:?}");
            approved_input(&reply, interrupt)
        };

        let next = ask("lost").await;
        // The caller has lost the permission, so the approval runs nothing.
        let lost = json!({"principalId": "ada-of-acme", "permissions": "refunds:read"});
        let (reply, asked) = stage.run(&lost, &next, &[final_turn()]).await;
        assert_eq!(results_of(&reply), [json!({"error": "There is no tool of that name."})], "{wire:?}");
        assert!(!asked[0].to_string().contains(DESCRIPTION), "{wire:?}: {}", asked[0]);
        assert_eq!(stage.count_refunds(), 0, "{wire:?}");

        let (reply, _) = stage.run(&permitted_caller(), &next, &[final_turn()]).await;
        let kept = json!({"error": "There is no tool of that name."});
        assert_eq!(results_of(&reply), [kept], "{wire:?}: the first answer counts");
        assert_eq!(stage.count_refunds(), 0, "{wire:?}");

        let next = ask("kept").await;
        let (reply, _) = stage.run(&permitted_caller(), &next, &[final_turn()]).await;
        let refunded = json!({"order_id": "1234", "amount": 20.0, "status": "refunded"});
        assert_eq!(results_of(&reply), [refunded], "{wire:?}");
        assert_eq!(stage.count_refunds(), 1, "{wire:?}");
    }))
    .await;
}

/// Returns the next input: the history with the call, and an approval of its interrupt.
fn approved_input(reply: &Reply, interrupt: &Value) -> Value {
    let started = reply.events.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
    let pieces = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS");
    let arguments: String = pieces.map(|event| event["delta"].as_str().unwrap()).collect();
    let function = json!({"name": "refund_order", "arguments": arguments});
    let call = json!({"id": started["toolCallId"], "type": "function", "function": function});
    let mut input = user_input("Refund it.");
    input["runId"] = "r2".into();
    let message = json!({"id": started["parentMessageId"], "role": "assistant", "toolCalls": [call]});
    input["messages"].as_array_mut().unwrap().push(message);
    input["resume"] =
        json!([{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}}]);
    input
}

/// Returns the tool results of a run.
fn results_of(reply: &Reply) -> Vec<Value> {
    let results = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.map(|event| serde_json::from_str(event["content"].as_str().unwrap()).unwrap()).collect()
}
