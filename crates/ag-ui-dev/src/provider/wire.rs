//! The wires by name: what a turn, an error and a broken frame look like on each.
//!
//! Knows no socket. How a provider writes a turn is in the file of its name.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::sse::{data, event};
use super::{Say, anthropic, bedrock, gemini, ollama, openai, responses};

/// How a provider writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wire {
    /// OpenAI's Chat Completions, `/v1/chat/completions`: SSE without event names, `[DONE]` at the end.
    OpenAiChat,
    /// OpenAI's Responses, `/v1/responses`: SSE with event names.
    OpenAiResponses,
    /// Anthropic's Messages, `/v1/messages`: SSE with event names.
    Anthropic,
    /// Gemini's `:streamGenerateContent?alt=sse`: SSE with CRLF and without an end marker.
    Gemini,
    /// Ollama's `/api/chat`: a JSON object a line.
    Ollama,
    /// Bedrock's ConverseStream, `/model/<id>/converse-stream`: binary event-stream messages.
    Bedrock,
}

impl Wire {
    /// Every wire.
    pub const ALL: [Self; 6] =
        [Self::OpenAiChat, Self::OpenAiResponses, Self::Anthropic, Self::Gemini, Self::Ollama, Self::Bedrock];

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::Anthropic => "text/event-stream; charset=utf-8",
            Self::Gemini => "text/event-stream",
            Self::Ollama => "application/x-ndjson",
            Self::Bedrock => "application/vnd.amazon.eventstream",
        }
    }

    /// The header that names a request for the provider's support.
    pub(super) fn request_id_header(self) -> Option<&'static str> {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => Some("x-request-id"),
            Self::Anthropic => Some("request-id"),
            Self::Bedrock => Some("x-amzn-requestid"),
            Self::Gemini | Self::Ollama => None,
        }
    }

    /// A turn, in the frames that the provider sends.
    pub(super) fn turn(self, turn: &[Say]) -> Vec<Bytes> {
        match self {
            Self::OpenAiChat => openai::turn(turn),
            Self::OpenAiResponses => responses::turn(turn),
            Self::Anthropic => anthropic::turn(turn),
            Self::Gemini => gemini::turn(turn),
            Self::Ollama => ollama::turn(turn),
            Self::Bedrock => bedrock::turn(turn),
        }
    }

    /// One frame, in the framing of this wire; on Bedrock of an array of the event's type and its payload.
    pub(super) fn frame(self, frame: &Value) -> Bytes {
        match self {
            Self::OpenAiChat | Self::Gemini => data(frame),
            Self::OpenAiResponses | Self::Anthropic => event(frame),
            Self::Ollama => ollama::line(frame),
            Self::Bedrock => bedrock::event(frame[0].as_str().unwrap_or_default(), &frame[1]),
        }
    }

    /// The provider's own word for an error of this status, and its body.
    pub(super) fn error(self, status: u16, message: &str) -> (String, Value) {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => openai::error(status, message),
            Self::Anthropic => anthropic::error(status, message),
            Self::Gemini => gemini::error(status, message),
            Self::Ollama => (String::new(), json!({ "error": message })),
            Self::Bedrock => bedrock::error(status, message),
        }
    }

    /// An error in the middle of a stream, as its frame of that number.
    pub(super) fn failure(self, number: usize, word: &str, message: &str) -> Bytes {
        match self {
            Self::OpenAiChat => openai::failure(word, message),
            Self::OpenAiResponses => responses::failure(number, word, message),
            Self::Anthropic => anthropic::failure(word, message),
            Self::Gemini => gemini::failure(word, message),
            Self::Ollama => ollama::line(&json!({ "error": message })),
            Self::Bedrock => bedrock::exception(word, message),
        }
    }

    /// A frame whose border is right and whose inside is not: JSON that breaks off, or a wrong checksum.
    pub(super) fn malformed(self) -> Bytes {
        match self {
            Self::OpenAiChat => Bytes::from_static(b"data: {\"id\":\"chatcmpl-stub\",\"choices\":[{\n\n"),
            Self::OpenAiResponses => Bytes::from_static(
                b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\n\n",
            ),
            Self::Anthropic => Bytes::from_static(
                b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\n\n",
            ),
            Self::Gemini => Bytes::from_static(b"data: {\"candidates\": [{\r\n\r\n"),
            Self::Ollama => Bytes::from_static(b"{\"model\":\"stub\",\"message\":{\n"),
            Self::Bedrock => bedrock::wrong_checksum(),
        }
    }

    /// Takes a recorded body apart at the borders of its frames; what is behind the last border stays whole.
    pub(super) fn frames(self, mut body: Bytes) -> Vec<Bytes> {
        let mut frames = Vec::new();
        while !body.is_empty() {
            let end = match self {
                Self::Bedrock => bedrock::length(&body),
                Self::Ollama => end_of(&body, b"\n"),
                _ => [end_of(&body, b"\n\n"), end_of(&body, b"\r\n\r\n")].into_iter().flatten().min(),
            };
            let end = end.filter(|end| *end <= body.len()).unwrap_or(body.len());
            frames.push(body.split_to(end));
        }
        frames
    }
}

/// Where the first `border` ends.
fn end_of(body: &[u8], border: &[u8]) -> Option<usize> {
    let at = body.windows(border.len()).position(|window| window == border)?;
    Some(at + border.len())
}

/// All frames in one.
pub(super) fn join(frames: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    frames.iter().for_each(|frame| all.extend_from_slice(frame));
    all.freeze()
}
