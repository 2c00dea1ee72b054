//! Who begins a turn: one model after another is asked, until one sends something that a client would notice.

use std::borrow::Cow;

use futures_util::StreamExt as _;
use tokio::time::Instant;
use tracing::warn;

use super::{Asking, failed};
use crate::agent::account::Account;
use crate::agent::attempts::Attempts;
use crate::agent::reduced::reduced;
use crate::agent::run::Ended;
use crate::agent::spans::Chat;
use crate::causes::causes;
use crate::model::think;
use crate::model::{Delta, DeltaStream, ModelError, ModelErrorKind, Request, StopReason, Turn};
use crate::transcript::{Stamps, Transcript};

/// How often a request is made smaller for one model: each time it names another tool whose schema it can't use.
const MAX_REDUCTIONS: usize = 4;

/// A turn that a model has begun.
pub(super) struct Begun {
    /// The model.
    pub(super) index: usize,
    pub(super) first: Delta,
    pub(super) deltas: DeltaStream,
    pub(super) chat: Chat,
}

/// Asks one model after another, and all of them again, until one begins the turn.
pub(super) async fn begin<S: Stamps>(
    asking: &Asking<'_>,
    preferred: usize,
    transcript: &mut Transcript<S>,
) -> Result<Begun, Ended> {
    let Asking { models, stop_at, .. } = *asking;
    let began = Instant::now();
    let mut attempts = Attempts::new(models.len(), preferred);
    let mut failure: Option<(&str, ModelError)> = None;
    loop {
        for index in attempts.candidates(began.elapsed()) {
            let name = models[index].name();
            if let Some((model, error)) = failure.take() {
                warn!(model, cause = causes(&error), next = name, "model began no turn");
            }
            match attempt(index, asking, transcript).await {
                Ok(begun) => return Ok(begun),
                Err(error) => {
                    attempts.failed(index, &error, began.elapsed());
                    failure = Some((name, error));
                }
            }
        }
        let left = stop_at.saturating_duration_since(Instant::now());
        match attempts.next_round(began.elapsed(), left, fastrand::f64()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                let (model, error) = failure.expect("each round asks a model");
                return Err(failed(model, error));
            }
        }
    }
}

/// Asks one model, and once more without each part of the request that it says it can't use.
async fn attempt<S: Stamps>(
    index: usize,
    asking: &Asking<'_>,
    transcript: &mut Transcript<S>,
) -> Result<Begun, ModelError> {
    let model = &asking.models[index];
    let mut request = Cow::Borrowed(asking.request);
    let mut reductions = 0;
    loop {
        let mut deltas = think::tags_as_reasoning(model.stream(&request), request.settings.think_tags);
        let mut chat = Chat::new(model.name());
        let first = first(&mut deltas, transcript, asking.account, &mut chat).await;
        let error = match first.and_then(|first| not_empty(first, &request)) {
            Ok(first) => return Ok(Begun { index, first, deltas, chat }),
            Err(error) => error,
        };
        chat.failed(error.kind);
        match reduced(&request, &error, model.name()).filter(|_| reductions < MAX_REDUCTIONS) {
            Some(reduced) => request = Cow::Owned(reduced),
            None => return Err(error),
        }
        reductions += 1;
    }
}

/// The first delta that a client would notice.
async fn first<S: Stamps>(
    deltas: &mut DeltaStream,
    transcript: &mut Transcript<S>,
    account: &Account,
    chat: &mut Chat,
) -> Result<Delta, ModelError> {
    loop {
        match deltas.next().await {
            Some(Ok(Delta::Usage(usage))) => {
                transcript.usage(&usage);
                account.used(&usage);
                chat.used(&usage);
            }
            Some(delta) => return delta,
            None => return Err(ModelErrorKind::StreamCut.into()),
        }
    }
}

/// A turn that is complete and holds nothing counts as one that broke off. Behind the results of tools it does not: there a
/// model may have nothing to add.
fn not_empty(first: Delta, request: &Request) -> Result<Delta, ModelError> {
    let follows_results = matches!(request.history.last(), Some(Turn::Results(_)));
    match first {
        Delta::End(StopReason::Complete) if !follows_results => {
            Err(ModelError::new(ModelErrorKind::StreamCut, "the turn is complete and holds nothing"))
        }
        first => Ok(first),
    }
}
