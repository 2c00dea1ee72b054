//! How Bedrock's ConverseStream streams a turn: in event-stream messages, which the AWS SDK's own encoder writes.
//!
//! Source: the Amazon Bedrock API reference, `ConverseStream`, `ConverseStreamOutput` and "Common errors".
//! For text and reasoning there is no `contentBlockStart`: the union has a member for tool use only.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::{
    StopReason, TurnPart,
    turn::{final_stop_reason, final_usage},
};

/// Returns the frames that Bedrock's ConverseStream streams for a turn of a model, in order. Each frame is a binary
/// event-stream message.
pub(super) fn encode_turn(turn: &[TurnPart]) -> Vec<Bytes> {
    let mut blocks = Blocks {
        frames: vec![encode_event("messageStart", &json!({ "role": "assistant" }))],
        ..Blocks::default()
    };
    for part in turn {
        match part {
            TurnPart::Text(text) => {
                blocks.continue_block("text");
                blocks.delta(&json!({ "text": text }));
            }
            TurnPart::Reasoning(text) => {
                blocks.continue_block("reasoning");
                blocks.delta(&json!({ "reasoningContent": { "text": text } }));
            }
            TurnPart::Signature(signature) => {
                blocks.continue_block("reasoning");
                blocks.delta(&json!({ "reasoningContent": { "signature": signature } }));
                blocks.close();
            }
            TurnPart::Redacted(data) => {
                blocks.open("redacted");
                blocks.delta(&json!({ "reasoningContent": { "redactedContent": data } }));
                blocks.close();
            }
            TurnPart::Call { id, name, arguments } => {
                blocks.open("tool");
                let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
                blocks
                    .push("contentBlockStart", &json!({ "start": start, "contentBlockIndex": blocks.index }));
                for piece in arguments {
                    blocks.delta(&json!({ "toolUse": { "input": piece } }));
                }
                blocks.close();
            }
            TurnPart::Usage(_) | TurnPart::Stop(_) => {}
        }
    }
    blocks.close();
    blocks.push("messageStop", &json!({ "stopReason": stop_reason(&final_stop_reason(turn)) }));
    let usage = final_usage(turn).unwrap_or_default();
    let tokens = json!({
        "inputTokens": usage.uncached(),
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokens": usage.cached_read,
        "cacheWriteInputTokens": usage.cache_write,
    });
    blocks.push("metadata", &json!({ "usage": tokens, "metrics": { "latencyMs": 321 } }));
    blocks.frames
}

/// Returns the name of the exception that Bedrock uses for this HTTP status, such as `ThrottlingException`, and then
/// the JSON body of an error response with `message`. The body does not have the name, which Bedrock sends in a header.
pub(super) fn error_body(status: u16, message: &str) -> (String, Value) {
    let error_type = match status {
        400 => "ValidationException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    };
    (error_type.to_owned(), json!({ "message": message }))
}

/// Returns the frame of an exception in the middle of a stream. `error_type` is the name of the exception in Bedrock's
/// union, such as `throttlingException`.
pub(super) fn exception_frame(error_type: &str, message: &str) -> Bytes {
    encode("exception", ":exception-type", error_type, &json!({ "message": message }))
}

/// Returns an event-stream message whose last checksum is wrong, for a test of a malformed frame.
pub(super) fn wrong_checksum() -> Bytes {
    let delta = json!({ "delta": { "text": "broken" }, "contentBlockIndex": 0 });
    let mut message = BytesMut::from(encode_event("contentBlockDelta", &delta));
    if let Some(last) = message.last_mut() {
        *last = !*last;
    }
    message.freeze()
}

/// Returns the length in bytes of the first event-stream message of a body, which its first four bytes hold; `None` if
/// these are cut off or 0.
pub(super) fn message_length(body: &[u8]) -> Option<usize> {
    let prelude = body.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*prelude)).ok().filter(|length| *length > 0)
}

/// Returns an event-stream message for the event type `kind`, such as `contentBlockDelta`, with this payload.
pub(super) fn encode_event(kind: &str, payload: &Value) -> Bytes {
    encode("event", ":event-type", kind, payload)
}

/// Returns an event-stream message with this payload. `message` is its message type (`event` or `exception`). The
/// header `kind_header` has the value `kind`.
fn encode(message: &'static str, kind_header: &'static str, kind: &str, payload: &Value) -> Bytes {
    let text = |text: &str| HeaderValue::String(text.to_owned().into());
    let message = Message::new(payload.to_string())
        .add_header(Header::new(kind_header, text(kind)))
        .add_header(Header::new(":content-type", text("application/json")))
        .add_header(Header::new(":message-type", text(message)));
    let mut frame = Vec::new();
    write_message_to(&message, &mut frame).expect("a message of a test is below the limits of its format");
    frame.into()
}

/// Returns the word by which Bedrock names this reason for the end of a turn, such as `end_turn`.
fn stop_reason(reason: &StopReason) -> &str {
    match reason {
        StopReason::Complete => "end_turn",
        StopReason::ToolCalls => "tool_use",
        StopReason::MaxTokens => "max_tokens",
        StopReason::Filtered => "content_filtered",
        StopReason::Other(reason) => reason,
    }
}

/// Writes the messages of a turn, and knows which content block is open.
#[derive(Default)]
struct Blocks {
    frames: Vec<Bytes>,
    /// The index of the open block, or of the next one if none is open.
    index: usize,
    /// The kind of the open block.
    open: Option<&'static str>,
}

impl Blocks {
    /// Makes sure that a content block of this kind is open. If another block or none is open, closes that one and opens a
    /// new one.
    fn continue_block(&mut self, kind: &'static str) {
        if self.open != Some(kind) {
            self.open(kind);
        }
    }

    /// Closes the open content block, if any, and starts one of this kind. No event begins a block, except for a call.
    fn open(&mut self, kind: &'static str) {
        self.close();
        self.open = Some(kind);
    }

    /// Writes a message with the next piece (delta) of the open content block.
    fn delta(&mut self, delta: &Value) {
        self.push("contentBlockDelta", &json!({ "delta": delta, "contentBlockIndex": self.index }));
    }

    /// Closes the open content block; does nothing if none is open.
    fn close(&mut self) {
        if self.open.take().is_some() {
            self.push("contentBlockStop", &json!({ "contentBlockIndex": self.index }));
            self.index += 1;
        }
    }

    /// Writes an event-stream message for the event type `kind`.
    fn push(&mut self, kind: &str, payload: &Value) {
        self.frames.push(encode_event(kind, payload));
    }
}
