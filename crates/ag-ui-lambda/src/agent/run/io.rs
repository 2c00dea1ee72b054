//! What changes during a run: the events on their way to the client, and the number of turns and calls.

use futures_util::stream::FuturesUnordered;
use tracing::info;

use super::end::{CancelReason, RunEnd};
use super::limits::TurnBudget;
use super::stream::EventSender;
use super::tool_events::ToolEventPump;
use crate::agent::observe::recorder::ModelCallRecorder;
use crate::budget::{BudgetRefusal, RunBudget};
use crate::protocol::TokenUsage;
use crate::transcript::{IdSource, Transcript};

/// What changes between the first event of a run and its last. What does not change is in
/// [`RunContext`](super::context::RunContext).
pub(crate) struct RunIo<S> {
    /// Writes the events of the run, in a valid order.
    pub(crate) transcript: Transcript<S>,
    /// Sends the events to the reader of the stream.
    pub(crate) events: EventSender,
    /// Receives what tools emit.
    pub(crate) tool_events: ToolEventPump,
    /// Counts the turns and calls against the limits.
    pub(crate) budget: TurnBudget,
    /// The budgets of the caller, which other runs use as well.
    pub(crate) day_budget: RunBudget,
}

impl<S: IdSource> RunIo<S> {
    /// Sends the events that the transcript has queued, and waits while the reader of the stream is slow.
    pub(crate) async fn flush(&mut self) {
        self.events.flush(&mut self.transcript).await;
    }

    /// Waits until one of the `running` calls completes, and returns the output; `None` if no call is left. The events
    /// that tools emit in the meantime are sent at once.
    pub(crate) async fn next_result<F: Future>(
        &mut self,
        running: &mut FuturesUnordered<F>,
    ) -> Option<F::Output> {
        self.tool_events.next_result(running, &mut self.transcript, &self.events).await
    }

    /// Adds tokens that a model has used to the usage that the client gets at the end of the run, to the budget of the
    /// run, and to `call`, the recorder of the request.
    pub(crate) fn add_usage(&mut self, usage: &TokenUsage, call: &mut ModelCallRecorder<'_>) {
        self.transcript.add_usage(usage);
        self.budget.count_usage(usage);
        self.day_budget.report(usage);
        call.add_usage(usage);
    }

    /// Reserves tokens of the caller's budgets for the request that [`budget`](Self::budget) has counted last, which is to be
    /// sent now. The error is why the run ends: a budget has no room.
    pub(super) async fn reserve_request(&mut self) -> Result<(), RunEnd> {
        let reserved = self.day_budget.start_call(self.budget.input_tokens()).await;
        reserved.map_err(budget_used)
    }

    /// Counts a piece of a model's answer, which has this many bytes. The error is why the run ends: its tokens or those of
    /// a budget are used up, by an estimate of what the provider has not reported yet.
    pub(super) async fn count_output(&mut self, bytes: usize) -> Result<(), RunEnd> {
        self.budget.count_output(bytes, self.transcript.total_tokens()).map_err(RunEnd::Cancelled)?;
        let written = self.day_budget.write(bytes).await;
        written.map_err(budget_used)
    }
}

/// Logs which budget has no room, and returns why the run ends.
fn budget_used(refusal: BudgetRefusal) -> RunEnd {
    let BudgetRefusal { kind, is_held, .. } = refusal;
    info!(budget = kind.name(), is_held, "a budget has no room for the rest of the run");
    RunEnd::Cancelled(if is_held { CancelReason::HeldUserBudget } else { CancelReason::UserBudget })
}
