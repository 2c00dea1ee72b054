//! Why a turn of a model failed, in terms that a run can act on.

use std::error::Error;
use std::time::Duration;

/// A failed turn: the kind of failure, and the cause for the log.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::model::{ModelError, ModelErrorKind};
///
/// let error = ModelError::new(ModelErrorKind::Throttled, "status 429").retry_after(Duration::from_secs(2));
/// assert_eq!(error.to_string(), "the model is throttled"); // the cause is for the log
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ModelError {
    /// Says in which way the turn failed.
    pub kind: ModelErrorKind,
    /// How long the provider asks to wait before the next request.
    pub retry_after: Option<Duration>,
    /// The part of the request that the provider can't use. The run sends the request once more without it.
    pub rejected: Option<RejectedPart>,
    /// The error of the provider or the network, which is written to the log and never sent to the client.
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// Says in which way a model's turn failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// The provider limits the rate of requests.
    #[error("the model is throttled")]
    Throttled,
    /// The provider cannot be reached or is overloaded.
    #[error("the model is unavailable")]
    Unavailable,
    /// The provider rejects the request, so that it would fail again.
    #[error("the model refused the request")]
    Refused,
    /// The key, the permission or the model's name is wrong.
    #[error("the model is misconfigured")]
    Misconfigured,
    /// The turn broke off after it had begun.
    #[error("the model's stream was cut")]
    StreamCut,
    /// The conversation is longer than the model allows.
    #[error("the conversation is too long for the model")]
    ContextTooLong,
}

/// Says which part of a request a provider can't use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectedPart {
    /// It cannot use images, documents, audio or video.
    Media,
    /// It cannot use the schema of the tool of this name.
    Tool(String),
    /// It cannot use the schema of a tool that it does not name.
    UnnamedTool,
}

impl ModelError {
    /// Creates an error of this kind. `cause` is written to the log and never sent to the client.
    pub fn new(kind: ModelErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, retry_after: None, rejected: None, cause: Some(cause.into()) }
    }

    /// Sets the part of the request that the provider can't use. The run then sends the request once more without this
    /// part.
    #[must_use]
    pub fn with_rejected_part(self, rejected: impl Into<Option<RejectedPart>>) -> Self {
        Self { rejected: rejected.into(), ..self }
    }

    /// Sets how long the provider asks to wait before the next request; `None` if it asks for no wait.
    #[must_use]
    pub fn retry_after(self, pause: impl Into<Option<Duration>>) -> Self {
        Self { retry_after: pause.into(), ..self }
    }
}

impl From<ModelErrorKind> for ModelError {
    /// Creates an error of this kind without a cause.
    fn from(kind: ModelErrorKind) -> Self {
        Self { kind, retry_after: None, rejected: None, cause: None }
    }
}
