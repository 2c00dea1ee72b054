//! Records what a run uses and how it ends: for one log line of the run, one log line of each tool call, and the spans.
//!
//! The log lines are written after the last event, or when the reader has gone, so that they delay no event. They hold
//! counts, times, ids and codes, and no text of a message.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument as _, Span, info};

use super::spans::{self, ChatSpan};
use crate::agent::run::end::CancelReason;
use crate::log_events::{RUN_FINISHED, TOOL_RAN};
use crate::model::{Delta, ModelErrorKind, StopReason};
use crate::protocol::{TokenUsage, ToolCallId};

/// The time at which the reader of a stream took the first event of a run; empty before.
pub(crate) type FirstEventTime = Arc<OnceLock<Instant>>;

/// Collects the statistics of one run, and writes its log lines when it is dropped.
pub(crate) struct RunRecorder {
    received_at: Instant,
    first_event: FirstEventTime,
    /// The span of the run. The log lines are written in it, wherever the recorder is dropped.
    span: Span,
    stats: Mutex<RunStats>,
}

/// How a run ended, in the words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordedOutcome {
    Success,
    /// A call waits for a person.
    Interrupt,
    Cancelled(CancelReason),
    /// The run failed with this code, which the client reads, too.
    Error(&'static str),
}

/// What a run has used.
#[derive(Default)]
struct RunStats {
    /// The models that began turns, without repetition.
    models: Vec<String>,
    turns: u32,
    /// The calls that models made, whoever responds to them.
    tool_calls: u64,
    usage: TokenUsage,
    first_token: Option<Instant>,
    /// The backend tools that ran, once for each call.
    tools: Vec<(String, Duration)>,
    outcome: Option<RecordedOutcome>,
}

impl RunRecorder {
    /// Starts to record a run in the current span. The durations in the log count from `received_at`; `first_event` is
    /// set by the stream when its reader takes the first event.
    pub(crate) fn new(received_at: Instant, first_event: FirstEventTime) -> Self {
        Self { received_at, first_event, span: Span::current(), stats: Mutex::default() }
    }

    /// Locks the statistics of the run, even if a thread has panicked while it held the lock.
    fn stats(&self) -> MutexGuard<'_, RunStats> {
        // No code under this lock panics, so the statistics of a poisoned lock are complete.
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts another turn of the run. It is called before a model is asked for the turn.
    pub(crate) fn start_turn(&self) {
        self.stats().turns += 1;
    }

    /// Opens a span for one request to the model of this name, and returns the recorder of the request.
    pub(crate) fn start_model_call(&self, model: &str) -> ModelCallRecorder<'_> {
        ModelCallRecorder { run: self, span: ChatSpan::new(model), usage: TokenUsage::default() }
    }

    /// Awaits `call`, a running call of a backend tool, in a span of its own, and records how long it took. Returns the
    /// output of `call`.
    pub(crate) async fn run_tool<T>(&self, tool: &str, id: &ToolCallId, call: impl Future<Output = T>) -> T {
        let started_at = Instant::now();
        let outcome = call.instrument(spans::execute_tool(tool, id)).await;
        self.stats().tools.push((tool.to_owned(), started_at.elapsed()));
        outcome
    }

    /// Records how the run ended. If it is not called before the recorder is dropped, the run counts as cancelled by
    /// its client.
    pub(crate) fn set_outcome(&self, outcome: RecordedOutcome) {
        self.stats().outcome = Some(outcome);
    }

    /// Writes a log line for each call of a tool and one for the run, and completes the span of the run. `Drop` calls
    /// it.
    fn write(&self) {
        let stats = std::mem::take(&mut *self.stats());
        for (tool, duration) in &stats.tools {
            info!(tool, duration_ms = milliseconds(*duration), "{TOOL_RAN}");
        }
        let since = |moment: Instant| milliseconds(moment.saturating_duration_since(self.received_at));
        let outcome = stats.outcome.unwrap_or(RecordedOutcome::Cancelled(CancelReason::ClientGone));
        let (name, reason, code) = (outcome.name(), outcome.reason(), outcome.code());
        let models = Some(stats.models.join(",")).filter(|models| !models.is_empty());
        spans::record_usage(&self.span, &stats.usage);
        spans::record_outcome(&self.span, name, reason, code);
        info!(
            outcome = name,
            reason,
            code,
            models,
            turns = stats.turns,
            tool_calls = stats.tool_calls,
            input_tokens = stats.usage.input_tokens,
            output_tokens = stats.usage.output_tokens,
            cached_input_tokens = stats.usage.cached_input_tokens,
            time_to_first_event_ms = self.first_event.get().map(|first| since(*first)),
            time_to_first_token_ms = stats.first_token.map(since),
            duration_ms = since(Instant::now()),
            "{RUN_FINISHED}"
        );
    }
}

impl Drop for RunRecorder {
    /// Writes the log lines of the run, in the span of the run.
    fn drop(&mut self) {
        self.span.in_scope(|| self.write());
    }
}

/// Records one request to a model, for the run and for a span of its own.
pub(crate) struct ModelCallRecorder<'a> {
    run: &'a RunRecorder,
    span: ChatSpan,
    usage: TokenUsage,
}

impl ModelCallRecorder<'_> {
    /// Adds tokens that the model has used, to the request and to the run.
    pub(crate) fn add_usage(&mut self, usage: &TokenUsage) {
        self.usage.add(usage);
        self.span.record_usage(&self.usage);
        self.run.stats().usage.add(usage);
    }

    /// Records that `model` has begun the turn with the delta `first`. The time of the run's first token is set now,
    /// unless it is known already or `first` is the end of the turn.
    pub(crate) fn begin(&self, model: &str, first: &Delta) {
        let mut stats = self.run.stats();
        if stats.models.is_empty() {
            spans::record_model(&self.run.span, model);
        }
        if !stats.models.iter().any(|known| known == model) {
            stats.models.push(model.to_owned());
        }
        if !matches!(first, Delta::End(_)) {
            stats.first_token.get_or_insert_with(Instant::now);
        }
    }

    /// Records why the turn has ended, and adds `calls`, the number of calls that the model made in the turn, to the
    /// total of the run.
    pub(crate) fn finish(&self, reason: StopReason, calls: usize) {
        self.span.record_finish(reason, calls > 0);
        self.run.stats().tool_calls += calls as u64;
    }

    /// Records that the request failed, before the turn began or while it was read.
    pub(crate) fn fail(&self, kind: ModelErrorKind) {
        self.span.record_failure(kind);
    }
}

impl RecordedOutcome {
    /// Returns the value that the log field `outcome` has.
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Interrupt => "interrupt",
            Self::Cancelled(_) => "cancelled",
            Self::Error(_) => "error",
        }
    }

    /// Returns the value of the log field `reason`: why the run was cancelled; `None` for any other outcome.
    fn reason(self) -> Option<&'static str> {
        if let Self::Cancelled(reason) = self { Some(reason.as_str()) } else { None }
    }

    /// Returns the value of the log field `code`: the code of the error; `None` if the run did not fail.
    fn code(self) -> Option<&'static str> {
        if let Self::Error(code) = self { Some(code) } else { None }
    }
}

/// Converts a duration to milliseconds, rounded down to whole microseconds. The value has a fraction, because a first
/// event can take less than a millisecond.
fn milliseconds(duration: Duration) -> f64 {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).as_secs_f64() * 1000.0
}
