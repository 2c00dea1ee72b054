//! The interface to a chat model, [`Model`]: a request goes in, and a stream of deltas or a typed error comes out.
//!
//! Each provider has an adapter in a file or folder of its own. The agent loop knows only the types of this module and
//! nothing of a provider; an adapter knows its provider and nothing of the loop.

#[cfg(feature = "bedrock")]
mod bedrock;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod calls;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod claude;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod compat;
mod demo;
mod error;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod error_text;
#[cfg(feature = "http-models")]
mod http;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod json_body;
#[cfg(any(feature = "bedrock", feature = "http-models"))]
mod rejected_part;
mod request;
mod scripted;
mod settings;
pub(crate) mod think_tags;

use futures_util::future::{self, BoxFuture};
use futures_util::stream::BoxStream;

use crate::protocol::{PartKind, TokenUsage};

#[cfg(feature = "http-models")]
pub use self::http::{
    ApiKeyProvider, BaseUrlError, Credentials, HttpModel, MediaHosts, MediaHostsError, Provider,
};
#[cfg(feature = "bedrock")]
pub use bedrock::Bedrock;
#[cfg(all(feature = "bedrock", feature = "http-models"))]
pub use bedrock::BedrockApiKeys;
pub use demo::demo;
pub use error::{ModelError, ModelErrorKind, RejectedPart};
pub use request::{Call, CallResult, CallSignature, Reasoning, ReasoningKind, Request, Turn, UserPart};
pub use scripted::{Script, Scripted};
pub use settings::{ModelSettings, ThinkTags, ToolChoice};

/// A chat model, as the agent loop uses it.
///
/// ```
/// use ag_ui_lambda::model::{Delta, DeltaStream, Model, Request, StopReason};
/// use futures_util::{StreamExt as _, stream};
///
/// /// A model that repeats what the user says.
/// struct Echo;
///
/// impl Model for Echo {
///     fn name(&self) -> &str {
///         "echo/1"
///     }
///
///     fn stream(&self, request: &Request) -> DeltaStream {
///         let answer = Delta::Text(request.last_user_text());
///         stream::iter([Ok(answer), Ok(Delta::End(StopReason::Complete))]).boxed()
///     }
/// }
/// ```
pub trait Model: Send + Sync + 'static {
    /// Returns the model's full name, `<adapter>/<model id>`. It is logged, and it marks the reasoning and signatures
    /// that only this model may get back.
    fn name(&self) -> &str;

    /// Starts a turn. The adapter sends nothing before the stream is polled first, and dropping the stream ends the
    /// turn.
    ///
    /// A stream that ends without [`Delta::End`] counts as cut off.
    fn stream(&self, request: &Request) -> DeltaStream;

    /// Returns whether the model can read this part. The agent announces the result as a capability, and an adapter
    /// leaves out of a message what the model can't read. By default only text is accepted.
    fn accepts(&self, part: &PartKind) -> bool {
        matches!(part, PartKind::Text { .. })
    }

    /// Prepares for the first turn while the function starts: fetches the key and opens a connection. A failure is not
    /// reported here, because the first turn meets it again. By default this does nothing.
    fn warm_up(&self) -> BoxFuture<'_, ()> {
        Box::pin(future::ready(()))
    }
}

/// Yields the deltas of one turn, in the order in which the model writes them.
pub type DeltaStream = BoxStream<'static, Result<Delta, ModelError>>;

/// A piece of a turn that a model writes.
///
/// In the variants about calls, `call` distinguishes the calls of a turn. The numbers may start anywhere and have gaps.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Delta {
    /// The model wrote a piece of the text of its answer.
    Text(String),
    /// The model wrote a piece of the text of its reasoning.
    Reasoning(String),
    /// An opaque value that the provider wants back, unchanged, with the reasoning before it. It ends that piece of
    /// reasoning.
    ReasoningSignature(String),
    /// A piece of reasoning that only the provider can read. The provider wants it back unchanged.
    RedactedReasoning(String),
    /// A piece of reasoning ended that has no signature and whose text the provider wants back.
    ReasoningEnd,
    /// The model began to call a tool.
    ToolCall {
        /// The call's number in the turn.
        call: usize,
        /// The provider's id of the call.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// The model wrote a piece of a call's arguments.
    ToolArgs {
        /// The call's number in the turn.
        call: usize,
        /// The next piece of the JSON text.
        json: String,
    },
    /// The arguments of a call are complete. Calls that get no such delta are complete when the turn ends.
    ToolCallEnd {
        /// The call's number in the turn.
        call: usize,
    },
    /// An opaque value that the provider wants back, unchanged, with a call.
    ToolCallSignature {
        /// The call's number in the turn.
        call: usize,
        /// The opaque value.
        signature: String,
    },
    /// An opaque value that the provider wants back, unchanged, with the turn. It comes at most once, after text and calls.
    TurnSignature(String),
    /// Tokens that the turn used.
    Usage(TokenUsage),
    /// The regular end of the turn, as its provider reports it.
    End(StopReason),
}

impl Delta {
    /// Returns how many bytes of the answer the piece holds: text, reasoning, names and arguments of calls. The run
    /// estimates by them how many tokens the model has written.
    pub(crate) fn output_len(&self) -> usize {
        match self {
            Self::Text(text) | Self::Reasoning(text) => text.len(),
            Self::ToolCall { name, .. } => name.len(),
            Self::ToolArgs { json, .. } => json.len(),
            _ => 0,
        }
    }
}

/// Why a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The answer is complete, or the model waits for the results of its calls.
    Complete,
    /// The limit of tokens was reached: the text breaks off, and a call without [`Delta::ToolCallEnd`] is dropped.
    MaxTokens,
    /// The provider withheld the rest because of its content policy.
    Filtered,
}

impl<M: Model + ?Sized> Model for std::sync::Arc<M> {
    /// Returns the name of the inner model.
    fn name(&self) -> &str {
        (**self).name()
    }

    /// Starts a turn of the inner model.
    fn stream(&self, request: &Request) -> DeltaStream {
        (**self).stream(request)
    }

    /// Returns whether the inner model accepts the part.
    fn accepts(&self, part: &PartKind) -> bool {
        (**self).accepts(part)
    }

    /// Warms up the inner model.
    fn warm_up(&self) -> BoxFuture<'_, ()> {
        (**self).warm_up()
    }
}
