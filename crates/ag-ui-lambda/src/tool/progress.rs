//! The progress that a tool shows to the user while it runs.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::events::{ToolEvent, ToolEventSender};
use super::state::{self, StateError};
use crate::protocol::{CustomName, CustomNameError, JsonObject};

/// Shows the progress of a tool in the user interface: steps, activities, and custom events of the application.
///
/// Everything is sent immediately, and before the tool's result. Each method waits until the client can take the event.
/// It is cheap to clone.
///
/// ```
/// use ag_ui_lambda::{NoArgs, ToolContext, ToolError};
/// use serde_json::json;
///
/// async fn survey(context: ToolContext<()>, _: NoArgs) -> Result<String, ToolError> {
///     let progress = context.progress();
///     let mut search = progress.activity("com.acme.search", json!({ "found": 0 })).await?;
///     for (found, site) in (1..).zip(["north", "south"]) {
///         let step = progress.step(format!("Looking at {site}")).await;
///         search.set("/found", found).await?;
///         progress.custom("com.acme.site", json!({ "site": site })).await?;
///         step.end().await;
///     }
///     Ok("Both are dry.".into())
/// }
/// ```
#[derive(Clone)]
pub struct Progress {
    events: ToolEventSender,
}

/// Progress cannot be shown, because its name or its content is not valid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgressError {
    /// The name of a custom event has no prefix of the application.
    #[error(transparent)]
    NoPrefix(#[from] CustomNameError),
    /// The content of an activity is not a JSON object.
    #[error("the content of an activity must be an object")]
    NotAnObject,
    /// The value cannot be converted to JSON.
    #[error("the progress to be shown cannot be converted to JSON")]
    NotJson(#[from] serde_json::Error),
}

impl Progress {
    /// Creates the handle with which a tool shows its progress; `events` is the channel to the run.
    pub(super) fn new(events: ToolEventSender) -> Self {
        Self { events }
    }

    /// Begins a step, which the client shows as running. The step ends with [`Step::end`], or when the returned value
    /// is dropped, for example because the tool returns an error.
    ///
    /// If a step of this name is already open in the run, a number is added to the name.
    pub async fn step(&self, name: impl Into<String> + Send) -> Step {
        let key = self.events.next_key();
        let name = name.into();
        // The step exists before anything is awaited, so that it also ends if the tool is dropped meanwhile.
        let step = Step { events: self.events.clone(), key: Some(key) };
        self.events.emit(ToolEvent::StepStarted { key, name }).delivered().await;
        step
    }

    /// Shows an activity: a message in the user interface whose content can change. The model never reads it.
    ///
    /// `activity_type` tells the client which widget shows it, and `content` has to serialize to a JSON object.
    ///
    /// # Errors
    /// [`ProgressError::NotAnObject`] if the content is not an object, [`ProgressError::NotJson`] if it cannot be
    /// converted to JSON.
    pub async fn activity(
        &self,
        activity_type: impl Into<String> + Send,
        content: impl Serialize + Send,
    ) -> Result<Activity, ProgressError> {
        let Value::Object(content) = serde_json::to_value(content)? else {
            return Err(ProgressError::NotAnObject);
        };
        let activity_type = activity_type.into();
        let activity =
            Activity { events: self.events.clone(), key: self.events.next_key(), activity_type, content };
        activity.show().await;
        Ok(activity)
    }

    /// Sends a CUSTOM event of the application. Its name needs a prefix, such as `com.acme.`.
    ///
    /// # Errors
    /// [`ProgressError::NoPrefix`] if the name has no prefix, [`ProgressError::NotJson`] if the value cannot be converted
    /// to JSON.
    pub async fn custom(&self, name: &str, value: impl Serialize + Send) -> Result<(), ProgressError> {
        let (name, value) = (CustomName::new(name)?, serde_json::to_value(value)?);
        self.events.emit(ToolEvent::Custom { name, value }).delivered().await;
        Ok(())
    }
}

/// An open step that [`Progress::step`] has begun. It ends when it is dropped.
#[must_use = "a step ends when this is dropped"]
pub struct Step {
    events: ToolEventSender,
    /// The key of the step; `None` once it has ended.
    key: Option<u64>,
}

impl Step {
    /// Ends the step, and waits until the client can read the event.
    pub async fn end(mut self) {
        if let Some(key) = self.key.take() {
            self.events.emit(ToolEvent::StepFinished { key }).delivered().await;
        }
    }
}

impl Drop for Step {
    /// Ends the step, if [`end`](Self::end) was not called, without waiting for the client.
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // `Drop` cannot wait for the delivery.
            let _ = self.events.emit(ToolEvent::StepFinished { key });
        }
    }
}

/// An activity that [`Progress::activity`] has begun. The client keeps showing it after this is dropped.
pub struct Activity {
    events: ToolEventSender,
    key: u64,
    activity_type: String,
    content: JsonObject,
}

impl Activity {
    /// Returns the content as it is now.
    pub fn content(&self) -> &JsonObject {
        &self.content
    }

    /// Sets the value at a JSON Pointer in the content, as [`SharedState::set`](super::SharedState::set) does.
    ///
    /// # Errors
    /// [`StateError`] if the value cannot be placed there or cannot be converted to JSON. The content stays as it was.
    pub async fn set(&mut self, pointer: &str, value: impl Serialize + Send) -> Result<(), StateError> {
        let value = state::to_json(pointer, value)?;
        let mut content = Value::Object(self.content.clone());
        state::set_at(&mut content, pointer, value)?;
        let Value::Object(content) = content else { return Err(StateError::Unreachable(pointer.to_owned())) };
        self.content = content;
        self.show().await;
        Ok(())
    }

    /// Changes the content with `change` and sends the new content to the client. Returns what `change` returns, after
    /// the client can read the new content.
    pub async fn update<T: Send>(&mut self, change: impl FnOnce(&mut JsonObject) -> T + Send) -> T {
        let output = change(&mut self.content);
        self.show().await;
        output
    }

    /// Sends the current content to the client, and waits until the client can read it.
    async fn show(&self) {
        let (key, activity_type, content) = (self.key, self.activity_type.clone(), self.content.clone());
        self.events.emit(ToolEvent::ActivityChanged { key, activity_type, content }).delivered().await;
    }
}

impl fmt::Debug for Progress {
    /// Shows only the name of the type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

impl fmt::Debug for Step {
    /// Shows the key of the step, which is `None` after the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for Activity {
    /// Shows the type of the activity, and not its content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activity").field("activity_type", &self.activity_type).finish_non_exhaustive()
    }
}
