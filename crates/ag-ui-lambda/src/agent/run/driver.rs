//! Drives a run from `RUN_STARTED` to its last event.
//!
//! Every way out of a run ends in exactly one terminal event.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;
use tokio::time::Instant;
use tracing::{error, warn};

use super::context::{CallerAccess, RunContext};
use super::conversation::converse;
use super::end::{CancelReason, INTERNAL_ERROR, INVALID_RESULT, RunEnd, run_error};
use super::history::History;
use super::history::calls::{DecidedCall, read_calls};
use super::io::RunIo;
use super::limits::TurnBudget;
use super::request_size::InputSize;
use super::stream::{CancelHandle, EventSender};
use super::tool_events::ToolEventPump;
use crate::agent::definition::AgentDefinition;
use crate::agent::interrupt::settle::GatedCalls;
use crate::agent::observe::recorder::{OnRunEnd, RunRecorder};
use crate::agent::observe::report::{RunOutcome, RunReport};
use crate::budget::RunBudget;
use crate::error_chain::error_chain;
use crate::log_events::MODEL_FAILED;
use crate::protocol::{Event, InputLimits, RunAgentInput, Tool};
use crate::tool::{RunInfo, tool_event_channel};
use crate::transcript::{IdSource, RandomIds, Transcript};

/// How long before the deadline a run is cancelled, so that its last events still reach the client.
const DEADLINE_MARGIN: Duration = Duration::from_secs(2);

/// How long after the end of its time a run waits for a reader that takes nothing.
const LAST_READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A run that has passed the checks that come before its first event.
pub(crate) struct PreparedRun<C, I = RandomIds> {
    pub(crate) access: CallerAccess<C>,
    pub(crate) input: RunAgentInput,
    /// The tools of the client, with distinct names.
    pub(crate) frontend_tools: Vec<Tool>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) received_at: Instant,
    /// Provides the ids and times of the events.
    pub(crate) ids: I,
    /// Gets the report of the run; `None` if nobody wants it.
    pub(crate) report_to: Option<ReportTo<C>>,
    /// The budgets of the caller, with what the run has reserved of them.
    pub(crate) day_budget: RunBudget,
    /// The limits of a request. Tools cannot set a state that does not fit into one.
    pub(crate) input_limits: InputLimits,
}

/// Gets the caller and the report of a run that has ended. It must not panic, and it cannot wait.
pub(crate) type ReportTo<C> = Box<dyn FnOnce(Arc<C>, RunReport) + Send + Sync>;

impl<C: Send + Sync + 'static, I> PreparedRun<C, I> {
    /// Returns the estimated tokens of the newest message of the user, which the first request to a model has at least.
    pub(crate) fn least_input_tokens(&self) -> u64 {
        InputSize::of_newest_user_message(&self.input.messages).tokens
    }

    /// Passes the caller and the input to `replace`, and continues with the caller that it returns. The endpoint calls
    /// it if the application admits runs.
    ///
    /// # Errors
    /// The error of `replace`. The run is lost then.
    pub(crate) async fn replace_caller<E, F>(
        self,
        replace: impl FnOnce(C, Arc<RunAgentInput>) -> F,
    ) -> Result<Self, E>
    where
        F: Future<Output = Result<C, E>>,
    {
        let input = Arc::new(self.input);
        let access = self.access.replace_caller(|caller| replace(caller, Arc::clone(&input))).await?;
        Ok(Self { access, input: Arc::unwrap_or_clone(input), ..self })
    }

    /// Returns when the run has to end if it starts now.
    pub(crate) fn end_time(&self) -> EndTime {
        EndTime::new(Instant::now() + self.access.agent.limits.run_timeout, self.deadline)
    }
}

/// When a run has to end. The time is fixed when the run starts, also if its reader comes later.
#[derive(Clone, Copy)]
pub(crate) struct EndTime {
    /// When the run is cancelled if it has not ended.
    ends_at: Instant,
    /// Why it is cancelled then.
    reason: CancelReason,
    /// When the last events of the run should have been read.
    pub(crate) last_read: Instant,
}

impl EndTime {
    /// Returns the end of a run that may last until `time_limit`: at that time, or two seconds before `deadline` if that is
    /// earlier. The reader has five more seconds, but at most half of the time until `deadline`, so that the lines of the
    /// run are still written.
    fn new(time_limit: Instant, deadline: Option<Instant>) -> Self {
        let now = Instant::now();
        let latest = deadline.map(|deadline| deadline.checked_sub(DEADLINE_MARGIN).unwrap_or(now));
        let (ends_at, reason) = match latest {
            Some(latest) if latest < time_limit => (latest, CancelReason::Deadline),
            _ => (time_limit, CancelReason::RunTimeout),
        };
        // A run that starts later than it has to end is cancelled at once. Its reader still gets time for the last event.
        let last_event = ends_at.max(now);
        let until_deadline = deadline.map(|deadline| deadline.saturating_duration_since(last_event) / 2);
        let last_read = last_event + until_deadline.unwrap_or(LAST_READ_TIMEOUT).min(LAST_READ_TIMEOUT);
        Self { ends_at, reason, last_read }
    }
}

/// Runs one run to its end, at the latest to `end_time`, and sends all of its events to `events`. An error, a cancellation or
/// a panic becomes the last event.
pub(crate) async fn drive<C: Send + Sync + 'static, S: IdSource>(
    run: PreparedRun<C, S>,
    end_time: EndTime,
    events: EventSender,
) {
    let PreparedRun {
        access,
        mut input,
        frontend_tools,
        received_at,
        ids,
        report_to,
        day_budget,
        input_limits,
        ..
    } = run;
    let agent = Arc::clone(&access.agent);
    let transcript = begin_transcript(&agent, &input, ids);
    if !input.answers_interrupts() {
        // Only a run that answers interrupts may have to send the messages back.
        input.original_messages = None;
    }
    // The transcript has its copy of the messages by now. What is left out here only the model does not read.
    agent.client.restrict(&mut input, |name| agent.tools.contains(name));
    let state = Arc::new(input.state.take().unwrap_or_else(|| json!({})));
    let (tool_events, receiver) = tool_event_channel(Arc::clone(&state), input_limits);
    let ids = Arc::new(RunInfo { thread_id: input.thread_id.clone(), run_id: input.run_id.clone() });
    let recorder = RunRecorder::new(Arc::clone(&ids), received_at, events.first_event());
    let caller = Arc::clone(&access.caller);
    let on_end = report_to.map(|report_to| -> OnRunEnd { Box::new(|report| report_to(caller, report)) });
    let offers = access.tool_offers();
    let mut tools: Vec<Tool> = offers.tools().cloned().collect();
    let frontend_start = tools.len();
    tools.extend(frontend_tools);
    let context = RunContext {
        access: &access,
        ids,
        offers,
        tools: tools.into(),
        frontend_start,
        ends_at: end_time.ends_at,
        tool_events,
        exposed_state: agent.expose_state.then(|| Arc::clone(&state)),
        recorder: recorder.on_end(on_end),
    };
    let transcript = transcript
        .with_state(state)
        .with_predictions(context.predictions())
        .emit_predict_state(agent.emit_predict_state);
    let cancel = events.cancel_handle();
    let mut io = RunIo {
        transcript,
        events,
        tool_events: ToolEventPump::new(receiver),
        budget: TurnBudget::new(agent.limits),
        day_budget,
    };

    let end = EarlyEnd { cancel, time: end_time };
    let ended = {
        let calls = read_calls(&input.messages);
        for call in &calls {
            io.transcript.reserve_call_id(call.call.id.clone());
        }
        // The calls of the history are judged before anything can cancel the run. Judging runs code of the application's tools,
        // which may panic.
        let gated = GatedCalls::open(&context, &input, calls, &mut io);
        match AssertUnwindSafe(gated).catch_unwind().await {
            Err(panic) => Err(panic),
            Ok(gated) => end.guard(resume(gated, &mut io)).await,
        }
    };
    let ended = match ended {
        Ok(Ok(calls)) if !io.transcript.is_interrupted() => {
            end.guard(read_and_converse(&context, input, calls, &mut io)).await
        }
        ended => ended.map(|ended| ended.map(drop)),
    };

    io.tool_events.drain(&mut io.transcript);
    if !matches!(ended, Ok(Ok(()))) {
        context.send_placeholder_results(&mut io.transcript);
    }
    let RunIo { transcript, events, .. } = io;
    let (outcome, last_events) = end_transcript(transcript, ended);
    context.recorder.set_outcome(outcome);
    events.close(last_events).await;
}

/// Ends the transcript with exactly one terminal event. `ended` is how the run ended: complete, with a [`RunEnd`], or
/// with a panic. Returns the outcome for the log, and the events that are still to be sent.
fn end_transcript<S: IdSource>(
    transcript: Transcript<S>,
    ended: thread::Result<Result<(), RunEnd>>,
) -> (RunOutcome, VecDeque<Event>) {
    match ended {
        Ok(Ok(())) if transcript.is_interrupted() => (RunOutcome::Interrupt, transcript.finish()),
        Ok(Ok(())) => (RunOutcome::Success, transcript.finish()),
        Ok(Err(RunEnd::Cancelled(reason))) => {
            (RunOutcome::Cancelled(reason.as_str()), transcript.cancel(reason.run_error()))
        }
        Ok(Err(RunEnd::ModelFailed { model, error })) => {
            warn!(model, cause = error_chain(&error), "{MODEL_FAILED}");
            let error = run_error(error.kind);
            (RunOutcome::Error(error.code), transcript.fail(error))
        }
        Ok(Err(RunEnd::InvalidResult { model })) => {
            warn!(model, "no result of the model fits the result type");
            (RunOutcome::Error(INVALID_RESULT.code), transcript.fail(INVALID_RESULT))
        }
        // The panic hook has written the message of the panic to stderr.
        Err(_panic) => {
            error!("run panicked");
            (RunOutcome::Error(INTERNAL_ERROR.code), transcript.fail(INTERNAL_ERROR))
        }
    }
}

/// What may end a run before its work is done.
struct EarlyEnd {
    cancel: CancelHandle,
    time: EndTime,
}

impl EarlyEnd {
    /// Waits for a part of the run's work. The outer error is the panic of this part; the inner one is why the run ends
    /// before it is done.
    async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, RunEnd>>,
    ) -> thread::Result<Result<T, RunEnd>> {
        tokio::select! {
            // A tool times out no later than the run does: at the same moment it is the run that ends.
            biased;
            reason = self.cancel.cancelled() => Ok(Err(RunEnd::Cancelled(reason))),
            () = tokio::time::sleep_until(self.time.ends_at) => Ok(Err(RunEnd::Cancelled(self.time.reason))),
            ended = AssertUnwindSafe(work).catch_unwind() => ended,
        }
    }
}

/// Runs the calls of the history that a person has approved or answered, and returns all calls of the history with what the
/// model reads as the result of each.
async fn resume<C: Send + Sync + 'static, S: IdSource>(
    mut gated: GatedCalls<'_, C>,
    io: &mut RunIo<S>,
) -> Result<Vec<DecidedCall>, RunEnd> {
    io.flush().await;
    gated.finish(io).await;
    Ok(gated.into_decided_calls())
}

/// Reads the history and asks the model turn after turn.
async fn read_and_converse<C: Send + Sync + 'static, S: IdSource>(
    context: &RunContext<'_, C>,
    input: RunAgentInput,
    calls: Vec<DecidedCall>,
    io: &mut RunIo<S>,
) -> Result<(), RunEnd> {
    let mut history = History::read(input, calls, |name| context.agent().tools.contains(name));
    if let Some(state) = context.exposed_state.as_ref().filter(|_| !history.turns.is_empty()) {
        history.expose_state(state);
    }
    converse(context, history, io).await
}

/// Creates the transcript of a run for the client that sent `input`: with events in the shapes of the client's protocol
/// version, and with a snapshot of the messages at the end if the agent sends one.
fn begin_transcript<C, S: IdSource>(
    agent: &AgentDefinition<C>,
    input: &RunAgentInput,
    ids: S,
) -> Transcript<S> {
    let mut transcript = Transcript::begin(input.thread_id.clone(), input.run_id.clone(), ids);
    let knows_1_0 = !agent.client.is_before_1_0(input.protocol_version.as_deref());
    if !knows_1_0 {
        transcript = transcript.for_client_before_1_0();
    }
    if agent.emit_messages_snapshot {
        transcript = transcript.with_messages_snapshot(input.messages_without(&[], knows_1_0));
    }
    if input.answers_interrupts() {
        transcript = transcript.answering_interrupts();
    }
    transcript
}
