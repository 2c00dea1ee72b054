//! The events of the shared state and of its predictions: STATE_SNAPSHOT and STATE_DELTA.
//!
//! The client is sent the difference between the state that it holds and the one that it should hold. It is sent the
//! complete state where its copy is not known, where it could not apply the difference, and where the difference is longer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::IdSource;
use super::delta_size::{delta_is_smaller, is_applicable};
use super::shared_state::PredictedCall;
use super::writer::Transcript;
use crate::json::text_length;
use crate::protocol::{EventKind, Prediction, ToolCallId, diff};

/// The name of the custom event that announces predictions to front ends.
const PREDICT_STATE: &str = "PredictState";

impl<I: IdSource> Transcript<I> {
    /// Sets the state that the client sent in its input; without this call the run begins with the state `{}`. It queues no
    /// event.
    pub fn with_state(mut self, state: impl Into<Arc<Value>>) -> Self {
        self.state.set_initial(state.into());
        self
    }

    /// Predicts members of the state from arguments of tool calls: while the arguments are streamed, the client's copy of
    /// the state has the value that the model has written so far.
    ///
    /// When the call gets its result, the prediction is withdrawn: the client's copy becomes the state again, with an event
    /// only if the two differ.
    pub fn with_predictions(mut self, predictions: Vec<Prediction>) -> Self {
        self.state.predictions = predictions;
        self
    }

    /// Sets whether the run sends the custom event `PredictState` before each call from whose arguments members of the state
    /// are predicted. The default is `false`.
    ///
    /// A front end that reads this event makes the predictions itself, so the run no longer knows the front end's copy of the
    /// state. It then sends each prediction as a snapshot of the complete state. The next change of the state, or the
    /// withdrawal of a prediction, is sent as a snapshot too; after it the run knows the copy again.
    pub fn emit_predict_state(mut self, emits: bool) -> Self {
        self.state.emits_predict_state = emits;
        self
    }

    /// Sets the shared state, and sends what has changed: STATE_DELTA, or STATE_SNAPSHOT the first time and where a
    /// snapshot is smaller. If nothing has changed, it queues nothing. The open message stays open.
    ///
    /// The first event is a snapshot even if the client sent a state: other programs between this run and the client may
    /// hold a copy, and a recorded stream is complete by itself. A member that changes is no longer predicted.
    pub fn set_state(&mut self, state: impl Into<Arc<Value>>) {
        if self.state.set(state.into()) {
            self.send_state();
        }
    }

    /// Begins to predict from the arguments of a new call; does nothing if no prediction names its tool.
    ///
    /// Front ends forget at each step what `PredictState` announced, so each call announces all predictions.
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

    /// Records a call of an earlier run whose predictions the client may still hold, so that the state is sent when the
    /// call gets its result. Does nothing if no prediction names its tool.
    pub(super) fn resume_prediction(&mut self, call: &ToolCallId, tool: &str) {
        if self.state.predicts_from(tool) {
            self.state.calls.push(PredictedCall::new(call, tool, true));
        }
    }

    /// Appends `delta` to the arguments of a call, and sends the new prediction if one is due. Does nothing for a call that
    /// no member of the state is predicted from.
    pub(super) fn continue_prediction(&mut self, call: &ToolCallId, delta: &str) {
        let Some(predicted) = self.state.call(call) else { return };
        if predicted.add_arguments(delta) {
            self.send_prediction(call);
        }
    }

    /// Sends the last prediction of a call, when its arguments are complete, and drops the arguments.
    pub(super) fn complete_prediction(&mut self, call: &ToolCallId) {
        self.send_prediction(call);
        if let Some(predicted) = self.state.call(call) {
            predicted.drop_arguments();
        }
    }

    /// Withdraws the predictions from a call, before the call gets its result. No event is queued if the client's copy
    /// already equals the state.
    pub(super) fn withdraw_prediction(&mut self, call: &ToolCallId) {
        self.withdraw(|predicted| predicted.id == *call);
    }

    /// Withdraws predictions when a run is cancelled or fails: the values that members of the state have in the
    /// client's copy because the model has written them as arguments of a call. Predictions from calls that were
    /// deferred to the client stay, because the client itself sends the results of these calls.
    pub(super) fn withdraw_predictions(&mut self) {
        self.withdraw(|predicted| !predicted.is_deferred);
    }

    /// Keeps the predictions from a call that is deferred to the client, also if the run is cancelled or fails.
    pub(super) fn keep_prediction(&mut self, call: &ToolCallId) {
        if let Some(predicted) = self.state.call(call) {
            predicted.is_deferred = true;
        }
    }

    /// Withdraws the predictions from the calls that `is_withdrawn` chooses, and sends the state if the client's copy may
    /// differ from it.
    fn withdraw(&mut self, is_withdrawn: impl Fn(&PredictedCall) -> bool) {
        if self.state.remove_calls(is_withdrawn) {
            self.send_state();
        }
    }

    /// Queues STATE_DELTA or STATE_SNAPSHOT, whichever is smaller, so that the client's copy becomes the state with its
    /// predictions; nothing if the copy is so already. If the copy is not known, a snapshot is queued.
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

    /// Queues STATE_SNAPSHOT with `target`, the value that the client's copy of the state should have.
    fn send_snapshot(&mut self, target: Arc<Value>) {
        let snapshot = (*target).clone();
        self.state.client_copy = Some(target);
        self.push(EventKind::StateSnapshot { snapshot });
    }

    /// Sends the values that the arguments of a call predict by now. Queues nothing if these values have not changed or if
    /// the state cannot have members.
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
                    let length = text_length(&*target, usize::MAX);
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
