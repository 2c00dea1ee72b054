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
use tracing::{error, warn};

use super::Agent;
use super::account::{Account, Ending};
use super::authorization::{Audit, Offers};
use super::call::Came;
use super::calls::{HistoryCall, calls};
use super::history::History;
use super::interrupts::GatedCalls;
use super::listener::Listener;
use super::signed::Answered;
use super::stream::Outbox;
use super::turn::{Asking, Made, MadeCall, ask};
use super::turns::{Answerer, Next, Stop, Turns};
use super::waiting::Prover;
use crate::approval::Identity;
use crate::causes::causes;
use crate::model::{Call, CallResult, ModelError, ModelErrorKind, Request, ToolChoice, Turn};
use crate::protocol::{Content, Prediction, RunAgentInput, Tool};
use crate::tool::{self, RunInfo, Voice};
use crate::transcript::{ClosedCall, RunError, Stamps, Transcript, UNANSWERED, UnfinishedCall};

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

/// What a run is asked for.
pub(super) struct Ask<C> {
    pub(super) caller: C,
    /// Whose approvals count.
    pub(super) identity: Option<Identity>,
    pub(super) input: RunAgentInput,
    /// The tools of the client, by distinct names.
    pub(super) frontend: Vec<Tool>,
    pub(super) deadline: Option<Instant>,
}

/// Drives one run from RUN_STARTED to its terminal event. `received` is when it was asked for.
pub(super) async fn drive<C: Send + Sync + 'static, S: Stamps>(
    agent: Agent<C>,
    ask: Ask<C>,
    received: Instant,
    stamps: S,
    outbox: Outbox,
) {
    let Ask { caller, identity, mut input, frontend, deadline } = ask;
    let started = Instant::now();
    let mut transcript = Transcript::begin(input.thread_id.clone(), input.run_id.clone(), stamps);
    let knows_1_0 = !agent.inner.client.is_before_1_0(input.protocol_version.as_deref());
    if !knows_1_0 {
        transcript = transcript.for_client_before_1_0();
    }
    if agent.inner.sends_messages {
        transcript = transcript.with_messages(input.messages_without(&[], knows_1_0));
    }
    if input.answers_interrupts() {
        transcript = transcript.answering_interrupts();
    }
    // Behind the copy for the client, which keeps what only the model is not to read.
    agent.inner.client.restrict(&mut input, |name| agent.inner.toolbox.has(name));
    let state = Arc::new(input.state.take().unwrap_or_else(|| json!({})));
    let (voice, ear) = tool::channel(Arc::clone(&state));
    let mut listener = Listener::new(ear);
    let (stop_at, stop) = stop_at(started, agent.inner.limits.run_timeout, deadline);
    let info = RunInfo { thread_id: input.thread_id.clone(), run_id: input.run_id.clone() };
    let (caller, info) = (Arc::new(caller), Arc::new(info));
    let offers = agent.offers(&caller, agent.is_open(identity.as_ref()));
    let account = Account::new(received, outbox.first_event());
    let run = Run { agent: &agent, caller, identity, info, offers, frontend, stop_at, voice, account };
    transcript = transcript.with_state(Arc::clone(&state));
    transcript =
        transcript.with_predictions(run.predictions()).emit_predict_state(agent.inner.emits_predict_state);
    let mut turns = Turns::new(agent.inner.limits);

    let ended = {
        let calls = calls(&input.messages);
        for call in &calls {
            transcript.reserve_call(call.call.id.clone());
        }
        // What comes back with the input is judged before anything may stop the run. It asks the application's policies.
        let opened = GatedCalls::open(&run, &input, calls, &mut transcript);
        match AssertUnwindSafe(opened).catch_unwind().await {
            Err(panic) => Err(panic),
            Ok(mut gated) => {
                let conversation = async {
                    outbox.flush(&mut transcript).await;
                    gated.finish(&mut transcript, &mut listener, &outbox).await;
                    if transcript.is_asking() {
                        return Ok(());
                    }
                    let history = run.history(&input, &gated.calls, &state);
                    run.converse(history, &mut turns, &mut transcript, &mut listener, &outbox).await
                };
                tokio::select! {
                    // A tool is given up no later than the run: at the same moment it is the run that ends.
                    biased;
                    stop = outbox.stopped() => Ok(Err(Ended::Stopped(stop))),
                    () = tokio::time::sleep_until(stop_at) => Ok(Err(Ended::Stopped(stop))),
                    ended = AssertUnwindSafe(conversation).catch_unwind() => ended,
                }
            }
        }
    };

    listener.tell_rest(&mut transcript);
    if !matches!(ended, Ok(Ok(()))) {
        run.answer_unfinished(&mut transcript);
    }
    let (ending, events) = match ended {
        Ok(Ok(())) if transcript.is_asking() => (Ending::Interrupt, transcript.finish()),
        Ok(Ok(())) => (Ending::Success, transcript.finish()),
        Ok(Err(Ended::Stopped(stop))) => (Ending::stopped(stop), transcript.cancel(stop.reason())),
        Ok(Err(Ended::Failed { model, error })) => {
            warn!(model, cause = causes(&error), "model failed");
            let error = run_error(error.kind);
            (Ending::Error(error.code), transcript.fail(error))
        }
        // The panic's own words are on stderr by now, through the panic hook.
        Err(_panic) => {
            error!("run panicked");
            (Ending::Error(INTERNAL.code), transcript.fail(INTERNAL))
        }
    };
    run.account.ended(ending);
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
pub(super) struct Run<'a, C> {
    pub(super) agent: &'a Agent<C>,
    pub(super) caller: Arc<C>,
    pub(super) identity: Option<Identity>,
    pub(super) info: Arc<RunInfo>,
    offers: Offers<'a, C>,
    frontend: Vec<Tool>,
    pub(super) stop_at: Instant,
    pub(super) voice: Voice,
    pub(super) account: Account,
}

impl<C: Send + Sync + 'static> Run<'_, C> {
    /// What proves for this caller and run; none where approvals are closed.
    pub(super) fn prover(&self) -> Option<Prover<'_>> {
        self.agent.prover(self.identity.as_ref(), &self.info.thread_id, &self.info.run_id)
    }

    /// What writes the log's lines of what this caller may call.
    pub(super) async fn audit(&self) -> Audit {
        self.agent.audit(self.identity.as_ref()).await
    }

    /// What the model reads of the conversation so far.
    fn history(&self, input: &RunAgentInput, calls: &[HistoryCall<'_>], state: &Value) -> History {
        let mut history = History::read(input, calls, |name| self.agent.inner.toolbox.has(name));
        if self.agent.inner.shows_state && !history.turns.is_empty() {
            history.show_state(state);
        }
        history
    }

    /// Turn after turn, until the answer is complete or waits for the client.
    async fn converse<S: Stamps>(
        &self,
        history: History,
        turns: &mut Turns,
        transcript: &mut Transcript<S>,
        listener: &mut Listener,
        outbox: &Outbox,
    ) -> Result<(), Ended> {
        self.offers.tell_withheld(self.agent, self.identity.as_ref()).await;
        if history.turns.is_empty() || history.awaits_client {
            return Ok(());
        }
        let mut request = Request {
            instructions: self.agent.inner.instructions.clone(),
            history: history.turns,
            tools: self.tools().cloned().collect(),
            settings: self.agent.inner.settings.clone(),
        };
        if let ToolChoice::Tool(name) = &request.settings.tool_choice
            && !request.offers(name)
        {
            warn!(tool = name, "the tool that must be called is not on offer");
        }
        let mut model = 0;
        loop {
            turns.begin(transcript.tokens()).map_err(Ended::Stopped)?;
            self.account.turn();
            let models = &self.agent.inner.models;
            let asking = Asking { models, request: &request, stop_at: self.stop_at, account: &self.account };
            let Made { reasoning, text, calls } = ask(&asking, &mut model, turns, transcript, outbox).await?;
            self.account.calls(calls.len());
            let made: Vec<Call> = calls.iter().map(|made| made.call.clone()).collect();
            let (answerers, results) = self.answer(calls, transcript, listener, outbox).await;
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

    /// What the model may call.
    fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.offers.tools().chain(&self.frontend)
    }

    /// What the client may predict: nothing of a tool that this caller is not to know of.
    fn predictions(&self) -> Vec<Prediction> {
        let is_offered = |prediction: &&Prediction| self.tools().any(|tool| tool.name == prediction.tool);
        self.agent.inner.predictions.iter().filter(is_offered).cloned().collect()
    }

    /// A call that may not be made never reaches the client, which would run it.
    fn answerer(&self, made: &MadeCall) -> Answerer {
        let may_be_made = made.is_whole && self.may_call();
        match may_be_made && self.frontend.iter().any(|tool| tool.name == made.call.name) {
            true => Answerer::Client,
            false => Answerer::Server,
        }
    }

    /// Runs the calls of a turn side by side. What the tools say, and each result, is streamed when it is there. Returns
    /// who answers each call, and the results in the order of the calls.
    async fn answer<S: Stamps>(
        &self,
        calls: Vec<MadeCall>,
        transcript: &mut Transcript<S>,
        listener: &mut Listener,
        outbox: &Outbox,
    ) -> (Vec<Answerer>, Vec<CallResult>) {
        let mut running = FuturesUnordered::new();
        let mut answerers: Vec<Answerer> = calls.iter().map(|made| self.answerer(made)).collect();
        let mut results: Vec<Option<CallResult>> = calls.iter().map(|_| None).collect();
        for (index, made) in calls.into_iter().enumerate() {
            match answerers[index] {
                Answerer::Server => {
                    running.push(async move { (index, self.made(&made).await, made) });
                }
                Answerer::Client | Answerer::Person => transcript.left_to_client(made.closed),
            }
        }
        outbox.flush(transcript).await;
        while let Some((index, came, made)) = listener.attend(&mut running, transcript, outbox).await {
            let MadeCall { call, closed, .. } = made;
            match self.tell(came, Answered::from(&call), closed, transcript).await {
                Some(content) => results[index] = Some(CallResult { id: call.id, content }),
                None => answerers[index] = Answerer::Person,
            }
            outbox.flush(transcript).await;
        }
        (answerers, results.into_iter().flatten().collect())
    }

    /// Answers the calls of a run that is cancelled or has failed. It waits for nothing, since the run is over.
    fn answer_unfinished<S: Stamps>(&self, transcript: &mut Transcript<S>) {
        for UnfinishedCall { closed, tool, arguments } in transcript.take_unfinished() {
            let call = Answered::new(closed.id(), &tool, &arguments);
            let result = UNANSWERED.into();
            let signature = self.prover().and_then(|prover| prover.sign_now(call, &result));
            transcript.tool_result_with(closed, result, signature);
        }
    }

    /// Tells what came of a call; returns its result, if it has one.
    pub(super) async fn tell<S: Stamps>(
        &self,
        came: Came,
        call: Answered<'_>,
        closed: ClosedCall,
        transcript: &mut Transcript<S>,
    ) -> Option<Content> {
        match came {
            Came::Result(content) => {
                let told = transcript.readable(content.clone());
                let signature = match self.prover() {
                    Some(prover) => prover.sign(call, &told).await,
                    None => None,
                };
                transcript.tool_result_with(closed, told, signature);
                Some(content)
            }
            Came::Waits(raised) => {
                let interrupt = raised.interrupt(closed.id(), self.agent.inner.client.send_expires_at);
                transcript.ask(closed, interrupt);
                None
            }
        }
    }
}

const INTERNAL: RunError = RunError { code: "INTERNAL", message: "Something went wrong. Please try again." };

/// What the user may know of a model's failure.
pub(super) fn run_error(kind: ModelErrorKind) -> RunError {
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
