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
use super::history::calls::read_calls;
use super::io::RunIo;
use super::limits::TurnBudget;
use super::stream::EventSender;
use super::tool_events::ToolEventPump;
use crate::agent::definition::AgentDefinition;
use crate::agent::interrupt::settle::GatedCalls;
use crate::agent::observe::recorder::{OnRunEnd, RunRecorder};
use crate::agent::observe::report::{RunOutcome, RunReport};
use crate::error_chain::error_chain;
use crate::log_events::MODEL_FAILED;
use crate::protocol::{Event, RunAgentInput, Tool};
use crate::tool::{RunInfo, tool_event_channel};
use crate::transcript::{IdSource, RandomIds, Transcript};

/// How long before the deadline a run is cancelled, so that its last events still reach the client.
const DEADLINE_MARGIN: Duration = Duration::from_secs(2);

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
}

/// Gets the caller and the report of a run that has ended. It must not panic, and it cannot wait.
pub(crate) type ReportTo<C> = Box<dyn FnOnce(Arc<C>, RunReport) + Send + Sync>;

impl<C: Send + Sync + 'static, I> PreparedRun<C, I> {
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
}

/// Runs one run to its end and sends all of its events to `events`. An error, a cancellation or a panic becomes the
/// last event.
pub(crate) async fn drive<C: Send + Sync + 'static, S: IdSource>(
    run: PreparedRun<C, S>,
    events: EventSender,
) {
    let PreparedRun { access, mut input, frontend_tools, deadline, received_at, ids, report_to } = run;
    let started_at = Instant::now();
    let agent = Arc::clone(&access.agent);
    let transcript = begin_transcript(&agent, &input, ids);
    // The transcript has its copy of the messages by now. What is left out here only the model does not read.
    agent.client.restrict(&mut input, |name| agent.tools.contains(name));
    let state = Arc::new(input.state.take().unwrap_or_else(|| json!({})));
    let (tool_events, receiver) = tool_event_channel(Arc::clone(&state));
    let (ends_at, timeout_reason) = end_time(started_at, agent.limits.run_timeout, deadline);
    let ids = Arc::new(RunInfo { thread_id: input.thread_id.clone(), run_id: input.run_id.clone() });
    let recorder = RunRecorder::new(Arc::clone(&ids), received_at, events.first_event());
    let caller = Arc::clone(&access.caller);
    let on_end = report_to.map(|report_to| -> OnRunEnd { Box::new(|report| report_to(caller, report)) });
    let context = RunContext {
        access: &access,
        ids,
        offers: access.tool_offers(),
        frontend_tools,
        ends_at,
        tool_events,
        initial_state: Arc::clone(&state),
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
    };

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
            Ok(gated) => {
                let rest = resume_and_converse(&context, &input, gated, &mut io);
                tokio::select! {
                    // A tool times out no later than the run does: at the same moment it is the run that ends.
                    biased;
                    reason = cancel.cancelled() => Ok(Err(RunEnd::Cancelled(reason))),
                    () = tokio::time::sleep_until(ends_at) => Ok(Err(RunEnd::Cancelled(timeout_reason))),
                    ended = AssertUnwindSafe(rest).catch_unwind() => ended,
                }
            }
        }
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
            (RunOutcome::Cancelled(reason.as_str()), transcript.cancel(reason.as_str()))
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

/// Runs the calls of the history that a person has approved or answered, and then asks the model turn after turn. The
/// model is not asked if a resumed call has to wait for a person again.
async fn resume_and_converse<C: Send + Sync + 'static, S: IdSource>(
    context: &RunContext<'_, C>,
    input: &RunAgentInput,
    mut gated: GatedCalls<'_, C>,
    io: &mut RunIo<S>,
) -> Result<(), RunEnd> {
    io.flush().await;
    gated.finish(io).await;
    if io.transcript.is_interrupted() {
        return Ok(());
    }
    let mut history = History::read(input, &gated.calls, |name| context.agent().tools.contains(name));
    if context.agent().expose_state && !history.turns.is_empty() {
        history.expose_state(&context.initial_state);
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

/// Returns the time at which a run is cancelled if it has not ended, and the reason: two seconds before `deadline`, or
/// at the time limit of the run if that is not later.
fn end_time(
    started_at: Instant,
    run_timeout: Duration,
    deadline: Option<Instant>,
) -> (Instant, CancelReason) {
    let timeout = started_at + run_timeout;
    match deadline.map(|deadline| deadline.checked_sub(DEADLINE_MARGIN).unwrap_or(started_at)) {
        Some(deadline) if deadline < timeout => (deadline, CancelReason::Deadline),
        _ => (timeout, CancelReason::RunTimeout),
    }
}
