//! Why a function did not start or did not respond.

use std::{fmt, io, time::Duration};

use serde::Deserialize;

/// The error of a [`Function`](super::Function) that did not start or did not respond.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// There is no port for the Runtime API, or the process did not start.
    #[error("function could not be started")]
    Spawn(#[source] io::Error),
    /// The process ended before it was ready or had responded.
    #[error("function exited with {status} before it {before}; {log}")]
    Exited {
        /// How it ended: `status 1`, or the signal.
        status: String,
        /// What it had not done yet: `asked for work` or `answered`.
        before: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// The function was not ready in time.
    #[error("function did not ask for work within {waited:?}; {log}")]
    NotReady {
        /// The time limit.
        waited: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// The function reported that it cannot start.
    #[error("function failed to start: {0}")]
    Init(ReportedError),
    /// The function reported an error in place of a response.
    #[error("function failed: {0}")]
    Failed(ReportedError),
    /// The connection was closed before the response had a status.
    #[error("function closed the connection before the head of its answer")]
    Closed,
    /// The head of the response is not what Lambda expects.
    #[error("function answered with {0}")]
    Malformed(String),
}

/// An error that a function has reported to Lambda.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ReportedError {
    /// The type of the error. For a Rust function it is often the name of a Rust type.
    pub error_type: String,
    /// The message of the error.
    pub error_message: String,
}

impl fmt::Display for ReportedError {
    /// Writes the type and the message of the error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}
