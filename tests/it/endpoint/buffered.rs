//! Buffered responses, for entry points that cannot stream: they contain the complete run within the response limit.

use std::time::Duration;

use ag_ui_lambda::endpoint::{Endpoint, ResponseLimit, RunDeadline, Tenant};
use ag_ui_lambda::model::{Script, Scripted};
use bytes::Bytes;
use http::Response;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::endpoint::{TestRequest, endpoint, endpoint_of, run_request};
use crate::support::event_order;
use crate::support::scenario::Caller;
use crate::support::sse::events;

const AMPLE_LIMIT: ResponseLimit =
    ResponseLimit { max_bytes: 1 << 20, headroom: 1 << 10, encoded_len: <[u8]>::len };

/// Returns an endpoint whose model plays this script.
fn endpoint_playing(script: impl Fn() -> Script + Send + Sync + 'static) -> Endpoint<Caller> {
    endpoint_of(Scripted::new(move |_| script())).build().unwrap()
}

/// Returns an endpoint whose model streams this many words.
fn endpoint_with_words(count: usize) -> Endpoint<Caller> {
    endpoint_playing(move || Script::new().words(&"word ".repeat(count)))
}

/// Handles a request with this limit and returns the response with its body as text.
async fn buffered_response(
    endpoint: &Endpoint<Caller>,
    request: TestRequest,
    response_limit: &ResponseLimit,
) -> Response<String> {
    let response = endpoint.handle_buffered(request.build(), response_limit).await;
    response.map(|body: Bytes| String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn buffered_response_has_no_keepalive_comment() {
    let endpoint = endpoint_playing(|| Script::new().pause(Duration::from_secs(40)).text("Hi"));

    let answer = buffered_response(&endpoint, run_request(), &AMPLE_LIMIT).await;

    assert!(!answer.body().contains("keep-alive"));
    assert_eq!(event_order::check(&events(answer.body())), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn buffered_response_completes_2_s_before_the_deadline() {
    let endpoint = endpoint_playing(|| Script::new().text("Let me").pause(Duration::from_secs(3600)));
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut request = run_request().build();
    request.extensions_mut().insert(RunDeadline(deadline));

    let answer = endpoint.handle_buffered(request, &AMPLE_LIMIT).await;

    assert_eq!(deadline - Instant::now(), Duration::from_secs(2));
    let events = events(std::str::from_utf8(answer.body()).unwrap());
    assert_eq!(events.last().unwrap()["metadata"]["ag_ui_lambda"]["reason"], "DEADLINE");
}

#[tokio::test]
async fn cancels_the_run_within_the_response_limit() {
    for limit in [4 << 10, 8 << 10, 64 << 10] {
        let response_limit = ResponseLimit { max_bytes: limit, ..AMPLE_LIMIT };

        let answer = buffered_response(&endpoint_with_words(10_000), run_request(), &response_limit).await;

        assert_eq!(answer.status(), 200);
        assert!(answer.body().len() <= limit, "{} of {limit}", answer.body().len());
        let events = events(answer.body());
        assert_eq!(event_order::check(&events), Ok(()), "{limit}");
        let last = events.last().unwrap();
        assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], "MAX_RESPONSE_BYTES", "{limit}");
    }
}

#[tokio::test]
async fn limit_applies_to_the_encoded_length() {
    let heavy = ResponseLimit { encoded_len: |bytes| bytes.len() * 100, headroom: 100 << 10, ..AMPLE_LIMIT };

    let light = buffered_response(&endpoint_with_words(1000), run_request(), &AMPLE_LIMIT).await;
    let heavy = buffered_response(&endpoint_with_words(1000), run_request(), &heavy).await;

    assert_eq!(events(light.body()).last().unwrap()["outcome"]["type"], "success");
    assert_eq!(events(heavy.body()).last().unwrap()["outcome"]["type"], "cancelled");
}

#[tokio::test]
async fn oversized_event_becomes_a_refusal() {
    let response_limit = ResponseLimit { max_bytes: 2048, ..AMPLE_LIMIT };
    let endpoint = endpoint_playing(|| Script::new().text("a".repeat(4096)));

    let answer = buffered_response(&endpoint, run_request(), &response_limit).await;

    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(body["error"]["code"], "RESPONSE_TOO_LARGE");
    assert!(body["error"]["message"].as_str().unwrap().contains("2048"));
}

#[tokio::test]
async fn refusals_are_equal_buffered_and_streamed() {
    let endpoint = endpoint().build().unwrap();
    for request in [
        run_request().without_header("x-agui-token"),
        run_request().route("GET", "/"),
        run_request().route("POST", "/nowhere"),
    ] {
        let streamed = request.clone().send_to(&endpoint).await;

        let answer = buffered_response(&endpoint, request, &AMPLE_LIMIT).await;

        assert_eq!((answer.status().as_u16(), answer.headers()), (streamed.status, &streamed.headers));
        assert_eq!(*answer.body(), streamed.text);
    }
}

#[tokio::test]
async fn tenant_environment_refuses_anonymous_callers() {
    let endpoint = endpoint().build().unwrap();
    let mut request = run_request().build();
    request.extensions_mut().insert(Tenant("acme".into()));

    assert_eq!(endpoint.handle(request).await.status(), 403);
}
