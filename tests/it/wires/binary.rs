//! `binary` parts of clients before 1.0, as they reach a provider.

use ag_ui_dev::provider::{Provider, Reply, Say, Wire};
use serde_json::{Value, json};

use super::function;
use crate::support::function::{Reply as Run, TOKEN, says, url_event};

const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The messages that the provider reads when a client before 1.0 says this; the run must succeed.
async fn sent(content: Value) -> Vec<Value> {
    let provider = Provider::start().await.unwrap();
    let function = function(Wire::OpenAiChat, &provider, &[]).await;
    provider.reply([Reply::stream(Wire::OpenAiChat, &[Say::text("OK.")])]);
    let mut input = says("");
    input["messages"][0]["content"] = content;
    input.as_object_mut().unwrap().remove("protocolVersion");

    let run = Run::to(&function, &url_event(&[("x-agui-token", TOKEN)], &input)).await;

    assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success", "{}", run.text);
    let [asked] = provider.asked().try_into().unwrap();
    let messages = asked.body["messages"].as_array().unwrap().clone();
    messages.into_iter().filter(|message| message["role"] != "system").collect()
}

#[tokio::test]
async fn a_picture_beside_text_is_sent_as_a_picture() {
    let content = json!([
        {"type": "text", "text": "What is this?"},
        {"type": "binary", "mimeType": "image/png", "data": PIXEL},
    ]);

    let [user] = sent(content).await.try_into().unwrap();

    let url = format!("data:image/png;base64,{PIXEL}");
    assert_eq!(
        user["content"],
        json!([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}])
    );
}

#[tokio::test]
async fn a_document_alone_is_a_message_of_the_user() {
    let content = json!([
        {"type": "binary", "mimeType": "application/pdf", "data": "JVBERi0xLjQK", "filename": "report.pdf"},
    ]);

    let [user] = sent(content).await.try_into().unwrap();

    assert_eq!(user["role"], "user");
    assert!(user["content"].to_string().contains("JVBERi0xLjQK"), "{user}");
}
