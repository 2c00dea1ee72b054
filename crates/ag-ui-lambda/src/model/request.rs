//! The input of a model's turn: instructions, the conversation so far, and the tools on offer.

use std::sync::Arc;

use super::ModelSettings;
use crate::protocol::{Content, ContentPart, Tool, ToolCallId};

/// Holds everything that a model is sent for one turn.
///
/// It is exhaustive, so that the tests of a model can build it.
///
/// ```
/// use ag_ui_lambda::model::{ModelSettings, Request, Turn, UserPart};
/// use ag_ui_lambda::protocol::PartKind;
///
/// let text = PartKind::Text { text: "Where is my order?".into() };
/// let request = Request {
///     instructions: Some("You look after the orders of a shop.".into()),
///     history: vec![Turn::User(vec![UserPart::Content(text.into())])],
///     tools: [].into(),
///     settings: ModelSettings::default(),
/// };
/// assert_eq!(request.last_user_text(), "Where is my order?");
/// ```
#[expect(
    clippy::exhaustive_structs,
    reason = "an adapter has to pass every field on, so a new one has to reach its author"
)]
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The system prompt that the model reads. The server writes it; nothing of it comes from the client.
    pub instructions: Option<Arc<str>>,
    /// The conversation that the model continues, oldest first. An assistant turn with calls is directly
    /// followed by their results.
    pub history: Vec<Turn>,
    /// The tools that the model may call: this caller's backend tools and the client's own.
    pub tools: Arc<[Tool]>,
    /// The temperature, the limits and the other settings that apply to the turn.
    pub settings: ModelSettings,
}

/// One turn of the conversation that a model continues.
#[expect(clippy::exhaustive_enums, reason = "every provider knows these three kinds")]
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// The user sent a message with these parts.
    User(Vec<UserPart>),
    /// The model wrote a turn. Text and calls are never both empty.
    Assistant {
        /// The reasoning before the text and the calls, in order.
        reasoning: Vec<Reasoning>,
        /// The text of the answer; it may be empty.
        text: String,
        /// The calls, in the order in which the model made them.
        calls: Vec<Call>,
    },
    /// The calls of the turn before have these results, in the order of the calls.
    Results(Vec<CallResult>),
}

/// A part of what the model reads as a user's message.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum UserPart {
    /// A part that the user wrote or attached.
    Content(ContentPart),
    /// The context entries of the client application, framed and marked as untrusted data. The user did not write this
    /// text.
    ClientContext(String),
    /// A sentence in a place where providers require a user's message and the conversation has none. The user did not
    /// write this text.
    Note(String),
}

/// Holds a tool call of the history. It is exhaustive, so that the tests of a model can build it.
#[expect(
    clippy::exhaustive_structs,
    reason = "an adapter has to pass every field on, so a new one has to reach its author"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The id of the call, by which its result names it.
    pub id: ToolCallId,
    /// The name of the tool that the model called.
    pub name: String,
    /// The arguments as the JSON text that the model wrote; it may be invalid JSON.
    pub arguments: String,
    /// The opaque value that the provider wants back with the call.
    pub signature: Option<CallSignature>,
}

/// Holds an opaque value that a provider wants back, unchanged, with a call. It is exhaustive, so that the tests of a model
/// can build it.
#[expect(
    clippy::exhaustive_structs,
    reason = "an adapter has to pass every field on, so a new one has to reach its author"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSignature {
    /// The [`Model::name`](super::Model::name) of the model that wrote it. It is never sent to another model.
    pub model: String,
    /// The opaque value, as the provider sent it.
    pub value: String,
}

/// Holds a piece of a model's reasoning from the history. It is exhaustive, so that the tests of a model can build it.
#[expect(
    clippy::exhaustive_structs,
    reason = "an adapter has to pass every field on, so a new one has to reach its author"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoning {
    /// The [`Model::name`](super::Model::name) of the model that wrote it. It is never sent to another model.
    pub model: String,
    /// The readable text; it is empty where only the provider can read the reasoning.
    pub text: String,
    /// The form in which it goes back to the model.
    pub kind: ReasoningKind,
}

/// Says how a piece of reasoning goes back to its model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningKind {
    /// It goes back as plain text, to providers that want it. Most want it only while the calls that it led to
    /// are being answered.
    Plain,
    /// It goes back as text with this signature.
    Signed(String),
    /// It goes back as this opaque value, without the text.
    Redacted(String),
    /// This piece holds no reasoning, but an opaque value that the provider wants back with the turn.
    TurnSignature(String),
}

#[cfg(feature = "http-models")]
impl Reasoning {
    /// Returns the opaque value that the provider wants back with the turn, if this piece holds one; `None` for a piece
    /// of reasoning.
    pub(super) fn turn_signature(&self) -> Option<&str> {
        match &self.kind {
            ReasoningKind::TurnSignature(value) => Some(value),
            _ => None,
        }
    }
}

/// Holds the result of a tool call. It is exhaustive, so that the tests of a model can build it.
#[expect(
    clippy::exhaustive_structs,
    reason = "an adapter has to pass every field on, so a new one has to reach its author"
)]
#[derive(Debug, Clone, PartialEq)]
pub struct CallResult {
    /// The id of the call that this result belongs to.
    pub id: ToolCallId,
    /// What the tool returned, as text or as parts.
    pub content: Content,
}

impl Request {
    /// Returns the text of the user's last message, without attachments and without text that the server or client
    /// added. It is empty if there is no such text. The demo model chooses its answer by this text.
    pub fn last_user_text(&self) -> String {
        let last = self.history.iter().rev().find_map(|turn| match turn {
            Turn::User(parts) => Some(parts),
            _ => None,
        });
        let parts = last.into_iter().flatten().filter_map(|part| match part {
            UserPart::Content(part) => Some(part.clone()),
            UserPart::ClientContext(_) | UserPart::Note(_) => None,
        });
        Content::Parts(parts.collect()).text()
    }

    /// Returns whether the request offers a tool of this name, so that the model may call it. Checked before a tool is
    /// forced by [`ToolChoice::Tool`](super::ToolChoice::Tool).
    pub fn offers(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }
}
