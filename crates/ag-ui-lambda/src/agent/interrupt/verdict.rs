//! What can be decided about a call of a history that may have waited for a person. `judge` decides, and `settle` carries the
//! decision out.

use super::resume::ResumeAction;

/// What was decided about a gated call.
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    /// The indexes of tool messages that the client has to drop: those that only repeat an answer, which a front end has added,
    /// and those of a call that an answer decides about.
    pub(super) superseded: Vec<usize>,
    /// How many answers had an invalid token.
    pub(super) forged: usize,
}

/// What becomes of a gated call.
pub(super) enum Verdict {
    /// The message with this index is its result.
    HasResult(usize),
    /// An answer decides about it.
    Answered(ResumeAction),
    /// It has a result that cannot be verified. The model reads a sentence in its place; nothing is run or sent.
    Unverified,
    /// It stays open: the client has answered the frontend calls of the same turn, and will answer this one.
    StaysOpen,
    /// It has no valid answer. It is not run, and the client is sent a placeholder result.
    Unanswered(UnansweredCause),
    /// The keys have to be read again before it can be judged.
    NeedsKeys {
        /// Whether it has a tool message that does not only repeat an answer, so that the client may have its result.
        has_message: bool,
        /// Whether an answer may decide although there is an unsigned tool message, which the client then has to drop.
        may_supersede: bool,
    },
}

/// Why a call has no valid answer, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnansweredCause {
    NoAnswer,
    InvalidToken,
    SeveralAnswers,
    ApprovalsClosed,
    InvalidArguments,
}

impl UnansweredCause {
    /// Returns the value that the log field `cause` has for this cause.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::InvalidToken => "no_proof",
            Self::SeveralAnswers => "several_answers",
            Self::ApprovalsClosed => "approvals_closed",
            Self::InvalidArguments => "arguments",
        }
    }
}
