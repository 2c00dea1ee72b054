//! What a tool may know of the run it works for.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::voice::{self, Voice};
use super::{Progress, State};
use crate::protocol::{RunId, ThreadId, ToolCallId};

/// The trusted side of a tool's input: who calls, and until when; and what a tool may say while it works.
///
/// It is cheap to clone. But for [`state`](Self::state), which is the client's, it holds nothing that the model or
/// the client's text can change.
#[derive(Debug)]
pub struct ToolContext<C> {
    caller: Arc<C>,
    run: Arc<RunInfo>,
    call_id: ToolCallId,
    deadline: Instant,
    voice: Voice,
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
    /// A context, for the loop and for tests of tools: what a tool says in it, nobody hears.
    pub fn new(caller: Arc<C>, run: Arc<RunInfo>, call_id: ToolCallId, deadline: Instant) -> Self {
        let (voice, _unheard) = voice::channel(Arc::new(json!({})));
        Self { caller, run, call_id, deadline, voice }
    }

    /// The same context with this shared state, for tests of tools.
    #[must_use]
    pub fn with_state(self, state: Value) -> Self {
        let (voice, _unheard) = voice::channel(Arc::new(state));
        Self { voice, ..self }
    }

    /// The same context in a run that hears what the tool says.
    pub(crate) fn with_voice(self, voice: Voice) -> Self {
        Self { voice, ..self }
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

    /// The state that the run shares with its client.
    pub fn state(&self) -> State {
        State::new(self.voice.clone())
    }

    /// What the user interface shows of the tool's work.
    pub fn progress(&self) -> Progress {
        Progress::new(self.voice.clone())
    }
}

impl<C> Clone for ToolContext<C> {
    fn clone(&self) -> Self {
        Self {
            caller: Arc::clone(&self.caller),
            run: Arc::clone(&self.run),
            call_id: self.call_id.clone(),
            deadline: self.deadline,
            voice: self.voice.clone(),
        }
    }
}
