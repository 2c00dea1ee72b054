//! A call of the turn that is being read, and how it compares with a piece of a call.

use serde_json::Value;

use super::brackets::Brackets;
use super::call_delta::CallDelta;

/// The JSON text of empty arguments.
pub(super) const EMPTY_ARGUMENTS: &str = "{}";

/// A call, as far as its pieces have come.
#[derive(Default)]
pub(super) struct PartialCall {
    /// The call's index on the wire, if its first piece had one.
    pub(super) index: Option<usize>,
    /// The id of the item that holds the call, or an empty text.
    pub(super) item_id: String,
    /// The provider's id of the call, or an empty text.
    pub(super) id: String,
    /// The tool's name on the wire, or an empty text.
    pub(super) name: String,
    /// The id of the call in the deltas; `None` until the call has a name and its start was sent.
    pub(super) announced_id: Option<String>,
    /// The arguments so far, without an empty object that came first: some servers send one before the arguments.
    pub(super) json: String,
    /// Whether an empty object came in place of the arguments so far.
    pub(super) has_empty_object: bool,
    /// Tells whether `json` is complete.
    brackets: Brackets,
    /// The opaque value that the provider wants back with the call.
    pub(super) signature: Option<String>,
    /// Whether the wire has reported that the call is complete.
    pub(super) has_stopped: bool,
    /// Whether the call's end was sent.
    pub(super) is_ended: bool,
}

impl PartialCall {
    /// Creates the call that the piece `delta` starts, with the index and the ids of the piece. The call has no name
    /// and no arguments yet: `Calls` applies those of the piece afterwards.
    pub(super) fn new(delta: &CallDelta) -> Self {
        Self { index: delta.index, item_id: delta.item_id.clone(), id: delta.id.clone(), ..Self::default() }
    }

    /// Returns whether the arguments so far are a complete JSON text.
    pub(super) fn has_complete_json(&self) -> bool {
        self.brackets.is_closed()
    }

    /// Returns whether the call accepts no more arguments: its end was sent, or its arguments are complete.
    pub(super) fn is_closed(&self) -> bool {
        self.is_ended || self.has_complete_json()
    }

    /// Returns the JSON text of the arguments so far; `{}` if only an empty object has come.
    pub(super) fn arguments_so_far(&self) -> &str {
        if self.json.is_empty() && self.has_empty_object { EMPTY_ARGUMENTS } else { &self.json }
    }

    /// Appends a piece of the arguments' JSON text.
    pub(super) fn push(&mut self, json: &str) {
        self.json.push_str(json);
        self.brackets.push(json);
    }

    /// Returns whether a piece has the index, the item's id or the id of this call. A different index rules the call
    /// out.
    pub(super) fn is_identified_by(&self, delta: &CallDelta) -> bool {
        let has_same_index = self.index.is_some() && self.index == delta.index;
        !self.has_other_index(delta)
            && (has_same_index
                || is_same_known(&self.item_id, &delta.item_id)
                || is_same_known(&self.id, &delta.id))
    }

    /// Returns whether a piece may belong to this call, because index, id and name are equal or missing on one side.
    /// Ids of items do not count: some servers make new ones in each event.
    pub(super) fn is_compatible(&self, delta: &CallDelta) -> bool {
        !self.has_other_index(delta) && !self.has_other_id(delta) && !differ(&self.name, &delta.name)
    }

    /// Returns whether both the call and the piece have an index on the wire, and the two differ.
    pub(super) fn has_other_index(&self, delta: &CallDelta) -> bool {
        self.index.is_some() && delta.index.is_some() && self.index != delta.index
    }

    /// Returns whether both the call and the piece have an id, and the two differ.
    pub(super) fn has_other_id(&self, delta: &CallDelta) -> bool {
        differ(&self.id, &delta.id)
    }

    /// Returns whether this text may be the next piece of the arguments. A text that begins with `{` where no value is
    /// expected is the start of another call's arguments.
    pub(super) fn can_continue_with(&self, json: &str) -> bool {
        let expects_value = self.json.trim_end().ends_with([':', ',', '[']);
        self.json.is_empty() || expects_value || !json.trim_start().starts_with('{')
    }
}

/// Returns whether two ids are equal and not empty.
pub(super) fn is_same_known(a: &str, b: &str) -> bool {
    !a.is_empty() && a == b
}

/// Returns whether two names or ids are both known, that is not empty, and differ.
pub(super) fn differ(a: &str, b: &str) -> bool {
    !a.is_empty() && !b.is_empty() && a != b
}

/// Returns whether a JSON text means empty arguments: it is blank, `{}`, `null` or `None`.
pub(super) fn is_empty_arguments(json: &str) -> bool {
    matches!(json.trim(), "" | EMPTY_ARGUMENTS | "null" | "None")
}

/// Returns whether two texts are equal, apart from white space around them, or are the same JSON value.
pub(super) fn is_same_json(a: &str, b: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
    a.trim() == b.trim() || parse(a).is_some_and(|a| parse(b) == Some(a))
}
