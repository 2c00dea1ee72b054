//! A turn as Anthropic's Messages stream it.
//!
//! Source: the Anthropic API documentation, "Streaming messages" and "Extended thinking".

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Say, Stop, Usage,
    sse::{event, with},
    turn::{stop, usage},
};

pub(super) fn turn(turn: &[Say]) -> Vec<Bytes> {
    let usage = usage(turn).unwrap_or_default();
    let mut message = Message { frames: vec![start(usage)], index: 0, open: None };
    for say in turn {
        match say {
            Say::Text(text) => {
                message.continue_block("text", &json!({ "type": "text", "text": "" }));
                message.delta(&json!({ "type": "text_delta", "text": text }));
            }
            Say::Reasoning(text) => {
                message.continue_block("thinking", &thinking());
                message.delta(&json!({ "type": "thinking_delta", "thinking": text }));
            }
            Say::Signature(signature) => {
                message.continue_block("thinking", &thinking());
                message.delta(&json!({ "type": "signature_delta", "signature": signature }));
                message.close();
            }
            Say::Redacted(data) => {
                message.open("redacted_thinking", &json!({ "type": "redacted_thinking", "data": data }));
                message.close();
            }
            Say::Call { id, name, arguments } => {
                message.open("tool_use", &json!({ "type": "tool_use", "id": id, "name": name, "input": {} }));
                // The first delta is empty on the real wire.
                for piece in [""].into_iter().chain(arguments.iter().map(String::as_str)) {
                    message.delta(&json!({ "type": "input_json_delta", "partial_json": piece }));
                }
                message.close();
            }
            Say::Usage(_) | Say::Stop(_) => {}
        }
    }
    message.close();
    message.frames.push(event(&json!({
        "type": "message_delta",
        "delta": { "stop_reason": word(&stop(turn)), "stop_sequence": null },
        "usage": with(input(usage), json!({ "output_tokens": usage.output })),
    })));
    message.frames.push(event(&json!({ "type": "message_stop" })));
    message.frames
}

/// The word for an error of this status, and its body.
pub(super) fn error(status: u16, message: &str) -> (String, Value) {
    let word = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    (word.to_owned(), body(word, message))
}

/// An error in the middle of a stream.
pub(super) fn failure(word: &str, message: &str) -> Bytes {
    event(&body(word, message))
}

fn body(word: &str, message: &str) -> Value {
    json!({
        "type": "error",
        "error": { "type": word, "message": message },
        "request_id": "req-stub",
    })
}

fn word(stop: &Stop) -> &str {
    match stop {
        Stop::Complete => "end_turn",
        Stop::Calls => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::Filtered => "refusal",
        Stop::Word(word) => word,
    }
}

fn start(usage: Usage) -> Bytes {
    let usage = with(input(usage), json!({ "output_tokens": 1, "service_tier": "standard" }));
    event(&json!({
        "type": "message_start",
        "message": {
            "id": "msg_stub",
            "type": "message",
            "role": "assistant",
            "model": "stub",
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage,
        },
    }))
}

fn input(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.uncached(),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached_read,
    })
}

fn thinking() -> Value {
    json!({ "type": "thinking", "thinking": "", "signature": "" })
}

/// The frames so far, and the block that is open.
struct Message {
    frames: Vec<Bytes>,
    /// The number of the block that is open, or of the next one.
    index: usize,
    open: Option<&'static str>,
}

impl Message {
    fn continue_block(&mut self, kind: &'static str, block: &Value) {
        if self.open != Some(kind) {
            self.open(kind, block);
        }
    }

    fn open(&mut self, kind: &'static str, block: &Value) {
        self.close();
        self.open = Some(kind);
        self.push("content_block_start", json!({ "content_block": block }));
        if self.index == 0 {
            self.frames.push(event(&json!({ "type": "ping" })));
        }
    }

    fn delta(&mut self, delta: &Value) {
        self.push("content_block_delta", json!({ "delta": delta }));
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.push("content_block_stop", json!({}));
            self.index += 1;
        }
    }

    fn push(&mut self, kind: &str, more: Value) {
        self.frames.push(event(&with(json!({ "type": kind, "index": self.index }), more)));
    }
}
