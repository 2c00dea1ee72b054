//! Reads streams of providers with genai and prints what it understood.
//!
//! The input is a JSON list of streams, each `{"adapter": .., "url": ..}`. The output is a list of the same length, each
//! with `text`, `reasoning`, `calls` as `[name, arguments]`, `tokens`, and how the turn ended.

use std::error::Error;
use std::io::{stdin, stdout};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent, StopReason, StreamEnd};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Much longer than a stream without pauses takes.
const LIMIT: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let streams: Vec<Value> = serde_json::from_reader(stdin())?;
    let client = Client::new()?;
    let outlines = join_all(streams.iter().map(|stream| read(&client, stream))).await;
    serde_json::to_writer(stdout(), &outlines)?;
    Ok(())
}

/// Reads a stream with genai and returns what it understood.
async fn read(client: &Client, stream: &Value) -> Value {
    let mut read = Read::default();
    let end = timeout(LIMIT, read.all(client, stream)).await;
    let end = match end {
        Ok(Ok(end)) => end,
        Ok(Err(_)) => "error",
        Err(_) => "no end",
    };
    json!({
        "text": read.text,
        "reasoning": read.reasoning,
        "calls": read.calls,
        "tokens": read.tokens,
        "end": end,
    })
}

#[derive(Default)]
struct Read {
    text: String,
    reasoning: String,
    calls: Vec<Value>,
    tokens: Value,
}

impl Read {
    /// Reads to the first error or to the end, and returns how the turn ended.
    async fn all(&mut self, client: &Client, stream: &Value) -> Result<&'static str, Box<dyn Error>> {
        let request = ChatRequest::new(vec![ChatMessage::user("hi")]);
        let options = ChatOptions::default()
            .with_capture_content(true)
            .with_capture_reasoning_content(true)
            .with_capture_tool_calls(true)
            .with_capture_usage(true);
        let response = client.exec_chat_stream(target(stream)?, request, Some(&options)).await?;
        let mut events = response.stream;
        while let Some(event) = events.next().await {
            match event? {
                ChatStreamEvent::Chunk(chunk) => self.text.push_str(&chunk.content),
                ChatStreamEvent::ReasoningChunk(chunk) => self.reasoning.push_str(&chunk.content),
                ChatStreamEvent::End(end) => return Ok(self.end(end)),
                _ => {}
            }
        }
        Ok("no end")
    }

    fn end(&mut self, end: StreamEnd) -> &'static str {
        if let Some(usage) = &end.captured_usage {
            let (input, output) = (&usage.prompt_tokens_details, &usage.completion_tokens_details);
            self.tokens = json!({
                "input": usage.prompt_tokens,
                "output": usage.completion_tokens,
                "cached": input.as_ref().and_then(|parts| parts.cached_tokens),
                "cache_written": input.as_ref().and_then(|parts| parts.cache_creation_tokens),
                "reasoning": output.as_ref().and_then(|parts| parts.reasoning_tokens),
            });
        }
        let reason = match &end.captured_stop_reason {
            None => "no reason",
            Some(StopReason::Completed(_) | StopReason::ToolCall(_) | StopReason::StopSequence(_)) => {
                "complete"
            }
            Some(StopReason::MaxTokens(_)) => "max tokens",
            Some(StopReason::ContentFilter(_)) => "filtered",
            Some(StopReason::Other(_)) => "other",
        };
        let calls = end.captured_into_tool_calls().unwrap_or_default();
        self.calls = calls.into_iter().map(|call| json!([call.fn_name, call.fn_arguments])).collect();
        reason
    }
}

/// Returns the target of a request: the adapter and the URL of a stream.
fn target(stream: &Value) -> Result<ServiceTarget, Box<dyn Error>> {
    let (Some(adapter), Some(url)) = (stream["adapter"].as_str(), stream["url"].as_str()) else {
        return Err("a stream needs an adapter and a URL".into());
    };
    let (kind, path) = match adapter {
        "openai" => (AdapterKind::OpenAI, "/v1/"),
        "openrouter" => (AdapterKind::OpenRouter, "/v1/"),
        "openai-responses" => (AdapterKind::OpenAIResp, "/v1/"),
        "anthropic" => (AdapterKind::Anthropic, "/v1/"),
        "gemini" => (AdapterKind::Gemini, "/v1beta/"),
        "ollama" => (AdapterKind::Ollama, "/"),
        adapter => return Err(format!("no adapter {adapter}").into()),
    };
    Ok(ServiceTarget {
        endpoint: Endpoint::from_owned(format!("{url}{path}")),
        auth: AuthData::from_single("sk-test-0123456789"),
        model: ModelIden::new(kind, "m"),
    })
}
