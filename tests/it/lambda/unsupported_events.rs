//! Events that come from no entry point: they are recognized, and later requests are still served.

use ag_ui_dev::FunctionError;
use serde_json::{Value, json};

use super::{sample_event, wait_for_log_line};
use crate::support::function::{Reply, TOKEN, local_function, send_hello};

#[tokio::test]
async fn unsupported_event_returns_an_error_and_function_continues() {
    let function = local_function(&[]).await;
    let unreadable = {
        let mut event = sample_event("http-api-jwt.json");
        event["queryStringParameters"] = json!({"a": {"planted": "planted-value"}});
        event
    };
    for (why, event, expected) in [
        ("a direct invocation", json!({}), "is not an HTTP request"),
        ("null", Value::Null, "is not an HTTP request"),
        ("a text", json!("planted-text"), "is not an HTTP request"),
        (
            "EventBridge",
            json!({"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}),
            "is not an HTTP request",
        ),
        ("SQS", json!({"Records": [{"messageId": "1", "body": "planted-body"}]}), "is not an HTTP request"),
        (
            "a WebSocket API",
            json!({"requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c"}}),
            "is not an HTTP request",
        ),
        (
            "VPC Lattice",
            json!({"version": "2.0", "path": "/", "method": "POST", "headers": {}, "requestContext":
                {"serviceNetworkArn": "arn", "serviceArn": "arn", "targetGroupArn": "arn", "identity": {}}}),
            "is not an HTTP request",
        ),
        ("a query that nobody writes", unreadable, "cannot be read"),
    ] {
        match function.invoke(&event).await {
            Err(FunctionError::Failed(failure)) => {
                assert_eq!(failure.error_type, "UnsupportedEvent", "{why}");
                assert!(failure.error_message.contains(expected), "{why}: {failure}");
                assert!(!failure.error_message.contains("planted"), "{why}: {failure}");
            }
            other => panic!("{why}: {other:?}"),
        }
        assert_eq!(send_hello(&function, TOKEN).await.status, 200, "after {why}");
    }
    wait_for_log_line(&function, "cannot be read").await;
    let log = function.logs().join("\n");
    assert!(
        log.contains("the event is not supported and was refused")
            && !log.contains("planted")
            && !log.contains("panicked"),
        "{log}"
    );
}

#[tokio::test]
async fn load_balancer_is_refused_in_its_own_format() {
    let function = local_function(&[]).await;

    let answer = function.invoke(&sample_event("load-balancer.json")).await.unwrap();

    assert!(!answer.is_streamed());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let reply = Reply::read(answer).await;
    assert_eq!(reply.status, 501);
    let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("function URLs, REST APIs and HTTP APIs"), "{message}");
    wait_for_log_line(&function, "Application Load Balancer").await;
}

#[tokio::test]
async fn forged_events_are_answered_without_panic() {
    let function = local_function(&[]).await;
    let url = || sample_event("function-url-run.json");
    let with = |pointer: &str, value: Value| {
        let mut event = url();
        super::replace(&mut event, pointer, value);
        event
    };
    for (why, event, status) in [
        ("an invalid host", with("/headers/host", json!("a b:c/d")), 200),
        ("no host", with("/headers/host", json!("")), 200),
        ("no path", with("/rawPath", json!("")), 200),
        ("an invalid path", with("/rawPath", json!("a path\u{1}")), 404),
        ("no base64", with("/isBase64Encoded", json!(true)), 400),
    ] {
        let reply = Reply::send(&function, &event).await;

        assert_eq!(reply.status, status, "{why}: {}", reply.text);
    }
    assert!(!function.logs().iter().any(|line| line.contains("panicked")));
}
