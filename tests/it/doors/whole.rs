//! `AGUI_RESPONSE_MODE=buffered`: the whole run in one answer, within what Lambda takes.

use serde_json::json;

use super::{logged, sample};
use crate::support::function::{Reply, TOKEN, local_function, says, test_function, url_event};

#[tokio::test]
async fn given_buffered_mode_then_a_run_is_one_answer_with_all_that_a_stream_has() {
    for name in ["function-url-parallel.json", "rest-none.json", "http-api-jwt.json"] {
        let streaming = local_function(&[]).await;
        let buffering = local_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;

        let answer = buffering.invoke(&sample(name)).await.unwrap();

        assert!(!answer.is_streamed(), "{name}");
        for (header, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(answer.header(header), Some(value), "{name}");
        }
        let whole = Reply::read(answer).await;
        let streamed = Reply::to(&streaming, &sample(name)).await;
        assert_eq!(whole.events.len(), streamed.events.len(), "{name}");
        let types =
            |reply: &Reply| reply.events.iter().map(|event| event["type"].clone()).collect::<Vec<_>>();
        assert_eq!(types(&whole), types(&streamed), "{name}");
        assert!(!whole.text.contains(": keep-alive"), "{name}");
    }
}

#[tokio::test]
async fn given_stream_mode_then_an_http_api_is_answered_whole_and_the_log_says_once_why() {
    let function = local_function(&[]).await;
    for _ in 0..3 {
        let answer = function.invoke(&sample("http-api-jwt.json")).await.unwrap();
        assert!(!answer.is_streamed());
        assert_eq!(Reply::read(answer).await.status, 200);
    }
    logged(&function, "AGUI_RESPONSE_MODE=buffered").await;
    let said = function.logs().iter().filter(|line| line.contains("AGUI_RESPONSE_MODE=buffered")).count();
    assert_eq!(said, 1);

    let function = local_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;
    Reply::to(&function, &sample("http-api-jwt.json")).await;
    assert!(!function.logs().iter().any(|line| line.contains("AGUI_RESPONSE_MODE")), "it is meant");
}

#[tokio::test]
async fn given_a_run_that_is_longer_than_lambda_takes_then_it_is_cancelled_in_time_to_say_so() {
    let buffering = test_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;
    let streaming = test_function(&[]).await;
    let event = |text: &str| url_event(&[("x-agui-token", TOKEN)], &says(text));

    let whole = Reply::to(&buffering, &event("flood 100 70000")).await;

    assert_eq!(whole.status, 200);
    let last = whole.events.last().unwrap();
    assert_eq!(last["outcome"]["type"], "cancelled");
    assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], "MAX_RESPONSE_BYTES");
    assert!(whole.text.len() > 5_000_000, "what fits is there: {}", whole.text.len());
    let streamed = Reply::to(&streaming, &event("flood 100 70000")).await;
    assert_eq!(streamed.events.last().unwrap()["outcome"]["type"], "success");

    let mut old = says("flood 100 70000");
    old.as_object_mut().unwrap().remove("protocolVersion");
    let whole = Reply::to(&buffering, &url_event(&[("x-agui-token", TOKEN)], &old)).await;
    assert_eq!(whole.events.last().unwrap()["code"], "MAX_RESPONSE_BYTES", "for a client before 1.0");
}

#[tokio::test]
async fn given_one_event_that_is_longer_than_lambda_takes_then_the_answer_is_a_refusal() {
    let function = test_function(&[("AGUI_RESPONSE_MODE", "buffered")]).await;

    let reply = Reply::to(&function, &url_event(&[("x-agui-token", TOKEN)], &says("flood 1 7000000"))).await;

    assert_eq!(reply.status, 500);
    let error = reply.json()["error"].clone();
    assert_eq!(error["code"], "RESPONSE_TOO_LARGE");
    assert_eq!(
        error["message"],
        json!(
            "The answer is too long: at most 6275072 bytes can be sent. Its actions may have been carried out. Please ask for a shorter answer."
        )
    );
    logged(&function, "answer withheld").await;
}
