//! What a model is asked: instructions, the conversation in turns, tools.

use std::sync::Arc;

use super::ModelSettings;
use crate::protocol::{Content, ContentPart, Tool, ToolCallId};

/// The input of one turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The system prompt: the server's own, and nothing of the client's.
    pub instructions: Option<Arc<str>>,
    /// The conversation, oldest first. Every call of an assistant turn is answered right behind it.
    pub history: Vec<Turn>,
    /// The tools on offer: this caller's backend tools and the client's own.
    pub tools: Arc<[Tool]>,
    /// How the model is asked.
    pub settings: ModelSettings,
}

/// One turn of the conversation. Providers know these three, so the enum is exhaustive.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// What the user said.
    User(Vec<UserPart>),
    /// What the model said and called; not both are empty.
    Assistant {
        /// What it thought before, in order.
        reasoning: Vec<Reasoning>,
        /// The text.
        text: String,
        /// The calls, in the order they were made.
        calls: Vec<Call>,
    },
    /// The answers to the calls of the turn before, in the order of the calls.
    Results(Vec<CallResult>),
}

/// A part of what the user said.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum UserPart {
    /// The user's own.
    Content(ContentPart),
    /// The client application's context entries, framed and marked as untrusted data: text for the model that
    /// the user did not write.
    ClientContext(String),
    /// A sentence that stands where the conversation has no words of the user's, since providers want some there:
    /// text for the model that the user did not write.
    Note(String),
}

/// A call in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: ToolCallId,
    /// The tool's name.
    pub name: String,
    /// JSON text as the model wrote it; it may be broken.
    pub arguments: String,
    /// What the provider wants back with it.
    pub signature: Option<CallSignature>,
}

/// What a provider wants back with a call, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSignature {
    /// The model that made it, by [`Model::name`](super::Model::name); no other may get it.
    pub model: String,
    /// Opaque.
    pub value: String,
}

/// A piece of reasoning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoning {
    /// The model that made it, by [`Model::name`](super::Model::name); no other may get it.
    pub model: String,
    /// The text, as far as it can be read.
    pub text: String,
    /// How it goes back.
    pub kind: ReasoningKind,
}

/// How a piece of reasoning goes back to its model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningKind {
    /// As text, to a provider that wants it; most want it only while the calls it led to are being answered.
    Plain,
    /// With this signature.
    Signed(String),
    /// As this opaque value and without the text.
    Redacted(String),
    /// No reasoning of its own: what the provider wants back with the whole turn.
    OfTurn(String),
}

#[cfg(feature = "http-models")]
impl Reasoning {
    /// What goes back with the whole turn, if this is that.
    pub(super) fn of_turn(&self) -> Option<&str> {
        match &self.kind {
            ReasoningKind::OfTurn(value) => Some(value),
            _ => None,
        }
    }
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallResult {
    /// The call's id.
    pub id: ToolCallId,
    /// Text or parts.
    pub content: Content,
}

impl Request {
    /// The user's last words, without other parts; empty if there are none.
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

    /// Whether a tool of that name is on offer.
    pub fn offers(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }
}
