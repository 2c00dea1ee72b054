//! The port to a chat model: a request in, a stream of deltas out, typed errors.
//!
//! One file an adapter. The loop knows this vocabulary and no provider's; an adapter knows its provider and
//! not the loop.

#[cfg(feature = "bedrock")]
mod bedrock;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod calls;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod claude;
mod demo;
mod error;
#[cfg(feature = "http-models")]
mod hosted;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod rejected;
mod request;
mod scripted;
mod settings;
pub(crate) mod think;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod told;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod wire;

use futures_util::future::{self, BoxFuture};
use futures_util::stream::BoxStream;

use crate::protocol::{PartKind, TokenUsage};

#[cfg(feature = "bedrock")]
pub use bedrock::Bedrock;
pub use demo::demo;
pub use error::{ModelError, ModelErrorKind, Rejected};
#[cfg(feature = "http-models")]
pub use hosted::{ApiKey, ApiKeys, BadUrl, Hosted, Provider};
pub use request::{Call, CallResult, CallSignature, Reasoning, ReasoningKind, Request, Turn, UserPart};
pub use scripted::{Script, Scripted};
pub use settings::{ModelSettings, ThinkTags, ToolChoice};

/// A chat model.
pub trait Model: Send + Sync + 'static {
    /// `<adapter>/<model id>`: for logs, and the mark on what only this model may get back.
    fn name(&self) -> &str;

    /// Begins a turn. Nothing is sent before the stream is polled; dropping it ends the turn.
    ///
    /// A stream that ends without [`Delta::End`] counts as cut.
    fn stream(&self, request: &Request) -> DeltaStream;

    /// Whether the model reads parts of this kind. One that it doesn't is left out of a message and fails nothing.
    fn takes(&self, part: &PartKind) -> bool {
        matches!(part, PartKind::Text { .. })
    }

    /// Gets ready while the function starts: keys and a connection. A failure waits for the first request.
    fn warm(&self) -> BoxFuture<'_, ()> {
        Box::pin(future::ready(()))
    }
}

/// A turn of a model, as it is made.
pub type DeltaStream = BoxStream<'static, Result<Delta, ModelError>>;

/// A piece of a model's turn.
///
/// `call` numbers the calls of a turn, from any start and with any gaps.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Delta {
    /// Text of the answer.
    Text(String),
    /// Text of the reasoning.
    Reasoning(String),
    /// What the provider wants back with the reasoning before it, as it is. It ends that piece of reasoning.
    ReasoningSignature(String),
    /// A piece of reasoning that only the provider can read, and wants back as it is.
    RedactedReasoning(String),
    /// The reasoning before it is complete. It has no signature, and its provider wants the text back.
    ReasoningEnd,
    /// A call begins.
    ToolCall {
        /// Its number in the turn.
        call: usize,
        /// The provider's id of it.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// A piece of a call's arguments.
    ToolArgs {
        /// The call.
        call: usize,
        /// JSON text.
        json: String,
    },
    /// A call's arguments are complete. Calls without one are complete when the turn ends.
    ToolCallEnd {
        /// The call.
        call: usize,
    },
    /// What the provider wants back with a call, as it is.
    ToolCallSignature {
        /// The call.
        call: usize,
        /// Opaque.
        signature: String,
    },
    /// What the provider wants back with the whole turn, as it is. It comes at most once, behind text and calls.
    TurnSignature(String),
    /// Tokens that the turn used.
    Usage(TokenUsage),
    /// The turn is over, in the way that its provider means it to be.
    End(StopReason),
}

/// Why a turn is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The answer is complete, or waits for the results of its calls.
    Complete,
    /// The limit of tokens was reached: text breaks off, and a call without [`Delta::ToolCallEnd`] is not made.
    MaxTokens,
    /// The provider holds the rest back.
    Filtered,
}

impl<M: Model + ?Sized> Model for std::sync::Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn stream(&self, request: &Request) -> DeltaStream {
        (**self).stream(request)
    }

    fn takes(&self, part: &PartKind) -> bool {
        (**self).takes(part)
    }

    fn warm(&self) -> BoxFuture<'_, ()> {
        (**self).warm()
    }
}
