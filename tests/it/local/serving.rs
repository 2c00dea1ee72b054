//! What a function in local mode serves.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{Json as _, LIMIT, Server, account_of, events_of, who_am_i};
use crate::support::function::{events, user_input};

#[tokio::test]
async fn serves_itself_and_the_page() {
    let server = Server::local(&[]).await;

    let health: Value =
        server.request(Method::GET, "/health").send().await.unwrap().text().await.unwrap().parse().unwrap();
    assert_eq!(health, json!({ "status": "ok" }));
    let page = server.request(Method::GET, "/").send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    assert!(page.text().await.unwrap().contains("/_dev/main.js"));

    let answer = server.run(&server.key, &user_input("What is the weather in Tokyo?")).send().await.unwrap();
    assert!(answer.headers().contains_key("x-amzn-requestid"));
    let events = events_of(answer).await;
    assert_eq!(events.last().unwrap()["type"], "RUN_FINISHED");
    assert!(events.iter().any(|event| event["toolCallName"] == "get_weather"));
}

#[tokio::test]
async fn terminal_and_page_show_the_run_log() {
    let mut server = Server::local(&[]).await;
    let answer = server.run(&server.key, &user_input("Hello")).send().await.unwrap();
    let id = answer.headers()["x-amzn-requestid"].to_str().unwrap().to_owned();
    events_of(answer).await;

    let line = server.wait_for_output("run finished").await;
    assert!(line.contains(" INFO  run finished") && !line.starts_with('{'), "{line}");
    let mut log = server.dev_request(Method::GET, "/_dev/log").send().await.unwrap();
    let mut text = String::new();
    while !text.contains("run finished") {
        text += std::str::from_utf8(&log.chunk().await.unwrap().unwrap()).unwrap();
    }
    let finished = events(&text).into_iter().find(|line| line["message"] == "run finished").unwrap();
    assert_eq!(finished["request_id"], id);
}

#[tokio::test]
async fn approval_survives_a_function_restart() {
    let server = Server::local(&[]).await;
    let mut input = user_input("Refund order 1234 for 20");
    let first = server.run_as("amelie", &input).await;
    let finished = first.last().unwrap();
    let interrupt = finished.pointer("/outcome/interrupts/0").unwrap_or_else(|| panic!("{finished}")).clone();
    drop(server);

    let server = Server::local(&[]).await;
    let started = first.iter().find(|event| event["type"] == "TOOL_CALL_START").unwrap();
    let arguments: String = first.iter().filter_map(|event| event["delta"].as_str()).collect();
    input["runId"] = "r2".into();
    let call = json!({
        "id": started["toolCallId"], "type": "function", "function": {"name": "refund_order", "arguments": arguments},
    });
    let message = json!({"id": started["parentMessageId"], "role": "assistant", "toolCalls": [call]});
    input["messages"].as_array_mut().unwrap().push(message);
    input["resume"] =
        json!([{"interruptId": interrupt["id"], "status": "resolved", "payload": {"approved": true}}]);
    let second = server.run_as("amelie", &input).await;

    assert_eq!(account_of(&second)["status"], "refunded");
}

#[tokio::test]
async fn raw_event_is_invoked_like_lambda_does() {
    let server = Server::local(&[]).await;
    let event = json!({"method": "POST", "path": "/", "headers": {"content-type": "application/json",
        "x-agui-token": server.key}, "body": who_am_i().to_string(), "as": {"entry_point": "rest-lambda",
        "claims": {"sub": "dora"}}});
    let created = server.dev_request(Method::POST, "/_dev/event").with_json(&event).send().await.unwrap();
    let created: Value = created.text().await.unwrap().parse().unwrap();
    assert!(
        created["curl"].as_str().unwrap().starts_with("curl -N -X 'POST' 'http://127.0.0.1:"),
        "{created}"
    );

    let path = "/2015-03-31/functions/function/invocations";
    let answer = server.dev_request(Method::POST, path).with_json(&created["event"]).send().await.unwrap();

    assert_eq!(account_of(&events_of(answer).await)["user"], "dora");
    let without_key = server.request(Method::POST, path).with_json(&created["event"]).send().await.unwrap();
    assert_eq!(without_key.status(), 401, "an event can hold any caller");
}

#[tokio::test]
async fn event_with_user_jwt_is_verified() {
    let server = Server::local(&[]).await;
    let event = json!({"method": "POST", "path": "/", "headers": {"content-type": "application/json",
        "x-agui-token": server.key}, "body": who_am_i().to_string(), "as": {"entry_point": "user-jwt",
        "claims": {"sub": "dora"}}});
    let created = server.dev_request(Method::POST, "/_dev/event").with_json(&event).send().await.unwrap();
    let created: Value = created.text().await.unwrap().parse().unwrap();

    let path = "/2015-03-31/functions/function/invocations";
    let answer = server.dev_request(Method::POST, path).with_json(&created["event"]).send().await.unwrap();

    assert_eq!(account_of(&events_of(answer).await)["user"], "dora");
}

#[tokio::test]
async fn token_may_contain_any_characters() {
    let server = Server::local(&[("AGUI_TOKEN", "ab+cd/e&f='g'==")]).await;
    assert!(server.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'%'), "{}", server.key);

    let events = events_of(server.run("ab+cd/e&f='g'==", &who_am_i()).send().await.unwrap()).await;

    assert_eq!(events.last().unwrap()["type"], "RUN_FINISHED");
}

#[tokio::test]
async fn startup_errors_appear_in_the_terminal() {
    let output = |variables: &[(&str, &str)]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ag-ui-lambda"));
        command.env_clear().envs(variables.iter().copied());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    for (why, variables, expected) in [
        (
            "a bad setting",
            vec![("AGUI_LOCAL", "1"), ("AGUI_PORT", "0"), ("AGUI_MAX_TURNS", "none")],
            "AGUI_MAX_TURNS",
        ),
        ("a bad port", vec![("AGUI_LOCAL", "1"), ("AGUI_PORT", "nine")], "AGUI_PORT must be a port"),
        (
            "another setting beside a bad port",
            vec![("AGUI_LOCAL", "1"), ("AGUI_PORT", "nine"), ("AGUI_MAX_TURNS", "none")],
            "AGUI_MAX_TURNS must be a whole number",
        ),
        (
            "Lambda",
            vec![("AGUI_LOCAL", "1"), ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")],
            "AGUI_LOCAL is for",
        ),
        (
            "nobody hands events over",
            vec![("AGUI_TOKEN_SECRET_ID", "token"), ("AGUI_MODEL", "scripted/demo")],
            "On your own machine set AGUI_LOCAL=1",
        ),
    ] {
        let (is_success, output) = output(&variables);
        assert!(!is_success && output.contains(expected), "{why}: {output}");
    }
}

/// Without the check for a lost server, lambda_runtime would poll the missing Runtime API without a pause.
#[tokio::test]
async fn function_exits_when_its_server_is_killed() {
    let mut server = Server::local(&[]).await;
    let pid = server.child.id().unwrap();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    let function = Path::new("/proc").join(children.trim());
    assert!(function.is_dir(), "{children:?} is one process");

    server.child.kill().await.unwrap();

    let end = async {
        // A zombie process has ended.
        while fs::read_to_string(function.join("stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LIMIT, end).await.expect("the function has ended");
}
