//! How Ollama's `/api/chat` streams a turn: each line is a JSON object, and each call is complete.
//!
//! Source: Ollama's API documentation, "Generate a chat completion", and its `api/types.go`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    StopReason, TurnPart,
    sse::merge,
    turn::{complete_arguments, final_stop_reason, final_usage},
};

/// Returns the frames that Ollama's `/api/chat` streams for a turn of a model, in order.
pub(super) fn encode_turn(turn: &[TurnPart]) -> Vec<Bytes> {
    let mut calls = 0;
    let mut frames: Vec<Bytes> = Vec::new();
    for part in turn {
        let message = match part {
            TurnPart::Text(text) => json!({ "content": text }),
            TurnPart::Reasoning(text) => json!({ "content": "", "thinking": text }),
            TurnPart::Call { id, name, arguments } => {
                let function =
                    json!({ "index": calls, "name": name, "arguments": complete_arguments(arguments) });
                calls += 1;
                let call = json!({ "function": function });
                let call = if id.is_empty() { call } else { merge(call, json!({ "id": id })) };
                json!({ "content": "", "tool_calls": [call] })
            }
            _ => continue,
        };
        frames.push(chunk(message, json!({ "done": false })));
    }
    let mut end = json!({ "done": true, "done_reason": stop_reason(&final_stop_reason(turn)), "total_duration": 1_000_000_000 });
    if let Some(usage) = final_usage(turn) {
        end = merge(end, json!({ "prompt_eval_count": usage.input, "eval_count": usage.output }));
        if usage.cached_read > 0 {
            end = merge(end, json!({ "prompt_eval_cached_count": usage.cached_read }));
        }
    }
    frames.push(chunk(json!({ "content": "" }), end));
    frames
}

/// Returns the line of Ollama's stream that holds a JSON value.
pub(super) fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

/// Returns the word by which Ollama names this reason for the end of a turn: `length` at the limit of tokens, and `stop`
/// for any other turn, also one with calls.
fn stop_reason(reason: &StopReason) -> &str {
    match reason {
        StopReason::Complete | StopReason::ToolCalls | StopReason::Filtered => "stop",
        StopReason::MaxTokens => "length",
        StopReason::Other(reason) => reason,
    }
}

/// Returns a line of Ollama's stream with this message. `more` has the further members of the line.
fn chunk(message: Value, more: Value) -> Bytes {
    let message = merge(json!({ "role": "assistant" }), message);
    let base = json!({ "model": "stub", "created_at": "2025-11-24T16:00:00.000000Z", "message": message });
    line(&merge(base, more))
}
