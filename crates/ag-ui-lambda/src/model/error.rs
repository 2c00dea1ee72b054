//! Why a model gave no turn, in terms that a run can act on.

use std::error::Error;
use std::time::Duration;

/// A failed turn: what kind of failure, and the cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ModelError {
    /// What kind of failure.
    pub kind: ModelErrorKind,
    /// How long the provider wants to be left alone.
    pub retry_after: Option<Duration>,
    /// What of the request the provider can't use. It is asked once more without.
    pub rejected: Option<Rejected>,
    /// What the provider or the network said; for the log only.
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of failure of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// The provider asks to slow down.
    #[error("the model is throttled")]
    Throttled,
    /// The provider cannot be reached or is overloaded.
    #[error("the model is unavailable")]
    Unavailable,
    /// The provider finds the request at fault.
    #[error("the model refused the request")]
    Refused,
    /// The key, the permission or the model's name is wrong.
    #[error("the model is misconfigured")]
    Misconfigured,
    /// The turn broke off.
    #[error("the model's stream was cut")]
    StreamCut,
    /// The conversation is longer than the model takes.
    #[error("the conversation is too long for the model")]
    ContextTooLong,
}

/// What of a request a provider can't use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// Pictures, documents, sounds or films.
    Media,
    /// The schema of the tool of this name.
    Tool(String),
    /// The schema of a tool, and the provider does not say of which.
    SomeTool,
}

impl ModelError {
    /// A failure with its cause.
    pub fn new(kind: ModelErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, retry_after: None, rejected: None, cause: Some(cause.into()) }
    }

    /// The same failure over a part of the request.
    #[must_use]
    pub fn rejecting(self, rejected: impl Into<Option<Rejected>>) -> Self {
        Self { rejected: rejected.into(), ..self }
    }

    /// The same failure of a provider that wants to be left alone for a while.
    #[must_use]
    pub fn retry_after(self, pause: impl Into<Option<Duration>>) -> Self {
        Self { retry_after: pause.into(), ..self }
    }
}

impl From<ModelErrorKind> for ModelError {
    fn from(kind: ModelErrorKind) -> Self {
        Self { kind, retry_after: None, rejected: None, cause: None }
    }
}
