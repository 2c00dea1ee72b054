//! A turn as OpenAI's Chat Completions stream it, with the reasoning that compatible providers add.
//!
//! Source: the OpenAI API reference, "Streaming" of Chat Completions; `reasoning_content` as DeepSeek's
//! reference has it.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Say, Stop,
    sse::{data, with},
    turn::{stop, usage},
};

pub(super) fn turn(turn: &[Say]) -> Vec<Bytes> {
    let mut frames = vec![chunk(&json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    let mut calls = 0;
    for say in turn {
        match say {
            Say::Text(text) => frames.push(chunk(&json!({ "content": text }), None)),
            Say::Reasoning(text) => frames.push(chunk(&json!({ "reasoning_content": text }), None)),
            Say::Call { id, name, arguments } => {
                let function = json!({ "name": name, "arguments": "" });
                let call = json!({ "index": calls, "id": id, "type": "function", "function": function });
                frames.push(chunk(&json!({ "tool_calls": [call] }), None));
                for piece in arguments {
                    let call = json!({ "index": calls, "function": { "arguments": piece } });
                    frames.push(chunk(&json!({ "tool_calls": [call] }), None));
                }
                calls += 1;
            }
            _ => {}
        }
    }
    frames.push(chunk(&json!({}), Some(&word(&stop(turn)))));
    if let Some(usage) = usage(turn) {
        let usage = json!({
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": { "cached_tokens": usage.cached_read, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": usage.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        });
        frames.push(data(&with(envelope(), json!({ "choices": [], "usage": usage }))));
    }
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

/// The word for an error of this status, and its body.
pub(super) fn error(status: u16, message: &str) -> (String, Value) {
    let (kind, code) = match status {
        400 => ("invalid_request_error", Value::Null),
        401 => ("invalid_request_error", json!("invalid_api_key")),
        403 => ("invalid_request_error", json!("unsupported_country_region_territory")),
        404 => ("invalid_request_error", json!("model_not_found")),
        429 => ("requests", json!("rate_limit_exceeded")),
        _ => ("server_error", Value::Null),
    };
    let error = json!({ "message": message, "type": kind, "param": null, "code": code });
    (kind.to_owned(), json!({ "error": error }))
}

/// An error in the middle of a stream.
pub(super) fn failure(word: &str, message: &str) -> Bytes {
    data(&json!({ "error": { "message": message, "type": word, "param": null, "code": null } }))
}

fn word(stop: &Stop) -> String {
    match stop {
        Stop::Complete => "stop",
        Stop::Calls => "tool_calls",
        Stop::MaxTokens => "length",
        Stop::Filtered => "content_filter",
        Stop::Word(word) => word,
    }
    .to_owned()
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> Bytes {
    let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason });
    data(&with(envelope(), json!({ "choices": [choice], "usage": null })))
}

fn envelope() -> Value {
    json!({
        "id": "chatcmpl-stub",
        "object": "chat.completion.chunk",
        "created": 1_764_000_000,
        "model": "stub",
        "service_tier": "default",
        "system_fingerprint": "fp_stub",
    })
}
