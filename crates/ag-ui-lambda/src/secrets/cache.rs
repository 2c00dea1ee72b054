//! A cache for one value that is fetched from elsewhere: a secret, a set of keys.
//!
//! Requests share one fetch and its value. A request does not fail because the source fails for a moment, and a caller who
//! guesses tokens cannot cause many fetches. This module decides when a fetch may be made and which value is used meanwhile.
//! It does not know what the value means.
//!
//! A value that anybody can make look outdated, such as a set of keys of which a token names one that is not there, has the
//! rule of [`min_interval`](CachePolicy::min_interval): **two fetches begin at least that long apart, whatever causes them: an
//! expired value, a forced refresh, or a fetch that has failed or was dropped. Only the first fetch of a process does not
//! count**, because no request can cause it again, and what it has read may be older than a rotation. While there is no value,
//! a fetch that was dropped does not count either, so that clients who hang up keep nobody from a first value.
//!
//! No task is spawned: one request polls a fetch, and if that request is dropped, the next one that waits fetches.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::error_chain::error_chain;

/// A secret or a set of keys cannot be read, and no usable version of it is cached.
///
/// The error holds no cause. The cause is in the log, because it is meant for the operator and not for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret or a key set cannot be read, and no usable version of it is cached")]
#[non_exhaustive]
pub struct UnavailableError;

/// Why a fetch failed. It is logged with its sources, so it must hold no secret.
pub(crate) type FetchError = Box<dyn Error + Send + Sync>;

/// Fetches a value for a [`Cached`].
pub(crate) trait Fetch<T>: Send + Sync {
    /// Fetches the value once. [`Cached`] limits the time that this takes, and may drop the future before it has
    /// ended.
    fn fetch(&self) -> BoxFuture<'_, Result<T, FetchError>>;
}

/// How long a value is used and how often it may be fetched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CachePolicy {
    /// The age at which a value is fetched again. Each value gets up to a tenth more or less, so that processes that
    /// started together do not fetch together.
    pub(crate) ttl: Duration,
    /// The age up to which a value is used while fetches fail.
    pub(crate) max_stale: Duration,
    /// The shortest time between the beginnings of any two fetches; see the rule of this module. If it is `None`, an expired
    /// value is fetched and a refresh is forced in quick succession, and each request tries to get a first value.
    pub(crate) min_interval: Option<Duration>,
    /// The shortest time between two forced refreshes.
    pub(crate) min_refresh_interval: Duration,
    /// How long no fetch is tried after a failed one, if an old value can be used.
    pub(crate) retry_delay: Duration,
    /// The longest time that one fetch may take.
    pub(crate) fetch_timeout: Duration,
}

impl Default for CachePolicy {
    /// Returns the policy for secrets: fetched again after 300 s, used for up to an hour while fetches fail. A refresh may be
    /// forced right after another fetch, so that no caller is refused while a secret is rotated.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            max_stale: Duration::from_secs(3600),
            min_interval: None,
            min_refresh_interval: Duration::from_secs(10),
            retry_delay: Duration::from_secs(10),
            fetch_timeout: Duration::from_secs(2),
        }
    }
}

/// A value that is fetched when it is needed, and used again until it is too old.
pub(crate) struct Cached<T> {
    /// What the value is called in the log.
    label: &'static str,
    /// Fetches the value.
    source: Box<dyn Fetch<T>>,
    /// When it is fetched.
    policy: CachePolicy,
    /// The value and what is known about its fetches. It is never locked across an await.
    state: Mutex<CacheState<T>>,
    /// Locked by whoever fetches. Others wait for the lock and share the outcome.
    fetch_lock: tokio::sync::Mutex<()>,
}

/// What a [`Cached`] knows about its value.
struct CacheState<T> {
    /// The value that was fetched last, however old it is.
    latest: Option<Fetched<T>>,
    /// The number of fetches whose outcome those share who waited for them.
    shared_fetches: u64,
    /// Whether a fetch has begun. The first one does not count in `counted_at`.
    has_begun: bool,
    /// When the last fetch began that counts; `None` before the second fetch.
    counted_at: Option<Instant>,
    /// When the last fetch failed; `None` if it succeeded.
    failed_at: Option<Instant>,
    /// When the last forced refresh began; `None` before the first.
    forced_at: Option<Instant>,
}

/// A value with its times.
struct Fetched<T> {
    /// The value. Its address distinguishes one fetch from another.
    value: Arc<T>,
    /// When its fetch began. Its age counts from then.
    fetched_at: Instant,
    /// When it has to be fetched again.
    fresh_until: Instant,
}

impl<T> Cached<T> {
    /// Creates an empty cache; nothing is fetched yet. `label` names the value in log lines, `source` fetches it, and
    /// `policy` decides how long it is used and how often it is fetched.
    pub(crate) fn new(label: &'static str, source: impl Fetch<T> + 'static, policy: CachePolicy) -> Self {
        let state = CacheState {
            latest: None,
            shared_fetches: 0,
            has_begun: false,
            counted_at: None,
            failed_at: None,
            forced_at: None,
        };
        Self {
            label,
            source: Box::new(source),
            policy,
            state: Mutex::new(state),
            fetch_lock: Default::default(),
        }
    }

    /// Sets the age at which a value is fetched again, in place of the `ttl` of the policy. Only the shared token uses
    /// this method.
    pub(crate) fn with_ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = ttl;
        self
    }

    /// Returns the cached value. If there is no value or it is too old, fetches it first. If that fails, an old value
    /// is returned until it is as old as the policy's `max_stale`.
    ///
    /// If the policy has a `min_interval`, the old value is also returned while another request fetches a newer one, so that
    /// only this request waits for a slow source.
    ///
    /// # Errors
    /// [`UnavailableError`] if no value may be used, and the fetch failed or is not allowed yet.
    pub(crate) async fn get(&self) -> Result<Arc<T>, UnavailableError> {
        let fetches = {
            let state = self.state();
            if let Some(outcome) = state.outcome_without_fetch(&self.policy) {
                return outcome;
            }
            state.shared_fetches
        };
        let _guard = self.fetch_lock.lock().await;
        let is_fetch_due = {
            let state = self.state();
            state.shared_fetches == fetches && state.outcome_without_fetch(&self.policy).is_none()
        };
        if is_fetch_due {
            self.fetch().await;
        }
        self.state().usable(&self.policy).ok_or(UnavailableError)
    }

    /// Returns a newer value than `seen`, which turned out to be outdated: for example, a presented token did not
    /// match it. That is the cached value if another request has already fetched a newer one; otherwise a forced
    /// refresh fetches it.
    ///
    /// `None` if a fetch is not allowed yet, by the policy's `min_interval` and `min_refresh_interval`, or if the refresh
    /// fails. A refresh counts from its start even if it is dropped before its end; otherwise clients that hang up
    /// could cause many fetches.
    pub(crate) async fn refresh_if_same(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        let replacement = self.state().replacement_for(seen);
        if replacement.is_some() {
            return replacement;
        }
        let _guard = self.fetch_lock.lock().await;
        {
            let mut state = self.state();
            let replacement = state.replacement_for(seen);
            let is_too_soon = !state.time_until_refresh(&self.policy).is_zero();
            if replacement.is_some() || is_too_soon {
                return replacement;
            }
            state.forced_at = Some(Instant::now());
        }
        self.fetch().await;
        self.state().replacement_for(seen)
    }

    /// Returns a value that is not older than `moment`, a time in the past: the fetch of the value began at `moment` or
    /// later. This is the cached value if it is new enough; otherwise a forced refresh fetches the value.
    ///
    /// If a refresh is not allowed yet, by the policy's `min_interval` and `min_refresh_interval`, this method waits until it
    /// is. ([`refresh_if_same`](Self::refresh_if_same) does not wait.) All who wait at the same time
    /// share one refresh. `None` if the refresh fails. Only the keys of approvals use this method.
    pub(crate) async fn fetched_since(&self, moment: Instant) -> Option<Arc<T>> {
        loop {
            let pause = {
                let state = self.state();
                if let Some(value) = state.fetched_since(moment) {
                    return Some(value);
                }
                state.time_until_refresh(&self.policy)
            };
            tokio::time::sleep(pause).await;
            let _guard = self.fetch_lock.lock().await;
            {
                let mut state = self.state();
                if let Some(value) = state.fetched_since(moment) {
                    return Some(value);
                }
                // A refresh that was dropped has no outcome to share, so the next one decides.
                if state.forced_at.is_some_and(|forced| forced >= moment && state.has_failed_since(forced)) {
                    return None;
                }
                if !state.time_until_refresh(&self.policy).is_zero() {
                    continue;
                }
                state.forced_at = Some(Instant::now());
            }
            self.fetch().await;
            return self.state().fetched_since(moment);
        }
    }

    /// Returns the cached value without a fetch, even if a fetch is due. `None` if there is no value or it is too old
    /// to be used. Only the keys of approvals use this method, to sign without waiting.
    pub(crate) fn peek(&self) -> Option<Arc<T>> {
        self.state().usable(&self.policy)
    }

    /// Returns how long ago the fetch of the cached value began, even if the value is too old to be used. `None` before
    /// the first successful fetch. Only the keys of approvals use this method.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.state().latest.as_ref().map(|latest| latest.fetched_at.elapsed())
    }

    /// Fetches the first value before a request needs it. Does nothing if there is a value already or another fetch
    /// is under way.
    ///
    /// Poll it to its end or drop it, because requests wait for it meanwhile.
    pub(crate) async fn warm_up(&self) {
        let Ok(_guard) = self.fetch_lock.try_lock() else {
            return;
        };
        let is_fetch_due = {
            let state = self.state();
            state.latest.is_none() && state.outcome_without_fetch(&self.policy).is_none()
        };
        if is_fetch_due {
            // The process may be frozen between its start and the first request, and then the timeout has passed when it
            // goes on. So a failure here is not shared: those who wait for it fetch again.
            self.refresh().await;
        }
    }

    /// Refreshes the value, and counts the fetch, so that all who wait for the lock use its outcome instead of
    /// fetching again.
    async fn fetch(&self) {
        self.refresh().await;
        self.state().shared_fetches += 1;
    }

    /// Calls the source, within the time limit of the policy, and stores the value. A failure is logged, and the old
    /// value stays.
    async fn refresh(&self) {
        let began = Instant::now();
        {
            let mut state = self.state();
            if std::mem::replace(&mut state.has_begun, true) {
                state.counted_at = Some(began);
            }
        }
        let outcome = match timeout(self.policy.fetch_timeout, self.source.fetch()).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(elapsed.into()),
        };
        let mut state = self.state();
        match outcome {
            Ok(value) => {
                let fresh_until = began + self.policy.ttl.mul_f64(0.9 + 0.2 * fastrand::f64());
                state.latest = Some(Fetched { value: Arc::new(value), fetched_at: began, fresh_until });
                state.failed_at = None;
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                let serves_old = state.usable(&self.policy).is_some();
                drop(state);
                warn!(
                    what = self.label,
                    serves_old,
                    error = error_chain(&*error),
                    "a secret or key set could not be fetched"
                );
            }
        }
    }

    /// Locks the state of the cache and returns it.
    fn state(&self) -> MutexGuard<'_, CacheState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> CacheState<T> {
    /// Returns what `Cached::get` returns without a fetch, because the value is fresh or no fetch is allowed yet. `None` if a
    /// fetch is due.
    fn outcome_without_fetch(&self, policy: &CachePolicy) -> Option<Result<Arc<T>, UnavailableError>> {
        match (&self.latest, self.usable(policy)) {
            (Some(latest), Some(value)) => {
                let is_fresh = Instant::now() < latest.fresh_until;
                (is_fresh || self.was_just_tried(latest, policy)).then_some(Ok(value))
            }
            _ => self.has_just_failed(policy).then_some(Err(UnavailableError)),
        }
    }

    /// Whether it is too soon for a fetch of a newer value than `latest`, because one has failed or was begun.
    fn was_just_tried(&self, latest: &Fetched<T>, policy: &CachePolicy) -> bool {
        let begun = self.counted_at.filter(|begun| *begun > latest.fetched_at);
        self.failed_at.is_some_and(|at| at.elapsed() < policy.retry_delay)
            || begun.zip(policy.min_interval).is_some_and(|(at, interval)| at.elapsed() < interval)
    }

    /// Whether it is too soon for a fetch of a first value, because one has failed that was not the first of the process.
    fn has_just_failed(&self, policy: &CachePolicy) -> bool {
        let failed = self.failed_at.filter(|failed| self.counted_at.is_some_and(|begun| *failed >= begun));
        failed.zip(policy.min_interval).is_some_and(|(at, interval)| at.elapsed() < interval)
    }

    /// Returns the value if it is fresh or younger than the policy's `max_stale`, even if a fetch is due. `None`
    /// otherwise.
    fn usable(&self, policy: &CachePolicy) -> Option<Arc<T>> {
        let latest = self.latest.as_ref()?;
        let is_fresh = Instant::now() < latest.fresh_until;
        (is_fresh || latest.fetched_at.elapsed() < policy.max_stale).then(|| latest.value.clone())
    }

    /// Returns the value if its fetch began at `moment` or later; `None` if it is older or missing.
    fn fetched_since(&self, moment: Instant) -> Option<Arc<T>> {
        let latest = self.latest.as_ref()?;
        (latest.fetched_at >= moment).then(|| latest.value.clone())
    }

    /// Whether the most recent fetch failed, and did so at `moment` or later. It ends the wait in
    /// `Cached::fetched_since`.
    fn has_failed_since(&self, moment: Instant) -> bool {
        self.failed_at.is_some_and(|failed| failed >= moment)
    }

    /// Returns how long to wait before a refresh may be forced again. Zero if one may be forced now.
    fn time_until_refresh(&self, policy: &CachePolicy) -> Duration {
        let rest = |begun: Option<Instant>, interval: Duration| {
            begun.map_or(Duration::ZERO, |begun| interval.saturating_sub(begun.elapsed()))
        };
        let after_any = rest(self.counted_at, policy.min_interval.unwrap_or_default());
        after_any.max(rest(self.forced_at, policy.min_refresh_interval))
    }

    /// Returns the value if it comes from another fetch than `seen`; `None` if it is the same one or missing.
    fn replacement_for(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        let latest = self.latest.as_ref()?;
        (!Arc::ptr_eq(&latest.value, seen)).then(|| latest.value.clone())
    }
}

#[cfg(test)]
mod tests;
