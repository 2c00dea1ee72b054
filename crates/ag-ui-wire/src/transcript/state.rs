//! The events of the shared state and of its predictions: STATE_SNAPSHOT and STATE_DELTA.
//!
//! The client is sent the difference between the state that it holds and the one that it should hold. It is sent the
//! complete state where its copy is not known, where it could not apply the difference, and where the difference is longer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::IdSource;
use super::delta_size::{delta_is_smaller, is_applicable, json_length};
use super::shared_state::PredictedCall;
use super::writer::Transcript;
use crate::protocol::{EventKind, Prediction, ToolCallId, diff};

/// The name of the custom event that announces predictions to front ends.
const PREDICT_STATE: &str = "PredictState";

impl<I: IdSource> Transcript<I> {
    /// Begins with the state that the client sent; without this call the state is `{}`. It queues no event.
    pub fn with_state(mut self, state: impl Into<Arc<Value>>) -> Self {
        self.state.set_initial(state.into());
        self
    }

    /// Predicts members of the state from arguments of tool calls: while the arguments are streamed, the client's copy of
    /// the state has the value that the model has written so far.
    ///
    /// A prediction is withdrawn when its call gets a result, unless the state has become what was predicted.
    pub fn with_predictions(mut self, predictions: Vec<Prediction>) -> Self {
        self.state.predictions = predictions;
        self
    }

    /// Sets whether each call that is predicted from is announced by the custom event `PredictState` too.
    ///
    /// A front end that reads this event predicts by itself. What it holds is then not known, so the state is sent as a
    /// snapshot each time.
    pub fn emit_predict_state(mut self, emits: bool) -> Self {
        self.state.emits_predict_state = emits;
        self
    }

    /// Sets the shared state, and sends what has changed: STATE_DELTA, or STATE_SNAPSHOT the first time and where a
    /// snapshot is smaller. If nothing has changed, it queues nothing. The open message stays open.
    ///
    /// The first event is a snapshot even if the client sent a state: between this run and the client there may be others
    /// with a copy, and so a recorded stream is complete by itself. A member that changes is no longer predicted.
    pub fn set_state(&mut self, state: impl Into<Arc<Value>>) {
        if self.state.set(state.into()) {
            self.send_state();
        }
    }

    /// Begins to predict from the arguments of a new call, if a prediction names its tool.
    ///
    /// Front ends forget what `PredictState` announced at each step, so each call announces all predictions.
    pub(super) fn begin_prediction(&mut self, call: &ToolCallId, tool: &str) {
        if !self.state.predicts_from(tool) {
            return;
        }
        let is_announced = self.state.emits_predict_state;
        if is_announced {
            let value = json!(self.state.predictions);
            self.push(EventKind::Custom { name: PREDICT_STATE.to_owned(), value });
            self.state.client_copy = None;
        }
        self.state.calls.push(PredictedCall::new(call, tool, is_announced));
    }

    /// Remembers that a call of an earlier run was predicted from: the client may still hold what was predicted.
    pub(super) fn resume_prediction(&mut self, call: &ToolCallId, tool: &str) {
        if self.state.predicts_from(tool) {
            self.state.calls.push(PredictedCall::new(call, tool, true));
        }
    }

    /// Adds to the arguments of a call that is predicted from, and sends the new prediction if one is due.
    pub(super) fn continue_prediction(&mut self, call: &ToolCallId, delta: &str) {
        let Some(predicted) = self.state.call(call) else { return };
        if predicted.add_arguments(delta) {
            self.send_prediction(call);
        }
    }

    /// Sends what is predicted from the complete arguments of a call.
    pub(super) fn complete_prediction(&mut self, call: &ToolCallId) {
        self.send_prediction(call);
        if let Some(predicted) = self.state.call(call) {
            predicted.drop_arguments();
        }
    }

    /// Withdraws what was predicted from a call, before the call gets its result. It sends nothing if the state has become
    /// what was predicted.
    pub(super) fn withdraw_prediction(&mut self, call: &ToolCallId) {
        self.withdraw(|predicted| predicted.id == *call);
    }

    /// Withdraws all predictions but those from calls that were left to the client, when a run is cancelled or fails.
    pub(super) fn withdraw_predictions(&mut self) {
        self.withdraw(|predicted| !predicted.is_deferred);
    }

    /// Keeps what was predicted from a call beyond the end of the run, since the client will send the call's result.
    pub(super) fn keep_prediction(&mut self, call: &ToolCallId) {
        if let Some(predicted) = self.state.call(call) {
            predicted.is_deferred = true;
        }
    }

    /// Withdraws the predictions from these calls, and sends the state if the client's copy may differ from it.
    fn withdraw(&mut self, is_withdrawn: impl Fn(&PredictedCall) -> bool) {
        if self.state.remove_calls(is_withdrawn) {
            self.send_state();
        }
    }

    /// Sends the state that the client should hold, unless it holds that already.
    fn send_state(&mut self) {
        let target = self.state.client_target();
        let patch = match &self.state.client_copy {
            Some(copy) => diff(copy, &target),
            None => return self.send_snapshot(target),
        };
        if patch.is_empty() {
            self.state.client_copy = Some(target);
        } else if delta_is_smaller(&patch, &*target) {
            self.state.client_copy = Some(target);
            self.push(EventKind::StateDelta { delta: patch });
        } else {
            self.send_snapshot(target);
        }
    }

    /// Sends the complete state that the client should hold.
    fn send_snapshot(&mut self, target: Arc<Value>) {
        let snapshot = (*target).clone();
        self.state.client_copy = Some(target);
        self.push(EventKind::StateSnapshot { snapshot });
    }

    /// Sends what the arguments of a call predict by now, if that has changed.
    fn send_prediction(&mut self, call: &ToolCallId) {
        if !self.state.can_be_predicted() {
            return;
        }
        let changed = self.state.update_prediction(call);
        if changed.is_empty() {
            return;
        }
        match self.state.predict_in_client_copy(&changed) {
            Some(patch) if patch.is_empty() => {}
            Some(patch) if patch.iter().all(is_applicable) => {
                self.push(EventKind::StateDelta { delta: patch });
            }
            patch => {
                let target = self.state.client_target();
                if patch.is_some() || self.state.emits_predict_state {
                    // The next prediction will be a snapshot as well.
                    let length = json_length(&*target, usize::MAX);
                    self.state.call(call).into_iter().for_each(|call| call.schedule_next(length));
                }
                self.send_snapshot(target);
                if self.state.emits_predict_state {
                    self.state.client_copy = None;
                }
            }
        }
    }
}
