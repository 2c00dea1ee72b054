//! The state that a run shares with its client, and the predictions of it.
//!
//! There are two values: the state, which tools read and change, and what the client holds. They differ while a call is
//! predicted: in the client's copy a member then has the value that the model has written so far for an argument of the
//! call. The client is sent the difference between what it holds and what it is to hold. The whole is sent where the
//! client's copy is not known, where a client could not apply the difference, and where the difference would be longer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::partial_json::read_object;
use super::shown::{bytes, is_applied, pays};
use super::{Stamps, Transcript};
use crate::protocol::{EventKind, JsonObject, JsonPatch, Prediction, ToolCallId, diff, diff_objects};

/// The name that front ends know predictions by.
const PREDICT_STATE: &str = "PredictState";

/// Up to this many bytes of arguments, a prediction follows each delta. Most arguments end before that, and each delta of
/// them is seen at once.
const EACH_DELTA_UP_TO: usize = 1024;

/// Longer arguments are predicted anew when they have grown by one part in this many.
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
    /// What the client holds; `None` where that is not known.
    held: Option<Arc<Value>>,
    predictions: Vec<Prediction>,
    /// Whether front ends are sent `PredictState`, too.
    emits_predict_state: bool,
    /// The calls that are predicted, in the order in which they began. Of two predictions of one member the client holds
    /// the later call's.
    calls: Vec<PredictedCall>,
}

/// A call from whose arguments members of the state are predicted, until it is answered.
#[derive(Debug)]
struct PredictedCall {
    id: ToolCallId,
    tool: String,
    /// The arguments, as far as they have come.
    arguments: String,
    /// How long the arguments are when the next prediction is due.
    next_length: usize,
    /// What was predicted, by member of the state.
    values: JsonObject,
    /// Whether the client may hold values that this run has not sent.
    is_guessed: bool,
    /// Whether the client answers the call, and its predictions stay.
    is_left: bool,
}

impl Default for SharedState {
    fn default() -> Self {
        Self {
            state: Arc::new(json!({})),
            held: None,
            predictions: Vec::new(),
            emits_predict_state: false,
            calls: Vec::new(),
        }
    }
}

impl<S: Stamps> Transcript<S> {
    /// Begins from the state that the client sent; without this it is `{}`.
    pub fn with_state(mut self, state: impl Into<Arc<Value>>) -> Self {
        self.state.state = state.into();
        self
    }

    /// Shows the client these members of the state while the arguments that they are predicted from stream.
    pub fn with_predictions(mut self, predictions: Vec<Prediction>) -> Self {
        self.state.predictions = predictions;
        self
    }

    /// Whether each call that is predicted is announced by the custom event `PredictState`, too.
    ///
    /// A front end that reads the event makes predictions of its own. What it holds is then not known, so the state is sent
    /// as a snapshot each time.
    pub fn emit_predict_state(mut self, emits: bool) -> Self {
        self.state.emits_predict_state = emits;
        self
    }

    /// Sets the shared state. What has not changed is not sent.
    ///
    /// The first time the client is sent a snapshot, whatever it sent itself: between a client and this run there may be
    /// others with a copy, and a recorded stream is complete by itself. A member that changes is not predicted any
    /// longer.
    pub fn state(&mut self, now: impl Into<Arc<Value>>) {
        let now = now.into();
        if self.state.state == now {
            return;
        }
        let before = std::mem::replace(&mut self.state.state, now);
        let now = &self.state.state;
        for call in &mut self.state.calls {
            call.values.retain(|key, _| before.get(key) == now.get(key));
        }
        self.send_state();
    }

    /// Begins to predict from the arguments of a call, if its tool is one that is predicted from.
    ///
    /// Front ends forget what `PredictState` announced at each step, so each call announces all predictions.
    pub(super) fn begin_prediction(&mut self, call: &ToolCallId, tool: &str) {
        if !self.state.predicts_from(tool) {
            return;
        }
        let is_guessed = self.state.emits_predict_state;
        if is_guessed {
            let value = json!(self.state.predictions);
            self.put(EventKind::Custom { name: PREDICT_STATE.to_owned(), value });
            self.state.held = None;
        }
        self.state.calls.push(PredictedCall::new(call, tool, is_guessed));
    }

    /// Takes up a call of an earlier run, of which the client may still hold what was predicted.
    pub(super) fn resume_prediction(&mut self, call: &ToolCallId, tool: &str) {
        if self.state.predicts_from(tool) {
            self.state.calls.push(PredictedCall::new(call, tool, true));
        }
    }

    /// Adds to the arguments of a call that is predicted, and sends what is predicted now if that is due.
    pub(super) fn continue_prediction(&mut self, call: &ToolCallId, delta: &str) {
        let Some(predicted) = self.state.call(call) else { return };
        predicted.arguments.push_str(delta);
        if predicted.arguments.len() >= predicted.next_length {
            self.send_prediction(call);
        }
    }

    /// Sends what is predicted from the whole arguments of a call.
    pub(super) fn complete_prediction(&mut self, call: &ToolCallId) {
        self.send_prediction(call);
        if let Some(predicted) = self.state.call(call) {
            predicted.arguments = String::new();
        }
    }

    /// Takes back what was predicted from a call, before the call gets its result. Nothing is sent where the state has
    /// become what was predicted.
    pub(super) fn settle_prediction(&mut self, call: &ToolCallId) {
        self.take_back(|predicted| predicted.id == *call);
    }

    /// Takes back all predictions, at the end of a run that was not completed.
    pub(super) fn settle_predictions(&mut self) {
        self.take_back(|predicted| !predicted.is_left);
    }

    /// Keeps what was predicted from a call: it is the client that answers the call.
    pub(super) fn leave_prediction(&mut self, call: &ToolCallId) {
        if let Some(predicted) = self.state.call(call) {
            predicted.is_left = true;
        }
    }

    fn take_back(&mut self, is_settled: impl Fn(&PredictedCall) -> bool) {
        let mut may_differ = false;
        self.state.calls.retain(|call| {
            let is_settled = is_settled(call);
            may_differ |= is_settled && (call.is_guessed || !call.values.is_empty());
            !is_settled
        });
        if may_differ {
            self.send_state();
        }
    }

    /// Sends what the client is to hold, unless it does.
    fn send_state(&mut self) {
        let shown = self.state.shown();
        let patch = match &self.state.held {
            Some(held) => diff(held, &shown),
            None => return self.send_snapshot(shown),
        };
        if patch.is_empty() {
            self.state.held = Some(shown);
        } else if pays(&patch, &*shown) {
            self.state.held = Some(shown);
            self.put(EventKind::StateDelta { delta: patch });
        } else {
            self.send_snapshot(shown);
        }
    }

    fn send_snapshot(&mut self, shown: Arc<Value>) {
        let snapshot = (*shown).clone();
        self.state.held = Some(shown);
        self.put(EventKind::StateSnapshot { snapshot });
    }

    /// Sends what the arguments of a call predict by now, if that has changed.
    fn send_prediction(&mut self, call: &ToolCallId) {
        // A state that has no members has no place for a prediction.
        if !matches!(*self.state.state, Value::Object(_) | Value::Null) {
            return;
        }
        let changed = self.state.read_prediction(call);
        if changed.is_empty() {
            return;
        }
        match self.state.predict_held(&changed) {
            Some(patch) if patch.is_empty() => {}
            Some(patch) if patch.iter().all(is_applied) => self.put(EventKind::StateDelta { delta: patch }),
            patch => {
                let shown = self.state.shown();
                if patch.is_some() || self.state.emits_predict_state {
                    // The next prediction will be a snapshot as well.
                    let length = bytes(&*shown, usize::MAX);
                    self.state.call(call).into_iter().for_each(|call| call.wait_for(length));
                }
                self.send_snapshot(shown);
                if self.state.emits_predict_state {
                    self.state.held = None;
                }
            }
        }
    }
}

impl SharedState {
    fn predicts_from(&self, tool: &str) -> bool {
        self.predictions.iter().any(|prediction| prediction.tool == tool)
    }

    fn call(&mut self, id: &ToolCallId) -> Option<&mut PredictedCall> {
        self.calls.iter_mut().find(|call| call.id == *id)
    }

    /// What the client is to hold: the state, with what is predicted.
    fn shown(&self) -> Arc<Value> {
        let mut shown = Arc::clone(&self.state);
        if self.calls.iter().all(|call| call.values.is_empty()) {
            return shown;
        }
        let state = Arc::make_mut(&mut shown);
        if state.is_null() {
            *state = json!({});
        }
        if let Value::Object(members) = state {
            members.extend(self.calls.iter().flat_map(|call| call.values.clone()));
        }
        shown
    }

    /// Reads what the arguments of a call predict by now. Returns the members of the state whose prediction has changed.
    fn read_prediction(&mut self, call: &ToolCallId) -> Vec<String> {
        let Some(call) = self.calls.iter_mut().find(|known| known.id == *call) else { return Vec::new() };
        call.wait_for(0);
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

    /// Sets members of the client's copy to what is predicted. Returns what the client has to do for it; `None` where its
    /// copy is not known to be an object.
    fn predict_held(&mut self, keys: &[String]) -> Option<JsonPatch> {
        let Value::Object(held) = Arc::make_mut(self.held.as_mut()?) else { return None };
        let mut patch = JsonPatch::new();
        for key in keys {
            let predicted = self.calls.iter().rev().find_map(|call| call.values.get(key)).cloned();
            let now: JsonObject = predicted.map(|value| (key.clone(), value)).into_iter().collect();
            let before: JsonObject = held.remove_entry(key).into_iter().collect();
            held.extend(now.clone());
            let difference = diff_objects(&before, &now);
            let is_one = difference.len() <= 1 && difference.iter().all(is_applied);
            if is_one || pays(&difference, &now) {
                patch.extend(difference);
            } else {
                patch.extend(diff_objects(&JsonObject::new(), &now));
            }
        }
        Some(patch)
    }
}

impl PredictedCall {
    fn new(id: &ToolCallId, tool: &str, is_guessed: bool) -> Self {
        Self {
            id: id.clone(),
            tool: tool.to_owned(),
            arguments: String::new(),
            next_length: 0,
            values: JsonObject::new(),
            is_guessed,
            is_left: false,
        }
    }

    /// Puts off the next prediction until the arguments have grown enough for one that has `sent` bytes beside them.
    fn wait_for(&mut self, sent: usize) {
        let length = self.arguments.len();
        let cost = length.max(sent);
        self.next_length = if cost <= EACH_DELTA_UP_TO { length } else { length + cost / STEPS };
    }
}
