//! The complete function, with an event of API Gateway.

use ag_ui_dev::{EntryPoint, Function};
use bytes::Bytes;
use serde_json::json;
use tokio::process::Command;

#[tokio::test]
async fn a_caller_without_an_organisation_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smallest"));
    command.envs([("AGUI_LOCAL", "1"), ("AGUI_TOKEN", "test"), ("AGUI_MODEL", "scripted/demo")]);
    let function = Function::spawn(command).await.unwrap();
    let request = http::Request::post("/")
        .header("x-agui-token", "test")
        .header("content-type", "application/json")
        .body(Bytes::from(r#"{"threadId": "t", "runId": "r", "messages": []}"#))
        .unwrap();
    let claims = serde_json::from_value(json!({ "sub": "ada" })).unwrap();
    let event = EntryPoint::RestCognito.event(&request, Some(&claims));

    let response = function.invoke(&event).await.unwrap();

    assert_eq!(response.status(), 403);
}
