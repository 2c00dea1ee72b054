//! Tests of the stand-in as llama.cpp's server.

use http::Method;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::{Provider, Reply, StopReason, TurnPart, Wire};
use super::{read, request, turn};

const WIRES: [Wire; 3] = [Wire::OpenAiChat, Wire::OpenAiResponses, Wire::Anthropic];

/// The JSON of each frame, without the end marker.
fn events(wire: Wire, turn: &[TurnPart]) -> Vec<Value> {
    let body = Reply::llama_cpp(wire, turn).body();
    let lines = str::from_utf8(&body).unwrap().lines().filter_map(|line| line.strip_prefix("data: "));
    lines.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn responses_have_no_indices_and_call_a_cut_turn_completed() {
    let call = TurnPart::call("1", "get_weather", [r#"{"city":"#, r#""To"#]);

    let events = events(
        Wire::OpenAiResponses,
        &[TurnPart::text("Let me look."), call, TurnPart::Stop(StopReason::MaxTokens)],
    );

    let text = json!(events).to_string();
    for member in ["output_index", "content_index", "sequence_number", "incomplete_details"] {
        assert!(!text.contains(member), "{member}");
    }
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["response"]["status"]),
        (&json!("response.completed"), &json!("completed"))
    );
    assert_eq!(last["response"]["output"][1]["arguments"], r#"{"city":"To"#);
}

#[test]
fn blocks_of_messages_end_together() {
    let kinds: Vec<_> = events(Wire::Anthropic, &turn())
        .iter()
        .filter(|event| event["type"].as_str().unwrap().starts_with("content_block_st"))
        .map(|event| format!("{} {}", event["type"].as_str().unwrap(), event["index"]))
        .collect();

    let expected = [("start", 0), ("start", 1), ("start", 2), ("stop", 0), ("stop", 1), ("stop", 2)];
    assert_eq!(kinds, expected.map(|(kind, index)| format!("content_block_{kind} {index}")));
}

#[tokio::test]
async fn stream_announces_that_its_connection_is_kept() {
    let provider = Provider::start_as_llama_cpp().await.unwrap();
    for wire in WIRES {
        let reply = Reply::llama_cpp(wire, &turn());
        let pieces = reply.pieces();
        provider.queue([reply]);

        let response = request(&provider).await;

        assert_eq!(response.headers()["keep-alive"], "timeout=5, max=100");
        assert!(!response.headers().contains_key("connection"), "{wire:?}");
        let (read, was_clean) = read(response).await;
        assert_eq!((read.len(), was_clean), (pieces, true), "{wire:?}");
    }
}

#[tokio::test]
async fn connection_is_closed_after_the_body() {
    let provider = Provider::start_as_llama_cpp().await.unwrap();
    provider.queue([Reply::llama_cpp(Wire::OpenAiChat, &turn())]);
    let address = provider.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();

    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();

    assert!(response.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"), "{response}");
}

#[tokio::test]
async fn request_on_a_closing_connection_gets_no_response() {
    let provider = Provider::start_as_llama_cpp().await.unwrap();
    provider.queue([(); 2].map(|()| Reply::llama_cpp(Wire::OpenAiChat, &turn())));
    let mut stream = TcpStream::connect(provider.url().replace("http://", "")).await.unwrap();
    let request = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}";
    // The second request arrives before the response to the first.
    stream.write_all(&request.repeat(2)).await.unwrap();

    let mut response = Vec::new();
    // The connection may end with a reset, since the second request was not read.
    let _ = stream.read_to_end(&mut response).await;

    let responses = String::from_utf8(response).unwrap().matches("HTTP/1.1 200").count();
    assert_eq!((responses, provider.requests().len()), (1, 1));
}

#[tokio::test]
async fn error_has_a_number_and_closes_its_connection() {
    let provider = Provider::start_as_llama_cpp().await.unwrap();
    provider.queue([Reply::llama_cpp_error(400, "exceed_context_size_error", "too long")]);

    let response = request(&provider).await;

    assert_eq!(
        (response.status().as_u16(), &response.headers()["connection"]),
        (400, &"close".parse().unwrap())
    );
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    let error = json!({ "code": 400, "message": "too long", "type": "exceed_context_size_error" });
    assert_eq!(body, json!({ "error": error }));
}

#[tokio::test]
async fn head_is_refused_and_get_lists_models() {
    let provider = Provider::start_as_llama_cpp().await.unwrap();
    let client = Client::new();
    for (method, status, connection) in [(Method::HEAD, 404, Some("close")), (Method::GET, 200, None)] {
        let request = client.request(method.clone(), format!("{}/v1/models", provider.url()));

        let response = request.send().await.unwrap();

        assert_eq!(response.status(), status, "{method}");
        let header = response.headers().get("connection").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header.as_deref(), connection, "{method}");
    }
    assert_eq!(provider.probes(), 2);
}
