//! A store of used approvals in the memory of one process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::keys::unix_seconds;
use super::replay::{ReplayStore, ReplayStoreError, Reservation};

/// The largest number of approvals that are remembered.
const MAX_APPROVALS: usize = 10_000;

/// How long an approval is remembered after it has expired, in seconds, unless its place is needed. A late answer then
/// still gets the result of the first one.
const RETENTION_AFTER_EXPIRY_S: u64 = 86_400;

/// A [`ReplayStore`] in the memory of this process, for local mode, for tests, and for a server that is one process.
///
/// Several processes would each count an approval once, and after a restart it counts once more. At most 10,000
/// approvals are remembered, each until a day after it has expired. If there are more, the store forgets those that have
/// expired, the oldest first. It never forgets one that can still be used: if there is no place left, an answer is not
/// reserved, and its call does not run.
///
/// ```
/// use ag_ui_lambda::approval::{ApprovalKeys, Approvals, MemoryReplayStore};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = ApprovalKeys::literal("0123456789abcdef0123456789abcdef".to_owned().into())?;
/// let approvals = Approvals::new(keys).replay_store(MemoryReplayStore::new());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryReplayStore(Mutex<HashMap<String, Record>>);

/// What is known about a used approval.
#[derive(Debug)]
struct Record {
    /// When the approval expires, in seconds since the Unix epoch.
    expires_at: u64,
    /// The outcome of its call; `None` until the call has one.
    outcome: Option<String>,
}

impl MemoryReplayStore {
    /// Creates a store that remembers no approval.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Locks the records. A poisoned lock is ignored, because nothing panics while they are locked.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves an approval, if it is not reserved. `now` is the time, in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`ReplayStoreError`] if the store is full of approvals that have not expired.
    fn reserve_at(&self, approval: &str, expires_at: u64, now: u64) -> Result<Reservation, ReplayStoreError> {
        let mut records = self.lock();
        records.retain(|_, record| record.expires_at.saturating_add(RETENTION_AFTER_EXPIRY_S) > now);
        if let Some(record) = records.get(approval) {
            return Ok(Reservation::Seen { outcome: record.outcome.clone() });
        }
        if records.len() >= MAX_APPROVALS {
            let expired = records.iter().filter(|(_, record)| record.expires_at <= now);
            let oldest = expired.min_by_key(|(_, record)| record.expires_at);
            let oldest = oldest.map(|(approval, _)| approval.clone()).ok_or_else(|| {
                ReplayStoreError::new(format!(
                    "{MAX_APPROVALS} approvals are in memory, and none has expired"
                ))
            })?;
            records.remove(&oldest);
        }
        records.insert(approval.to_owned(), Record { expires_at, outcome: None });
        Ok(Reservation::New)
    }
}

impl ReplayStore for MemoryReplayStore {
    /// Reserves the approval, and forgets those that have expired more than a day ago.
    fn reserve<'a>(
        &'a self,
        approval: &'a str,
        expires_at: u64,
    ) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        async move { self.reserve_at(approval, expires_at, unix_seconds(SystemTime::now())) }.boxed()
    }

    /// Looks the approval up.
    fn lookup<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        async move {
            let records = self.lock();
            let found = records.get(approval);
            Ok(found.map_or(Reservation::New, |record| Reservation::Seen { outcome: record.outcome.clone() }))
        }
        .boxed()
    }

    /// Stores the outcome of the approval. An approval that was forgotten since it was reserved stays forgotten.
    fn store_outcome<'a>(
        &'a self,
        approval: &'a str,
        outcome: &'a str,
    ) -> BoxFuture<'a, Result<(), ReplayStoreError>> {
        async move {
            if let Some(record) = self.lock().get_mut(approval) {
                record.outcome = Some(outcome.to_owned());
            }
            Ok(())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    /// Returns the reservation of an approval that was reserved before, with this outcome.
    fn seen(outcome: Option<&str>) -> Reservation {
        Reservation::Seen { outcome: outcome.map(ToOwned::to_owned) }
    }

    /// Returns a store that is full of approvals. The approval `0` expires at `first_expires_at`, and the others after
    /// it, one in each second.
    fn full_store(first_expires_at: u64) -> MemoryReplayStore {
        let store = MemoryReplayStore::new();
        let expirations = (first_expires_at..).take(MAX_APPROVALS);
        let records = expirations.map(|expires_at| Record { expires_at, outcome: None });
        *store.lock() = records.enumerate().map(|(number, record)| (number.to_string(), record)).collect();
        store
    }

    #[tokio::test]
    async fn approval_is_new_once_and_keeps_its_outcome() {
        let store = MemoryReplayStore::new();
        let expires_at = unix_seconds(SystemTime::now()) + 900;
        assert_eq!(store.lookup("a").await.unwrap(), Reservation::New);
        assert_eq!(store.reserve("a", expires_at).await.unwrap(), Reservation::New);
        assert_eq!(store.reserve("a", expires_at).await.unwrap(), seen(None));

        store.store_outcome("a", "done").await.unwrap();

        assert_eq!(store.reserve("a", expires_at).await.unwrap(), seen(Some("done")));
        assert_eq!(store.lookup("a").await.unwrap(), seen(Some("done")));
        assert_eq!(store.reserve("b", expires_at).await.unwrap(), Reservation::New);
    }

    #[test]
    fn approval_is_forgotten_a_day_after_it_has_expired() {
        let store = MemoryReplayStore::new();
        store.reserve_at("a", NOW, NOW - 900).unwrap();

        let last_second = NOW + RETENTION_AFTER_EXPIRY_S - 1;
        assert_eq!(store.reserve_at("a", NOW, last_second).unwrap(), seen(None));
        assert_eq!(store.reserve_at("a", NOW, last_second + 1).unwrap(), Reservation::New);
    }

    #[test]
    fn full_store_forgets_what_has_expired_first() {
        let store = full_store(NOW);

        assert_eq!(store.reserve_at("new", NOW + 900, NOW + 5).unwrap(), Reservation::New);

        let records = store.lock();
        assert_eq!((records.contains_key("0"), records.contains_key("1")), (false, true));
        assert_eq!(records.len(), MAX_APPROVALS);
    }

    #[test]
    fn full_store_forgets_no_approval_that_can_be_used() {
        let store = full_store(NOW + 1);

        let error = store.reserve_at("new", NOW + 900, NOW).unwrap_err();

        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "10000 approvals are in memory, and none has expired");
        assert_eq!(store.lock().len(), MAX_APPROVALS);
        assert_eq!(store.reserve_at("0", NOW + 900, NOW).unwrap(), seen(None));
    }

    #[tokio::test]
    async fn outcome_of_a_forgotten_approval_is_not_kept() {
        let store = MemoryReplayStore::new();

        store.store_outcome("a", "done").await.unwrap();

        assert_eq!(store.lookup("a").await.unwrap(), Reservation::New);
    }
}
