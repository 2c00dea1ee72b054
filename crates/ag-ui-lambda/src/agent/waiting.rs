//! What a call waits for: how it is put to a person, and what is said where nobody gives a yes.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::approval::{Approvals, Identity, Kind, Proof, Subject, iso_8601};
use crate::protocol::{Interrupt, JsonObject, RunId, ThreadId, ToolCallId};
use crate::tool::refusal;

/// What an agent proves with, for one caller and run. Without it, tools whose calls may wait are closed.
#[derive(Clone, Copy)]
pub(super) struct Prover<'a> {
    pub(super) approvals: &'a Approvals,
    pub(super) identity: &'a Identity,
    pub(super) thread_id: &'a ThreadId,
    pub(super) run_id: &'a RunId,
}

/// A call as its proof knows it.
#[derive(Clone, Copy)]
pub(super) struct Called<'a> {
    /// The run that made it; for its result, the run that told it.
    pub(super) run_id: &'a RunId,
    pub(super) id: &'a ToolCallId,
    pub(super) tool: &'a str,
    /// Digest of its arguments.
    pub(super) arguments: [u8; 32],
}

/// What a call waits for, as the client is told of it and a guard keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Raised {
    id: String,
    message: String,
    schema: JsonObject,
}

/// What a person is to be asked about a call.
pub(super) struct Asking {
    pub(super) kind: Kind,
    /// When it ends, in seconds since the Unix epoch; none for a life of its own.
    pub(super) expires: Option<u64>,
    pub(super) message: String,
    /// Of the answer.
    pub(super) schema: JsonObject,
}

impl<'a> Prover<'a> {
    pub(super) fn subject(&self, call: Called<'a>) -> Subject<'a> {
        Subject {
            thread_id: self.thread_id,
            run_id: call.run_id,
            call_id: call.id,
            tool: call.tool,
            arguments: call.arguments,
            identity: self.identity,
        }
    }

    /// Asks for a call; none while the keys can't be had.
    pub(super) async fn raise(&self, call: Called<'a>, asking: Asking) -> Option<Raised> {
        let Asking { kind, expires, message, schema } = asking;
        let proof = self.approvals.prove(kind, expires, self.run_id, &self.subject(call)).await.ok()?;
        Some(Raised::by(&proof, message, schema))
    }
}

impl Raised {
    /// Asks with a proof that is there.
    pub(super) fn by(proof: &Proof, message: String, schema: JsonObject) -> Self {
        Self { id: proof.id().as_str().to_owned(), message, schema }
    }

    /// The interrupt as the client reads it; `send_expires_at` says whether with its end.
    pub(super) fn interrupt(self, call: &ToolCallId, send_expires_at: bool) -> Interrupt {
        let id = self.id.into();
        let proof = Proof::read(&id);
        let reason = match proof.as_ref().map(Proof::kind) {
            Some(Kind::Question { .. }) => "input_required",
            _ => "tool_call",
        };
        Interrupt {
            id,
            reason: reason.into(),
            message: Some(self.message),
            tool_call_id: Some(call.clone()),
            response_schema: Some(self.schema),
            expires_at: proof.filter(|_| send_expires_at).map(|proof| iso_8601(proof.expires())),
            metadata: None,
            subagent_run_id: None,
        }
    }
}

/// What the user is asked before a tool runs.
pub(super) fn may_run(tool: &str) -> String {
    format!("May {tool} be called with these arguments?")
}

/// What the model and the user interface read where an answer did not make a call run. Each has its own word.
///
/// None of them says that the call was not run at all unless that is known: a call that asked a question has run up to
/// it, and an earlier answer may have run the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmet {
    Denied,
    Cancelled,
    Expired,
    /// It was answered before, and nobody knows what came of that.
    OutcomeUnknown,
    /// Whether it was answered before can't be found out.
    HistoryUnknown,
    NotClaimed,
}

impl Unmet {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::OutcomeUnknown | Self::HistoryUnknown => "outcome_unknown",
            Self::NotClaimed => "not_claimed",
        }
    }

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
            Self::NotClaimed => "The approval could not be registered. Nothing was run for this answer.",
        };
        json!({ "error": sentence, "interrupt": self.word() }).to_string()
    }
}

/// What the model reads of a call that needs an approval where nobody can be asked.
pub(super) fn nobody_to_ask() -> String {
    refusal("Nobody can be asked about this call right now. It was not run.")
}

/// What the model reads of a call that has run up to its question where nobody can be asked.
pub(super) fn nobody_to_answer() -> String {
    refusal("Nobody can be asked right now. This call has stopped at its question.")
}
