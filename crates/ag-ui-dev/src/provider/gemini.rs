//! How Gemini's `streamGenerateContent` streams a turn: each call is complete, and no marker ends the stream.
//!
//! Source: the Gemini API reference, `models.streamGenerateContent`, "Thinking" and "Thought signatures".

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    StopReason, TurnPart,
    sse::merge,
    turn::{complete_arguments, final_stop_reason, final_usage},
};

/// Returns the frames that Gemini's `streamGenerateContent` streams for a turn of a model, in order.
pub(super) fn encode_turn(turn: &[TurnPart]) -> Vec<Bytes> {
    let mut parts: Vec<Value> = Vec::new();
    let mut signature = None;
    for part in turn {
        match part {
            TurnPart::Text(text) => parts.push(json!({ "text": text })),
            TurnPart::Reasoning(text) => parts.push(json!({ "text": text, "thought": true })),
            TurnPart::Signature(value) => signature = Some(value),
            TurnPart::Call { id, name, arguments } => {
                let mut call = json!({ "name": name, "args": complete_arguments(arguments) });
                if !id.is_empty() {
                    call = merge(call, json!({ "id": id }));
                }
                let call = json!({ "functionCall": call });
                parts.push(match signature.take() {
                    Some(value) => merge(call, json!({ "thoughtSignature": value })),
                    None => call,
                });
            }
            TurnPart::Redacted(_) | TurnPart::Usage(_) | TurnPart::Stop(_) => {}
        }
    }
    // If no call follows the signature, a last part with an empty text has it.
    if signature.is_some() || parts.is_empty() {
        let last = json!({ "text": "" });
        parts.push(match signature {
            Some(value) => merge(last, json!({ "thoughtSignature": value })),
            None => last,
        });
    }
    let usage = metadata(turn);
    let last = parts.len() - 1;
    let chunks = parts.into_iter().enumerate().map(|(index, part)| {
        let candidate = json!({ "content": { "parts": [part], "role": "model" }, "index": 0 });
        let candidate = match index == last {
            true => merge(candidate, json!({ "finishReason": stop_reason(&final_stop_reason(turn)) })),
            false => candidate,
        };
        let chunk = json!({ "candidates": [candidate], "modelVersion": "stub", "responseId": "resp-stub" });
        data(&merge(chunk, usage.clone()))
    });
    chunks.collect()
}

/// Returns the type of the error that Gemini uses for this HTTP status, such as `RESOURCE_EXHAUSTED`, and then the JSON
/// body of an error response with this type and `message`.
pub(super) fn error_body(status: u16, message: &str) -> (String, Value) {
    let error_type = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    (error_type.to_owned(), body(status, error_type, message))
}

/// Returns the frame of an error in the middle of a stream. `error_type` is the type of the error in Gemini's words,
/// such as `UNAVAILABLE`.
pub(super) fn error_frame(error_type: &str, message: &str) -> Bytes {
    let status = match error_type {
        "INVALID_ARGUMENT" => 400,
        "RESOURCE_EXHAUSTED" => 429,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        _ => 500,
    };
    data(&body(status, error_type, message))
}

/// Returns the JSON of an error, which is the same in a response and in a stream.
fn body(status: u16, error_type: &str, message: &str) -> Value {
    json!({ "error": { "code": status, "message": message, "status": error_type } })
}

/// Returns the word by which Gemini names this reason for the end of a turn. It is `STOP` also for a turn with calls.
fn stop_reason(reason: &StopReason) -> &str {
    match reason {
        StopReason::Complete | StopReason::ToolCalls => "STOP",
        StopReason::MaxTokens => "MAX_TOKENS",
        StopReason::Filtered => "SAFETY",
        StopReason::Other(reason) => reason,
    }
}

/// Returns an object with the member `usageMetadata`, which counts the turn's tokens; an empty object if the turn reports
/// none. The count of the answer (`candidatesTokenCount`) does not include the reasoning.
fn metadata(turn: &[TurnPart]) -> Value {
    let Some(usage) = final_usage(turn) else {
        return json!({});
    };
    let details = json!([{ "modality": "TEXT", "tokenCount": usage.input }]);
    let mut metadata = json!({
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.input + usage.output,
        "promptTokensDetails": details,
    });
    if usage.cached_read > 0 {
        metadata = merge(metadata, json!({ "cachedContentTokenCount": usage.cached_read }));
    }
    if usage.reasoning > 0 {
        metadata = merge(metadata, json!({ "thoughtsTokenCount": usage.reasoning }));
    }
    json!({ "usageMetadata": metadata })
}

/// Returns an SSE frame with this JSON. The lines of the frame end with CRLF, as Google's do.
fn data(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\r\n\r\n"))
}
