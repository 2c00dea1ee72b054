//! `AGUI_RESPONSE_MODE=buffered`: the complete run in one response, within Lambda's limit.

use serde_json::json;

use super::{sample_event, wait_for_log_line};
use crate::support::function::{Reply, TOKEN, local_function, test_function, url_event, user_input};

#[tokio::test]
async fn buffered_mode_returns_the_complete_stream() {
    for name in ["function-url-parallel.json", "rest-none.json", "http-api-jwt.json"] {
        let streaming = local_function(&[]).await;
        let buffering = local_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;

        let answer = buffering.invoke(&sample_event(name)).await.unwrap();

        assert!(!answer.is_streamed(), "{name}");
        for (header, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(header), Some(value), "{name}");
        }
        let buffered = Reply::read(answer).await;
        let streamed = Reply::send(&streaming, &sample_event(name)).await;
        assert_eq!(buffered.events.len(), streamed.events.len(), "{name}");
        let types =
            |reply: &Reply| reply.events.iter().map(|event| event["type"].clone()).collect::<Vec<_>>();
        assert_eq!(types(&buffered), types(&streamed), "{name}");
        assert!(!buffered.text.contains(": keep-alive"), "{name}");
    }
}

#[tokio::test]
async fn http_api_gets_buffered_responses_and_one_warning() {
    let function = local_function(&[]).await;
    for _ in 0..3 {
        let answer = function.invoke(&sample_event("http-api-jwt.json")).await.unwrap();
        assert!(!answer.is_streamed());
        assert_eq!(Reply::read(answer).await.status, 200);
    }
    wait_for_log_line(&function, "AGUI_RESPONSE_MODE=buffered").await;
    let warnings = function.logs().iter().filter(|line| line.contains("AGUI_RESPONSE_MODE=buffered")).count();
    assert_eq!(warnings, 1);

    let function = local_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;
    Reply::send(&function, &sample_event("http-api-jwt.json")).await;
    assert!(!function.logs().iter().any(|line| line.contains("AGUI_RESPONSE_MODE")), "it is meant");
}

#[tokio::test]
async fn oversized_run_is_cancelled_within_the_limit() {
    let buffering = test_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;
    let streaming = test_function(&[]).await;
    let event = |text: &str| url_event(&[("x-agui-token", TOKEN)], &user_input(text));

    let buffered = Reply::send(&buffering, &event("flood 100 70000")).await;

    assert_eq!(buffered.status, 200);
    let last = buffered.events.last().unwrap();
    assert_eq!(last["outcome"]["type"], "cancelled");
    assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], "MAX_RESPONSE_BYTES");
    assert!(buffered.text.len() > 5_000_000, "what fits is there: {}", buffered.text.len());
    let streamed = Reply::send(&streaming, &event("flood 100 70000")).await;
    assert_eq!(streamed.events.last().unwrap()["outcome"]["type"], "success");

    let mut old = user_input("flood 100 70000");
    old.as_object_mut().unwrap().remove("protocolVersion");
    let buffered = Reply::send(&buffering, &url_event(&[("x-agui-token", TOKEN)], &old)).await;
    assert_eq!(buffered.events.last().unwrap()["code"], "MAX_RESPONSE_BYTES", "for a client before 1.0");
}

#[tokio::test]
async fn oversized_event_becomes_a_refusal() {
    let function = test_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;

    let reply =
        Reply::send(&function, &url_event(&[("x-agui-token", TOKEN)], &user_input("flood 1 7000000"))).await;

    assert_eq!(reply.status, 500);
    let error = reply.json()["error"].clone();
    assert_eq!(error["code"], "RESPONSE_TOO_LARGE");
    assert_eq!(
        error["message"],
        json!(
            "The answer is too long: at most 6275072 bytes can be sent. Its actions may have been carried out. Please ask for a shorter answer."
        )
    );
    wait_for_log_line(&function, "the response is too long and was not sent").await;
}
