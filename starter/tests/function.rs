//! The complete function, started as Lambda starts it: settings, authentication, claims, stream.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use ag_ui_dev::{EntryPoint, Function};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::process::Command;

/// Sends a message of a member of acme, with this token. Returns the status and the body.
async fn send(token: &str, message: &str) -> (u16, String) {
    let message = json!({ "id": "message-1", "role": "user", "content": message });
    post(token, json!({ "threadId": "thread-1", "runId": "run-1", "messages": [message] })).await
}

/// Sends a `RunAgentInput` of a member of acme who may cancel orders. Each one gets a process of its
/// own, as on Lambda. Returns the status and the body.
async fn post(token: &str, input: Value) -> (u16, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_{{ project_name }}"));
    let settings = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "test"), ("AGUI_MODEL", "scripted/demo")];
    command.envs(settings);
    // Without a key, tools that need an approval are offered to nobody.
    command.env("AGUI_APPROVAL_KEY", "a key of the tests, 32 characters");
    let function = Function::spawn(command).await.unwrap();
    let request = http::Request::post("/")
        .header("x-agui-token", token)
        .header("content-type", "application/json")
        .body(Bytes::from(input.to_string()))
        .unwrap();
    let claims = json!({ "sub": "ada", "custom:org_id": "acme", "permissions": "orders:write" });
    let claims = serde_json::from_value(claims).unwrap();
    let event = EntryPoint::RestCognito.event(&request, Some(&claims));

    let mut response = function.invoke(&event).await.unwrap();

    (response.status(), response.text().await)
}

/// Returns the AG-UI events of a stream.
fn events_of(body: &str) -> Vec<Value> {
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|event| serde_json::from_str(event).unwrap()).collect()
}

#[tokio::test]
async fn a_run_streams_to_its_end() {
    let (status, body) = send("test", "Please find order A-17.").await;

    assert_eq!(status, 200, "{body}");
    let events = events_of(&body);
    let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert!(result["content"].as_str().unwrap().contains("12.5"), "{result}");
    assert_eq!(events.last().unwrap()["type"], "RUN_FINISHED");
}

#[tokio::test]
async fn an_approval_in_a_later_run_cancels_the_order() {
    let content = r#"/cancel_order {"order": "A-17"}"#;
    let message = json!({ "id": "message-1", "role": "user", "content": content });
    let input = json!({ "threadId": "thread-1", "runId": "run-1", "messages": [message] });

    let (_, asked) = post("test", input).await;

    let asked = events_of(&asked);
    let interrupt = &asked.last().unwrap()["outcome"]["interrupts"][0];
    // What the client keeps of the run: the call, with its arguments.
    let deltas = asked.iter().filter(|event| event["type"] == "TOOL_CALL_ARGS");
    let arguments: String = deltas.map(|event| event["delta"].as_str().unwrap()).collect();
    let called = json!({ "name": "cancel_order", "arguments": arguments });
    let call = json!({ "id": interrupt["toolCallId"], "type": "function", "function": called });
    let calls = json!({ "id": "message-2", "role": "assistant", "toolCalls": [call] });
    let payload = json!({ "approved": true });
    let answer =
        json!({ "interruptId": interrupt["id"], "status": "resolved", "payload": payload });
    let input = json!({
        "threadId": "thread-1",
        "runId": "run-2",
        "messages": [message, calls],
        "resume": [answer],
    });

    let (_, body) = post("test", input).await;

    let events = events_of(&body);
    let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert!(result["content"].as_str().unwrap().contains("cancelled"), "{result}");
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let (status, body) = send("wrong", "Hello!").await;

    assert_eq!(status, 401, "{body}");
}
