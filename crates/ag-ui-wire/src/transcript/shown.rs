//! What a run shows beside the conversation and the shared state: steps, activities, custom events.
//!
//! An activity is told as what it is now; the transcript knows what the client holds and sends the difference. The whole goes
//! where a client could not apply the difference, and where the difference would be longer.

use std::collections::HashMap;
use std::io;

use serde::Serialize;
use serde_json::Value;

use super::{Stamps, Transcript};
use crate::protocol::{
    CustomName, EventKind, JsonObject, JsonPatch, MessageId, PatchOperation, diff_objects,
};

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
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Names of the open steps, in order.
    steps: Vec<String>,
    activities: HashMap<MessageId, (String, JsonObject)>,
}

impl<S: Stamps> Transcript<S> {
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

    /// Closes the open steps, the last one first.
    pub(super) fn close_steps(&mut self) {
        while let Some(name) = self.shown.steps.pop() {
            self.put(EventKind::StepFinished { step_name: name });
        }
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
pub(super) fn pays(patch: &JsonPatch, whole: &impl Serialize) -> bool {
    let length = bytes(patch, usize::MAX);
    patch.iter().all(is_applied) && bytes(whole, length) >= length
}

/// Whether clients take an operation: the library that they apply patches with refuses to touch prototypes.
///
/// Source: `applyOperation` of fast-json-patch 3.1.
pub(super) fn is_applied(operation: &PatchOperation) -> bool {
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
pub(super) fn bytes(value: &impl Serialize, enough: usize) -> usize {
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
