//! The stub as a plain HTTP client sees it.

mod llama_cpp;
mod wires;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::{Gate, Provider, Reply, Say, Usage, Wire};

fn turn() -> Vec<Say> {
    vec![
        Say::reasoning("Two cities, "),
        Say::reasoning("two calls."),
        Say::signature("c2ln"),
        Say::redacted("cmVk"),
        Say::text("Let me "),
        Say::text("look – 東京."),
        Say::call("call_1", "get_weather", [r#"{"city":"#, r#""Tokyo"}"#]),
        Say::call("call_2", "get_weather", [r#"{"city":"Paris"}"#]),
        Say::Usage(Usage { input: 100, output: 50, cached_read: 30, cache_write: 20, reasoning: 10 }),
    ]
}

async fn post(client: &Client, provider: &Provider, body: &Value) -> reqwest::Result<Response> {
    client.post(format!("{}/v1/any?alt=sse", provider.url())).body(body.to_string()).send().await
}

async fn ask(provider: &Provider) -> Response {
    post(&Client::new(), provider, &json!({})).await.unwrap()
}

/// The pieces of a body and whether it ended as it should.
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
async fn a_reply_comes_piece_by_piece_on_one_connection() {
    let provider = Provider::start().await.unwrap();
    let client = Client::new();
    for (count, wire) in Wire::ALL.into_iter().enumerate() {
        let reply = Reply::stream(wire, &turn());
        let frames = wire.frames(reply.body());
        assert_eq!(frames.len(), reply.pieces(), "{wire:?}");
        provider.reply([reply]);

        let response = post(&client, &provider, &json!({ "n": count })).await.unwrap();

        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], wire.content_type());
        assert_eq!(response.headers()["transfer-encoding"], "chunked");
        assert_eq!(read(response).await, (frames, true), "{wire:?}");
    }

    assert_eq!(provider.connections(), 1);
    let asked = provider.asked();
    assert_eq!(asked.len(), 6);
    assert_eq!((asked[2].path.as_str(), &asked[2].body), ("/v1/any?alt=sse", &json!({ "n": 2 })));
    assert_eq!(asked[2].headers["content-length"], "7");
    assert!(asked.iter().all(|asked| asked.refused.is_none()));
}

#[tokio::test]
async fn given_a_gate_then_what_is_before_it_comes_and_what_is_behind_it_waits() {
    let provider = Provider::start().await.unwrap();
    let gate = Gate::new();
    provider.reply([Reply::stream(Wire::Anthropic, &turn()).gate_after(1, &gate)]);
    let mut response = ask(&provider).await;

    assert!(response.chunk().await.unwrap().unwrap().starts_with(b"event: message_start"));
    assert!(response.chunk().now_or_never().is_none());
    gate.open();
    assert!(response.chunk().await.unwrap().unwrap().starts_with(b"event: content_block_start"));
}

#[tokio::test]
async fn a_body_ends_as_it_is_told_to() {
    let provider = Provider::start().await.unwrap();
    for wire in Wire::ALL {
        let whole = || Reply::stream(wire, &turn());
        let all = whole().pieces();
        for (why, reply, pieces, is_clean) in [
            ("cut behind the head", whole().cut_after(0), 0, false),
            ("cut behind a piece", whole().cut_after(3), 3, false),
            ("cut behind all", whole().cut_after(99), all, false),
            ("ended behind the head", whole().end_after(0), 0, true),
            ("ended behind a piece", whole().end_after(3), 3, true),
            ("failed", whole().failure_after(3, "overloaded", "too much"), 4, true),
            ("a bad frame between", whole().malformed_after(3), all + 1, true),
            ("a bad frame and a cut", whole().malformed_after(3).cut_after(4), 4, false),
        ] {
            provider.reply([reply]);

            let response = ask(&provider).await;

            assert_eq!(response.status(), 200, "{wire:?}: {why}");
            let (read, was_clean) = read(response).await;
            assert_eq!((read.len(), was_clean), (pieces, is_clean), "{wire:?}: {why}");
        }
    }
}

#[tokio::test]
async fn given_a_stall_then_nothing_comes_until_the_provider_goes() {
    let provider = Provider::start().await.unwrap();
    provider.reply([Reply::stream(Wire::OpenAiChat, &turn()).stall_after(1)]);
    let mut response = ask(&provider).await;
    assert!(response.chunk().await.unwrap().is_some());
    assert!(response.chunk().now_or_never().is_none());

    drop(provider);

    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn given_a_client_that_goes_away_then_the_reply_is_left() {
    let provider = Provider::start().await.unwrap();
    provider.reply([Reply::stream(Wire::OpenAiChat, &turn()).stall_after(1)]);
    let mut response = ask(&provider).await;
    assert!(response.chunk().await.unwrap().is_some());

    drop(response);

    provider.has_been_left(1).await;
}

#[tokio::test]
async fn given_no_head_then_the_request_fails_or_waits() {
    let provider = Provider::start().await.unwrap();
    provider.reply([Reply::hang_up(), Reply::silence()]);
    assert!(post(&Client::new(), &provider, &json!({})).await.is_err());

    let (client, body) = (Client::new(), json!({}));
    let request = post(&client, &provider, &body);
    tokio::select! {
        _ = request => panic!("there is no answer"),
        () = provider.has_been_asked(2) => {}
    }
    provider.has_been_left(1).await;
}

#[tokio::test]
async fn given_a_judge_then_what_fails_is_answered_400_and_takes_no_reply() {
    let provider = Provider::start().await.unwrap();
    provider.judge(|body| match body["model"].as_str() {
        Some(_) => Ok(()),
        None => Err("model is missing".into()),
    });
    provider.reply([Reply::raw(200, "application/json", "{}")]);

    let refused = ask(&provider).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("model is missing"));
    let passed = post(&Client::new(), &provider, &json!({ "model": "m" })).await.unwrap();
    assert_eq!(passed.status(), 200);
    let empty = post(&Client::new(), &provider, &json!({ "model": "m" })).await.unwrap();
    assert_eq!(empty.status(), 500);
    assert!(empty.text().await.unwrap().contains("no reply is queued"));

    let refused: Vec<_> = provider.asked().into_iter().map(|asked| asked.refused).collect();
    assert_eq!(refused, [Some("model is missing".to_owned()), None, None]);
}

#[tokio::test]
async fn given_a_probe_then_it_is_404_and_the_connection_serves_the_next_request() {
    let provider = Provider::start().await.unwrap();
    provider.reply([Reply::raw(200, "application/json", "{}")]);
    let client = Client::new();
    assert_eq!(client.head(provider.url()).send().await.unwrap().status(), 404);
    let answer = client.get(provider.url()).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.bytes().await.unwrap(), "");

    assert_eq!(post(&client, &provider, &json!({})).await.unwrap().status(), 200);

    assert_eq!((provider.probes(), provider.asked().len(), provider.connections()), (2, 1, 1));
}

#[tokio::test]
async fn an_error_is_worded_as_its_provider_does() {
    let provider = Provider::start().await.unwrap();
    for (wire, status, pointer, word) in [
        (Wire::OpenAiChat, 401, "/error/code", "invalid_api_key"),
        (Wire::OpenAiResponses, 429, "/error/code", "rate_limit_exceeded"),
        (Wire::Anthropic, 529, "/error/type", "overloaded_error"),
        (Wire::Gemini, 429, "/error/status", "RESOURCE_EXHAUSTED"),
        (Wire::Ollama, 404, "/error", "no luck"),
        (Wire::Bedrock, 403, "/message", "no luck"),
    ] {
        provider.reply([Reply::error(wire, status, "no luck").header("retry-after", "1")]);

        let response = ask(&provider).await;

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
async fn a_recording_is_played_frame_by_frame() {
    let provider = Provider::start().await.unwrap();
    for wire in Wire::ALL {
        let frames = wire.frames(Reply::stream(wire, &turn()).body());
        let mut bytes = frames.concat();
        bytes.extend_from_slice(b"data: a tail");
        let reply = Reply::recording(wire, bytes);
        assert_eq!(reply.pieces(), frames.len() + 1, "{wire:?}");
        provider.reply([reply.end_after(frames.len())]);

        assert_eq!(read(ask(&provider).await).await, (frames, true), "{wire:?}");
    }
}

#[tokio::test]
async fn given_requests_at_once_then_each_has_a_reply_of_its_own() {
    let provider = Provider::start().await.unwrap();
    provider.reply(["a", "b", "c"].map(|text| Reply::raw(200, "text/plain", text)));
    let asked = futures_util::stream::iter(0..3).map(|_| ask(&provider)).buffer_unordered(3);
    let mut texts: Vec<String> = asked.then(|answer| answer.text().map(Result::unwrap)).collect().await;
    texts.sort();

    assert_eq!(texts, ["a", "b", "c"]);
}
