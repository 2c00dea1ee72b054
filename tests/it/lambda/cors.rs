//! CORS: a REST API gets its headers from the function, and the preflights that it passes on are answered. Other entry points
//! add headers of their own, so the function adds none.

use serde_json::{Value, json};

use super::{replace, sample_event, send_tokens};
use crate::support::function::{Reply, local_function};

const HEADER: &str = "access-control-allow-origin";
const ORIGIN: &str = "https://app.example.com";
const OTHER: &str = "http://localhost:3000";
const FOREIGN: &str = "https://evil.example";

/// Returns a sample event that comes from a page of this origin.
fn event_from(name: &str, origin: &str) -> Value {
    let mut event = sample_event(name);
    event["headers"]["Origin"] = json!(origin);
    if let Some(all) = event.get_mut("multiValueHeaders") {
        all["Origin"] = json!([origin]);
    }
    event
}

/// Returns the preflight of a page of this origin, through the entry point of a sample event.
fn preflight_from(name: &str, origin: &str) -> Value {
    let mut event = event_from(name, origin);
    send_tokens(&mut event, &[]);
    let method = ["/httpMethod", "/requestContext/http/method"];
    let method = method.into_iter().find(|method| event.pointer(method).is_some());
    replace(&mut event, method.unwrap(), "OPTIONS");
    event["body"] = Value::Null;
    event["headers"]["Access-Control-Request-Method"] = json!("POST");
    event
}

#[tokio::test]
async fn rest_api_responses_name_the_allowed_origin() {
    for mode in ["stream", "buffered"] {
        let function = local_function(&[("AGUI_ALLOWED_ORIGIN", ORIGIN), ("AGUI_RESPONSE_MODE", mode)]).await;
        let refused = |name: &str| {
            let mut event = sample_event(name);
            send_tokens(&mut event, &["a-guess"]);
            event
        };
        for (why, event, status, origin) in [
            ("a run", sample_event("rest-none.json"), 200, Some(ORIGIN)),
            ("a refusal", refused("rest-none.json"), 401, Some(ORIGIN)),
            ("a function URL, which writes its own", sample_event("function-url-run.json"), 200, None),
            ("its refusal", refused("function-url-run.json"), 401, None),
            ("an HTTP API, which writes its own", sample_event("http-api-jwt.json"), 200, None),
            ("the same with payload format 1.0", sample_event("http-api-format-1.json"), 200, None),
        ] {
            let answer = function.invoke(&event).await.unwrap();

            assert_eq!(answer.status(), status, "{mode}: {why}");
            assert_eq!(answer.header(HEADER), origin, "{mode}: {why}");
            Reply::read(answer).await;
        }
    }
}

#[tokio::test]
async fn each_of_several_origins_is_written_to_the_page_that_asks() {
    for mode in ["stream", "buffered"] {
        let origins = format!("{ORIGIN},{OTHER}");
        let function = local_function(&[("AGUI_CORS_ORIGINS", &origins), ("AGUI_RESPONSE_MODE", mode)]).await;
        for (why, event, status, origin, vary) in [
            ("the first", event_from("rest-none.json", ORIGIN), 200, Some(ORIGIN), true),
            ("the second", event_from("rest-none.json", OTHER), 200, Some(OTHER), true),
            ("a foreign page", event_from("rest-none.json", FOREIGN), 200, None, true),
            ("no page", sample_event("rest-none.json"), 200, None, true),
            ("a refusal", event_from("rest-two-tokens.json", OTHER), 401, Some(OTHER), true),
            ("a preflight", preflight_from("rest-none.json", OTHER), 204, Some(OTHER), true),
            ("a foreign preflight", preflight_from("rest-none.json", FOREIGN), 204, None, true),
            ("a function URL", event_from("function-url-run.json", ORIGIN), 200, None, false),
            (
                "its preflight, if it has no setting",
                preflight_from("function-url-run.json", ORIGIN),
                405,
                None,
                false,
            ),
            ("an HTTP API", event_from("http-api-jwt.json", ORIGIN), 200, None, false),
            (
                "an HTTP API with payload format 1.0",
                event_from("http-api-format-1.json", ORIGIN),
                200,
                None,
                false,
            ),
        ] {
            let answer = function.invoke(&event).await.unwrap();

            let why = format!("{mode}: {why}");
            assert_eq!((answer.status(), answer.header(HEADER)), (status, origin), "{why}");
            assert_eq!(answer.header("vary"), vary.then_some("origin"), "{why}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{why}");
            let allowed = answer.header("access-control-allow-headers").map(ToOwned::to_owned);
            assert_eq!(allowed.is_some(), status == 204, "{why}");
            if let Some(allowed) = allowed {
                let allowed: Vec<&str> = allowed.split(", ").collect();
                let sent = ["authorization", "content-type", "accept", "x-agui-user-token"];
                assert!(sent.iter().all(|name| allowed.contains(name)), "{why}: {allowed:?}");
                assert!(!allowed.contains(&"x-agui-token"), "{why}: {allowed:?}");
            }
            Reply::read(answer).await;
        }
    }
}

#[tokio::test]
async fn star_allows_every_origin() {
    let function = local_function(&[("AGUI_CORS_ORIGINS", "*")]).await;
    for event in [event_from("rest-none.json", FOREIGN), preflight_from("rest-none.json", FOREIGN)] {
        let answer = function.invoke(&event).await.unwrap();
        assert_eq!((answer.header(HEADER), answer.header("vary")), (Some("*"), None));
        Reply::read(answer).await;
    }
}

#[tokio::test]
async fn responses_name_no_origin_unless_configured() {
    let function = local_function(&[]).await;

    let answer = function.invoke(&event_from("rest-none.json", ORIGIN)).await.unwrap();
    assert_eq!((answer.status(), answer.header(HEADER), answer.header("vary")), (200, None, None));
    Reply::read(answer).await;

    let answer = function.invoke(&preflight_from("rest-none.json", ORIGIN)).await.unwrap();
    assert_eq!((answer.status(), answer.header(HEADER)), (405, None));
}
