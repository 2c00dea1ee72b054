//! The interface to a store of reservations.
//!
//! A store has one record for each budget, which is that of one user or one organisation on one day. A record has the tokens
//! that were used, and what runs hold at the moment. [`Demand::grant`] decides from these numbers how much a run gets; a store
//! has to apply it so that no other run can change the record in between.

use std::sync::Arc;

use futures_util::future::BoxFuture;

/// What one run holds of one budget.
#[expect(clippy::exhaustive_structs, reason = "tests of a store write one down")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The name of the budget, which is another one on each day: ASCII without white space. It does not contain the name of
    /// a user or an organisation.
    pub budget: String,
    /// How many tokens of the budget may be used on its day.
    pub limit: u64,
    /// The name of the run among those that hold something: ASCII letters and digits.
    pub run: String,
    /// How many tokens the run holds, as far as it knows; 0 before its first reservation.
    pub tokens: u64,
    /// When the hold lapses if the run has not settled it, in seconds since the Unix epoch. It is fixed when the run starts.
    pub lapses_at: u64,
    /// When the store may forget the budget, in seconds since the Unix epoch.
    pub forget_at: u64,
}

/// How many tokens a run asks for: what it would hold in total, and not what is added.
#[expect(clippy::exhaustive_structs, reason = "tests of a store write one down")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Without this many tokens the run cannot go on.
    pub at_least: u64,
    /// This many tokens make it unlikely that the run uses more than it holds.
    pub wanted: u64,
}

/// What a store answers to a [`Demand`].
#[expect(clippy::exhaustive_enums, reason = "a run has to handle every answer before it asks a model")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The run holds this many tokens in total now.
    Reserved(u64),
    /// What was used leaves no room on this day.
    Used,
    /// There is no room because of what other runs hold. There may be room when they have ended.
    Held,
}

impl Demand {
    /// Decides how many tokens a run gets that holds `own` tokens, if `used` tokens of the budget were settled and other
    /// runs hold `others`. Each [`BudgetStore`] applies this rule.
    ///
    /// A run gets what it wants if there is room for it. A run that is alone also gets less, but not less than it needs: it is
    /// the last run, or the budget is a small one. While other runs hold something, no run gets less than it wants. So at most
    /// one run at a time holds less than it is likely to use.
    pub fn grant(self, limit: u64, used: u64, others: u64) -> Grant {
        let free_without_others = limit.saturating_sub(used);
        let free = free_without_others.saturating_sub(others);
        if self.wanted <= free {
            Grant::Reserved(self.wanted)
        } else if others == 0 && self.at_least <= free {
            Grant::Reserved(free)
        } else if self.at_least <= free_without_others {
            Grant::Held
        } else {
            Grant::Used
        }
    }
}

/// The store could not reserve or settle. It holds the cause, which is logged.
#[derive(Debug, thiserror::Error)]
#[error("the store of budgets did not answer")]
pub struct BudgetStoreError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl BudgetStoreError {
    /// Creates the error of a store that did not answer. `cause` is logged.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// A store that counts the tokens of budgets, shared by all processes that serve one agent. Pass an implementation to
/// [`Budgets::new`](super::Budgets::new).
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use ag_ui_lambda::budget::{BudgetStore, BudgetStoreError, Demand, Grant, Hold};
/// use futures_util::FutureExt as _;
/// use futures_util::future::BoxFuture;
///
/// /// Counts what was used and ignores what other runs hold: enough for one run at a time.
/// #[derive(Default)]
/// struct OneRunAtATime(Mutex<HashMap<String, u64>>);
///
/// impl BudgetStore for OneRunAtATime {
///     fn reserve<'a>(
///         &'a self,
///         hold: &'a Hold,
///         demand: Demand,
///         _now: u64,
///     ) -> BoxFuture<'a, Result<Grant, BudgetStoreError>> {
///         async move {
///             let used = self.0.lock().unwrap().get(&hold.budget).copied().unwrap_or(0);
///             Ok(demand.grant(hold.limit, used, 0))
///         }
///         .boxed()
///     }
///
///     fn settle<'a>(
///         &'a self,
///         hold: &'a Hold,
///         used: u64,
///         _now: u64,
///     ) -> BoxFuture<'a, Result<(), BudgetStoreError>> {
///         async move {
///             *self.0.lock().unwrap().entry(hold.budget.clone()).or_default() += used;
///             Ok(())
///         }
///         .boxed()
///     }
/// }
/// ```
pub trait BudgetStore: Send + Sync + 'static {
    /// Reserves tokens for a run, or more tokens for a run that holds some, by the rule of [`Demand::grant`]. Holds of other
    /// runs that have lapsed at `now`, in seconds since the Unix epoch, do not count.
    ///
    /// # Errors
    /// [`BudgetStoreError`] if the store does not answer, so that it is not known whether the tokens are reserved.
    fn reserve<'a>(
        &'a self,
        hold: &'a Hold,
        demand: Demand,
        now: u64,
    ) -> BoxFuture<'a, Result<Grant, BudgetStoreError>>;

    /// Ends what a run holds, and counts `used` tokens in its place. The run may hold nothing any more, because its hold has
    /// lapsed or its first reservation has failed; the tokens are counted all the same. `now` is in seconds since the Unix
    /// epoch.
    ///
    /// # Errors
    /// [`BudgetStoreError`] if the store does not answer, so that it is not known whether the tokens are counted.
    fn settle<'a>(
        &'a self,
        hold: &'a Hold,
        used: u64,
        now: u64,
    ) -> BoxFuture<'a, Result<(), BudgetStoreError>>;
}

impl<S: BudgetStore + ?Sized> BudgetStore for Arc<S> {
    /// Reserves in the store that the [`Arc`] holds.
    fn reserve<'a>(
        &'a self,
        hold: &'a Hold,
        demand: Demand,
        now: u64,
    ) -> BoxFuture<'a, Result<Grant, BudgetStoreError>> {
        (**self).reserve(hold, demand, now)
    }

    /// Settles in the store that the [`Arc`] holds.
    fn settle<'a>(
        &'a self,
        hold: &'a Hold,
        used: u64,
        now: u64,
    ) -> BoxFuture<'a, Result<(), BudgetStoreError>> {
        (**self).settle(hold, used, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_gets_what_it_wants_or_what_is_left_for_it_alone() {
        let demand = Demand { at_least: 10, wanted: 100 };
        for (why, limit, used, others, expected) in [
            ("nothing is used", 1000, 0, 0, Grant::Reserved(100)),
            ("exactly enough is left", 1000, 900, 0, Grant::Reserved(100)),
            ("others hold something", 1000, 0, 900, Grant::Reserved(100)),
            ("a small budget", 50, 0, 0, Grant::Reserved(50)),
            ("the rest of a budget", 1000, 990, 0, Grant::Reserved(10)),
            ("less than it needs", 1000, 991, 0, Grant::Used),
            ("everything is used", 1000, 1000, 0, Grant::Used),
            ("more than everything", 1000, 2000, 500, Grant::Used),
            ("others hold the rest", 1000, 0, 1000, Grant::Held),
            ("others leave less than it wants", 1000, 0, 950, Grant::Held),
            ("others hold the last tokens", 1000, 990, 5, Grant::Held),
            ("no number overflows", u64::MAX, u64::MAX, u64::MAX, Grant::Used),
        ] {
            assert_eq!(demand.grant(limit, used, others), expected, "{why}");
        }
    }
}
