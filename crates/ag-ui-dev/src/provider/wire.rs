//! The wire formats of the providers: how a turn, an error and a malformed frame look on each.
//!
//! Nothing here is sent. How a provider writes a turn is in the file of its name.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::sse::{data_frame, named_frame};
use super::{TurnPart, anthropic, bedrock, gemini, ollama, openai, responses};

/// Names a wire format, which defines how a provider writes the stream of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wire {
    /// The format of OpenAI's Chat Completions, `/v1/chat/completions`: SSE without event names, `[DONE]` at the end.
    OpenAiChat,
    /// The format of OpenAI's Responses, `/v1/responses`: SSE with event names.
    OpenAiResponses,
    /// The format of Anthropic's Messages, `/v1/messages`: SSE with event names.
    Anthropic,
    /// The format of Gemini's `:streamGenerateContent?alt=sse`: SSE with CRLF and without an end marker.
    Gemini,
    /// The format of Ollama's `/api/chat`: each line is a JSON object.
    Ollama,
    /// The format of Bedrock's ConverseStream, `/model/<id>/converse-stream`: binary event-stream messages.
    Bedrock,
}

impl Wire {
    /// Lists every wire format.
    pub const ALL: [Self; 6] =
        [Self::OpenAiChat, Self::OpenAiResponses, Self::Anthropic, Self::Gemini, Self::Ollama, Self::Bedrock];

    /// Returns the media type of a stream on this wire.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::Anthropic => "text/event-stream; charset=utf-8",
            Self::Gemini => "text/event-stream",
            Self::Ollama => "application/x-ndjson",
            Self::Bedrock => "application/vnd.amazon.eventstream",
        }
    }

    /// Returns the name of the response header in which the provider sends its id of the request; `None` if it sends none.
    pub(super) fn request_id_header(self) -> Option<&'static str> {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => Some("x-request-id"),
            Self::Anthropic => Some("request-id"),
            Self::Bedrock => Some("x-amzn-requestid"),
            Self::Gemini | Self::Ollama => None,
        }
    }

    /// Returns the frames that the provider streams for a turn of a model, in order.
    pub(super) fn encode_turn(self, turn: &[TurnPart]) -> Vec<Bytes> {
        match self {
            Self::OpenAiChat => openai::encode_turn(turn),
            Self::OpenAiResponses => responses::encode_turn(turn),
            Self::Anthropic => anthropic::encode_turn(turn),
            Self::Gemini => gemini::encode_turn(turn),
            Self::Ollama => ollama::encode_turn(turn),
            Self::Bedrock => bedrock::encode_turn(turn),
        }
    }

    /// Returns one frame of this wire with this JSON. For Bedrock `frame` is an array of the event's type and its
    /// payload. `Reply::frames` calls this for each frame that a test has written by hand.
    pub(super) fn encode_frame(self, frame: &Value) -> Bytes {
        match self {
            Self::OpenAiChat | Self::Gemini => data_frame(frame),
            Self::OpenAiResponses | Self::Anthropic => named_frame(frame),
            Self::Ollama => ollama::line(frame),
            Self::Bedrock => bedrock::encode_event(frame[0].as_str().unwrap_or_default(), &frame[1]),
        }
    }

    /// Returns the type of the error that the provider uses for this HTTP status, and then the JSON body of an error
    /// response with `message`. The type is empty for Ollama, which has no types.
    pub(super) fn error_body(self, status: u16, message: &str) -> (String, Value) {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses => openai::error_body(status, message),
            Self::Anthropic => anthropic::error_body(status, message),
            Self::Gemini => gemini::error_body(status, message),
            Self::Ollama => (String::new(), json!({ "error": message })),
            Self::Bedrock => bedrock::error_body(status, message),
        }
    }

    /// Returns the frame of an error in the middle of a stream. `number` is the index of the frame, which only
    /// Responses sends, and `error_type` is the type of the error in the provider's words.
    pub(super) fn error_frame(self, number: usize, error_type: &str, message: &str) -> Bytes {
        match self {
            Self::OpenAiChat => openai::error_frame(error_type, message),
            Self::OpenAiResponses => responses::error_frame(number, error_type, message),
            Self::Anthropic => anthropic::error_frame(error_type, message),
            Self::Gemini => gemini::error_frame(error_type, message),
            Self::Ollama => ollama::line(&json!({ "error": message })),
            Self::Bedrock => bedrock::exception_frame(error_type, message),
        }
    }

    /// Returns a frame that is complete but cannot be read: its JSON breaks off, or on Bedrock its checksum is wrong.
    /// `Reply::malformed_after` inserts the frame into a reply.
    pub(super) fn malformed_frame(self) -> Bytes {
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

    /// Splits a recorded body into its frames. If the last frame is cut off, its bytes are the last element.
    /// `Reply::recording` calls this to get the pieces of the reply.
    pub(super) fn split_frames(self, mut body: Bytes) -> Vec<Bytes> {
        let mut frames = Vec::new();
        while !body.is_empty() {
            let end = match self {
                Self::Bedrock => bedrock::message_length(&body),
                Self::Ollama => end_of_first(&body, b"\n"),
                _ => [end_of_first(&body, b"\n\n"), end_of_first(&body, b"\r\n\r\n")]
                    .into_iter()
                    .flatten()
                    .min(),
            };
            let end = end.filter(|end| *end <= body.len()).unwrap_or(body.len());
            frames.push(body.split_to(end));
        }
        frames
    }
}

/// Returns the index after the first occurrence of `border`; `None` if the bytes do not contain it.
fn end_of_first(body: &[u8], border: &[u8]) -> Option<usize> {
    let at = body.windows(border.len()).position(|window| window == border)?;
    Some(at + border.len())
}

/// Joins frames into one body. A test that reads `Reply::body` gets the result.
pub(super) fn join(frames: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    frames.iter().for_each(|frame| all.extend_from_slice(frame));
    all.freeze()
}
