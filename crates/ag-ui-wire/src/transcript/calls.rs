//! The calls of a run that have no result yet: which are open, and who will send the result of the others.

use std::collections::HashSet;

use crate::protocol::ToolCallId;

/// A call that has no result when its run is cancelled or fails, as [`Transcript::take_unfinished`] returns it.
///
/// [`Transcript::take_unfinished`]: super::Transcript::take_unfinished
#[derive(Debug)]
#[non_exhaustive]
pub struct UnfinishedCall {
    /// The call, for [`Transcript::tool_result`](super::Transcript::tool_result).
    pub closed: ClosedCall,
    /// The name of its tool.
    pub tool: String,
    /// The arguments that were streamed: JSON text, which may be cut off.
    pub arguments: String,
}

/// A call whose arguments are still streamed. [`Transcript::end_call`](super::Transcript::end_call) takes it, so it is
/// ended once.
#[derive(Debug)]
#[must_use = "a call that is opened should be ended"]
pub struct OpenCall {
    pub(super) id: ToolCallId,
}

impl OpenCall {
    /// The id of the call, as the client has it.
    pub fn id(&self) -> &ToolCallId {
        &self.id
    }
}

/// A call whose arguments are complete.
///
/// One of [`tool_result`], [`defer_to_client`] and [`interrupt`] takes it, so it gets one result at most. If none of them
/// does, the end of the run gives it the result [`UNANSWERED`](super::UNANSWERED).
///
/// [`tool_result`]: super::Transcript::tool_result
/// [`defer_to_client`]: super::Transcript::defer_to_client
/// [`interrupt`]: super::Transcript::interrupt
#[derive(Debug)]
#[must_use = "a call should get a result, be deferred to the client or be interrupted"]
pub struct ClosedCall {
    pub(super) id: ToolCallId,
}

impl ClosedCall {
    /// The id of the call, as the client has it.
    pub fn id(&self) -> &ToolCallId {
        &self.id
    }
}

/// The calls of a run that have no result yet, and the ids that no new call may have.
#[derive(Debug, Default)]
pub(super) struct Calls {
    taken: HashSet<ToolCallId>,
    /// In the order in which they were opened or resumed.
    tracked: Vec<TrackedCall>,
}

/// A call without a result.
#[derive(Debug)]
struct TrackedCall {
    id: ToolCallId,
    /// The name of its tool.
    tool: String,
    /// The arguments that were streamed: JSON text, which may be cut off.
    arguments: String,
    state: CallState,
    /// Whether an earlier run opened it. This run does not list such a call among its own.
    is_earlier: bool,
}

/// How far a call without a result has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallState {
    /// Its arguments are still streamed.
    Open,
    /// Its arguments are complete, and the server owes its result.
    Closed,
    /// The client will send its result.
    Deferred,
    /// A person's answer to an interrupt decides about it in a later run.
    Interrupted,
}

impl Calls {
    /// Takes an id, so that no new call gets it.
    pub(super) fn reserve(&mut self, id: ToolCallId) {
        self.taken.insert(id);
    }

    /// Whether a call of the thread has this id.
    pub(super) fn is_taken(&self, id: &ToolCallId) -> bool {
        self.taken.contains(id)
    }

    /// Adds a new call and takes its id.
    pub(super) fn open(&mut self, id: ToolCallId, tool: &str) -> OpenCall {
        self.taken.insert(id.clone());
        let (tool, arguments) = (tool.to_owned(), String::new());
        self.tracked.push(TrackedCall {
            id: id.clone(),
            tool,
            arguments,
            state: CallState::Open,
            is_earlier: false,
        });
        OpenCall { id }
    }

    /// Adds a call of an earlier run, whose arguments are complete, and takes its id.
    pub(super) fn resume(&mut self, id: ToolCallId, tool: &str, arguments: &str) {
        self.taken.insert(id.clone());
        let (tool, arguments) = (tool.to_owned(), arguments.to_owned());
        self.tracked.push(TrackedCall { id, tool, arguments, state: CallState::Closed, is_earlier: true });
    }

    /// Marks the arguments of a call as complete.
    pub(super) fn close(&mut self, id: &ToolCallId) {
        self.set(id, CallState::Closed);
    }

    /// Marks a call as left to the client.
    pub(super) fn defer(&mut self, id: &ToolCallId) {
        self.set(id, CallState::Deferred);
    }

    /// Marks a call as left to a person.
    pub(super) fn interrupt(&mut self, id: &ToolCallId) {
        self.set(id, CallState::Interrupted);
    }

    /// Removes a call when it gets its result.
    pub(super) fn remove(&mut self, id: &ToolCallId) {
        self.tracked.retain(|call| call.id != *id);
    }

    /// Appends to the arguments of a call.
    pub(super) fn add_arguments(&mut self, id: &ToolCallId, delta: &str) {
        if let Some(call) = self.tracked.iter_mut().find(|call| call.id == *id) {
            call.arguments.push_str(delta);
        }
    }

    /// Whether a call has any arguments, so that its text is not empty.
    pub(super) fn has_arguments(&self, id: &ToolCallId) -> bool {
        self.tracked.iter().any(|call| call.id == *id && !call.arguments.is_empty())
    }

    /// The calls that were not left to the client. Their names and arguments are taken out.
    pub(super) fn unfinished(&mut self) -> Vec<UnfinishedCall> {
        let unfinished = self.tracked.iter_mut().filter(|call| call.state != CallState::Deferred);
        let take = |call: &mut TrackedCall| UnfinishedCall {
            closed: ClosedCall { id: call.id.clone() },
            tool: std::mem::take(&mut call.tool),
            arguments: std::mem::take(&mut call.arguments),
        };
        unfinished.map(take).collect()
    }

    /// The calls that are still open, for the end of a run to close: their owner may have dropped them.
    pub(super) fn open_calls(&self) -> Vec<OpenCall> {
        let open = self.tracked.iter().filter_map(|call| match call.state {
            CallState::Open => Some(OpenCall { id: call.id.clone() }),
            CallState::Closed | CallState::Deferred | CallState::Interrupted => None,
        });
        open.collect()
    }

    /// The calls that were left to a person.
    pub(super) fn interrupted(&self) -> Vec<ToolCallId> {
        self.in_state(CallState::Interrupted)
    }

    /// The calls whose result the server owes.
    pub(super) fn without_result(&self) -> Vec<ToolCallId> {
        self.in_state(CallState::Closed)
    }

    /// The calls of this run that were left to the client.
    pub(super) fn deferred(&self) -> Vec<ToolCallId> {
        let is_deferred = |call: &&TrackedCall| call.state == CallState::Deferred && !call.is_earlier;
        self.tracked.iter().filter(is_deferred).map(|call| call.id.clone()).collect()
    }

    /// The ids of the calls in this state, in order.
    fn in_state(&self, state: CallState) -> Vec<ToolCallId> {
        self.tracked.iter().filter(|call| call.state == state).map(|call| call.id.clone()).collect()
    }

    /// Sets the state of a call; a call that is not tracked is passed over.
    fn set(&mut self, id: &ToolCallId, state: CallState) {
        if let Some(call) = self.tracked.iter_mut().find(|call| call.id == *id) {
            call.state = state;
        }
    }
}
