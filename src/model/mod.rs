//! The port to a chat model: a request in, a stream of deltas out, typed errors.
//!
//! One file an adapter. The loop knows this vocabulary and no provider's; an adapter knows its provider and
//! not the loop.

mod demo;
mod error;
mod request;
mod scripted;

use futures_util::stream::BoxStream;

use crate::protocol::TokenUsage;

pub use demo::demo;
pub use error::{ModelError, ModelErrorKind};
pub use request::{Call, CallResult, Request, Turn, UserPart};
pub use scripted::{Script, Scripted};

/// A chat model.
pub trait Model: Send + Sync + 'static {
    /// `<adapter>/<model id>`, for logs.
    fn name(&self) -> &str;

    /// Begins a turn. Nothing is sent before the stream is polled; dropping it ends the turn.
    ///
    /// A stream that ends without [`Delta::End`] counts as cut.
    fn stream(&self, request: &Request) -> DeltaStream;
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
    /// Tokens that the turn used.
    Usage(TokenUsage),
    /// The turn is complete.
    End,
}

impl<M: Model + ?Sized> Model for std::sync::Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn stream(&self, request: &Request) -> DeltaStream {
        (**self).stream(request)
    }
}
