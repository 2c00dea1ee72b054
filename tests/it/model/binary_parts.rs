//! `binary` parts, which clients before 1.0 send, and what the provider receives for them.

use ag_ui_dev::provider::{Provider, Reply, TurnPart, Wire};
use serde_json::{Value, json};

use super::function;
use crate::support::function::{Reply as Run, TOKEN, url_event, user_input};

const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Runs with this content of a client before 1.0, which must succeed, and returns the messages that the provider received.
async fn messages_sent(content: Value) -> Vec<Value> {
    let provider = Provider::start().await.unwrap();
    let function = function(Wire::OpenAiChat, &provider, &[]).await;
    provider.queue([Reply::stream(Wire::OpenAiChat, &[TurnPart::text("OK.")])]);
    let mut input = user_input("");
    input["messages"][0]["content"] = content;
    input.as_object_mut().unwrap().remove("protocolVersion");

    let run = Run::send(&function, &url_event(&[("x-agui-token", TOKEN)], &input)).await;

    assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success", "{}", run.text);
    let [request] = provider.requests().try_into().unwrap();
    let messages = request.body["messages"].as_array().unwrap().clone();
    messages.into_iter().filter(|message| message["role"] != "system").collect()
}

#[tokio::test]
async fn sends_image_beside_text_as_image() {
    let content = json!([
        {"type": "text", "text": "What is this?"},
        {"type": "binary", "mimeType": "image/png", "data": PIXEL},
    ]);

    let [user] = messages_sent(content).await.try_into().unwrap();

    let url = format!("data:image/png;base64,{PIXEL}");
    assert_eq!(
        user["content"],
        json!([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}])
    );
}

#[tokio::test]
async fn sends_single_document_as_user_message() {
    let content = json!([
        {"type": "binary", "mimeType": "application/pdf", "data": "JVBERi0xLjQK", "filename": "report.pdf"},
    ]);

    let [user] = messages_sent(content).await.try_into().unwrap();

    assert_eq!(user["role"], "user");
    assert!(user["content"].to_string().contains("JVBERi0xLjQK"), "{user}");
}
