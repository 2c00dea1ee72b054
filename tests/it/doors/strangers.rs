//! Events of no front door: told apart from requests, and no harm to those that come after.

use ag_ui_dev::FunctionError;
use serde_json::{Value, json};

use super::{logged, sample};
use crate::support::function::{Reply, TOKEN, ask, local_function};

#[tokio::test]
async fn given_an_event_of_no_door_then_who_sent_it_reads_an_error_and_the_function_goes_on() {
    let function = local_function(&[]).await;
    let unreadable = {
        let mut event = sample("http-api-jwt.json");
        event["queryStringParameters"] = json!({"a": {"planted": "planted-value"}});
        event
    };
    for (why, event, said) in [
        ("a direct invocation", json!({}), "is no HTTP request"),
        ("null", Value::Null, "is no HTTP request"),
        ("a text", json!("planted-text"), "is no HTTP request"),
        (
            "EventBridge",
            json!({"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}),
            "is no HTTP request",
        ),
        ("SQS", json!({"Records": [{"messageId": "1", "body": "planted-body"}]}), "is no HTTP request"),
        (
            "a WebSocket API",
            json!({"requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c"}}),
            "is no HTTP request",
        ),
        (
            "VPC Lattice",
            json!({"version": "2.0", "path": "/", "method": "POST", "headers": {}, "requestContext":
                {"serviceNetworkArn": "arn", "serviceArn": "arn", "targetGroupArn": "arn", "identity": {}}}),
            "is no HTTP request",
        ),
        ("a query that nobody writes", unreadable, "can't be read"),
    ] {
        match function.invoke(&event).await {
            Err(FunctionError::Failed(failure)) => {
                assert_eq!(failure.error_type, "UnsupportedEvent", "{why}");
                assert!(failure.error_message.contains(said), "{why}: {failure}");
                assert!(!failure.error_message.contains("planted"), "{why}: {failure}");
            }
            other => panic!("{why}: {other:?}"),
        }
        assert_eq!(ask(&function, TOKEN).await.status, 200, "after {why}");
    }
    logged(&function, "can't be read").await;
    let log = function.logs().join("\n");
    assert!(log.contains("event refused") && !log.contains("planted") && !log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn given_a_load_balancer_then_it_is_refused_in_its_own_form_and_the_log_says_why() {
    let function = local_function(&[]).await;

    let answer = function.invoke(&sample("load-balancer.json")).await.unwrap();

    assert!(!answer.is_streamed());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let reply = Reply::read(answer).await;
    assert_eq!(reply.status, 501);
    let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("function URLs, REST APIs and HTTP APIs"), "{message}");
    logged(&function, "Application Load Balancer").await;
}

#[tokio::test]
async fn given_what_a_forged_event_may_hold_then_it_is_answered_and_nothing_panics() {
    let function = local_function(&[]).await;
    let url = || sample("function-url-run.json");
    let with = |pointer: &str, value: Value| {
        let mut event = url();
        super::replace(&mut event, pointer, value);
        event
    };
    for (why, event, status) in [
        ("a host that is none", with("/headers/host", json!("a b:c/d")), 200),
        ("no host", with("/headers/host", json!("")), 200),
        ("no path", with("/rawPath", json!("")), 200),
        ("a path that is none", with("/rawPath", json!("a path\u{1}")), 404),
        ("no base64", with("/isBase64Encoded", json!(true)), 400),
    ] {
        let reply = Reply::to(&function, &event).await;

        assert_eq!(reply.status, status, "{why}: {}", reply.text);
    }
    assert!(!function.logs().iter().any(|line| line.contains("panicked")));
}
