//! A model that plays scripts, for tests and demonstrations that need no network.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;

use super::{Delta, DeltaStream, Model, ModelError, Request, StopReason};
use crate::protocol::{PartKind, TokenUsage};

/// Writes the script of a turn for a request.
type Author = dyn Fn(&Request) -> Script + Send + Sync;

/// A model that plays a [`Script`] for each request.
///
/// ```
/// use ag_ui_lambda::model::{Script, Scripted};
///
/// let model = Scripted::new(|request| Script::new().text(format!("{} turns", request.history.len())));
/// ```
#[derive(Clone)]
pub struct Scripted {
    name: &'static str,
    script_for: Arc<Author>,
    delay: Duration,
}

impl Scripted {
    /// Creates a model that plays, for each request, the script that `author` returns for it.
    pub fn new(author: impl Fn(&Request) -> Script + Send + Sync + 'static) -> Self {
        Self { name: "scripted/test", script_for: Arc::new(author), delay: Duration::ZERO }
    }

    /// Creates a model that plays these turns one after another, whatever the requests are. Later turns are empty.
    pub fn turns(turns: impl IntoIterator<Item = Script>) -> Self {
        let turns = Mutex::new(turns.into_iter().collect::<std::collections::VecDeque<_>>());
        Self::new(move |_| turns.lock().ok().and_then(|mut turns| turns.pop_front()).unwrap_or_default())
    }

    /// Sets the model's name; the default is `scripted/test`.
    #[must_use]
    pub fn with_name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Sets a pause before each delta; the default is no pause.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl Model for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    /// Accepts every part, because the author of the script decides what to do with it.
    fn accepts(&self, _: &PartKind) -> bool {
        true
    }

    fn stream(&self, request: &Request) -> DeltaStream {
        let delay = self.delay;
        stream::iter((self.script_for)(request).into_steps())
            .then(move |step| async move {
                match step {
                    Step::Emit(Delta::End(reason)) => Some(Ok(Delta::End(reason))),
                    Step::Emit(delta) => {
                        if !delay.is_zero() {
                            tokio::time::sleep(delay).await;
                        }
                        Some(Ok(delta))
                    }
                    Step::Fail(error) => Some(Err(error)),
                    Step::Wait(future) => {
                        future.await;
                        None
                    }
                }
            })
            .filter_map(std::future::ready)
            .boxed()
    }
}

/// The script of one turn. The turn ends with [`StopReason::Complete`] unless the script fails or is cut off.
#[derive(Default)]
pub struct Script {
    steps: Vec<Step>,
    calls: usize,
    is_cut: bool,
}

/// A step of a [`Script`].
pub(super) enum Step {
    /// Sends this delta.
    Emit(Delta),
    /// Fails the turn.
    Fail(ModelError),
    /// Waits for the future before the next step.
    Wait(BoxFuture<'static, ()>),
}

impl Script {
    /// Creates an empty script: a turn without text and calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a delta of any kind.
    #[must_use]
    pub fn delta(mut self, delta: Delta) -> Self {
        self.steps.push(Step::Emit(delta));
        self
    }

    /// Adds text as one delta.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.delta(Delta::Text(text.into()))
    }

    /// Adds text with one delta for each word.
    #[must_use]
    pub fn words(self, text: &str) -> Self {
        text.split_inclusive(' ').fold(self, |script, word| script.text(word))
    }

    /// Adds reasoning as one delta.
    #[must_use]
    pub fn reasoning(self, text: impl Into<String>) -> Self {
        self.delta(Delta::Reasoning(text.into()))
    }

    /// Adds a call of a tool, with its arguments in two pieces.
    #[must_use]
    pub fn call(self, id: &str, name: &str, arguments: &Value) -> Self {
        let json = arguments.to_string();
        let (head, tail) = json.split_at(json.floor_char_boundary(json.len() / 2));
        self.call_in_pieces(id, name, &[head, tail])
    }

    /// Adds a call of a tool, with the JSON text of its arguments in these pieces.
    #[must_use]
    pub fn call_in_pieces(mut self, id: &str, name: &str, pieces: &[&str]) -> Self {
        let call = self.calls;
        self.calls += 1;
        let begun = self.delta(Delta::ToolCall { call, id: id.into(), name: name.into() });
        pieces
            .iter()
            .fold(begun, |script, piece| script.delta(Delta::ToolArgs { call, json: (*piece).into() }))
            .delta(Delta::ToolCallEnd { call })
    }

    /// Adds a report of used tokens.
    #[must_use]
    pub fn usage(self, usage: TokenUsage) -> Self {
        self.delta(Delta::Usage(usage))
    }

    /// Adds a pause.
    #[must_use]
    pub fn pause(self, duration: Duration) -> Self {
        self.wait_for(async move { tokio::time::sleep(duration).await })
    }

    /// Waits for `future` before the next step, for example for a signal that the client has read the events so far.
    #[must_use]
    pub fn wait_for(mut self, future: impl Future<Output = ()> + Send + 'static) -> Self {
        self.steps.push(Step::Wait(future.boxed()));
        self
    }

    /// Ends the turn with a failure: a [`ModelErrorKind`](super::ModelErrorKind), or an error with its cause.
    #[must_use]
    pub fn fail(mut self, error: impl Into<ModelError>) -> Self {
        self.steps.push(Step::Fail(error.into()));
        self.cut()
    }

    /// Ends the stream without [`Delta::End`], as a connection that is cut off does.
    #[must_use]
    pub fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }

    /// Returns the steps, with the turn's end as the last one unless the script fails or is cut off.
    pub(super) fn into_steps(self) -> Vec<Step> {
        let mut steps = self.steps;
        if !self.is_cut {
            steps.push(Step::Emit(Delta::End(StopReason::Complete)));
        }
        steps
    }
}
