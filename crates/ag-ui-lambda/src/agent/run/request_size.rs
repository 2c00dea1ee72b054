//! How large a request to a model is, counted before it is written.
//!
//! Bytes are those of the texts that the model reads and of the media in Base64, without the JSON around them. Tokens are an
//! estimate, because each model counts them in its own way: four bytes of text are one token, and media have a rule of their own.
//! Providers report the real number only after they have answered.
//!
//! The size is an upper bound. Media that the model does not accept, and the reasoning of another model, count although an
//! adapter leaves them out: which model takes the request is not known before it is sent.

use std::iter::Sum;
use std::ops::{Add, Sub};

use crate::json::text_length;
use crate::model::{Call, CallResult, Reasoning, ReasoningKind, Request, Turn, UserPart};
use crate::protocol::{Content, ContentPart, Message, MessageBody, PartKind, Source, Tool};

/// How many bytes of text count as one token.
const BYTES_PER_TOKEN: usize = 4;
/// The estimated tokens of a picture, and of media that are somewhere else. A picture is scaled down to about this size.
const TOKENS_PER_MEDIUM: u64 = 1500;
/// How many bytes of a document, a sound or a video, in Base64, count as one token. They have at least as many tokens as a
/// picture.
const MEDIA_BYTES_PER_TOKEN: usize = 16;

/// The size of a request or of a part of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InputSize {
    pub(crate) bytes: u64,
    /// The estimated number of tokens.
    pub(crate) tokens: u64,
}

impl InputSize {
    /// Returns the size of a text.
    pub(super) fn of_text(text: &str) -> Self {
        Self { bytes: text.len() as u64, tokens: estimate_tokens(text.len()) }
    }

    /// Returns the size of the newest message of the user, which a request has however much of the conversation is left out.
    pub(super) fn of_newest_user_message(messages: &[Message]) -> Self {
        let content = messages.iter().rev().find_map(|message| match &message.body {
            MessageBody::User { content } => Some(content),
            _ => None,
        });
        content.map(Self::of_content).unwrap_or_default()
    }

    /// Returns the size of what a request has beside its conversation: the instructions and the tools.
    pub(super) fn of_frame(request: &Request) -> Self {
        let instructions = request.instructions.as_deref().map(Self::of_text).unwrap_or_default();
        instructions + request.tools.iter().map(Self::of_tool).sum()
    }

    /// Returns the size of one turn of the conversation.
    pub(super) fn of_turn(turn: &Turn) -> Self {
        match turn {
            Turn::User(parts) => parts.iter().map(Self::of_user_part).sum(),
            Turn::Assistant { reasoning, text, calls } => {
                let reasoning: Self = reasoning.iter().map(Self::of_reasoning).sum();
                reasoning + Self::of_text(text) + calls.iter().map(Self::of_call).sum()
            }
            Turn::Results(results) => results.iter().map(Self::of_result).sum(),
        }
    }

    /// Returns the size of the declaration of a tool, with its schema.
    fn of_tool(tool: &Tool) -> Self {
        let schema = tool.parameters.as_ref().map_or(0, |schema| text_length(schema, usize::MAX));
        let schema = Self { bytes: schema as u64, tokens: estimate_tokens(schema) };
        Self::of_text(&tool.name) + Self::of_text(&tool.description) + schema
    }

    /// Returns the size of a part of a user's message.
    pub(super) fn of_user_part(part: &UserPart) -> Self {
        match part {
            UserPart::Content(part) => Self::of_content_part(part),
            UserPart::ClientContext(text) | UserPart::Note(text) => Self::of_text(text),
        }
    }

    /// Returns the size of a piece of reasoning, with the opaque value that goes back with it.
    fn of_reasoning(reasoning: &Reasoning) -> Self {
        let value = match &reasoning.kind {
            ReasoningKind::Plain => "",
            ReasoningKind::Signed(value)
            | ReasoningKind::Redacted(value)
            | ReasoningKind::TurnSignature(value) => value,
        };
        Self::of_text(&reasoning.text) + Self::of_text(value)
    }

    /// Returns the size of a call.
    fn of_call(call: &Call) -> Self {
        let signature = call.signature.as_ref().map_or("", |signature| &signature.value);
        let texts = [call.id.as_str(), &call.name, &call.arguments, signature];
        texts.into_iter().map(Self::of_text).sum()
    }

    /// Returns the size of the result of a call.
    fn of_result(result: &CallResult) -> Self {
        Self::of_text(result.id.as_str()) + Self::of_content(&result.content)
    }

    /// Returns the size of the content of a message or a result.
    fn of_content(content: &Content) -> Self {
        match content {
            Content::Text(text) => Self::of_text(text),
            Content::Parts(parts) => parts.iter().map(Self::of_content_part).sum(),
        }
    }

    /// Returns the size of a part of a content: text, or media as they are sent.
    fn of_content_part(part: &ContentPart) -> Self {
        let (source, is_picture) = match &part.kind {
            PartKind::Text { text } => return Self::of_text(text),
            PartKind::Image { source } => (source, true),
            PartKind::Audio { source } | PartKind::Video { source } | PartKind::Document { source } => {
                (source, false)
            }
            _ => return Self::default(),
        };
        let (value, is_inline) = match source {
            Source::Data { value, .. } => (value, true),
            Source::Url { value, .. } | Source::File { value, .. } => (value, false),
            _ => return Self::default(),
        };
        let by_length = if is_inline && !is_picture { value.len() / MEDIA_BYTES_PER_TOKEN } else { 0 };
        Self { bytes: value.len() as u64, tokens: TOKENS_PER_MEDIUM.max(by_length as u64) }
    }
}

impl Add for InputSize {
    type Output = Self;

    /// Returns the size of both parts together.
    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, tokens: self.tokens + other.tokens }
    }
}

impl Sub for InputSize {
    type Output = Self;

    /// Returns the size that is left without a part.
    fn sub(self, part: Self) -> Self {
        Self { bytes: self.bytes - part.bytes, tokens: self.tokens - part.tokens }
    }
}

impl Sum for InputSize {
    /// Returns the size of all parts together.
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Self::add)
    }
}

/// Returns the estimated number of tokens of a text of this many bytes.
pub(super) fn estimate_tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{CallSignature, ModelSettings};

    /// Returns a user's turn with one part of this type and with this source.
    fn part(kind: &str, source: &serde_json::Value) -> Turn {
        let part = json!({"type": kind, "source": source});
        let message = json!({"id": "u", "role": "user", "content": [part]});
        let input = json!({"threadId": "t", "runId": "r", "messages": [message]});
        let input = crate::protocol::RunAgentInput::read(input).unwrap().input;
        let crate::protocol::MessageBody::User { content: Content::Parts(parts) } = &input.messages[0].body
        else {
            panic!("the content has parts")
        };
        Turn::User(vec![UserPart::Content(parts[0].clone())])
    }

    #[test]
    fn texts_calls_results_and_schemas_are_counted() {
        let reasoning =
            Reasoning { model: "m".into(), text: "1234".into(), kind: ReasoningKind::Signed("12".into()) };
        let signature = CallSignature { model: "m".into(), value: "123".into() };
        let call =
            Call { id: "c".into(), name: "f".into(), arguments: "{}".into(), signature: Some(signature) };
        let result = CallResult { id: "c".into(), content: "12345678".into() };
        for (turn, bytes, tokens) in [
            (Turn::User(vec![UserPart::Note("12345".into()), UserPart::ClientContext("1".into())]), 6, 3),
            (Turn::Assistant { reasoning: vec![reasoning], text: "12345".into(), calls: vec![call] }, 18, 8),
            (Turn::Results(vec![result]), 9, 3),
        ] {
            assert_eq!(InputSize::of_turn(&turn), InputSize { bytes, tokens }, "{turn:?}");
        }

        let tool = json!({"name": "f", "description": "Does it.", "parameters": {"type": "object"}});
        let input = json!({"threadId": "t", "runId": "r", "messages": [], "tools": [tool]});
        let request = Request {
            instructions: Some("Be kind.".into()),
            history: Vec::new(),
            tools: crate::protocol::RunAgentInput::read(input).unwrap().input.tools.into(),
            settings: ModelSettings::default(),
        };
        assert_eq!(InputSize::of_frame(&request), InputSize { bytes: 8 + 1 + 8 + 17, tokens: 2 + 1 + 2 + 5 });
    }

    #[test]
    fn media_count_by_their_kind_and_place() {
        let data = |length| json!({"type": "data", "value": "A".repeat(length), "mimeType": "x/y"});
        let url = json!({"type": "url", "value": "https://a.example/1"});
        for (kind, source, bytes, tokens) in [
            ("image", data(400_000), 400_000, 1500),
            ("document", data(400_000), 400_000, 25_000),
            ("document", data(4), 4, 1500),
            ("audio", data(160_000), 160_000, 10_000),
            ("image", url.clone(), 19, 1500),
            ("document", url, 19, 1500),
        ] {
            let size = InputSize::of_turn(&part(kind, &source));
            assert_eq!(size, InputSize { bytes, tokens }, "{kind}");
        }
    }
}
