//! Answers in a thread that is too long for a limit: the model reads the result of the call, however old the call is.

use std::sync::{Arc, Mutex};

use ag_ui_lambda::agent::{Agent, Limits};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::model::{Request, Script, Scripted, Turn, UserPart};
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use serde_json::{Value, json};

use super::shop::{KEY, run_agent};

/// Pays.
async fn pay(_: ToolContext<()>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("paid")
}

/// Returns an agent whose model calls `pay` if the last message is "go", and the requests that the model receives. A request may
/// have 10,000 bytes.
fn agent() -> (Agent<()>, Arc<Mutex<Vec<Request>>>) {
    let requests = Arc::<Mutex<Vec<Request>>>::default();
    let seen = Arc::clone(&requests);
    let model = Scripted::new(move |request| {
        seen.lock().unwrap().push(request.clone());
        match request.last_user_text().as_str() {
            "go" => Script::new().call("c1", "pay", &json!({})),
            _ => Script::new().text("Fine."),
        }
    });
    let agent = Agent::builder(model)
        .tool(tool_fn("pay", "Pays.", pay).needs_approval())
        .approvals(Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap()))
        .anonymous_approvals(true)
        .limits(Limits { input_bytes: 10_000, ..Limits::default() });
    (agent.build().unwrap(), requests)
}

/// Returns the messages of this number of answered questions, which have some 2,000 bytes each.
fn answered(prefix: &str, questions: usize) -> Vec<Value> {
    let exchange = |number: usize| {
        let message = |role: &str| json!({"id": format!("{prefix}{number}{role}"), "role": role, "content": "x".repeat(1000)});
        [message("user"), message("assistant")]
    };
    (0..questions).flat_map(exchange).collect()
}

#[tokio::test]
async fn result_of_an_answered_call_is_never_left_out() {
    let (agent, requests) = agent();
    let user = |id: &str, text: &str| json!({"id": id, "role": "user", "content": text});
    let mut messages = answered("before", 11);
    messages.push(user("go", "go"));
    let events = run_agent(&agent, &messages.clone().into(), json!([])).await;
    let interrupt = &events.last().unwrap()["outcome"]["interrupts"][0];

    let call = json!({"id": "c1", "type": "function", "function": {"name": "pay", "arguments": "{}"}});
    messages.push(json!({"id": "call", "role": "assistant", "toolCalls": [call]}));
    // Another tab of the browser went on with the thread.
    messages.extend(answered("after", 4));
    messages.push(user("last", "And now?"));
    let yes = json!([{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}}]);
    let events = run_agent(&agent, &messages.into(), yes).await;

    let compacted = events.iter().find(|event| event["name"] == "ag_ui_lambda.compacted").unwrap();
    assert_eq!(
        compacted["value"],
        json!({"reason": "MAX_INPUT_BYTES", "turns_left_out": 11, "turns_kept": 6})
    );
    let requests = requests.lock().unwrap();
    let [Turn::User(parts), Turn::Assistant { .. }, Turn::Results(results), ..] =
        requests.last().unwrap().history.as_slice()
    else {
        panic!("the turn of the call is the first: {:?}", requests.last().unwrap().history)
    };
    assert!(matches!(parts.as_slice(), [UserPart::Note(_), UserPart::Content(_)]), "{parts:?}");
    assert_eq!(results[0].content.text(), "paid");
}
