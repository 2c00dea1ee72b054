//! The paths and methods that the endpoint serves.

use ag_ui_lambda::endpoint::BuildEndpointError;
use serde_json::{Value, json};

use crate::support::endpoint::{TOKEN, TestRequest, endpoint, run_request};
use crate::support::event_order;
use crate::support::sse::events;

#[tokio::test]
async fn runs_are_served_at_root_and_run_path_only() {
    let usual = endpoint().build().unwrap();
    let chat = endpoint().run_path("/chat").build().unwrap();
    for (why, endpoint, path, status) in [
        ("the root", &usual, "/", 200),
        ("the run path", &usual, "/agui", 200),
        ("a query is no part of the path", &usual, "/agui?token=x", 200),
        ("another", &usual, "/chat", 404),
        ("below", &usual, "/agui/run", 404),
        ("the root, with another run path", &chat, "/", 200),
        ("the other run path", &chat, "/chat", 200),
        ("it is in place of the usual one", &chat, "/agui", 404),
    ] {
        assert_eq!(run_request().route("POST", path).send_to(endpoint).await.status, status, "{why}");
    }
}

#[tokio::test]
async fn wrong_method_is_405_with_allow() {
    let endpoint = endpoint().build().unwrap();
    for (path, method, allowed) in [
        ("/", "GET", "POST"),
        ("/", "OPTIONS", "POST"),
        ("/agui", "PUT", "POST"),
        ("/capabilities", "POST", "GET"),
        ("/health", "POST", "GET"),
    ] {
        let answer = run_request().route(method, path).send_to(&endpoint).await;

        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[tokio::test]
async fn health_needs_no_token_or_body() {
    let endpoint = endpoint().build().unwrap();
    let answer = run_request()
        .without_header("x-agui-token")
        .without_header("content-type")
        .route("GET", "/health")
        .send_to(&endpoint)
        .await;

    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn capabilities_list_tools_and_limits_without_null() {
    let endpoint = endpoint().build().unwrap();
    let ask = || run_request().route("GET", "/capabilities").without_header("content-type");
    let answer = ask().send_to(&endpoint).await;
    let capabilities: Value = serde_json::from_str(&answer.text).unwrap();

    assert_eq!(answer.status, 200);
    assert_eq!(
        capabilities,
        json!({
            "transport": {"streaming": true},
            "tools": {
                "supported": true, "parallelCalls": true, "clientProvided": true,
                "items": [{
                    "name": "whoami", "description": "Name of the caller.",
                    "parameters": {"type": "object", "description": capabilities["tools"]["items"][0]["parameters"]["description"], "additionalProperties": false},
                }],
            },
            "state": {"snapshots": true, "deltas": true, "memory": false, "persistentState": false},
            "multimodal": {"input": {"image": true, "audio": true, "video": true, "pdf": true, "file": true}},
            "execution": {"maxIterations": 10, "maxExecutionTime": 280_000},
        })
    );
    assert_eq!(ask().without_header("x-agui-token").send_to(&endpoint).await.status, 401);
}

#[tokio::test]
async fn run_is_an_event_stream_for_any_accept_header() {
    let endpoint = endpoint().build().unwrap();
    let no_accept: fn(TestRequest) -> TestRequest = |request| request;
    for (why, accept) in [
        ("nothing said", no_accept),
        ("events", |request| request.header("accept", "text/event-stream")),
        ("JSON", |request| request.header("accept", "application/json")),
        ("anything", |request| request.header("accept", "*/*")),
    ] {
        let answer = accept(run_request()).send_to(&endpoint).await;

        assert_eq!(answer.status, 200, "{why}");
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{why}");
        }
        assert_eq!(answer.header("content-length"), None, "{why}");
        assert_eq!(event_order::check(&events(&answer.text)), Ok(()), "{why}");
    }
}

#[tokio::test]
async fn serves_older_and_newer_minor_versions() {
    let endpoint = endpoint().build().unwrap();
    let mut older = run_request();
    older.input.as_object_mut().unwrap().remove("protocolVersion");
    for (why, request) in [
        ("none: before 1.0", older),
        ("null", run_request().input("protocolVersion", Value::Null)),
        ("a newer minor one", run_request().input("protocolVersion", json!("1.7"))),
        ("an unreadable one", run_request().input("protocolVersion", json!("latest"))),
        (
            "a charset beside the type",
            run_request().header("content-type", "Application/JSON; charset=utf-8"),
        ),
        ("unknown members", run_request().input("weather", json!("fine"))),
    ] {
        let answer = request.send_to(&endpoint).await;

        assert_eq!(answer.status, 200, "{why}: {}", answer.text);
        assert!(answer.text.contains(r#""type":"RUN_FINISHED""#), "{why}");
    }
}

#[test]
fn build_fails_for_unusable_settings() {
    for path in
        ["", "chat", "/health", "/capabilities", "/ü", "/../chat", "/chat/.", "/%2E%2e/chat", "//chat"]
    {
        let built = endpoint().run_path(path).build();
        assert_eq!(built.err(), Some(BuildEndpointError::InvalidRunPath), "{path:?}");
    }
    assert!(!format!("{:?}", endpoint()).contains(TOKEN));
}
