//! What a tool may know of the run it works for.

use std::sync::Arc;

use tokio::time::Instant;

use crate::protocol::{RunId, ThreadId, ToolCallId};

/// The trusted side of a tool's input: who calls, and until when.
///
/// It is cheap to clone and holds nothing that the model or the client's text can change.
#[derive(Debug)]
pub struct ToolContext<C> {
    caller: Arc<C>,
    run: Arc<RunInfo>,
    call_id: ToolCallId,
    deadline: Instant,
}

/// The names of a run. The client chose them: they name a conversation, they prove nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// The conversation.
    pub thread_id: ThreadId,
    /// The run.
    pub run_id: RunId,
}

impl<C> ToolContext<C> {
    /// A context, for the loop and for tests of tools.
    pub fn new(caller: Arc<C>, run: Arc<RunInfo>, call_id: ToolCallId, deadline: Instant) -> Self {
        Self { caller, run, call_id, deadline }
    }

    /// Who calls, as the application made it from proven claims.
    pub fn caller(&self) -> &C {
        &self.caller
    }

    /// The run that the call belongs to.
    pub fn run(&self) -> &RunInfo {
        &self.run
    }

    /// The call.
    pub fn call_id(&self) -> &ToolCallId {
        &self.call_id
    }

    /// When the tool is given up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl<C> Clone for ToolContext<C> {
    fn clone(&self) -> Self {
        Self {
            caller: Arc::clone(&self.caller),
            run: Arc::clone(&self.run),
            call_id: self.call_id.clone(),
            deadline: self.deadline,
        }
    }
}
