//! What a tool shows of its work while it works.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::state::{self, StateError};
use super::voice::{Voice, Word};
use crate::protocol::{CustomName, JsonObject, NoPrefix};

/// What a user interface shows of a tool's work: steps, activities, events of the application's own.
///
/// Everything is sent at once, and before the tool's result. A tool that says something waits until the client can
/// take it.
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
    voice: Voice,
}

/// What a tool wanted to show can't be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgressError {
    /// A custom event needs a name of the application's own.
    #[error(transparent)]
    NoPrefix(#[from] NoPrefix),
    /// An activity's content is an object.
    #[error("the content of an activity must be an object")]
    NoObject,
    /// The value can't be JSON.
    #[error("what was to be shown is not JSON")]
    NotJson(#[from] serde_json::Error),
}

impl Progress {
    pub(super) fn new(voice: Voice) -> Self {
        Self { voice }
    }

    /// Begins a step. It ends with [`Step::end`] or when it is dropped, through an error too.
    ///
    /// Where a step of that name is open in the run, this one gets a number.
    pub async fn step(&self, name: impl Into<String> + Send) -> Step {
        let key = self.voice.key();
        let name = name.into();
        // The step is there before anything is awaited: a tool that is given up meanwhile ends it.
        let step = Step { voice: self.voice.clone(), key: Some(key) };
        self.voice.say(Word::StepStarted { key, name }).told().await;
        step
    }

    /// Shows an activity: a message of the user interface that changes in its place. The model never reads it.
    ///
    /// `activity_type` says which widget shows it; `content` is an object.
    ///
    /// # Errors
    /// [`ProgressError`] if the content is no object or can't be JSON.
    pub async fn activity(
        &self,
        activity_type: impl Into<String> + Send,
        content: impl Serialize + Send,
    ) -> Result<Activity, ProgressError> {
        let Value::Object(content) = serde_json::to_value(content)? else {
            return Err(ProgressError::NoObject);
        };
        let activity_type = activity_type.into();
        let activity = Activity { voice: self.voice.clone(), key: self.voice.key(), activity_type, content };
        activity.show().await;
        Ok(activity)
    }

    /// Sends an event of the application's own. Its name has a prefix, such as `com.acme.`.
    ///
    /// # Errors
    /// [`ProgressError`] if the name has no prefix or the value can't be JSON.
    pub async fn custom(&self, name: &str, value: impl Serialize + Send) -> Result<(), ProgressError> {
        let (name, value) = (CustomName::new(name)?, serde_json::to_value(value)?);
        self.voice.say(Word::Custom { name, value }).told().await;
        Ok(())
    }
}

/// A step that has begun.
#[must_use = "a step ends when this is dropped"]
pub struct Step {
    voice: Voice,
    /// `None` when it has ended.
    key: Option<u64>,
}

impl Step {
    /// Ends the step.
    pub async fn end(mut self) {
        if let Some(key) = self.key.take() {
            self.voice.say(Word::StepFinished { key }).told().await;
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let _told_later = self.voice.say(Word::StepFinished { key });
        }
    }
}

/// An activity that the client shows, and goes on to show when this is dropped.
pub struct Activity {
    voice: Voice,
    key: u64,
    activity_type: String,
    content: JsonObject,
}

impl Activity {
    /// The content as it is now.
    pub fn content(&self) -> &JsonObject {
        &self.content
    }

    /// Sets what stands at a JSON Pointer in the content, as [`State::set`](super::State::set) does.
    ///
    /// # Errors
    /// [`StateError`] where nothing can stand there, or the value can't be JSON. The content is as it was.
    pub async fn set(&mut self, pointer: &str, value: impl Serialize + Send) -> Result<(), StateError> {
        let value = state::json(pointer, value)?;
        let mut content = Value::Object(self.content.clone());
        state::place(&mut content, pointer, value)?;
        let Value::Object(content) = content else { return Err(StateError::NoPlace(pointer.to_owned())) };
        self.content = content;
        self.show().await;
        Ok(())
    }

    /// Changes the content in any way.
    pub async fn update<T: Send>(&mut self, change: impl FnOnce(&mut JsonObject) -> T + Send) -> T {
        let made = change(&mut self.content);
        self.show().await;
        made
    }

    async fn show(&self) {
        let (key, activity_type, content) = (self.key, self.activity_type.clone(), self.content.clone());
        self.voice.say(Word::Activity { key, activity_type, content }).told().await;
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activity").field("activity_type", &self.activity_type).finish_non_exhaustive()
    }
}
