//! The driver of a run: asks the model, runs the tools, tells the transcript.
//!
//! It is the only place that knows the model, the tools and the transcript together. Every way out of it ends
//! in exactly one terminal event.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::Agent;
use super::history::History;
use super::listener::Listener;
use super::stream::Outbox;
use super::turn::{Made, MadeCall, ask};
use super::turns::{Answerer, Next, Stop, Turns};
use crate::causes::causes;
use crate::model::{Call, CallResult, ModelError, ModelErrorKind, Request, ToolChoice, Turn};
use crate::protocol::{Content, Prediction, RunAgentInput, Tool};
use crate::tool::{self, RunInfo, ToolContext, Voice, refusal};
use crate::transcript::{RunError, Stamps, Transcript};

/// How long before the deadline a run ends, to get its last events out.
const DEADLINE_MARGIN: Duration = Duration::from_secs(2);

/// Why a run ended before its answer was complete.
pub(super) enum Ended {
    /// On purpose.
    Stopped(Stop),
    /// Through its model.
    Failed {
        /// The model's name.
        model: String,
        /// What went wrong.
        error: ModelError,
    },
}

/// Drives one run from RUN_STARTED to its terminal event.
pub(super) async fn drive<C: Send + Sync + 'static, S: Stamps>(
    agent: Agent<C>,
    caller: C,
    mut input: RunAgentInput,
    frontend: Vec<Tool>,
    deadline: Option<Instant>,
    stamps: S,
    outbox: Outbox,
) {
    let started = Instant::now();
    let mut transcript = Transcript::begin(input.thread_id.clone(), input.run_id.clone(), stamps);
    if input.protocol_version.is_none() {
        transcript = transcript.for_client_before_1_0();
    }
    let state = Arc::new(input.state.take().unwrap_or_else(|| json!({})));
    let (voice, ear) = tool::channel(Arc::clone(&state));
    let mut listener = Listener::new(ear);
    let (stop_at, stop) = stop_at(started, agent.inner.limits.run_timeout, deadline);
    let run = Run::new(&agent, caller, &input, frontend, stop_at, voice);
    transcript = transcript.with_state(Arc::clone(&state)).with_predictions(run.predictions());
    let mut turns = Turns::new(agent.inner.limits);

    let ended = {
        let conversation = async {
            for id in History::call_ids(&input) {
                transcript.reserve_call(id.clone());
            }
            outbox.flush(&mut transcript).await;
            run.converse(&input, &state, &mut turns, &mut transcript, &mut listener, &outbox).await
        };
        tokio::select! {
            // A tool is given up no later than the run: at the same moment it is the run that ends.
            biased;
            () = outbox.stopped() => Ok(Err(Ended::Stopped(Stop::Stopped))),
            () = tokio::time::sleep_until(stop_at) => Ok(Err(Ended::Stopped(stop))),
            ended = AssertUnwindSafe(conversation).catch_unwind() => ended,
        }
    };

    listener.tell_rest(&mut transcript);
    let (outcome, events) = match ended {
        Ok(Ok(())) => ("success", transcript.finish()),
        Ok(Err(Ended::Stopped(stop))) => (stop.reason(), transcript.cancel(stop.reason())),
        Ok(Err(Ended::Failed { model, error })) => {
            warn!(model, cause = causes(&error), "model failed");
            let error = run_error(error.kind);
            (error.code, transcript.fail(error))
        }
        // The panic's own words are on stderr by now, through the panic hook.
        Err(_panic) => {
            error!("run panicked");
            (INTERNAL.code, transcript.fail(INTERNAL))
        }
    };
    info!(outcome, turns = turns.taken(), ms = started.elapsed().as_millis(), "run finished");
    outbox.close(events).await;
}

/// When a run is stopped, and which of its two limits that is.
fn stop_at(started: Instant, run_timeout: Duration, deadline: Option<Instant>) -> (Instant, Stop) {
    let own = started + run_timeout;
    match deadline.map(|deadline| deadline.checked_sub(DEADLINE_MARGIN).unwrap_or(started)) {
        Some(deadline) if deadline < own => (deadline, Stop::Deadline),
        _ => (own, Stop::RunTimeout),
    }
}

/// What does not change during a run.
struct Run<'a, C> {
    agent: &'a Agent<C>,
    caller: Arc<C>,
    info: Arc<RunInfo>,
    frontend: Vec<Tool>,
    stop_at: Instant,
    voice: Voice,
}

impl<'a, C: Send + Sync + 'static> Run<'a, C> {
    fn new(
        agent: &'a Agent<C>,
        caller: C,
        input: &RunAgentInput,
        frontend: Vec<Tool>,
        stop_at: Instant,
        voice: Voice,
    ) -> Self {
        let info = RunInfo { thread_id: input.thread_id.clone(), run_id: input.run_id.clone() };
        Self { agent, caller: Arc::new(caller), info: Arc::new(info), frontend, stop_at, voice }
    }

    /// The tools that the model is offered.
    fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.agent.inner.toolbox.specs(&self.caller).chain(&self.frontend)
    }

    /// What the client may predict: nothing of a tool that this caller is not to know of.
    fn predictions(&self) -> Vec<Prediction> {
        let is_offered = |prediction: &&Prediction| self.tools().any(|tool| tool.name == prediction.tool);
        self.agent.inner.predictions.iter().filter(is_offered).cloned().collect()
    }

    /// Turn after turn, until the answer is complete or waits for the client.
    async fn converse<S: Stamps>(
        &self,
        input: &RunAgentInput,
        state: &Value,
        turns: &mut Turns,
        transcript: &mut Transcript<S>,
        listener: &mut Listener,
        outbox: &Outbox,
    ) -> Result<(), Ended> {
        let mut history = History::read(input, |name| self.agent.inner.toolbox.has(name));
        if history.turns.is_empty() || history.awaits_client {
            return Ok(());
        }
        if self.agent.inner.shows_state {
            history.show_state(state);
        }
        let mut request = Request {
            instructions: self.agent.inner.instructions.clone(),
            history: history.turns,
            tools: self.tools().cloned().collect(),
            settings: self.agent.inner.settings.clone(),
        };
        let mut model = 0;
        loop {
            turns.begin(transcript.tokens()).map_err(Ended::Stopped)?;
            let models = &self.agent.inner.models;
            let Made { reasoning, text, calls } =
                ask(models, &mut model, &request, self.stop_at, turns, transcript, outbox).await?;
            let answerers: Vec<Answerer> = calls.iter().map(|made| self.answerer(made)).collect();
            let made: Vec<Call> = calls.iter().map(|made| made.call.clone()).collect();
            let results = self.answer(calls, transcript, listener, outbox).await;
            if Turns::after(answerers) == Next::Finish {
                return Ok(());
            }
            request.history.push(Turn::Assistant { reasoning, text, calls: made });
            request.history.push(Turn::Results(results));
            // A choice that is forced for ever would never let the model answer.
            if request.settings.tool_choice != ToolChoice::None {
                request.settings.tool_choice = ToolChoice::Auto;
            }
        }
    }

    /// A call that may not be made never reaches the client, which would run it.
    fn answerer(&self, made: &MadeCall) -> Answerer {
        let may_be_made = made.is_whole && self.may_call();
        match may_be_made && self.frontend.iter().any(|tool| tool.name == made.call.name) {
            true => Answerer::Client,
            false => Answerer::Server,
        }
    }

    /// Not every provider can keep its model from calling.
    fn may_call(&self) -> bool {
        self.agent.inner.settings.tool_choice != ToolChoice::None
    }

    /// Runs the calls of a turn side by side. What the tools say, and each result, is streamed when it is there; the
    /// results are returned in the order of the calls.
    async fn answer<S: Stamps>(
        &self,
        calls: Vec<MadeCall>,
        transcript: &mut Transcript<S>,
        listener: &mut Listener,
        outbox: &Outbox,
    ) -> Vec<CallResult> {
        let mut running = FuturesUnordered::new();
        let mut results: Vec<Option<CallResult>> = Vec::new();
        for (index, made) in calls.into_iter().enumerate() {
            results.push(None);
            match self.answerer(&made) {
                Answerer::Client => transcript.left_to_client(made.closed),
                Answerer::Server => {
                    running.push(async move { (index, self.result(&made).await, made.closed) });
                }
            }
        }
        outbox.flush(transcript).await;
        while let Some((index, content, closed)) = listener.attend(&mut running, transcript, outbox).await {
            let id = closed.id().clone();
            transcript.tool_result(closed, content.clone());
            results[index] = Some(CallResult { id, content });
            outbox.flush(transcript).await;
        }
        results.into_iter().flatten().collect()
    }

    async fn result(&self, MadeCall { call, is_whole, .. }: &MadeCall) -> Content {
        if !is_whole {
            return refusal("The arguments were cut off before their end.").into();
        }
        if !self.may_call() {
            return refusal("No tool may be called.").into();
        }
        let Some(tool) = self.agent.inner.toolbox.offered(&call.name, &self.caller) else {
            return refusal("There is no tool of that name.").into();
        };
        let deadline = self.stop_at.min(Instant::now() + self.agent.inner.limits.tool_timeout);
        let context =
            ToolContext::new(Arc::clone(&self.caller), Arc::clone(&self.info), call.id.clone(), deadline);
        tool.call(context.with_voice(self.voice.clone()), &call.arguments).await
    }
}

const INTERNAL: RunError = RunError { code: "INTERNAL", message: "Something went wrong. Please try again." };

/// What the user may know of a model's failure.
fn run_error(kind: ModelErrorKind) -> RunError {
    let (code, message) = match kind {
        ModelErrorKind::Throttled => ("MODEL_THROTTLED", "The model is busy. Please try again in a moment."),
        ModelErrorKind::Unavailable => {
            ("MODEL_UNAVAILABLE", "The model is not available. Please try again later.")
        }
        ModelErrorKind::Refused => ("MODEL_REFUSED", "The model did not accept the request."),
        ModelErrorKind::Misconfigured => ("MODEL_MISCONFIGURED", "The model is not set up correctly."),
        ModelErrorKind::StreamCut => ("MODEL_STREAM_CUT", "The model's answer broke off. Please try again."),
        ModelErrorKind::ContextTooLong => ("CONTEXT_TOO_LONG", "The conversation is too long for the model."),
    };
    RunError { code, message }
}
