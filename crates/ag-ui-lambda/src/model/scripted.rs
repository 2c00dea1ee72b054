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
    /// Returns the script for a request.
    script_for: Arc<Author>,
    /// The pause before each delta.
    delay: Duration,
}

impl Scripted {
    /// Creates a model that plays a script for each request: `author` is called with the request and returns the
    /// script.
    pub fn new(author: impl Fn(&Request) -> Script + Send + Sync + 'static) -> Self {
        Self { name: "scripted/test", script_for: Arc::new(author), delay: Duration::ZERO }
    }

    /// Creates a model that plays these scripts one after another, one for each request, whatever the request is. Once
    /// they are used up, each further turn is empty.
    pub fn turns(turns: impl IntoIterator<Item = Script>) -> Self {
        let turns = Mutex::new(turns.into_iter().collect::<std::collections::VecDeque<_>>());
        Self::new(move |_| turns.lock().ok().and_then(|mut turns| turns.pop_front()).unwrap_or_default())
    }

    /// Sets the model's name, `<adapter>/<model id>`; the default is `scripted/test`.
    #[must_use]
    pub fn with_name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Sets how long the model waits before each delta except the last, [`Delta::End`]. By default it does not wait.
    /// The demo model sets its pace with this.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl Model for Scripted {
    /// Returns the name set by [`with_name`](Self::with_name).
    fn name(&self) -> &str {
        self.name
    }

    /// Returns `true` for every part, because the author of the script decides what to do with it.
    fn accepts(&self, _: &PartKind) -> bool {
        true
    }

    /// Asks the author for the script of this request and plays it: the stream waits, returns deltas or fails as its
    /// steps require.
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

/// The deltas that a [`Scripted`] model writes in one turn. The turn ends with [`StopReason::Complete`] unless the
/// script fails or is cut off.
///
/// ```
/// use ag_ui_lambda::model::{ModelErrorKind, Script, Scripted};
/// use serde_json::json;
///
/// // The first turn calls a tool, the second one answers, and the third one fails.
/// let model = Scripted::turns([
///     Script::new().reasoning("I need the weather.").call("call-1", "get_weather", &json!({ "city": "Lisbon" })),
///     Script::new().words("It is sunny in Lisbon."),
///     Script::new().text("It is ").fail(ModelErrorKind::StreamCut),
/// ]);
/// ```
#[derive(Default)]
pub struct Script {
    steps: Vec<Step>,
    /// The number of calls so far, from which the next call gets its number.
    calls: usize,
    /// Whether the stream ends without [`Delta::End`].
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
    /// Creates an empty script: a turn without text and calls, which ends regularly.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a delta of any kind, for example a signature, for which there is no method of its own.
    #[must_use]
    pub fn delta(mut self, delta: Delta) -> Self {
        self.steps.push(Step::Emit(delta));
        self
    }

    /// Adds text of the answer as one delta.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.delta(Delta::Text(text.into()))
    }

    /// Adds text of the answer with one delta for each word, as models stream it.
    #[must_use]
    pub fn words(self, text: &str) -> Self {
        text.split_inclusive(' ').fold(self, |script, word| script.text(word))
    }

    /// Adds text of the reasoning as one delta.
    #[must_use]
    pub fn reasoning(self, text: impl Into<String>) -> Self {
        self.delta(Delta::Reasoning(text.into()))
    }

    /// Adds a complete call of a tool, with its arguments streamed in two pieces.
    #[must_use]
    pub fn call(self, id: &str, name: &str, arguments: &Value) -> Self {
        let json = arguments.to_string();
        let (head, tail) = json.split_at(json.floor_char_boundary(json.len() / 2));
        self.call_in_pieces(id, name, &[head, tail])
    }

    /// Adds a complete call of a tool. `pieces` together are the JSON text of the arguments, and each becomes one
    /// delta; they are not checked.
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

    /// Adds a report of the tokens that the turn used.
    #[must_use]
    pub fn usage(self, usage: TokenUsage) -> Self {
        self.delta(Delta::Usage(usage))
    }

    /// Adds a pause before the next delta.
    #[must_use]
    pub fn pause(self, duration: Duration) -> Self {
        self.wait_for(async move { tokio::time::sleep(duration).await })
    }

    /// Adds a wait for `future` before the next delta, for example for a signal that the client has read the events so
    /// far.
    #[must_use]
    pub fn wait_for(mut self, future: impl Future<Output = ()> + Send + 'static) -> Self {
        self.steps.push(Step::Wait(future.boxed()));
        self
    }

    /// Ends the turn with a failure: a [`ModelErrorKind`](super::ModelErrorKind), or a [`ModelError`] with its cause.
    /// No [`Delta::End`] follows.
    #[must_use]
    pub fn fail(mut self, error: impl Into<ModelError>) -> Self {
        self.steps.push(Step::Fail(error.into()));
        self.cut()
    }

    /// Makes the stream end without [`Delta::End`] after the script's deltas, as when a connection breaks.
    #[must_use]
    pub fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }

    /// Returns the steps of the script. [`Delta::End`] with [`StopReason::Complete`] is appended unless the script
    /// fails or is cut off. Called for each request, before the model plays the steps.
    pub(super) fn into_steps(self) -> Vec<Step> {
        let mut steps = self.steps;
        if !self.is_cut {
            steps.push(Step::Emit(Delta::End(StopReason::Complete)));
        }
        steps
    }
}
