//! How Anthropic's Messages API streams a turn.
//!
//! Source: the Anthropic API documentation, "Streaming messages" and "Extended thinking".

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    StopReason, TurnPart, Usage,
    sse::{merge, named_frame},
    turn::{final_stop_reason, final_usage},
};

/// Returns the frames that Anthropic's Messages API streams for a turn of a model, in order.
pub(super) fn encode_turn(turn: &[TurnPart]) -> Vec<Bytes> {
    let usage = final_usage(turn).unwrap_or_default();
    let mut message = Message { frames: vec![start(usage)], index: 0, open: None };
    for part in turn {
        match part {
            TurnPart::Text(text) => {
                message.continue_block("text", &json!({ "type": "text", "text": "" }));
                message.delta(&json!({ "type": "text_delta", "text": text }));
            }
            TurnPart::Reasoning(text) => {
                message.continue_block("thinking", &thinking());
                message.delta(&json!({ "type": "thinking_delta", "thinking": text }));
            }
            TurnPart::Signature(signature) => {
                message.continue_block("thinking", &thinking());
                message.delta(&json!({ "type": "signature_delta", "signature": signature }));
                message.close();
            }
            TurnPart::Redacted(data) => {
                message.open("redacted_thinking", &json!({ "type": "redacted_thinking", "data": data }));
                message.close();
            }
            TurnPart::Call { id, name, arguments } => {
                message.open("tool_use", &json!({ "type": "tool_use", "id": id, "name": name, "input": {} }));
                // The real API sends an empty delta first.
                for piece in [""].into_iter().chain(arguments.iter().map(String::as_str)) {
                    message.delta(&json!({ "type": "input_json_delta", "partial_json": piece }));
                }
                message.close();
            }
            TurnPart::Usage(_) | TurnPart::Stop(_) => {}
        }
    }
    message.close();
    message.frames.push(named_frame(&json!({
        "type": "message_delta",
        "delta": { "stop_reason": stop_reason(&final_stop_reason(turn)), "stop_sequence": null },
        "usage": merge(input(usage), json!({ "output_tokens": usage.output })),
    })));
    message.frames.push(named_frame(&json!({ "type": "message_stop" })));
    message.frames
}

/// Returns the type of the error that Anthropic uses for this HTTP status, such as `rate_limit_error`, and then the
/// JSON body of an error response with this type and `message`.
pub(super) fn error_body(status: u16, message: &str) -> (String, Value) {
    let error_type = match status {
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
    (error_type.to_owned(), body(error_type, message))
}

/// Returns the frame of an error in the middle of a stream. `error_type` is the type of the error in Anthropic's words,
/// such as `overloaded_error`.
pub(super) fn error_frame(error_type: &str, message: &str) -> Bytes {
    named_frame(&body(error_type, message))
}

/// Returns the JSON of an error, which is the same in a response and in a stream.
fn body(error_type: &str, message: &str) -> Value {
    json!({
        "type": "error",
        "error": { "type": error_type, "message": message },
        "request_id": "req-stub",
    })
}

/// Returns the word by which Anthropic names this reason for the end of a turn, such as `end_turn`.
fn stop_reason(reason: &StopReason) -> &str {
    match reason {
        StopReason::Complete => "end_turn",
        StopReason::ToolCalls => "tool_use",
        StopReason::MaxTokens => "max_tokens",
        StopReason::Filtered => "refusal",
        StopReason::Other(reason) => reason,
    }
}

/// Returns the `message_start` frame, with which a stream begins. `usage` has the counts of input tokens in it.
fn start(usage: Usage) -> Bytes {
    let usage = merge(input(usage), json!({ "output_tokens": 1, "service_tier": "standard" }));
    named_frame(&json!({
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

/// Returns the members of `usage` in Anthropic's JSON that count input tokens: uncached, written to and read from the
/// cache.
fn input(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.uncached(),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached_read,
    })
}

/// Returns the JSON of an empty content block of reasoning, with which such a block begins.
fn thinking() -> Value {
    json!({ "type": "thinking", "thinking": "", "signature": "" })
}

/// Writes the frames of a message, and knows which content block is open.
struct Message {
    frames: Vec<Bytes>,
    /// The index of the open block, or of the next one if none is open.
    index: usize,
    /// The kind of the open block.
    open: Option<&'static str>,
}

impl Message {
    /// Makes sure that a content block of this kind is open. If another block or none is open, closes that one and opens
    /// `block`.
    fn continue_block(&mut self, kind: &'static str, block: &Value) {
        if self.open != Some(kind) {
            self.open(kind, block);
        }
    }

    /// Closes the open content block, if any, and opens `block`, which is of this kind.
    fn open(&mut self, kind: &'static str, block: &Value) {
        self.close();
        self.open = Some(kind);
        self.push("content_block_start", json!({ "content_block": block }));
        if self.index == 0 {
            self.frames.push(named_frame(&json!({ "type": "ping" })));
        }
    }

    /// Writes a frame with the next piece (delta) of the open content block.
    fn delta(&mut self, delta: &Value) {
        self.push("content_block_delta", json!({ "delta": delta }));
    }

    /// Closes the open content block; does nothing if none is open.
    fn close(&mut self) {
        if self.open.take().is_some() {
            self.push("content_block_stop", json!({}));
            self.index += 1;
        }
    }

    /// Writes a frame of the type `kind` about the content block with the current index. `more` has its further members.
    fn push(&mut self, kind: &str, more: Value) {
        self.frames.push(named_frame(&merge(json!({ "type": kind, "index": self.index }), more)));
    }
}
