//! A client in Rust, with the types of `ag-ui-wire`, as docs/clients.md shows it.

use std::error::Error;
use std::sync::Arc;

use ag_ui_lambda::protocol::Event;
use ag_ui_lambda::transcript::Conversation;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::client_run::serve_url;
use crate::support::function::{TOKEN, local_function};

// #region run
/// Runs the agent once. `messages` are those of the conversation so far; returns them with what the agent added.
async fn run(url: &str, token: &str, messages: Vec<Value>) -> Result<Vec<Value>, Box<dyn Error>> {
    let input = json!({
        "threadId": "thread-1", "runId": Uuid::new_v4().to_string(), "protocolVersion": "1.0", "messages": messages,
        "state": {}, "tools": [], "context": [], "forwardedProps": {},
    });
    let request = reqwest::Client::new().post(url).header("x-agui-token", token);
    let request = request.header("content-type", "application/json").body(input.to_string());
    let mut response = request.send().await?.error_for_status()?;

    let mut conversation = Conversation::new(messages);
    let mut received = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        received.extend_from_slice(&chunk);
        while let Some(end) = received.windows(2).position(|bytes| bytes == b"\n\n") {
            let frame: Vec<u8> = received.drain(..end + 2).collect();
            // Other frames are comments, which keep a silent connection open.
            if let Some(data) = frame.strip_prefix(b"data: ") {
                let event: Event = serde_json::from_slice(data)?;
                conversation.apply(&event);
            }
        }
    }
    Ok(conversation.into_json())
}
// #endregion

#[tokio::test]
async fn client_in_rust_keeps_a_conversation() {
    let function = Arc::new(local_function(&[]).await);
    let server = serve_url(&function).await;

    let mut messages = Vec::new();
    for (id, text) in [("u1", "weather in Tokyo"), ("u2", "Good evening")] {
        messages.push(json!({"id": id, "role": "user", "content": text}));
        messages = run(&server.url(), TOKEN, messages).await.unwrap();
    }

    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant", "user", "assistant"]);
    assert!(messages[2]["content"].as_str().unwrap().contains("Tokyo"), "{}", messages[2]);
    assert!(messages[5]["content"].as_str().unwrap().contains("Good evening"), "{}", messages[5]);
}
