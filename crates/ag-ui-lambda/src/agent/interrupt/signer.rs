//! Signs interrupts and results for one caller in one run.

use std::sync::Arc;

use super::request::{InterruptRequest, PendingInterrupt};
use crate::approval::{Approvals, Binding};
use crate::auth::Principal;
use crate::model::Call;
use crate::protocol::{RunAgentInput, RunId, ThreadId, ToolCall, ToolCallId};

/// Signs interrupts and results for one caller in one run, and checks what was signed before. It is built once for a run.
pub(crate) struct RunSigner {
    pub(super) approvals: Approvals,
    principal: Principal,
    thread_id: ThreadId,
    pub(super) run_id: RunId,
    /// The path of the agent, which signatures are bound to; `None` for the first agent of an endpoint.
    agent_path: Option<Arc<str>>,
}

/// A call in a turn of the model or in a history: what a signature of its result covers.
#[derive(Clone, Copy)]
pub(crate) struct CallRef<'a> {
    pub(crate) id: &'a ToolCallId,
    pub(crate) tool: &'a str,
    /// The JSON text of the arguments, which may be invalid.
    pub(crate) arguments: &'a str,
}

impl RunSigner {
    /// Creates the signer for the caller whom `principal` identifies, in the thread and the run of `input`.
    pub(crate) fn new(approvals: Approvals, principal: Principal, input: &RunAgentInput) -> Self {
        let (thread_id, run_id) = (input.thread_id.clone(), input.run_id.clone());
        Self { approvals, principal, thread_id, run_id, agent_path: None }
    }

    /// Sets the path of the agent that runs. What another agent has signed with the same key is then invalid here.
    pub(crate) fn agent_path(self, agent_path: Option<Arc<str>>) -> Self {
        Self { agent_path, ..self }
    }

    /// Returns what a signature for a call is bound to: the thread, principal and agent of this signer, the run, and the
    /// call with its tool and arguments. `run_id` is the run that made the call; for the signature of a result it is the run
    /// that sent the result.
    pub(super) fn binding<'a>(
        &'a self,
        run_id: &'a RunId,
        call_id: &'a ToolCallId,
        tool: &'a str,
        arguments_digest: [u8; 32],
    ) -> Binding<'a> {
        let (thread_id, principal, agent) = (&self.thread_id, &self.principal, self.agent_path.as_deref());
        Binding { thread_id, run_id, call_id, tool, arguments_digest, principal, agent }
    }

    /// Signs a token for `binding`, and returns the interrupt with which a person is asked what `request` holds; `None`
    /// if the key cannot be fetched.
    pub(super) async fn issue_interrupt(
        &self,
        binding: &Binding<'_>,
        request: InterruptRequest,
    ) -> Option<PendingInterrupt> {
        let InterruptRequest { kind, expires_at, message, schema } = request;
        let token = self.approvals.issue_token(kind, expires_at, &self.run_id, binding).await.ok()?;
        Some(PendingInterrupt::new(&token, message, schema))
    }
}

impl<'a> From<&'a Call> for CallRef<'a> {
    /// Refers to a call in a turn of the model.
    fn from(call: &'a Call) -> Self {
        Self { id: &call.id, tool: &call.name, arguments: &call.arguments }
    }
}

impl<'a> From<&'a ToolCall> for CallRef<'a> {
    /// Refers to a call in the history that a client sent.
    fn from(call: &'a ToolCall) -> Self {
        Self { id: &call.id, tool: &call.function.name, arguments: &call.function.arguments }
    }
}
