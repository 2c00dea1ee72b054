//! A model that says what a script tells it: for tests and demonstrations, without a network.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;

use super::{Delta, DeltaStream, Model, ModelError, Request, StopReason};
use crate::protocol::{PartKind, TokenUsage};

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
    author: Arc<Author>,
    delay: Duration,
}

impl Scripted {
    /// A model whose turns `author` writes, request by request.
    pub fn new(author: impl Fn(&Request) -> Script + Send + Sync + 'static) -> Self {
        Self { name: "scripted/test", author: Arc::new(author), delay: Duration::ZERO }
    }

    /// A model that plays these turns one after another, whatever it is asked; then its turns are empty.
    pub fn turns(turns: impl IntoIterator<Item = Script>) -> Self {
        let turns = Mutex::new(turns.into_iter().collect::<std::collections::VecDeque<_>>());
        Self::new(move |_| turns.lock().ok().and_then(|mut turns| turns.pop_front()).unwrap_or_default())
    }

    /// The same model under another name.
    #[must_use]
    pub fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same model with a pause before each delta.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl Model for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    /// What a script makes of a part is its author's.
    fn takes(&self, _: &PartKind) -> bool {
        true
    }

    fn stream(&self, request: &Request) -> DeltaStream {
        let delay = self.delay;
        stream::iter((self.author)(request).into_steps())
            .then(move |step| async move {
                match step {
                    Step::Say(Delta::End(reason)) => Some(Ok(Delta::End(reason))),
                    Step::Say(delta) => {
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

/// One turn, step by step. It ends well unless it fails or is cut.
#[derive(Default)]
pub struct Script {
    steps: Vec<Step>,
    calls: usize,
    is_cut: bool,
}

pub(super) enum Step {
    Say(Delta),
    Fail(ModelError),
    Wait(BoxFuture<'static, ()>),
}

impl Script {
    /// A turn in which nothing is said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says anything.
    #[must_use]
    pub fn delta(mut self, delta: Delta) -> Self {
        self.steps.push(Step::Say(delta));
        self
    }

    /// Says text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.delta(Delta::Text(text.into()))
    }

    /// Says text word by word.
    #[must_use]
    pub fn words(self, text: &str) -> Self {
        text.split_inclusive(' ').fold(self, |script, word| script.text(word))
    }

    /// Reasons.
    #[must_use]
    pub fn reasoning(self, text: impl Into<String>) -> Self {
        self.delta(Delta::Reasoning(text.into()))
    }

    /// Calls a tool, with its arguments in two pieces.
    #[must_use]
    pub fn call(self, id: &str, name: &str, arguments: &Value) -> Self {
        let json = arguments.to_string();
        let (head, tail) = json.split_at(json.floor_char_boundary(json.len() / 2));
        self.call_in_pieces(id, name, &[head, tail])
    }

    /// Calls a tool, with the text of its arguments in these pieces.
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

    /// Reports tokens.
    #[must_use]
    pub fn usage(self, usage: TokenUsage) -> Self {
        self.delta(Delta::Usage(usage))
    }

    /// Pauses.
    #[must_use]
    pub fn pause(self, duration: Duration) -> Self {
        self.wait_for(async move { tokio::time::sleep(duration).await })
    }

    /// Goes on only when `future` is done, such as a signal that the client has read what came before.
    #[must_use]
    pub fn wait_for(mut self, future: impl Future<Output = ()> + Send + 'static) -> Self {
        self.steps.push(Step::Wait(future.boxed()));
        self
    }

    /// Ends in failure: a kind of it, or an error with its cause.
    #[must_use]
    pub fn fail(mut self, error: impl Into<ModelError>) -> Self {
        self.steps.push(Step::Fail(error.into()));
        self.cut()
    }

    /// Breaks off without an end.
    #[must_use]
    pub fn cut(self) -> Self {
        Self { is_cut: true, ..self }
    }

    pub(super) fn into_steps(self) -> Vec<Step> {
        let mut steps = self.steps;
        if !self.is_cut {
            steps.push(Step::Say(Delta::End(StopReason::Complete)));
        }
        steps
    }
}
