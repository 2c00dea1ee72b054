//! What a run shows beside the conversation: shared state, steps, activities, custom events.
//!
//! State and activities are told as what they are now; the transcript knows what the client holds and sends the
//! difference. The whole goes where the client's copy is not known, where a client could not apply the difference,
//! and where the difference would be longer.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Stamps, Transcript};
use crate::protocol::{
    CustomName, EventKind, JsonObject, JsonPatch, MessageId, PatchOperation, Prediction, ToolCallId, diff,
    diff_objects,
};

/// The name that front ends know predictions by.
const PREDICT_STATE: &str = "PredictState";

/// A step that has begun. It can be ended once.
#[derive(Debug)]
#[must_use = "a step that is begun should be ended"]
pub struct OpenStep {
    name: String,
}

impl OpenStep {
    /// The step's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// An activity message that the client shows.
#[derive(Debug)]
pub struct Activity {
    id: MessageId,
}

impl Activity {
    /// The message's id.
    pub fn id(&self) -> &MessageId {
        &self.id
    }
}

/// What the client shows beside the conversation.
#[derive(Debug)]
pub(super) struct Shown {
    state: Arc<Value>,
    /// Whether the client is known to hold that state.
    is_held: bool,
    predictions: Vec<Prediction>,
    /// Calls whose predictions the client shows and that nobody has answered.
    predicted: HashSet<ToolCallId>,
    /// Names of the open steps, in order.
    steps: Vec<String>,
    activities: HashMap<MessageId, (String, JsonObject)>,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            state: Arc::new(json!({})),
            is_held: false,
            predictions: Vec::new(),
            predicted: HashSet::new(),
            steps: Vec::new(),
            activities: HashMap::new(),
        }
    }
}

impl<S: Stamps> Transcript<S> {
    /// Begins from the state that the client sent; without this it is `{}`.
    pub fn with_state(mut self, state: impl Into<Arc<Value>>) -> Self {
        self.shown.state = state.into();
        self
    }

    /// Has the client show these members of the state while their arguments stream: each call of one of the tools
    /// is announced.
    pub fn with_predictions(mut self, predictions: Vec<Prediction>) -> Self {
        self.shown.predictions = predictions;
        self
    }

    /// Says what the shared state is now. What has not changed is not said.
    ///
    /// The first time it is a snapshot, whatever the client sent: between a client and this run there may be others
    /// with a copy, and a recorded stream is complete by itself.
    pub fn state(&mut self, now: impl Into<Arc<Value>>) {
        let now = now.into();
        let patch = diff(&self.shown.state, &now);
        if patch.is_empty() {
            return;
        }
        self.shown.state = now;
        if self.shown.is_held && pays(&patch, &*self.shown.state) {
            self.put(EventKind::StateDelta { delta: patch });
        } else {
            self.state_snapshot();
        }
    }

    /// Opens a step. Where one of that name is open, this one gets a number; [`OpenStep::name`] is what counts.
    pub fn step(&mut self, name: &str) -> OpenStep {
        self.hush();
        let is_open = |name: &str| self.shown.steps.iter().any(|open| open == name);
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let name = names.find(|name| !is_open(name)).expect("numbers do not end");
        self.shown.steps.push(name.clone());
        self.put(EventKind::StepStarted { step_name: name.clone() });
        OpenStep { name }
    }

    /// Closes a step.
    pub fn end_step(&mut self, step: OpenStep) {
        self.hush();
        self.shown.steps.retain(|open| *open != step.name);
        self.put(EventKind::StepFinished { step_name: step.name });
    }

    /// Shows an activity message.
    pub fn activity(&mut self, activity_type: &str, content: JsonObject) -> Activity {
        self.hush();
        let id = self.stamps.message_id();
        self.shown.activities.insert(id.clone(), (activity_type.to_owned(), content.clone()));
        self.activity_snapshot(&id, activity_type, content);
        Activity { id }
    }

    /// Says what an activity's content is now. What has not changed is not said.
    pub fn change_activity(&mut self, activity: &Activity, now: JsonObject) {
        let Some((activity_type, content)) = self.shown.activities.get_mut(&activity.id) else { return };
        let patch = diff_objects(content, &now);
        if patch.is_empty() {
            return;
        }
        content.clone_from(&now);
        let activity_type = activity_type.clone();
        if pays(&patch, &now) {
            let message_id = activity.id.clone();
            self.put(EventKind::ActivityDelta { message_id, activity_type, patch });
        } else {
            self.activity_snapshot(&activity.id, &activity_type, now);
        }
    }

    /// Sends an application's own event.
    pub fn custom(&mut self, name: &CustomName, value: Value) {
        self.put(EventKind::Custom { name: name.as_str().to_owned(), value });
    }

    /// Announces a call whose arguments the client may show as state. From here on its copy of the state is a guess.
    ///
    /// Front ends forget the predictions at each step, so each call announces all of them.
    pub(super) fn predict(&mut self, call: &ToolCallId, tool: &str) {
        let predictions = &self.shown.predictions;
        if predictions.iter().any(|prediction| prediction.tool == tool) {
            let value = json!(predictions);
            self.put(EventKind::Custom { name: PREDICT_STATE.to_owned(), value });
            self.shown.is_held = false;
            self.shown.predicted.insert(call.clone());
        }
    }

    /// Takes up a call of an earlier run, of which the client may still show what was predicted.
    pub(super) fn was_predicted(&mut self, call: &ToolCallId, tool: &str) {
        if self.shown.predictions.iter().any(|prediction| prediction.tool == tool) {
            self.shown.predicted.insert(call.clone());
        }
    }

    /// Sets right what the client shows, before a call that was predicted gets its answer.
    pub(super) fn settle_prediction(&mut self, call: &ToolCallId) {
        if self.shown.predicted.remove(call) && !self.shown.is_held {
            self.state_snapshot();
        }
    }

    /// Lets the client's prediction stand: the call is the client's to answer.
    pub(super) fn leave_prediction(&mut self, call: &ToolCallId) {
        self.shown.predicted.remove(call);
    }

    /// Sets right what the client shows at the end of a run that answers no more calls.
    pub(super) fn settle_predictions(&mut self) {
        if let Some(call) = self.shown.predicted.iter().next().cloned() {
            self.settle_prediction(&call);
        }
    }

    /// Closes the open steps, the last one first.
    pub(super) fn close_steps(&mut self) {
        while let Some(name) = self.shown.steps.pop() {
            self.put(EventKind::StepFinished { step_name: name });
        }
    }

    fn state_snapshot(&mut self) {
        self.shown.is_held = true;
        let snapshot = (*self.shown.state).clone();
        self.put(EventKind::StateSnapshot { snapshot });
    }

    fn activity_snapshot(&mut self, id: &MessageId, activity_type: &str, content: JsonObject) {
        self.put(EventKind::ActivitySnapshot {
            message_id: id.clone(),
            activity_type: activity_type.to_owned(),
            content,
            replace: None,
        });
    }
}

/// Whether a patch is no longer than the whole, and one that clients apply.
fn pays(patch: &JsonPatch, whole: &impl Serialize) -> bool {
    let length = bytes(patch, usize::MAX);
    patch.iter().all(is_applied) && bytes(whole, length) >= length
}

/// Whether clients take an operation: the library that they apply patches with refuses to touch prototypes.
///
/// Source: `applyOperation` of fast-json-patch 3.1.
fn is_applied(operation: &PatchOperation) -> bool {
    use PatchOperation::{Add, Copy, Move, Remove, Replace, Test};
    let (Add { path, .. }
    | Remove { path }
    | Replace { path, .. }
    | Move { path, .. }
    | Copy { path, .. }
    | Test { path, .. }) = operation;
    !path.contains("/__proto__") && !path.contains("/constructor/prototype")
}

/// How long a value is as JSON text, counted until `enough`: a large whole is not written for a small patch.
fn bytes(value: &impl Serialize, enough: usize) -> usize {
    struct Counter {
        count: usize,
        enough: usize,
    }
    impl io::Write for Counter {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.count += text.len();
            if self.count < self.enough { Ok(text.len()) } else { Err(io::ErrorKind::WriteZero.into()) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter { count: 0, enough };
    // The only error is that there is enough.
    let _enough = serde_json::to_writer(&mut counter, value);
    counter.count
}
