//! The budgets of one run, from its first reservation to its settlement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::timeout;
use tracing::error;

use super::store::{BudgetStore, BudgetStoreError, Demand, Grant, Hold};
use super::subject::SubjectKind;
use crate::error_chain::error_chain;
use crate::log_events::BUDGET_STORE_FAILED;
use crate::protocol::TokenUsage;

/// How many tokens a run reserves before it starts: enough for a first call of a model in most runs.
const START_TOKENS: u64 = 8192;

/// How many tokens have to be left for a run, beside the newest message of the user: short instructions and a short answer. A
/// run that begins with less would be cancelled before its answer.
const LEAST_START_TOKENS: u64 = 256;

/// How many tokens are reserved for what a model writes in one call. When it has written them, more are reserved.
const REPLY_TOKENS: u64 = 4096;

/// How many tokens are reserved for what a model writes if other runs hold so much that there is no room for
/// [`REPLY_TOKENS`].
const SMALL_REPLY_TOKENS: u64 = 512;

/// How long a run waits for the store when it reserves. It then goes on without its budgets.
const RESERVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the settlement of a run may take. The response of the run stays open for it.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many seconds later a client may try again if other runs hold the rest of a budget.
const RETRY_AFTER_HELD_S: u64 = 10;

/// The most budgets that one process remembers as used up.
const MAX_REMEMBERED: usize = 10_000;

/// Runs the settlement of a run that has ended. It cannot wait for it.
type SettleWith = Box<dyn FnOnce(BoxFuture<'static, ()>) + Send + Sync>;

/// A budget that has no room until its day ends.
struct UsedUp {
    /// The smallest number of tokens that was refused. What was used of a budget only grows, so that as many will be refused
    /// again.
    at_least: u64,
    /// When the day of the budget ends, in seconds since the Unix epoch.
    until: u64,
}

/// A store, and the clock by which holds lapse.
#[derive(Clone)]
pub(super) struct TimedStore {
    store: Arc<dyn BudgetStore>,
    /// The budgets that are used up, by their names. They cost the store nothing more: a caller who is refused could
    /// otherwise keep it busy.
    used_up: Arc<Mutex<HashMap<String, UsedUp>>>,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl TimedStore {
    /// Uses this store with the system's clock.
    pub(super) fn new(store: impl BudgetStore) -> Self {
        Self { store: Arc::new(store), used_up: Arc::default(), clock: Arc::new(SystemTime::now) }
    }

    /// Uses another clock.
    pub(super) fn with_clock(self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Returns the current time in seconds since the Unix epoch.
    pub(super) fn now(&self) -> u64 {
        (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    /// Reserves in the store, unless the budget is known to be used up.
    ///
    /// # Errors
    /// The error of the store.
    async fn reserve(&self, share: &Share, demand: Demand, now: u64) -> Result<Grant, BudgetStoreError> {
        let budget = &share.hold.budget;
        if self.used_up().get(budget).is_some_and(|used| used.at_least <= demand.at_least) {
            return Ok(Grant::Used);
        }
        let granted = self.store.reserve(&share.hold, demand, now).await?;
        if granted == Grant::Used {
            let mut used_up = self.used_up();
            if used_up.len() >= MAX_REMEMBERED {
                used_up.retain(|_, used| used.until > now);
            }
            if used_up.len() < MAX_REMEMBERED || used_up.contains_key(budget) {
                let used = UsedUp { at_least: demand.at_least, until: share.day_ends_at };
                used_up.insert(budget.clone(), used);
            }
        }
        Ok(granted)
    }

    /// Reserves in the store. A run that has begun gets less than it wants rather than to be cancelled, if other runs hold too
    /// much.
    ///
    /// # Errors
    /// The error of the store.
    async fn reserve_or_less(
        &self,
        share: &Share,
        demand: Demand,
        now: u64,
    ) -> Result<Grant, BudgetStoreError> {
        let granted = self.reserve(share, demand, now).await?;
        let may_get_less = 0 < share.hold.tokens && share.hold.tokens < demand.at_least;
        if granted != Grant::Held || !may_get_less {
            return Ok(granted);
        }
        let wanted = demand.at_least.saturating_add(SMALL_REPLY_TOKENS);
        self.reserve(share, Demand { wanted, ..demand }, now).await
    }

    /// Locks the budgets that are used up. A poisoned lock is ignored, because nothing panics while they are locked.
    fn used_up(&self) -> MutexGuard<'_, HashMap<String, UsedUp>> {
        self.used_up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A budget has no room for a run, or for the next tokens of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetRefusal {
    /// Whose budget it is.
    pub(crate) kind: SubjectKind,
    /// Whether there is no room only because of what other runs hold at the moment.
    pub(crate) is_held: bool,
    /// After how many seconds there may be room.
    pub(crate) retry_after_s: u64,
}

/// The part of one run in the budget of one subject.
#[derive(Debug)]
pub(super) struct Share {
    kind: SubjectKind,
    hold: Hold,
    /// When the day of the budget ends, in seconds since the Unix epoch.
    day_ends_at: u64,
    /// Whether the store may know the run.
    may_hold: bool,
}

impl Share {
    /// Creates the part of a run that has reserved nothing yet.
    pub(super) fn new(kind: SubjectKind, hold: Hold, day_ends_at: u64) -> Self {
        Self { kind, hold, day_ends_at, may_hold: false }
    }
}

/// The budgets of one run. When it is dropped, what the run has used is settled.
#[derive(Default)]
pub(crate) struct RunBudget {
    /// `None` if no budget is configured.
    store: Option<TimedStore>,
    shares: Vec<Share>,
    usage: Usage,
    /// Whether the store has failed in this run. The run does not ask it again before it settles.
    has_failed: bool,
    /// `None` if the settlement cannot be run later.
    settle_with: Option<SettleWith>,
}

/// The tokens that a run has used.
///
/// What a provider reports counts. A call of which it reports nothing, or not everything because the call was cut, counts by
/// the estimate: otherwise a client could use tokens for nothing by leaving before the end.
#[derive(Debug, Default)]
struct Usage {
    /// The tokens of the calls that have ended.
    ended: u64,
    /// Whether a call is under way.
    is_open: bool,
    /// The estimate of what the last call reads.
    input: u64,
    /// How many bytes the model has written in the last call.
    written_bytes: u64,
    /// What was reported of the input of the last call.
    reported_input: Option<u64>,
    /// What was reported of the output of the last call.
    reported_output: u64,
}

impl Usage {
    /// Returns the tokens that the run has used so far.
    fn total(&self) -> u64 {
        self.ended.saturating_add(self.of_call())
    }

    /// Returns the tokens of the call that is under way.
    fn of_call(&self) -> u64 {
        let (input, written) = match self.is_open {
            true => (self.input, self.written_bytes.div_ceil(4)),
            false => (0, 0),
        };
        self.reported_input.unwrap_or(input).saturating_add(self.reported_output.max(written))
    }

    /// Ends the call that is under way, if there is one. What was reported of a complete call counts alone.
    fn end_call(&mut self) {
        if self.reported_input.is_some() || self.reported_output > 0 {
            self.is_open = false;
        }
        let ended = self.total();
        *self = Self { ended, ..Self::default() };
    }
}

impl RunBudget {
    /// Creates the budgets of a run that has reserved nothing yet.
    pub(super) fn new(store: TimedStore, shares: Vec<Share>) -> Self {
        let usage = Usage::default();
        Self { store: Some(store), shares, usage, has_failed: false, settle_with: None }
    }

    /// Sets what runs the settlement when this is dropped. The endpoint calls it before the first reservation.
    pub(crate) fn settle_with(
        mut self,
        settle: impl FnOnce(BoxFuture<'static, ()>) + Send + Sync + 'static,
    ) -> Self {
        self.settle_with = Some(Box::new(settle));
        self
    }

    /// Reserves tokens for a run before it starts, whose first call reads at least `input_tokens`. The endpoint calls it, except
    /// for a run that answers interrupts.
    ///
    /// # Errors
    /// [`BudgetRefusal`] if a budget has no room. What was reserved of another budget is settled when this is dropped.
    pub(crate) async fn start(&mut self, input_tokens: u64) -> Result<(), BudgetRefusal> {
        let at_least = input_tokens.saturating_add(LEAST_START_TOKENS);
        let wanted = START_TOKENS.max(input_tokens.saturating_add(REPLY_TOKENS));
        self.reserve(Demand { at_least, wanted }).await
    }

    /// Reserves what a call of a model needs that will read about `input_tokens`, unless the run holds enough.
    ///
    /// # Errors
    /// [`BudgetRefusal`] if a budget has no room, so that the model must not be asked.
    pub(crate) async fn start_call(&mut self, input_tokens: u64) -> Result<(), BudgetRefusal> {
        self.usage.end_call();
        let used = self.usage.total().saturating_add(input_tokens);
        let demand = Demand { at_least: used.saturating_add(1), wanted: used.saturating_add(REPLY_TOKENS) };
        self.reserve(demand).await?;
        self.usage.input = input_tokens;
        self.usage.is_open = true;
        Ok(())
    }

    /// Counts what a model has written, in bytes, and reserves more when the run has used what it holds. Without bytes nothing is
    /// reserved: a report at the end of an answer ends no run that needs nothing more.
    ///
    /// # Errors
    /// [`BudgetRefusal`] if a budget has no room, so that the model must not write more.
    pub(crate) async fn write(&mut self, bytes: usize) -> Result<(), BudgetRefusal> {
        self.usage.written_bytes = self.usage.written_bytes.saturating_add(bytes as u64);
        let used = self.usage.total();
        let is_covered = |share: &Share| used <= share.hold.tokens;
        if bytes == 0 || self.shares.iter().all(is_covered) {
            return Ok(());
        }
        self.reserve(Demand { at_least: used, wanted: used.saturating_add(REPLY_TOKENS) }).await
    }

    /// Counts tokens that a provider has reported for the call that is under way.
    pub(crate) fn report(&mut self, reported: &TokenUsage) {
        let input = reported.input_tokens.or(reported.total_tokens.map(|_| 0));
        let output = reported.total().saturating_sub(input.unwrap_or(0));
        let usage = &mut self.usage;
        if let Some(input) = input {
            usage.reported_input = Some(usage.reported_input.unwrap_or(0).saturating_add(input));
        }
        usage.reported_output = usage.reported_output.saturating_add(output);
    }

    /// Ends the call that is under way, because the model has ended its turn.
    pub(crate) fn end_call(&mut self) {
        self.usage.end_call();
    }

    /// Ends the call that is under way, because no model has begun the turn. Only what was reported counts.
    pub(crate) fn fail_call(&mut self) {
        self.usage.is_open = false;
    }

    /// Reserves tokens of every budget of the run. If the store fails, the run goes on without its budgets, and an error is
    /// logged: a store that is away must not take the agent with it, and the limits of the run apply.
    async fn reserve(&mut self, demand: Demand) -> Result<(), BudgetRefusal> {
        let Some(timed) = self.store.as_ref().filter(|_| !self.has_failed) else { return Ok(()) };
        for share in &mut self.shares {
            if share.hold.tokens >= demand.wanted {
                continue;
            }
            let now = timed.now();
            let knew_run = std::mem::replace(&mut share.may_hold, true);
            match timeout(RESERVE_TIMEOUT, timed.reserve_or_less(share, demand, now)).await {
                Ok(Ok(Grant::Reserved(tokens))) => share.hold.tokens = tokens,
                Ok(Ok(_)) if share.hold.tokens >= demand.at_least => {}
                Ok(Ok(refused)) => {
                    share.may_hold = knew_run;
                    let is_held = refused == Grant::Held;
                    let until_midnight = share.day_ends_at.saturating_sub(now).max(1);
                    let retry_after_s = if is_held { RETRY_AFTER_HELD_S } else { until_midnight };
                    return Err(BudgetRefusal { kind: share.kind, is_held, retry_after_s });
                }
                failed => {
                    log_failure("reserve", failed);
                    self.has_failed = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns the settlement of the run, which has to be awaited; `None` if there is nothing to settle.
    fn take_settlement(&mut self) -> Option<BoxFuture<'static, ()>> {
        let used = self.usage.total();
        let timed = self.store.take()?;
        let shares = std::mem::take(&mut self.shares);
        let shares: Vec<Share> = shares.into_iter().filter(|share| share.may_hold || used > 0).collect();
        if shares.is_empty() {
            return None;
        }
        let settlement = async move {
            let (store, now) = (&timed.store, timed.now());
            // Each budget is settled, also if another one cannot be.
            join_all(shares.iter().map(async |share| {
                let settled = timeout(SETTLE_TIMEOUT, store.settle(&share.hold, used, now)).await;
                if !matches!(settled, Ok(Ok(()))) {
                    log_failure("settle", settled);
                }
            }))
            .await;
        };
        Some(settlement.boxed())
    }
}

impl Drop for RunBudget {
    /// Hands the settlement on, so that what the run has used is counted, however the run has ended.
    fn drop(&mut self) {
        if let Some(settlement) = self.take_settlement()
            && let Some(settle_with) = self.settle_with.take()
        {
            settle_with(settlement);
        }
    }
}

/// Logs that the store has failed. `operation` is what it was asked for, and `failed` is its error, or that it did not answer in
/// time.
fn log_failure<T>(operation: &str, failed: Result<Result<T, BudgetStoreError>, tokio::time::error::Elapsed>) {
    let cause = match &failed {
        Ok(Err(error)) => error_chain(error),
        _ => "no answer in time".into(),
    };
    error!(operation, cause, "{BUDGET_STORE_FAILED}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a report of a provider.
    fn reported(input: Option<u64>, output: Option<u64>, total: Option<u64>) -> TokenUsage {
        TokenUsage {
            input_tokens: input,
            output_tokens: output,
            total_tokens: total,
            ..TokenUsage::default()
        }
    }

    #[tokio::test]
    async fn reports_count_and_otherwise_the_estimate() {
        let (none, input, both, total) = (
            reported(None, None, None),
            reported(Some(50), None, None),
            reported(Some(50), Some(7), None),
            reported(None, None, Some(57)),
        );
        // A call that reads 100 tokens by the estimate, and writes 10.
        for (why, report, cut, complete) in [
            ("nothing is reported", none, 110, 110),
            ("the input is reported", input, 60, 50),
            ("both are reported", both, 60, 57),
            ("the sum is reported", total, 57, 57),
        ] {
            let mut budget = RunBudget::default();
            budget.start_call(100).await.unwrap();
            budget.write(40).await.unwrap();
            budget.report(&report);
            assert_eq!(budget.usage.total(), cut, "{why}, and the call is cut");
            budget.end_call();
            assert_eq!(budget.usage.total(), complete, "{why}");
        }
    }

    #[tokio::test]
    async fn calls_add_up_and_a_failed_one_counts_by_its_report() {
        let mut budget = RunBudget::default();
        for tokens in [30, 40] {
            budget.start_call(100).await.unwrap();
            budget.report(&reported(Some(tokens), None, None));
            budget.end_call();
        }
        budget.start_call(100).await.unwrap();
        budget.fail_call();
        budget.start_call(100).await.unwrap();
        budget.report(&reported(None, Some(5), None));
        budget.fail_call();

        assert_eq!(budget.usage.total(), 75);
    }
}
