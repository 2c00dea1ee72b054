//! What a person is asked about a call, and what the model reads if the call does not run.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::approval::{InterruptKind, InterruptToken, format_iso_8601};
use crate::protocol::{Interrupt, JsonObject, ToolCallId};
use crate::tool::{ErasedTool, approval_schema, error_result};

/// What the model reads of a call of a tool that does not exist, or that the caller may not use.
pub(super) const NO_SUCH_TOOL: &str = "There is no tool of that name.";

/// What a person is to be asked about a call.
pub(super) struct InterruptRequest {
    pub(super) kind: InterruptKind,
    /// When the token expires, in seconds since the Unix epoch; `None` for the configured time to live.
    pub(super) expires_at: Option<u64>,
    /// The question that the person reads.
    pub(super) message: String,
    /// The JSON Schema of the answer.
    pub(super) schema: JsonObject,
}

/// An interrupt that has a token. The client is sent it, and a replay store keeps it as the outcome of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PendingInterrupt {
    /// The id of the interrupt, which is its token.
    id: String,
    message: String,
    schema: JsonObject,
}

impl PendingInterrupt {
    /// Creates an interrupt whose id is this token. `message` is what the person reads, and `schema` the JSON Schema of
    /// the answer.
    pub(super) fn new(token: &InterruptToken, message: String, schema: JsonObject) -> Self {
        Self { id: token.to_interrupt_id().as_str().to_owned(), message, schema }
    }

    /// Converts the interrupt to the form that the client is sent. `call` is the call that waits. `send_expires_at` is
    /// whether the client is sent the time at which the token expires.
    pub(crate) fn into_interrupt(self, call: &ToolCallId, send_expires_at: bool) -> Interrupt {
        let id = self.id.into();
        let token = InterruptToken::parse(&id);
        let reason = match token.as_ref().map(InterruptToken::kind) {
            Some(InterruptKind::Question { .. }) => "input_required",
            _ => "tool_call",
        };
        Interrupt {
            id,
            reason: reason.into(),
            message: Some(self.message),
            tool_call_id: Some(call.clone()),
            response_schema: Some(self.schema),
            expires_at: token.filter(|_| send_expires_at).map(|token| format_iso_8601(token.expires_at())),
            metadata: None,
            subagent_run_id: None,
        }
    }
}

/// Returns the JSON Schema of the answer with which a person approves or denies a call of this tool. The answer may
/// hold edited arguments if the tool allows that.
pub(super) fn approval_answer_schema<C>(tool: &dyn ErasedTool<C>) -> JsonObject {
    let is_editable = tool.interrupts().editable;
    approval_schema(tool.spec().parameters.as_ref().filter(|_| is_editable))
}

/// Why a call that waited for a person does not run. The model and the client read it in the result of the call.
///
/// The text claims that the call did not run only if that is known: a call that asked a question has run up to the question, and
/// an earlier answer may have run the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeclineReason {
    /// The person did not approve the call.
    Denied,
    /// The person did not answer.
    Cancelled,
    /// The answer came too late.
    Expired,
    /// The call was answered before, and its outcome is not known.
    OutcomeUnknown,
    /// The replay store failed, so it is not known whether the call was answered before.
    HistoryUnknown,
    /// The replay store failed, so the approval could not be reserved.
    NotReserved,
}

impl DeclineReason {
    /// Returns the word for the reason, as the result of the call and the log have it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::OutcomeUnknown | Self::HistoryUnknown => "outcome_unknown",
            Self::NotReserved => "not_claimed",
        }
    }

    /// Returns the result of a call that is declined for this reason: JSON text with a sentence for the model and the
    /// client.
    pub(super) fn result(self) -> String {
        let sentence = match self {
            Self::Denied => "The user did not approve this call. Nothing was run for this answer.",
            Self::Cancelled => "The user did not answer. Nothing was run for this answer.",
            Self::Expired => "The time to answer was over. Nothing was run for this answer.",
            Self::OutcomeUnknown => {
                "This call was answered before, and what came of that is unknown. Nothing was run for this answer."
            }
            Self::HistoryUnknown => {
                "Whether this call was run before is unknown. Nothing was run for this answer."
            }
            Self::NotReserved => "The approval could not be registered. Nothing was run for this answer.",
        };
        json!({ "error": sentence, "interrupt": self.as_str() }).to_string()
    }
}

/// Returns the result of a call that would have to wait for a person, when no person can be asked. `kind` is what the
/// call would wait for.
pub(super) fn no_approver_result(kind: InterruptKind) -> String {
    error_result(match kind {
        InterruptKind::Approval => "Nobody can be asked about this call right now. It was not run.",
        InterruptKind::Question { .. } => {
            "Nobody can be asked right now. This call has stopped at its question."
        }
    })
}
