//! Arguments that came without a call to which they could belong.

use super::call_delta::CallDelta;
use super::partial_call::{is_empty_arguments, is_same_known};

/// Arguments that belong to no known call yet, one group for each index and id on the wire.
#[derive(Default)]
pub(super) struct UnassignedArguments(Vec<CallDelta>);

impl UnassignedArguments {
    /// Keeps a piece of arguments that belongs to no known call. It is appended to kept pieces of the same index and
    /// ids; a piece that holds all arguments replaces them. Empty arguments are ignored.
    pub(super) fn keep(&mut self, delta: CallDelta) {
        if is_empty_arguments(&delta.json) {
            return;
        }
        let is_same_call = |kept: &&mut CallDelta| {
            kept.index == delta.index && kept.item_id == delta.item_id && kept.id == delta.id
        };
        match self.0.iter_mut().find(is_same_call) {
            Some(kept) if delta.has_all_arguments => kept.json = delta.json,
            Some(kept) => kept.json.push_str(&delta.json),
            None => self.0.push(delta),
        }
    }

    /// Keeps all arguments of a call for which no name has come, as a group of their own. Used at the end of the turn,
    /// when they may belong to another call.
    pub(super) fn keep_nameless(&mut self, json: String) {
        self.0.push(CallDelta { json, ..CallDelta::default() });
    }

    /// Removes and returns the arguments with the index or an id of a call that this piece starts. Returns an empty
    /// text if none were kept for the call.
    pub(super) fn take_for(&mut self, start: &CallDelta) -> String {
        let belongs = |kept: &CallDelta| {
            let has_same_index = kept.index.is_some() && kept.index == start.index;
            is_same_known(&kept.item_id, &start.item_id)
                || is_same_known(&kept.id, &start.id)
                || has_same_index
        };
        match self.0.iter().position(belongs) {
            Some(at) => self.0.remove(at).json,
            None => String::new(),
        }
    }

    /// Removes and returns all kept arguments, one JSON text for each index and id. Used at the end of the turn.
    pub(super) fn take_all(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0).into_iter().map(|kept| kept.json).collect()
    }
}
