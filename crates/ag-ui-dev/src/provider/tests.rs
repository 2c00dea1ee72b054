//! Tests of the stand-in with a plain HTTP client.

mod llama_cpp;
mod wires;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::{Gate, Provider, Reply, TurnPart, Usage, Wire};

/// Returns a turn with a part of each kind.
fn turn() -> Vec<TurnPart> {
    vec![
        TurnPart::reasoning("Two cities, "),
        TurnPart::reasoning("two calls."),
        TurnPart::signature("c2ln"),
        TurnPart::redacted("cmVk"),
        TurnPart::text("Let me "),
        TurnPart::text("look – 東京."),
        TurnPart::call("call_1", "get_weather", [r#"{"city":"#, r#""Tokyo"}"#]),
        TurnPart::call("call_2", "get_weather", [r#"{"city":"Paris"}"#]),
        TurnPart::Usage(Usage { input: 100, output: 50, cached_read: 30, cache_write: 20, reasoning: 10 }),
    ]
}

/// Sends a POST with this body to the stand-in.
async fn post(client: &Client, provider: &Provider, body: &Value) -> reqwest::Result<Response> {
    client.post(format!("{}/v1/any?alt=sse", provider.url())).body(body.to_string()).send().await
}

/// Sends a POST with an empty object to the stand-in.
async fn request(provider: &Provider) -> Response {
    post(&Client::new(), provider, &json!({})).await.unwrap()
}

/// Reads the pieces of a body. The second value is `false` if the body was cut off.
async fn read(mut response: Response) -> (Vec<Bytes>, bool) {
    let mut pieces = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => pieces.push(piece),
            Ok(None) => return (pieces, true),
            Err(_) => return (pieces, false),
        }
    }
}

#[tokio::test]
async fn reply_is_sent_piece_by_piece_on_one_connection() {
    let provider = Provider::start().await.unwrap();
    let client = Client::new();
    for (count, wire) in Wire::ALL.into_iter().enumerate() {
        let reply = Reply::stream(wire, &turn());
        let frames = wire.split_frames(reply.body());
        assert_eq!(frames.len(), reply.pieces(), "{wire:?}");
        provider.queue([reply]);

        let response = post(&client, &provider, &json!({ "n": count })).await.unwrap();

        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], wire.content_type());
        assert_eq!(response.headers()["transfer-encoding"], "chunked");
        assert_eq!(read(response).await, (frames, true), "{wire:?}");
    }

    assert_eq!(provider.connections(), 1);
    let requests = provider.requests();
    assert_eq!(requests.len(), 6);
    assert_eq!((requests[2].path.as_str(), &requests[2].body), ("/v1/any?alt=sse", &json!({ "n": 2 })));
    assert_eq!(requests[2].headers["content-length"], "7");
    assert!(requests.iter().all(|request| request.rejection.is_none()));
}

#[tokio::test]
async fn reply_waits_at_a_closed_gate() {
    let provider = Provider::start().await.unwrap();
    let gate = Gate::new();
    provider.queue([Reply::stream(Wire::Anthropic, &turn()).gate_after(1, &gate)]);
    let mut response = request(&provider).await;

    assert!(response.chunk().await.unwrap().unwrap().starts_with(b"event: message_start"));
    assert!(response.chunk().now_or_never().is_none());
    gate.open();
    assert!(response.chunk().await.unwrap().unwrap().starts_with(b"event: content_block_start"));
}

#[tokio::test]
async fn body_ends_as_its_fault_says() {
    let provider = Provider::start().await.unwrap();
    for wire in Wire::ALL {
        let reply = || Reply::stream(wire, &turn());
        let all = reply().pieces();
        for (why, faulty, pieces, is_clean) in [
            ("cut after the head", reply().cut_after(0), 0, false),
            ("cut after a piece", reply().cut_after(3), 3, false),
            ("cut after all", reply().cut_after(99), all, false),
            ("ended after the head", reply().end_after(0), 0, true),
            ("ended after a piece", reply().end_after(3), 3, true),
            ("failed", reply().failure_after(3, "overloaded", "too much"), 4, true),
            ("a bad frame between", reply().malformed_after(3), all + 1, true),
            ("a bad frame and a cut", reply().malformed_after(3).cut_after(4), 4, false),
        ] {
            provider.queue([faulty]);

            let response = request(&provider).await;

            assert_eq!(response.status(), 200, "{wire:?}: {why}");
            let (read, was_clean) = read(response).await;
            assert_eq!((read.len(), was_clean), (pieces, is_clean), "{wire:?}: {why}");
        }
    }
}

#[tokio::test]
async fn stalled_reply_ends_when_the_provider_is_dropped() {
    let provider = Provider::start().await.unwrap();
    provider.queue([Reply::stream(Wire::OpenAiChat, &turn()).stall_after(1)]);
    let mut response = request(&provider).await;
    assert!(response.chunk().await.unwrap().is_some());
    assert!(response.chunk().now_or_never().is_none());

    drop(provider);

    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn reply_is_abandoned_when_its_client_goes_away() {
    let provider = Provider::start().await.unwrap();
    provider.queue([Reply::stream(Wire::OpenAiChat, &turn()).stall_after(1)]);
    let mut response = request(&provider).await;
    assert!(response.chunk().await.unwrap().is_some());

    drop(response);

    provider.wait_for_abandoned(1).await;
}

#[tokio::test]
async fn reply_without_a_head_fails_or_waits() {
    let provider = Provider::start().await.unwrap();
    provider.queue([Reply::hang_up(), Reply::silence()]);
    assert!(post(&Client::new(), &provider, &json!({})).await.is_err());

    let (client, body) = (Client::new(), json!({}));
    let request = post(&client, &provider, &body);
    tokio::select! {
        _ = request => panic!("there is no response"),
        () = provider.wait_for_requests(2) => {}
    }
    provider.wait_for_abandoned(1).await;
}

#[tokio::test]
async fn request_that_fails_the_check_gets_400_and_takes_no_reply() {
    let provider = Provider::start().await.unwrap();
    provider.check_requests(|body| match body["model"].as_str() {
        Some(_) => Ok(()),
        None => Err("model is missing".into()),
    });
    provider.queue([Reply::raw(200, "application/json", "{}")]);

    let refused = request(&provider).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("model is missing"));
    let passed = post(&Client::new(), &provider, &json!({ "model": "m" })).await.unwrap();
    assert_eq!(passed.status(), 200);
    let empty = post(&Client::new(), &provider, &json!({ "model": "m" })).await.unwrap();
    assert_eq!(empty.status(), 500);
    assert!(empty.text().await.unwrap().contains("no reply is queued"));

    let refused: Vec<_> = provider.requests().into_iter().map(|request| request.rejection).collect();
    assert_eq!(refused, [Some("model is missing".to_owned()), None, None]);
}

#[tokio::test]
async fn probe_gets_404_and_keeps_its_connection() {
    let provider = Provider::start().await.unwrap();
    provider.queue([Reply::raw(200, "application/json", "{}")]);
    let client = Client::new();
    assert_eq!(client.head(provider.url()).send().await.unwrap().status(), 404);
    let response = client.get(provider.url()).send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.bytes().await.unwrap(), "");

    assert_eq!(post(&client, &provider, &json!({})).await.unwrap().status(), 200);

    assert_eq!((provider.probes(), provider.requests().len(), provider.connections()), (2, 1, 1));
}

#[tokio::test]
async fn error_has_the_form_of_its_provider() {
    let provider = Provider::start().await.unwrap();
    for (wire, status, pointer, word) in [
        (Wire::OpenAiChat, 401, "/error/code", "invalid_api_key"),
        (Wire::OpenAiResponses, 429, "/error/code", "rate_limit_exceeded"),
        (Wire::Anthropic, 529, "/error/type", "overloaded_error"),
        (Wire::Gemini, 429, "/error/status", "RESOURCE_EXHAUSTED"),
        (Wire::Ollama, 404, "/error", "no luck"),
        (Wire::Bedrock, 403, "/message", "no luck"),
    ] {
        provider.queue([Reply::error(wire, status, "no luck").header("retry-after", "1")]);

        let response = request(&provider).await;

        assert_eq!(response.status(), status, "{wire:?}");
        assert_eq!(response.headers()["retry-after"], "1");
        let kind = response.headers().get("x-amzn-errortype").cloned();
        assert_eq!(kind.is_some(), wire == Wire::Bedrock, "{wire:?}");
        assert!(kind.is_none_or(|kind| kind.as_bytes().starts_with(b"AccessDeniedException")));
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(body.pointer(pointer), Some(&json!(word)), "{wire:?}");
    }
}

#[tokio::test]
async fn recording_is_sent_frame_by_frame() {
    let provider = Provider::start().await.unwrap();
    for wire in Wire::ALL {
        let frames = wire.split_frames(Reply::stream(wire, &turn()).body());
        let mut bytes = frames.concat();
        bytes.extend_from_slice(b"data: a tail");
        let reply = Reply::recording(wire, bytes);
        assert_eq!(reply.pieces(), frames.len() + 1, "{wire:?}");
        provider.queue([reply.end_after(frames.len())]);

        assert_eq!(read(request(&provider).await).await, (frames, true), "{wire:?}");
    }
}

#[tokio::test]
async fn concurrent_requests_get_different_replies() {
    let provider = Provider::start().await.unwrap();
    provider.queue(["a", "b", "c"].map(|text| Reply::raw(200, "text/plain", text)));
    let responses = futures_util::stream::iter(0..3).map(|_| request(&provider)).buffer_unordered(3);
    let mut texts: Vec<String> =
        responses.then(|response| response.text().map(Result::unwrap)).collect().await;
    texts.sort();

    assert_eq!(texts, ["a", "b", "c"]);
}

#[tokio::test]
async fn body_over_the_context_limit_is_refused_in_the_providers_words() {
    let client = Client::new();
    for wire in Wire::ALL {
        let provider = Provider::start().await.unwrap();
        provider.reply_always(Reply::stream(wire, &turn()));
        provider.limit_context(100, Reply::context_too_long(wire));

        let long = post(&client, &provider, &json!({ "text": "x".repeat(100) })).await.unwrap();
        assert_eq!(long.status(), 400, "{wire:?}");
        assert_eq!(long.bytes().await.unwrap(), Reply::context_too_long(wire).body(), "{wire:?}");
        let short = post(&client, &provider, &json!({ "text": "x" })).await.unwrap();
        assert_eq!(short.status(), 200, "{wire:?}");

        let refused: Vec<bool> =
            provider.requests().iter().map(|request| request.rejection.is_some()).collect();
        assert_eq!(refused, [true, false], "{wire:?}");
    }
}
