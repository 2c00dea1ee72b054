//! A turn as Bedrock's ConverseStream streams it, in messages that the SDK's own encoder writes.
//!
//! Source: the Amazon Bedrock API reference, `ConverseStream`, `ConverseStreamOutput` and "Common errors".
//! For text and reasoning there is no `contentBlockStart`: the union has a member for tool use only.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::{
    Say, Stop,
    turn::{stop, usage},
};

pub(super) fn turn(turn: &[Say]) -> Vec<Bytes> {
    let mut blocks =
        Blocks { frames: vec![event("messageStart", &json!({ "role": "assistant" }))], ..Blocks::default() };
    for say in turn {
        match say {
            Say::Text(text) => {
                blocks.continue_block("text");
                blocks.delta(&json!({ "text": text }));
            }
            Say::Reasoning(text) => {
                blocks.continue_block("reasoning");
                blocks.delta(&json!({ "reasoningContent": { "text": text } }));
            }
            Say::Signature(signature) => {
                blocks.continue_block("reasoning");
                blocks.delta(&json!({ "reasoningContent": { "signature": signature } }));
                blocks.close();
            }
            Say::Redacted(data) => {
                blocks.open("redacted");
                blocks.delta(&json!({ "reasoningContent": { "redactedContent": data } }));
                blocks.close();
            }
            Say::Call { id, name, arguments } => {
                blocks.open("tool");
                let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
                blocks
                    .push("contentBlockStart", &json!({ "start": start, "contentBlockIndex": blocks.index }));
                for piece in arguments {
                    blocks.delta(&json!({ "toolUse": { "input": piece } }));
                }
                blocks.close();
            }
            Say::Usage(_) | Say::Stop(_) => {}
        }
    }
    blocks.close();
    blocks.push("messageStop", &json!({ "stopReason": word(&stop(turn)) }));
    let usage = usage(turn).unwrap_or_default();
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

/// The name of the exception for this status, and its body.
pub(super) fn error(status: u16, message: &str) -> (String, Value) {
    let word = match status {
        400 => "ValidationException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    };
    (word.to_owned(), json!({ "message": message }))
}

/// An exception in the middle of a stream, named as in the union: `throttlingException` say.
pub(super) fn exception(word: &str, message: &str) -> Bytes {
    encode("exception", ":exception-type", word, &json!({ "message": message }))
}

/// A message whose last checksum is wrong.
pub(super) fn wrong_checksum() -> Bytes {
    let delta = json!({ "delta": { "text": "broken" }, "contentBlockIndex": 0 });
    let mut message = BytesMut::from(event("contentBlockDelta", &delta));
    if let Some(last) = message.last_mut() {
        *last = !*last;
    }
    message.freeze()
}

/// How long the first message of a body is, by its prelude.
pub(super) fn length(body: &[u8]) -> Option<usize> {
    let prelude = body.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*prelude)).ok().filter(|length| *length > 0)
}

pub(super) fn event(kind: &str, payload: &Value) -> Bytes {
    encode("event", ":event-type", kind, payload)
}

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

fn word(stop: &Stop) -> &str {
    match stop {
        Stop::Complete => "end_turn",
        Stop::Calls => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::Filtered => "content_filtered",
        Stop::Word(word) => word,
    }
}

/// The messages so far, and the block that is open.
#[derive(Default)]
struct Blocks {
    frames: Vec<Bytes>,
    /// The number of the block that is open, or of the next one.
    index: usize,
    open: Option<&'static str>,
}

impl Blocks {
    fn continue_block(&mut self, kind: &'static str) {
        if self.open != Some(kind) {
            self.open(kind);
        }
    }

    fn open(&mut self, kind: &'static str) {
        self.close();
        self.open = Some(kind);
    }

    fn delta(&mut self, delta: &Value) {
        self.push("contentBlockDelta", &json!({ "delta": delta, "contentBlockIndex": self.index }));
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.push("contentBlockStop", &json!({ "contentBlockIndex": self.index }));
            self.index += 1;
        }
    }

    fn push(&mut self, kind: &str, payload: &Value) {
        self.frames.push(event(kind, payload));
    }
}
