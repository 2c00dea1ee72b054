//! The complete function, started as Lambda starts it: settings, authentication, claims, stream.
#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

use ag_ui_dev::{EntryPoint, Function};
use bytes::Bytes;
use serde_json::json;
use tokio::process::Command;

/// Sends a message of a member of acme, with this token. Returns the status and the body.
async fn send(token: &str, message: &str) -> (u16, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_{{ project_name }}"));
    let settings = [("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "test"), ("AGUI_MODEL", "scripted/demo")];
    command.envs(settings);
    let function = Function::spawn(command).await.unwrap();
    let message = json!({ "id": "message-1", "role": "user", "content": message });
    let input = json!({ "threadId": "thread-1", "runId": "run-1", "messages": [message] });
    let request = http::Request::post("/")
        .header("x-agui-token", token)
        .header("content-type", "application/json")
        .body(Bytes::from(input.to_string()))
        .unwrap();
    let claims = json!({ "sub": "ada", "custom:org_id": "acme" });
    let claims = serde_json::from_value(claims).unwrap();
    let event = EntryPoint::RestCognito.event(&request, Some(&claims));

    let mut response = function.invoke(&event).await.unwrap();

    (response.status(), response.text().await)
}

#[tokio::test]
async fn a_run_streams_to_its_end() {
    let (status, body) = send("test", "Please find order A-17.").await;

    assert_eq!(status, 200, "{body}");
    let events: Vec<serde_json::Value> = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert!(result["content"].as_str().unwrap().contains("12.5"), "{result}");
    assert_eq!(events.last().unwrap()["type"], "RUN_FINISHED");
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let (status, body) = send("wrong", "Hello!").await;

    assert_eq!(status, 401, "{body}");
}
