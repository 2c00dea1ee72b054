//! A turn as Ollama's `/api/chat` streams it: an object a line, whole calls.
//!
//! Source: Ollama's API documentation, "Generate a chat completion", and its `api/types.go`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Say, Stop,
    sse::with,
    turn::{stop, usage, whole},
};

pub(super) fn turn(turn: &[Say]) -> Vec<Bytes> {
    let mut calls = 0;
    let mut frames: Vec<Bytes> = Vec::new();
    for say in turn {
        let message = match say {
            Say::Text(text) => json!({ "content": text }),
            Say::Reasoning(text) => json!({ "content": "", "thinking": text }),
            Say::Call { id, name, arguments } => {
                let function = json!({ "index": calls, "name": name, "arguments": whole(arguments) });
                calls += 1;
                let call = json!({ "function": function });
                let call = if id.is_empty() { call } else { with(call, json!({ "id": id })) };
                json!({ "content": "", "tool_calls": [call] })
            }
            _ => continue,
        };
        frames.push(chunk(message, json!({ "done": false })));
    }
    let mut end = json!({ "done": true, "done_reason": word(&stop(turn)), "total_duration": 1_000_000_000 });
    if let Some(usage) = usage(turn) {
        end = with(end, json!({ "prompt_eval_count": usage.input, "eval_count": usage.output }));
        if usage.cached_read > 0 {
            end = with(end, json!({ "prompt_eval_cached_count": usage.cached_read }));
        }
    }
    frames.push(chunk(json!({ "content": "" }), end));
    frames
}

/// A line of its own.
pub(super) fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

/// Ollama knows `stop` and `length`; tool turns end with `stop`.
fn word(stop: &Stop) -> &str {
    match stop {
        Stop::Complete | Stop::Calls | Stop::Filtered => "stop",
        Stop::MaxTokens => "length",
        Stop::Word(word) => word,
    }
}

fn chunk(message: Value, more: Value) -> Bytes {
    let message = with(json!({ "role": "assistant" }), message);
    let base = json!({ "model": "stub", "created_at": "2025-11-24T16:00:00.000000Z", "message": message });
    line(&with(base, more))
}
