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
    /// Returns the id under which the client knows the call. The transcript may have chosen it in place of the model's
    /// id.
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
    /// Returns the id under which the client knows the call. The transcript may have chosen it in place of the model's
    /// id.
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
    /// Records that the thread has already used this id, so that no new call gets it.
    pub(super) fn reserve(&mut self, id: ToolCallId) {
        self.taken.insert(id);
    }

    /// Whether a call of the thread has this id already, so that a new call needs another one.
    pub(super) fn is_taken(&self, id: &ToolCallId) -> bool {
        self.taken.contains(id)
    }

    /// Starts to track a new call, whose arguments will be streamed, and records its id as used. `tool` is the tool's name.
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

    /// Starts to track a call of an earlier run, whose arguments are complete, and records its id as used.
    pub(super) fn resume(&mut self, id: ToolCallId, tool: &str, arguments: &str) {
        self.taken.insert(id.clone());
        let (tool, arguments) = (tool.to_owned(), arguments.to_owned());
        self.tracked.push(TrackedCall { id, tool, arguments, state: CallState::Closed, is_earlier: true });
    }

    /// Marks the arguments of a call as complete, so that the server now has to send its result.
    pub(super) fn close(&mut self, id: &ToolCallId) {
        self.set(id, CallState::Closed);
    }

    /// Marks a call as one whose result the client will send.
    pub(super) fn defer(&mut self, id: &ToolCallId) {
        self.set(id, CallState::Deferred);
    }

    /// Marks a call as one that a person's answer decides about in a later run.
    pub(super) fn interrupt(&mut self, id: &ToolCallId) {
        self.set(id, CallState::Interrupted);
    }

    /// Stops tracking a call, when its result is sent.
    pub(super) fn remove(&mut self, id: &ToolCallId) {
        self.tracked.retain(|call| call.id != *id);
    }

    /// Appends to the streamed arguments of a call. An id that is not tracked changes nothing.
    pub(super) fn add_arguments(&mut self, id: &ToolCallId, delta: &str) {
        if let Some(call) = self.tracked.iter_mut().find(|call| call.id == *id) {
            call.arguments.push_str(delta);
        }
    }

    /// Whether any arguments of the call were streamed; false for an id that is not tracked.
    pub(super) fn has_arguments(&self, id: &ToolCallId) -> bool {
        self.tracked.iter().any(|call| call.id == *id && !call.arguments.is_empty())
    }

    /// Returns all tracked calls except those that were deferred to the client. Their names and arguments are moved out, so
    /// this is called only right before the run ends. The calls stay tracked until they get a result.
    pub(super) fn unfinished(&mut self) -> Vec<UnfinishedCall> {
        let unfinished = self.tracked.iter_mut().filter(|call| call.state != CallState::Deferred);
        let take = |call: &mut TrackedCall| UnfinishedCall {
            closed: ClosedCall { id: call.id.clone() },
            tool: std::mem::take(&mut call.tool),
            arguments: std::mem::take(&mut call.arguments),
        };
        unfinished.map(take).collect()
    }

    /// Returns the calls whose arguments are still streamed, in the order in which they began. The end of a run closes
    /// them, since the caller may have dropped its own [`OpenCall`].
    pub(super) fn open_calls(&self) -> Vec<OpenCall> {
        let open = self.tracked.iter().filter_map(|call| match call.state {
            CallState::Open => Some(OpenCall { id: call.id.clone() }),
            CallState::Closed | CallState::Deferred | CallState::Interrupted => None,
        });
        open.collect()
    }

    /// Returns the ids of the calls that wait for a person's answer, in the order in which the calls began.
    pub(super) fn interrupted(&self) -> Vec<ToolCallId> {
        self.in_state(CallState::Interrupted)
    }

    /// Returns the ids of the calls whose result the server still has to send.
    pub(super) fn without_result(&self) -> Vec<ToolCallId> {
        self.in_state(CallState::Closed)
    }

    /// Returns the ids of the calls that this run itself has started and deferred to the client.
    pub(super) fn deferred(&self) -> Vec<ToolCallId> {
        let is_deferred = |call: &&TrackedCall| call.state == CallState::Deferred && !call.is_earlier;
        self.tracked.iter().filter(is_deferred).map(|call| call.id.clone()).collect()
    }

    /// Returns the ids of the tracked calls in this state, in the order in which the calls began.
    fn in_state(&self, state: CallState) -> Vec<ToolCallId> {
        self.tracked.iter().filter(|call| call.state == state).map(|call| call.id.clone()).collect()
    }

    /// Sets the state of a call. An id that is not tracked changes nothing.
    fn set(&mut self, id: &ToolCallId, state: CallState) {
        if let Some(call) = self.tracked.iter_mut().find(|call| call.id == *id) {
            call.state = state;
        }
    }
}
