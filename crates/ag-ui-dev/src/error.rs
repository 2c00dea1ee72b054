//! Why a function gave no answer.

use std::{fmt, io, time::Duration};

use serde::Deserialize;

/// What kept a [`Function`](super::Function) from being ready or from answering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// The Runtime API has no port or the process did not start.
    #[error("function could not be started")]
    Spawn(#[source] io::Error),
    /// The process ended too early.
    #[error("function exited with {status} before it {before}; {log}")]
    Exited {
        /// `status 1`, or the signal.
        status: String,
        /// What it had still to do: `asked for work` or `answered`.
        before: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// The time to get ready is over.
    #[error("function did not ask for work within {waited:?}; {log}")]
    NotReady {
        /// How long it was waited for.
        waited: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// The function said that it cannot start.
    #[error("function failed to start: {0}")]
    Init(Failure),
    /// The function said that it cannot answer this event.
    #[error("function failed: {0}")]
    Failed(Failure),
    /// The connection broke before the answer had a status.
    #[error("function closed the connection before the head of its answer")]
    Closed,
    /// The answer's head is not what Lambda expects.
    #[error("function answered with {0}")]
    Malformed(String),
}

/// An error as a function reports it to Lambda.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Failure {
    /// What kind it is, often a Rust type's name.
    pub error_type: String,
    /// What the function says about it.
    pub error_message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}
