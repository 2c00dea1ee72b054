//! What the endpoint serves, where.

use ag_ui_lambda::endpoint::EndpointError;
use serde_json::{Value, json};

use crate::support::endpoint::{Asked, TOKEN, endpoint, post};
use crate::support::oracle;
use crate::support::sse::events;

#[tokio::test]
async fn a_run_is_posted_to_the_root_or_to_the_run_path_and_nowhere_else() {
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
        assert_eq!(post().at("POST", path).to(endpoint).await.status, status, "{why}");
    }
}

#[tokio::test]
async fn a_path_takes_one_method_and_says_which() {
    let endpoint = endpoint().build().unwrap();
    for (path, method, allowed) in [
        ("/", "GET", "POST"),
        ("/", "OPTIONS", "POST"),
        ("/agui", "PUT", "POST"),
        ("/capabilities", "POST", "GET"),
        ("/health", "POST", "GET"),
    ] {
        let answer = post().at(method, path).to(&endpoint).await;

        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[tokio::test]
async fn health_is_answered_without_a_token_and_without_a_body() {
    let endpoint = endpoint().build().unwrap();
    let answer =
        post().without("x-agui-token").without("content-type").at("GET", "/health").to(&endpoint).await;

    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn capabilities_tell_the_tools_and_limits_and_hold_no_null() {
    let endpoint = endpoint().build().unwrap();
    let ask = || post().at("GET", "/capabilities").without("content-type");
    let answer = ask().to(&endpoint).await;
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
    assert_eq!(ask().without("x-agui-token").to(&endpoint).await.status, 401);
}

#[tokio::test]
async fn a_run_is_a_stream_of_events_whatever_the_client_accepts() {
    let endpoint = endpoint().build().unwrap();
    let no_accept: fn(Asked) -> Asked = |asked| asked;
    for (why, accept) in [
        ("nothing said", no_accept),
        ("events", |asked| asked.header("accept", "text/event-stream")),
        ("JSON", |asked| asked.header("accept", "application/json")),
        ("anything", |asked| asked.header("accept", "*/*")),
    ] {
        let answer = accept(post()).to(&endpoint).await;

        assert_eq!(answer.status, 200, "{why}");
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{why}");
        }
        assert_eq!(answer.header("content-length"), None, "{why}");
        assert_eq!(oracle::check(&events(&answer.text)), Ok(()), "{why}");
    }
}

#[tokio::test]
async fn a_client_of_an_older_or_a_newer_minor_version_is_served() {
    let endpoint = endpoint().build().unwrap();
    let mut older = post();
    older.input.as_object_mut().unwrap().remove("protocolVersion");
    for (why, asked) in [
        ("none: before 1.0", older),
        ("null", post().input("protocolVersion", Value::Null)),
        ("a newer minor one", post().input("protocolVersion", json!("1.7"))),
        ("an unreadable one", post().input("protocolVersion", json!("latest"))),
        ("a charset beside the type", post().header("content-type", "Application/JSON; charset=utf-8")),
        ("unknown members", post().input("weather", json!("fine"))),
    ] {
        let answer = asked.to(&endpoint).await;

        assert_eq!(answer.status, 200, "{why}: {}", answer.text);
        assert!(answer.text.contains(r#""type":"RUN_FINISHED""#), "{why}");
    }
}

#[test]
fn an_endpoint_that_could_not_work_is_not_built() {
    for path in ["", "chat", "/health", "/capabilities"] {
        let built = endpoint().run_path(path).build();
        assert_eq!(built.err(), Some(EndpointError::BadPath), "{path:?}");
    }
    assert!(!format!("{:?}", endpoint()).contains(TOKEN));
}
