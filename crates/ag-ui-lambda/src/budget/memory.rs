//! A store in the memory of one process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::store::{BudgetStore, BudgetStoreError, Demand, Grant, Hold};

/// A [`BudgetStore`] in the memory of this process, for local mode, for tests, and for a server that is one process.
///
/// Several processes would count separately, and a restart begins every budget anew.
#[derive(Debug, Default)]
pub struct MemoryBudgetStore(Mutex<HashMap<String, Record>>);

/// What is known about one budget.
#[derive(Debug, Default)]
struct Record {
    /// The tokens that were settled.
    used: u64,
    /// What runs hold, by the name of the run.
    holds: HashMap<String, Reserved>,
    /// When the record may be removed.
    forget_at: u64,
}

/// The tokens that one run holds.
#[derive(Debug)]
struct Reserved {
    tokens: u64,
    lapses_at: u64,
}

impl MemoryBudgetStore {
    /// Creates a store in which nothing is used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the records. A poisoned lock is ignored, because nothing panics while they are locked.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BudgetStore for MemoryBudgetStore {
    /// Reserves the tokens, and removes what has lapsed and the budgets of earlier days.
    fn reserve<'a>(
        &'a self,
        hold: &'a Hold,
        demand: Demand,
        now: u64,
    ) -> BoxFuture<'a, Result<Grant, BudgetStoreError>> {
        async move {
            let mut records = self.lock();
            records.retain(|_, record| record.forget_at > now);
            let record = records.entry(hold.budget.clone()).or_default();
            record.forget_at = hold.forget_at;
            record.holds.retain(|_, reserved| reserved.lapses_at > now);
            let others = record.holds.iter().filter(|(run, _)| **run != hold.run);
            let others = others.fold(0_u64, |sum, (_, reserved)| sum.saturating_add(reserved.tokens));
            let grant = demand.grant(hold.limit, record.used, others);
            if let Grant::Reserved(tokens) = grant {
                let reserved = Reserved { tokens, lapses_at: hold.lapses_at };
                record.holds.insert(hold.run.clone(), reserved);
            }
            Ok(grant)
        }
        .boxed()
    }

    /// Removes what the run holds, and counts the tokens.
    fn settle<'a>(
        &'a self,
        hold: &'a Hold,
        used: u64,
        _now: u64,
    ) -> BoxFuture<'a, Result<(), BudgetStoreError>> {
        async move {
            let mut records = self.lock();
            let record = records.entry(hold.budget.clone()).or_default();
            record.forget_at = hold.forget_at;
            record.holds.remove(&hold.run);
            record.used = record.used.saturating_add(used);
            Ok(())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000;

    /// Returns what a run of this name holds before its first reservation, of a budget of 100 tokens.
    fn hold(run: &str) -> Hold {
        Hold {
            budget: "budget".into(),
            limit: 100,
            run: run.into(),
            tokens: 0,
            lapses_at: NOW + 10,
            forget_at: NOW + 1_000,
        }
    }

    /// Demands exactly this many tokens.
    fn exactly(tokens: u64) -> Demand {
        Demand { at_least: tokens, wanted: tokens }
    }

    #[tokio::test]
    async fn settled_tokens_count_and_the_rest_is_free_again() {
        let store = MemoryBudgetStore::new();
        assert_eq!(store.reserve(&hold("a"), exactly(90), NOW).await.unwrap(), Grant::Reserved(90));
        assert_eq!(store.reserve(&hold("b"), exactly(20), NOW).await.unwrap(), Grant::Held);

        store.settle(&hold("a"), 30, NOW).await.unwrap();

        assert_eq!(store.reserve(&hold("b"), exactly(71), NOW).await.unwrap(), Grant::Used);
        assert_eq!(store.reserve(&hold("b"), exactly(70), NOW).await.unwrap(), Grant::Reserved(70));
    }

    #[tokio::test]
    async fn reservation_is_extended_in_total() {
        let store = MemoryBudgetStore::new();
        for tokens in [50, 100, 100] {
            assert_eq!(
                store.reserve(&hold("a"), exactly(tokens), NOW).await.unwrap(),
                Grant::Reserved(tokens)
            );
        }
        assert_eq!(store.reserve(&hold("a"), exactly(101), NOW).await.unwrap(), Grant::Used);
    }

    #[tokio::test]
    async fn hold_lapses_and_its_late_settlement_counts() {
        let store = MemoryBudgetStore::new();
        store.reserve(&hold("killed"), exactly(100), NOW).await.unwrap();
        assert_eq!(store.reserve(&hold("b"), exactly(60), NOW + 9).await.unwrap(), Grant::Held);
        let later = Hold { lapses_at: NOW + 20, ..hold("b") };
        assert_eq!(store.reserve(&later, exactly(60), NOW + 10).await.unwrap(), Grant::Reserved(60));

        store.settle(&hold("killed"), 40, NOW + 11).await.unwrap();
        assert_eq!(store.reserve(&hold("c"), exactly(1), NOW + 11).await.unwrap(), Grant::Held);
    }

    #[tokio::test]
    async fn budgets_of_earlier_days_are_forgotten() {
        let store = MemoryBudgetStore::new();
        store.settle(&hold("a"), 100, NOW).await.unwrap();
        let next_day = Hold { budget: "next".into(), forget_at: NOW + 2_000, ..hold("b") };

        store.reserve(&next_day, exactly(1), NOW + 1_000).await.unwrap();

        assert_eq!(store.lock().keys().collect::<Vec<_>>(), ["next"]);
    }
}
