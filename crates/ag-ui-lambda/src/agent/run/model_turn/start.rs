//! Starts a turn: one model after another is asked, until one sends something that a client would notice.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::agent::definition::Models;
use crate::agent::observe::recorder::{ModelCallRecorder, RunRecorder};
use crate::agent::run::compaction::LongRequest;
use crate::agent::run::end::{CONTEXT_TOO_LONG, RunEnd};
use crate::agent::run::io::RunIo;
use crate::agent::run::reduced_request::without_rejected_part;
use crate::agent::run::retry::RetryPlan;
use crate::error_chain::error_chain;
use crate::log_events::CONVERSATION_COMPACTED;
use crate::model::think_tags;
use crate::model::{Delta, DeltaStream, ModelError, ModelErrorKind, Request, StopReason, Turn};
use crate::protocol::CustomName;
use crate::transcript::IdSource;

/// How often a request is reduced for one model: each time the model may reject the schema of another tool.
const MAX_REDUCTIONS: usize = 4;

/// How often a conversation is shortened after models have refused it as too long. Each time half of it is left out, so the
/// last request has a 256th of the first one, or only the newest turn.
const MAX_COMPACTIONS: usize = 8;

/// The name of the custom event that tells a client that the model did not read the complete conversation.
const COMPACTED: &str = "ag_ui_lambda.compacted";

/// What a turn is asked for, and which models are asked.
pub(crate) struct TurnRequest<'a> {
    pub(crate) models: &'a Models,
    /// The request. What is left out of it for one turn is left out for the rest of the run.
    pub(crate) request: &'a mut LongRequest,
    /// When the run is cancelled if it has not ended.
    pub(crate) ends_at: Instant,
    pub(crate) recorder: &'a RunRecorder,
}

/// A turn that a model has begun.
pub(super) struct StartedTurn<'a> {
    /// The index of the model.
    pub(super) index: usize,
    pub(super) first: Delta,
    /// The deltas that follow the first.
    pub(super) deltas: DeltaStream,
    pub(super) recorder: ModelCallRecorder<'a>,
}

/// Asks the models one after another until one begins the turn; if all fail, asks again after a pause. `preferred` is
/// the index of the model that is asked first. The oldest turns of the conversation are left out if it exceeds a limit of
/// the run, or if models refuse it as too long and no other model takes it.
///
/// The error is the last model's failure, once no further attempt is planned, or a limit of the run.
pub(super) async fn start_turn<'a, S: IdSource>(
    turn: &mut TurnRequest<'a>,
    preferred: usize,
    io: &mut RunIo<S>,
) -> Result<StartedTurn<'a>, RunEnd> {
    let TurnRequest { models, ends_at, .. } = *turn;
    let started_at = Instant::now();
    let mut plan = RetryPlan::new(models.len(), preferred);
    let mut failure: Option<(&str, ModelError)> = None;
    let mut compactions = 0;
    let mut candidates = plan.candidates(Duration::ZERO);
    loop {
        for index in candidates {
            let name = models[index].name();
            turn.request.fit(&mut io.budget, io.transcript.total_tokens()).map_err(RunEnd::Cancelled)?;
            io.reserve_request().await?;
            if let Some((model, error)) = failure.take() {
                warn!(
                    model,
                    cause = error_chain(&error),
                    next = name,
                    "the model failed before it began its turn"
                );
            }
            match ask_model(index, turn, io).await {
                Ok(started) => {
                    announce_compaction(turn.request, io);
                    return Ok(started);
                }
                Err(error) => {
                    io.day_budget.fail_call();
                    plan.record_failure(index, &error, started_at.elapsed());
                    failure = Some((name, error));
                }
            }
        }
        candidates = plan.models_for_a_shorter_conversation();
        if !candidates.is_empty() && compactions < MAX_COMPACTIONS && turn.request.halve(CONTEXT_TOO_LONG) {
            compactions += 1;
            continue;
        }
        let left = ends_at.saturating_duration_since(Instant::now());
        match plan.next_round(started_at.elapsed(), left, fastrand::f64()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                let (model, error) = failure.expect("each round asks a model");
                return Err(RunEnd::model_failed(model, error));
            }
        }
        candidates = plan.candidates(started_at.elapsed());
    }
}

/// Tells the client and the log how much of the conversation the model does not read, if that has changed.
fn announce_compaction<S: IdSource>(request: &mut LongRequest, io: &mut RunIo<S>) {
    let Some(left_out) = request.take_left_out() else { return };
    info!(
        reason = left_out.reason,
        turns_left_out = left_out.turns,
        turns_kept = left_out.turns_kept,
        bytes_left_out = left_out.bytes,
        bytes_kept = left_out.bytes_kept,
        "{CONVERSATION_COMPACTED}"
    );
    let name = CustomName::new(COMPACTED).expect("the name has a prefix");
    io.transcript.custom(&name, left_out.to_value());
}

/// Asks the model with this index to begin the turn. If the model rejects media or the schema of a tool, it is asked
/// again without that part, at most [`MAX_REDUCTIONS`] times.
async fn ask_model<'a, S: IdSource>(
    index: usize,
    turn: &TurnRequest<'a>,
    io: &mut RunIo<S>,
) -> Result<StartedTurn<'a>, ModelError> {
    let model = &turn.models[index];
    let mut request = Cow::Borrowed(&turn.request.request);
    let mut reductions = 0;
    loop {
        let mut deltas = think_tags::tags_as_reasoning(model.stream(&request), request.settings.think_tags);
        let mut recorder = turn.recorder.start_model_call(model.name());
        let first = first_delta(&mut deltas, &mut recorder, io).await;
        let error = match first.and_then(|first| check_not_empty(first, &request)) {
            Ok(first) => return Ok(StartedTurn { index, first, deltas, recorder }),
            Err(error) => error,
        };
        recorder.fail(error.kind);
        match without_rejected_part(&request, &error, model.name()).filter(|_| reductions < MAX_REDUCTIONS) {
            Some(reduced) => request = Cow::Owned(reduced),
            None => return Err(error),
        }
        reductions += 1;
    }
}

/// Waits for the first delta that does not only report used tokens. The tokens are recorded.
async fn first_delta<S: IdSource>(
    deltas: &mut DeltaStream,
    recorder: &mut ModelCallRecorder<'_>,
    io: &mut RunIo<S>,
) -> Result<Delta, ModelError> {
    loop {
        match deltas.next().await {
            Some(Ok(Delta::Usage(usage))) => io.add_usage(&usage, recorder),
            Some(delta) => return delta,
            None => return Err(ModelErrorKind::StreamCut.into()),
        }
    }
}

/// Returns `first`, the first delta of a turn, or an error if it ends the turn as complete and without content: the
/// turn then counts as cut off and is tried again. After results of tools an empty turn is accepted, because the model
/// may have nothing to add.
fn check_not_empty(first: Delta, request: &Request) -> Result<Delta, ModelError> {
    let follows_results = matches!(request.history.last(), Some(Turn::Results(_)));
    match first {
        Delta::End(StopReason::Complete) if !follows_results => {
            Err(ModelError::new(ModelErrorKind::StreamCut, "the turn is complete and holds nothing"))
        }
        first => Ok(first),
    }
}
