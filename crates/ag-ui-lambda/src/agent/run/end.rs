//! How a run ends: the reasons and codes that clients and the log read.

use crate::model::{ModelError, ModelErrorKind};
use crate::transcript::RunError;

/// Why a run ended before its answer was complete.
#[derive(Debug)]
pub(crate) enum RunEnd {
    /// It was cancelled.
    Cancelled(CancelReason),
    /// Its model failed.
    ModelFailed {
        /// The name of the model.
        model: String,
        error: ModelError,
    },
    /// The model gave no result of the agent's result type.
    InvalidResult {
        /// The name of the model.
        model: String,
    },
}

impl RunEnd {
    /// Returns the reason why a run ends when the model of this name has failed with this error.
    pub(super) fn model_failed(model: &str, error: impl Into<ModelError>) -> Self {
        Self::ModelFailed { model: model.to_owned(), error: error.into() }
    }
}

/// Why a run was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelReason {
    MaxTurns,
    MaxToolCalls,
    MaxArgumentBytes,
    /// A request to the model would be too large, although all turns but the newest are left out.
    MaxInputBytes,
    RunTimeout,
    TokenBudget,
    /// The budget of the user or of the organisation is used up.
    UserBudget,
    /// The budget of the user or of the organisation has no room at the moment, because of what other runs hold. The reason is
    /// the same for clients; only the sentence differs.
    HeldUserBudget,
    Deadline,
    /// The answer of the model is too long, or the buffered response has reached the limit of its entry point.
    MaxResponseBytes,
    /// [`CancelHandle::cancel`](super::stream::CancelHandle::cancel) was called.
    Stopped,
    /// The stream was dropped before its end. Only the log has this reason.
    ClientGone,
}

impl CancelReason {
    /// Returns the reason as the client and the log read it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::MaxTurns => "MAX_TURNS",
            Self::MaxToolCalls => "MAX_TOOL_CALLS",
            Self::MaxArgumentBytes => "MAX_ARGUMENT_BYTES",
            Self::MaxInputBytes => "MAX_INPUT_BYTES",
            Self::RunTimeout => "RUN_TIMEOUT",
            Self::TokenBudget => "TOKEN_BUDGET",
            Self::UserBudget | Self::HeldUserBudget => "USER_BUDGET",
            Self::Deadline => "DEADLINE",
            Self::MaxResponseBytes => "MAX_RESPONSE_BYTES",
            Self::Stopped => "STOPPED",
            Self::ClientGone => "CLIENT_GONE",
        }
    }

    /// Returns the code and the sentence of the RUN_ERROR that ends a cancelled run for a client before 1.0.
    pub(super) fn run_error(self) -> RunError {
        let message = match self {
            Self::MaxTurns => {
                "The task took too many turns, so it was stopped. Please ask for a smaller part of it."
            }
            Self::MaxToolCalls => {
                "The agent tried to do too much at once, so it was stopped. Please ask for a smaller part of the task."
            }
            Self::RunTimeout | Self::Deadline => {
                "The task took too long, so it was stopped. Please ask for a smaller part of it."
            }
            Self::MaxInputBytes => {
                "The conversation is too long for another answer. Please send a shorter message, ask for less, or start a new conversation."
            }
            Self::TokenBudget => {
                "The task became too long, so it was stopped. Please ask for a smaller part of it."
            }
            Self::MaxArgumentBytes | Self::MaxResponseBytes => {
                "The answer became too long, so it was stopped. Please ask for a smaller part of it."
            }
            Self::UserBudget => {
                "The budget of today is used up, so the answer was stopped. A new day begins at 00:00 UTC."
            }
            Self::HeldUserBudget => {
                "Other answers that are being written need the rest of the budget of today, so the answer was stopped. Please try again in a moment."
            }
            Self::Stopped | Self::ClientGone => "The answer was stopped before it was complete.",
        };
        RunError { code: self.as_str(), message }
    }
}

/// What the client reads when a run panics.
pub(super) const INTERNAL_ERROR: RunError =
    RunError { code: "INTERNAL", message: "Something went wrong. Please try again." };

/// What the client reads when no result of a run fits the agent's result type.
pub(super) const INVALID_RESULT: RunError = RunError {
    code: "RESULT_INVALID",
    message: "The answer is complete, but its result has not the expected form. Please try again.",
};

/// The code of a run whose newest turn alone is too long for the model, and the reason why turns were left out of a request.
pub(super) const CONTEXT_TOO_LONG: &str = "CONTEXT_TOO_LONG";

/// Returns the code and the sentence that the client reads when a model fails with an error of this kind.
pub(crate) fn run_error(kind: ModelErrorKind) -> RunError {
    let (code, message) = match kind {
        ModelErrorKind::Throttled => ("MODEL_THROTTLED", "The model is busy. Please try again in a moment."),
        ModelErrorKind::Unavailable => {
            ("MODEL_UNAVAILABLE", "The model is not available. Please try again later.")
        }
        ModelErrorKind::Refused => ("MODEL_REFUSED", "The model did not accept the request."),
        ModelErrorKind::Misconfigured => ("MODEL_MISCONFIGURED", "The model is not set up correctly."),
        ModelErrorKind::StreamCut => ("MODEL_STREAM_CUT", "The model's answer broke off. Please try again."),
        ModelErrorKind::ContextTooLong => (
            CONTEXT_TOO_LONG,
            "The conversation is too long for the model. Please send a shorter message, ask for less, or start a new conversation.",
        ),
    };
    RunError { code, message }
}
