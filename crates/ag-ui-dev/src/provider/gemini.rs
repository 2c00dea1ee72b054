//! A turn as Gemini's `streamGenerateContent` streams it: whole calls, and no marker at the end.
//!
//! Source: the Gemini API reference, `models.streamGenerateContent`, "Thinking" and "Thought signatures".

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Say, Stop,
    sse::with,
    turn::{stop, usage, whole},
};

pub(super) fn turn(turn: &[Say]) -> Vec<Bytes> {
    let mut parts: Vec<Value> = Vec::new();
    let mut signature = None;
    for say in turn {
        match say {
            Say::Text(text) => parts.push(json!({ "text": text })),
            Say::Reasoning(text) => parts.push(json!({ "text": text, "thought": true })),
            Say::Signature(value) => signature = Some(value),
            Say::Call { id, name, arguments } => {
                let mut call = json!({ "name": name, "args": whole(arguments) });
                if !id.is_empty() {
                    call = with(call, json!({ "id": id }));
                }
                let call = json!({ "functionCall": call });
                parts.push(match signature.take() {
                    Some(value) => with(call, json!({ "thoughtSignature": value })),
                    None => call,
                });
            }
            Say::Redacted(_) | Say::Usage(_) | Say::Stop(_) => {}
        }
    }
    // A turn without a call has its signature in a last, empty part.
    if signature.is_some() || parts.is_empty() {
        let last = json!({ "text": "" });
        parts.push(match signature {
            Some(value) => with(last, json!({ "thoughtSignature": value })),
            None => last,
        });
    }
    let usage = metadata(turn);
    let last = parts.len() - 1;
    let chunks = parts.into_iter().enumerate().map(|(index, part)| {
        let candidate = json!({ "content": { "parts": [part], "role": "model" }, "index": 0 });
        let candidate = match index == last {
            true => with(candidate, json!({ "finishReason": word(&stop(turn)) })),
            false => candidate,
        };
        let chunk = json!({ "candidates": [candidate], "modelVersion": "stub", "responseId": "resp-stub" });
        data(&with(chunk, usage.clone()))
    });
    chunks.collect()
}

/// The word for an error of this status, and its body.
pub(super) fn error(status: u16, message: &str) -> (String, Value) {
    let word = match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    (word.to_owned(), body(status, word, message))
}

/// An error in the middle of a stream.
pub(super) fn failure(word: &str, message: &str) -> Bytes {
    let status = match word {
        "INVALID_ARGUMENT" => 400,
        "RESOURCE_EXHAUSTED" => 429,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        _ => 500,
    };
    data(&body(status, word, message))
}

fn body(status: u16, word: &str, message: &str) -> Value {
    json!({ "error": { "code": status, "message": message, "status": word } })
}

/// Tool turns end with STOP too.
fn word(stop: &Stop) -> &str {
    match stop {
        Stop::Complete | Stop::Calls => "STOP",
        Stop::MaxTokens => "MAX_TOKENS",
        Stop::Filtered => "SAFETY",
        Stop::Word(word) => word,
    }
}

/// The usage, if there is one; the answer is counted without the thoughts.
fn metadata(turn: &[Say]) -> Value {
    let Some(usage) = usage(turn) else {
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
        metadata = with(metadata, json!({ "cachedContentTokenCount": usage.cached_read }));
    }
    if usage.reasoning > 0 {
        metadata = with(metadata, json!({ "thoughtsTokenCount": usage.reasoning }));
    }
    json!({ "usageMetadata": metadata })
}

/// Google ends its lines with CRLF.
fn data(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\r\n\r\n"))
}
