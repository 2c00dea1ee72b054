//! Records what a run uses and how it ends: for one log line of the run, one log line of each tool call, the spans, and the
//! report that the application gets.
//!
//! The log lines are written after the last event, or when the reader has gone, so that they delay no event. They hold
//! counts, times, ids and codes, and no text of a message.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument as _, Span, info};

use super::report::{RunOutcome, RunReport, ToolRun};
use super::spans::{self, ChatSpan};
use crate::agent::run::end::CancelReason;
use crate::log_events::{RUN_FINISHED, TOOL_RAN};
use crate::model::{Delta, ModelErrorKind, StopReason};
use crate::protocol::{TokenUsage, ToolCallId};
use crate::tool::RunInfo;

/// The time at which the reader of a stream took the first event of a run; empty before.
pub(crate) type FirstEventTime = Arc<OnceLock<Instant>>;

/// Gets the report of a run when the run has ended. It must not panic, and it cannot wait.
pub(crate) type OnRunEnd = Box<dyn FnOnce(RunReport) + Send + Sync>;

/// Collects the statistics of one run. When it is dropped, it writes the log lines of the run and hands its report on.
pub(crate) struct RunRecorder {
    ids: Arc<RunInfo>,
    received_at: Instant,
    first_event: FirstEventTime,
    /// The span of the run. The log lines are written in it, wherever the recorder is dropped.
    span: Span,
    stats: Mutex<RunStats>,
    /// `None` if nobody wants the report.
    on_end: Option<OnRunEnd>,
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
    tools: Vec<ToolRun>,
    outcome: Option<RunOutcome>,
}

impl RunRecorder {
    /// Starts to record the run with these ids in the current span. The durations count from `received_at`;
    /// `first_event` is set by the stream when its reader takes the first event. The driver creates it when the run
    /// begins.
    pub(crate) fn new(ids: Arc<RunInfo>, received_at: Instant, first_event: FirstEventTime) -> Self {
        Self { ids, received_at, first_event, span: Span::current(), stats: Mutex::default(), on_end: None }
    }

    /// Sets what gets the report of the run. The driver calls it when the run begins.
    pub(crate) fn on_end(mut self, on_end: Option<OnRunEnd>) -> Self {
        self.on_end = on_end;
        self
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
        self.stats().tools.push(ToolRun::new(tool, started_at.elapsed()));
        outcome
    }

    /// Records how the run ended. If it is not called before the recorder is dropped, the run counts as cancelled by
    /// its client. The driver calls it at the end of the run.
    pub(crate) fn set_outcome(&self, outcome: RunOutcome) {
        self.stats().outcome = Some(outcome);
    }

    /// Takes what was recorded, as the report of a run that ends now. This method is called once, when the recorder is
    /// dropped.
    fn report(&self) -> RunReport {
        let stats = std::mem::take(&mut *self.stats());
        let since = |moment: Instant| moment.saturating_duration_since(self.received_at);
        let outcome = stats.outcome.unwrap_or(RunOutcome::Cancelled(CancelReason::ClientGone.as_str()));
        RunReport {
            models: stats.models,
            turns: stats.turns,
            tool_calls: stats.tool_calls,
            usage: stats.usage,
            tools: stats.tools,
            time_to_first_event: self.first_event.get().map(|first| since(*first)),
            time_to_first_token: stats.first_token.map(since),
            duration: since(Instant::now()),
            ..RunReport::new(self.ids.thread_id.clone(), self.ids.run_id.clone(), outcome)
        }
    }
}

impl Drop for RunRecorder {
    /// Writes the log lines of the run, in the span of the run, and hands its report on.
    fn drop(&mut self) {
        let report = self.report();
        self.span.in_scope(|| write(&self.span, &report));
        if let Some(on_end) = self.on_end.take() {
            on_end(report);
        }
    }
}

/// Writes a log line for each call of a tool and one for the run, and completes `span`, which is that of the run. This
/// function is called when the recorder is dropped.
fn write(span: &Span, report: &RunReport) {
    for ToolRun { tool, duration } in &report.tools {
        info!(tool, duration_ms = milliseconds(*duration), "{TOOL_RAN}");
    }
    let (name, reason, code) = (report.outcome.name(), report.outcome.reason(), report.outcome.code());
    let models = Some(report.models.join(",")).filter(|models| !models.is_empty());
    spans::record_usage(span, &report.usage);
    spans::record_outcome(span, name, reason, code);
    info!(
        outcome = name,
        reason,
        code,
        models,
        turns = report.turns,
        tool_calls = report.tool_calls,
        input_tokens = report.usage.input_tokens,
        output_tokens = report.usage.output_tokens,
        cached_input_tokens = report.usage.cached_input_tokens,
        time_to_first_event_ms = report.time_to_first_event.map(milliseconds),
        time_to_first_token_ms = report.time_to_first_token.map(milliseconds),
        duration_ms = milliseconds(report.duration),
        "{RUN_FINISHED}"
    );
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

/// Converts a duration to milliseconds, rounded down to whole microseconds. The value has a fraction, because a first
/// event can take less than a millisecond.
fn milliseconds(duration: Duration) -> f64 {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)).as_secs_f64() * 1000.0
}
