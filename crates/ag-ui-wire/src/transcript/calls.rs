//! The calls of a run: which are open, which wait for an answer, and from whom.

use std::collections::HashSet;

use crate::protocol::ToolCallId;

/// A call that has no result when its run is over.
#[derive(Debug)]
pub struct UnfinishedCall {
    /// The call, to be answered.
    pub closed: ClosedCall,
    /// The name of its tool.
    pub tool: String,
    /// Its arguments as far as they came: JSON text, which may be broken.
    pub arguments: String,
}

/// A call whose arguments still stream. It can be closed once.
#[derive(Debug)]
#[must_use = "a call that is opened should be ended"]
pub struct OpenCall {
    pub(super) id: ToolCallId,
}

impl OpenCall {
    /// The call's id.
    pub fn id(&self) -> &ToolCallId {
        &self.id
    }
}

/// A call whose arguments are complete. It can be answered once.
#[derive(Debug)]
#[must_use = "a call that is made should be answered or left to the client"]
pub struct ClosedCall {
    pub(super) id: ToolCallId,
}

impl ClosedCall {
    /// The call's id.
    pub fn id(&self) -> &ToolCallId {
        &self.id
    }
}

/// The calls of a run, in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Calls {
    taken: HashSet<ToolCallId>,
    unanswered: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: ToolCallId,
    tool: String,
    /// What of them has been said; JSON text, which may be broken.
    arguments: String,
    state: State,
    /// Whether an earlier run has made it: this one does not list it as its own.
    is_earlier: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
    Left,
    Asked,
}

impl Calls {
    pub(super) fn reserve(&mut self, id: ToolCallId) {
        self.taken.insert(id);
    }

    pub(super) fn is_taken(&self, id: &ToolCallId) -> bool {
        self.taken.contains(id)
    }

    pub(super) fn open(&mut self, id: ToolCallId, tool: &str) -> OpenCall {
        self.taken.insert(id.clone());
        let (tool, arguments) = (tool.to_owned(), String::new());
        self.unanswered.push(Entry {
            id: id.clone(),
            tool,
            arguments,
            state: State::Open,
            is_earlier: false,
        });
        OpenCall { id }
    }

    /// A call of an earlier run, its arguments complete.
    pub(super) fn take_up(&mut self, id: ToolCallId, tool: &str, arguments: &str) {
        self.taken.insert(id.clone());
        let (tool, arguments) = (tool.to_owned(), arguments.to_owned());
        self.unanswered.push(Entry { id, tool, arguments, state: State::Closed, is_earlier: true });
    }

    pub(super) fn close(&mut self, id: &ToolCallId) {
        self.set(id, State::Closed);
    }

    pub(super) fn leave(&mut self, id: &ToolCallId) {
        self.set(id, State::Left);
    }

    pub(super) fn ask(&mut self, id: &ToolCallId) {
        self.set(id, State::Asked);
    }

    pub(super) fn answer(&mut self, id: &ToolCallId) {
        self.unanswered.retain(|entry| entry.id != *id);
    }

    pub(super) fn add_arguments(&mut self, id: &ToolCallId, delta: &str) {
        if let Some(entry) = self.unanswered.iter_mut().find(|entry| entry.id == *id) {
            entry.arguments.push_str(delta);
        }
    }

    pub(super) fn has_arguments(&self, id: &ToolCallId) -> bool {
        self.unanswered.iter().any(|entry| entry.id == *id && !entry.arguments.is_empty())
    }

    /// The calls that neither have a result nor were left to the client, with their arguments.
    pub(super) fn unfinished(&mut self) -> Vec<UnfinishedCall> {
        let unfinished = self.unanswered.iter_mut().filter(|entry| entry.state != State::Left);
        let take = |entry: &mut Entry| UnfinishedCall {
            closed: ClosedCall { id: entry.id.clone() },
            tool: std::mem::take(&mut entry.tool),
            arguments: std::mem::take(&mut entry.arguments),
        };
        unfinished.map(take).collect()
    }

    /// The calls that are still open, for the transcript to close when their owner is gone.
    pub(super) fn forgotten(&self) -> Vec<OpenCall> {
        let open = self.unanswered.iter().filter_map(|entry| match entry.state {
            State::Open => Some(OpenCall { id: entry.id.clone() }),
            State::Closed | State::Left | State::Asked => None,
        });
        open.collect()
    }

    /// The calls that wait for a person.
    pub(super) fn asked(&self) -> Vec<ToolCallId> {
        self.in_state(State::Asked)
    }

    /// The calls that neither have an answer nor were left to anybody.
    pub(super) fn unanswered_by_server(&self) -> Vec<ToolCallId> {
        self.in_state(State::Closed)
    }

    /// The calls of this run that were left to the client.
    pub(super) fn left(&self) -> Vec<ToolCallId> {
        let left = |entry: &&Entry| entry.state == State::Left && !entry.is_earlier;
        self.unanswered.iter().filter(left).map(|entry| entry.id.clone()).collect()
    }

    fn in_state(&self, state: State) -> Vec<ToolCallId> {
        self.unanswered.iter().filter(|entry| entry.state == state).map(|entry| entry.id.clone()).collect()
    }

    fn set(&mut self, id: &ToolCallId, state: State) {
        if let Some(entry) = self.unanswered.iter_mut().find(|entry| entry.id == *id) {
            entry.state = state;
        }
    }
}
