//! The state that a run shares with its client, and the predictions of it.
//!
//! There are two values: the state, which tools read and change, and the client's copy of it. They differ while a tool call
//! is predicted from: in the client's copy a member then has the value that the model has written so far for an argument of
//! the call.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delta_size::{delta_is_smaller, is_applicable};
use super::partial_json::read_object;
use crate::protocol::{JsonObject, JsonPatch, Prediction, ToolCallId, diff_objects};

/// Up to this many bytes of arguments, a prediction follows each delta. Most arguments are shorter, so the user sees each of
/// their deltas at once.
const PREDICT_EVERY_DELTA_BYTES: usize = 1024;

/// Longer arguments are predicted from again when they have grown by one part in this many.
///
/// JSON Patch cannot append to a string, so each prediction repeats what was sent before, and arguments are read from
/// their beginning. One prediction for each delta would cost bytes and time that grow with the square of the length. With
/// this rule all predictions of a call together have about this many times the bytes of its arguments, which is what the
/// events of the deltas cost too: a delta of four characters is an event of more than 120 bytes.
const STEPS: usize = 32;

/// The state, and what the client holds of it.
#[derive(Debug)]
pub(super) struct SharedState {
    state: Arc<Value>,
    /// The state that the client holds; `None` if that is not known.
    pub(super) client_copy: Option<Arc<Value>>,
    /// Which members of the state are predicted, and from which arguments of which tools.
    pub(super) predictions: Vec<Prediction>,
    /// Whether front ends are sent the custom event `PredictState` too.
    pub(super) emits_predict_state: bool,
    /// The calls that are predicted from, in the order in which they began. If two calls predict one member, the client's
    /// copy has the value of the later call.
    pub(super) calls: Vec<PredictedCall>,
}

/// A call from whose arguments members of the state are predicted, until it gets its result.
#[derive(Debug)]
pub(super) struct PredictedCall {
    pub(super) id: ToolCallId,
    /// The name of its tool.
    tool: String,
    /// The arguments that were streamed so far.
    arguments: String,
    /// The length of the arguments at which the next prediction is due.
    next_length: usize,
    /// The predicted value of each member of the state.
    values: JsonObject,
    /// Whether the client may hold predicted values that this run has not sent.
    client_may_differ: bool,
    /// Whether the client will send the call's result, so that the predictions stay.
    pub(super) is_deferred: bool,
}

impl Default for SharedState {
    /// Creates the state `{}`, without predictions and with an unknown copy at the client.
    fn default() -> Self {
        Self {
            state: Arc::new(json!({})),
            client_copy: None,
            predictions: Vec::new(),
            emits_predict_state: false,
            calls: Vec::new(),
        }
    }
}

impl SharedState {
    /// Sets the state that the run begins with, which is the one that the client sent.
    pub(super) fn set_initial(&mut self, state: Arc<Value>) {
        self.state = state;
    }

    /// Sets the state, and drops the predictions of the members that have changed. Returns false if the new state equals
    /// the old one.
    pub(super) fn set(&mut self, state: Arc<Value>) -> bool {
        if self.state == state {
            return false;
        }
        let before = std::mem::replace(&mut self.state, state);
        for call in &mut self.calls {
            call.values.retain(|key, _| before.get(key) == self.state.get(key));
        }
        true
    }

    /// Whether the state is an object or null, so that members of it can be predicted.
    pub(super) fn can_be_predicted(&self) -> bool {
        matches!(*self.state, Value::Object(_) | Value::Null)
    }

    /// Whether any member of the state is predicted from arguments of the tool with this name.
    pub(super) fn predicts_from(&self, tool: &str) -> bool {
        self.predictions.iter().any(|prediction| prediction.tool == tool)
    }

    /// Returns the call with this id; `None` if no member of the state is predicted from the call.
    pub(super) fn call(&mut self, id: &ToolCallId) -> Option<&mut PredictedCall> {
        self.calls.iter_mut().find(|call| call.id == *id)
    }

    /// Removes the calls that `is_removed` chooses, with their predictions. Returns whether the client's copy may now
    /// differ from the state because of a removed prediction.
    pub(super) fn remove_calls(&mut self, is_removed: impl Fn(&PredictedCall) -> bool) -> bool {
        let mut may_differ = false;
        self.calls.retain(|call| {
            let is_removed = is_removed(call);
            may_differ |= is_removed && (call.client_may_differ || !call.values.is_empty());
            !is_removed
        });
        may_differ
    }

    /// Returns the value that the client's copy of the state should have: the state with the predicted values.
    pub(super) fn client_target(&self) -> Arc<Value> {
        let mut target = Arc::clone(&self.state);
        if self.calls.iter().all(|call| call.values.is_empty()) {
            return target;
        }
        let state = Arc::make_mut(&mut target);
        if state.is_null() {
            *state = json!({});
        }
        if let Value::Object(members) = state {
            members.extend(self.calls.iter().flat_map(|call| call.values.clone()));
        }
        target
    }

    /// Reads the arguments of a call that were streamed so far, and stores the values that they predict. Returns the names
    /// of the members of the state whose predicted value has changed.
    pub(super) fn update_prediction(&mut self, call: &ToolCallId) -> Vec<String> {
        let Some(call) = self.calls.iter_mut().find(|known| known.id == *call) else { return Vec::new() };
        call.schedule_next(0);
        let Some(arguments) = read_object(&call.arguments) else { return Vec::new() };
        let mut changed = Vec::new();
        for Prediction { state_key, tool, tool_argument } in &self.predictions {
            if let Some(value) = arguments.get(tool_argument)
                && *tool == call.tool
                && call.values.get(state_key) != Some(value)
            {
                call.values.insert(state_key.clone(), value.clone());
                changed.push(state_key.clone());
            }
        }
        changed
    }

    /// Sets the members `keys` in this run's record of the client's copy to their predicted values. Returns the patch that
    /// makes the same change at the client; `None` if the client's copy is not known or not an object.
    pub(super) fn predict_in_client_copy(&mut self, keys: &[String]) -> Option<JsonPatch> {
        let Value::Object(copy) = Arc::make_mut(self.client_copy.as_mut()?) else { return None };
        let mut patch = JsonPatch::new();
        for key in keys {
            let predicted = self.calls.iter().rev().find_map(|call| call.values.get(key)).cloned();
            let now: JsonObject = predicted.map(|value| (key.clone(), value)).into_iter().collect();
            let before: JsonObject = copy.remove_entry(key).into_iter().collect();
            copy.extend(now.clone());
            let difference = diff_objects(&before, &now);
            let is_one_operation = difference.len() <= 1 && difference.iter().all(is_applicable);
            if is_one_operation || delta_is_smaller(&difference, &now) {
                patch.extend(difference);
            } else {
                patch.extend(diff_objects(&JsonObject::new(), &now));
            }
        }
        Some(patch)
    }
}

impl PredictedCall {
    /// Creates the record of a call that members of the state are predicted from, with no arguments yet.
    /// `client_may_differ` is whether the client may already hold, or may itself make, predictions that this run has not
    /// sent.
    pub(super) fn new(id: &ToolCallId, tool: &str, client_may_differ: bool) -> Self {
        Self {
            id: id.clone(),
            tool: tool.to_owned(),
            arguments: String::new(),
            next_length: 0,
            values: JsonObject::new(),
            client_may_differ,
            is_deferred: false,
        }
    }

    /// Appends to the arguments of the call. Returns whether they are long enough for the next prediction.
    pub(super) fn add_arguments(&mut self, delta: &str) -> bool {
        self.arguments.push_str(delta);
        self.arguments.len() >= self.next_length
    }

    /// Drops the arguments of the call to free memory, when they are complete and no further prediction follows.
    pub(super) fn drop_arguments(&mut self) {
        self.arguments = String::new();
    }

    /// Sets the length, in bytes, that the arguments must have for the next prediction. `sent` is the length of the
    /// complete state if predictions send that, and 0 if they send a patch. Long arguments and a long state make
    /// predictions rarer.
    pub(super) fn schedule_next(&mut self, sent: usize) {
        let length = self.arguments.len();
        let cost = length.max(sent);
        self.next_length = if cost <= PREDICT_EVERY_DELTA_BYTES { length } else { length + cost / STEPS };
    }
}
