//! What a run has used up and how it ended: told in the log when it is over, in one line for the run and one for
//! each call of a tool.
//!
//! The lines are written behind the last event, or when the reader goes: nothing of this is in an event's way. They
//! hold counts, times, ids and codes, and nothing that was said.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Span, info};

use super::spans;
use super::turns::Stop;
use crate::protocol::TokenUsage;

/// When a reader took the first event of a run.
pub(super) type FirstEvent = Arc<OnceLock<Instant>>;

/// The account of one run. Dropped, it is told.
pub(super) struct Account {
    /// When the request for the run came in.
    received: Instant,
    first_event: FirstEvent,
    /// Names the run in its lines, wherever it is dropped.
    span: Span,
    figures: Mutex<Figures>,
}

/// How a run ended, in the words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Success,
    Interrupt,
    /// On purpose, with the reason that the client reads.
    Cancelled(&'static str),
    /// With the code that the client reads.
    Error(&'static str),
}

#[derive(Default)]
struct Figures {
    /// The models that made turns, without repetition.
    models: Vec<String>,
    turns: u32,
    /// The calls that the model made, whoever answers them.
    tool_calls: u64,
    usage: TokenUsage,
    first_token: Option<Instant>,
    /// The tools here that ran, each time.
    ran: Vec<(String, Duration)>,
    ending: Option<Ending>,
}

/// The reason of a run whose reader went before its end.
const GONE: &str = "CLIENT_GONE";

impl Account {
    /// Opens the account, in the run's span.
    pub(super) fn new(received: Instant, first_event: FirstEvent) -> Self {
        Self { received, first_event, span: Span::current(), figures: Mutex::default() }
    }

    /// No panic happens under this lock, so a poisoned one is whole.
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn is asked for.
    pub(super) fn turn(&self) {
        self.figures().turns += 1;
    }

    /// A model has written something; a turn that ends at once has no token.
    pub(super) fn first_token(&self) {
        self.figures().first_token.get_or_insert_with(Instant::now);
    }

    /// A model has begun a turn.
    pub(super) fn began(&self, model: &str) {
        let mut figures = self.figures();
        if figures.models.is_empty() {
            spans::record_model(&self.span, model);
        }
        if !figures.models.iter().any(|known| known == model) {
            figures.models.push(model.to_owned());
        }
    }

    pub(super) fn used(&self, usage: &TokenUsage) {
        self.figures().usage.add(usage);
    }

    /// A model has made calls.
    pub(super) fn calls(&self, number: usize) {
        self.figures().tool_calls += number as u64;
    }

    /// A tool here ran.
    pub(super) fn ran(&self, tool: &str, time: Duration) {
        self.figures().ran.push((tool.to_owned(), time));
    }

    pub(super) fn ended(&self, ending: Ending) {
        self.figures().ending = Some(ending);
    }

    fn tell(&mut self) {
        let figures = std::mem::take(&mut *self.figures());
        for (tool, time) in &figures.ran {
            info!(tool, duration_ms = milliseconds(*time), "tool ran");
        }
        let since = |moment: Instant| milliseconds(moment.saturating_duration_since(self.received));
        let ending = figures.ending.unwrap_or(Ending::Cancelled(GONE));
        let models = Some(figures.models.join(",")).filter(|models| !models.is_empty());
        self.trace(&figures.usage, ending);
        info!(
            outcome = ending.outcome(),
            reason = ending.reason(),
            code = ending.code(),
            models,
            turns = figures.turns,
            tool_calls = figures.tool_calls,
            input_tokens = figures.usage.input_tokens,
            output_tokens = figures.usage.output_tokens,
            cached_input_tokens = figures.usage.cached_input_tokens,
            time_to_first_event_ms = self.first_event.get().map(|first| since(*first)),
            time_to_first_token_ms = figures.first_token.map(since),
            duration_ms = since(Instant::now()),
            "run finished"
        );
    }

    /// Ends the run's span.
    fn trace(&self, usage: &TokenUsage, ending: Ending) {
        spans::record_usage(&self.span, usage);
        self.span.record("ag_ui.run.outcome", ending.outcome());
        if let Some(reason) = ending.reason() {
            self.span.record("ag_ui.run.reason", reason);
        }
        if let Some(code) = ending.code() {
            spans::record_error(&self.span, code);
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let span = self.span.clone();
        span.in_scope(|| self.tell());
    }
}

impl Ending {
    pub(super) fn stopped(stop: Stop) -> Self {
        Self::Cancelled(stop.reason())
    }

    fn outcome(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Interrupt => "interrupt",
            Self::Cancelled(_) => "cancelled",
            Self::Error(_) => "error",
        }
    }

    fn reason(self) -> Option<&'static str> {
        if let Self::Cancelled(reason) = self { Some(reason) } else { None }
    }

    fn code(self) -> Option<&'static str> {
        if let Self::Error(code) = self { Some(code) } else { None }
    }
}

/// To the microsecond: a first event takes less than a millisecond.
fn milliseconds(time: Duration) -> f64 {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).as_secs_f64() * 1000.0
}
