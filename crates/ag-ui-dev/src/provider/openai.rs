//! How OpenAI's Chat Completions stream a turn, with the reasoning that compatible providers add.
//!
//! Source: the OpenAI API reference, "Streaming" of Chat Completions; `reasoning_content` as DeepSeek's
//! reference has it.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    StopReason, TurnPart,
    sse::{data_frame, merge},
    turn::{final_stop_reason, final_usage},
};

/// Returns the frames that OpenAI's Chat Completions streams for a turn of a model, in order.
pub(super) fn encode_turn(turn: &[TurnPart]) -> Vec<Bytes> {
    let mut frames = vec![chunk(&json!({ "role": "assistant", "content": "", "refusal": null }), None)];
    let mut calls = 0;
    for part in turn {
        match part {
            TurnPart::Text(text) => frames.push(chunk(&json!({ "content": text }), None)),
            TurnPart::Reasoning(text) => frames.push(chunk(&json!({ "reasoning_content": text }), None)),
            TurnPart::Call { id, name, arguments } => {
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
    frames.push(chunk(&json!({}), Some(&stop_reason(&final_stop_reason(turn)))));
    if let Some(usage) = final_usage(turn) {
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
        frames.push(data_frame(&merge(envelope(), json!({ "choices": [], "usage": usage }))));
    }
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

/// Returns the type of the error that OpenAI uses for this HTTP status, such as `server_error`, and then the JSON body
/// of an error response with this type and `message`.
pub(super) fn error_body(status: u16, message: &str) -> (String, Value) {
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

/// Returns the frame of an error in the middle of a stream. `error_type` is the type of the error in OpenAI's words,
/// such as `server_error`.
pub(super) fn error_frame(error_type: &str, message: &str) -> Bytes {
    data_frame(&json!({ "error": { "message": message, "type": error_type, "param": null, "code": null } }))
}

/// Returns the word by which the Chat Completions API names this reason for the end of a turn, such as `stop`.
fn stop_reason(reason: &StopReason) -> String {
    match reason {
        StopReason::Complete => "stop",
        StopReason::ToolCalls => "tool_calls",
        StopReason::MaxTokens => "length",
        StopReason::Filtered => "content_filter",
        StopReason::Other(reason) => reason,
    }
    .to_owned()
}

/// Returns a frame with this delta of the assistant's message. `finish_reason` is given only in the last chunk.
fn chunk(delta: &Value, finish_reason: Option<&str>) -> Bytes {
    let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason });
    data_frame(&merge(envelope(), json!({ "choices": [choice], "usage": null })))
}

/// Returns the members that all chunks of the stream have in common.
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
