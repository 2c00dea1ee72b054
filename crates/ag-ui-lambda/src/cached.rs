//! A value that is fetched from elsewhere and kept: a secret, a set of keys.
//!
//! A request should not wait for a call that another one has just made, nor fail because the source fails
//! for a moment, and a caller who guesses should not be able to drive calls. This module decides when a
//! fetch may be made and what is served meanwhile. It does not know what the value means, nor whose
//! mismatch asks for a newer one.
//!
//! No task is detached: a fetch is polled by one request, and when that is dropped the next one in the
//! queue fetches.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::causes::causes;

/// Nothing usable is cached and the source gave nothing.
///
/// The cause is in the log: it belongs to the operator, not to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing usable is cached and the source gave nothing")]
#[non_exhaustive]
pub struct Unavailable;

/// Why a fetch failed. It is logged with its chain of causes, so it must hold no secret.
pub(crate) type FetchError = Box<dyn Error + Send + Sync>;

/// Where the value comes from.
pub(crate) trait Source<T>: Send + Sync {
    /// Reads the value once; [`Cached`] limits the time, and may drop the future.
    fn fetch(&self) -> BoxFuture<'_, Result<T, FetchError>>;
}

/// How long a value is good and how often its source may be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// Age at which a value is fetched again; each one gets up to a tenth more or less, so that
    /// environments that started together do not ask together.
    pub(crate) ttl: Duration,
    /// Age up to which a value is served while the source fails.
    pub(crate) max_stale: Duration,
    /// Least time between two forced refreshes.
    pub(crate) refresh_floor: Duration,
    /// Pause after a failed fetch while an old value can be served.
    pub(crate) retry: Duration,
    /// Limit of one fetch.
    pub(crate) timeout: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            max_stale: Duration::from_secs(3600),
            refresh_floor: Duration::from_secs(10),
            retry: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
        }
    }
}

/// One value with its source and its rules.
pub(crate) struct Cached<T> {
    /// What the value is, for the log.
    what: &'static str,
    /// Where it comes from.
    source: Box<dyn Source<T>>,
    /// When to ask the source.
    policy: Policy,
    /// What is known now. Never locked across an await.
    state: Mutex<State<T>>,
    /// Held by whoever fetches: others wait here and share the outcome.
    flight: tokio::sync::Mutex<()>,
}

struct State<T> {
    /// The newest value, however old.
    kept: Option<Kept<T>>,
    /// Number of fetches whose outcome is shared by those who waited for them.
    fetches: u64,
    /// When the last fetch failed, if nothing was fetched since.
    failed_at: Option<Instant>,
    /// When the last forced refresh began.
    forced_at: Option<Instant>,
}

struct Kept<T> {
    /// The value; its address tells one fetch from another.
    value: Arc<T>,
    /// When its fetch began, for its age.
    fetched_at: Instant,
    /// When it has to be fetched again.
    fresh_until: Instant,
}

impl<T> Cached<T> {
    /// Fetches nothing yet. `what` names the value in the log.
    pub(crate) fn new(what: &'static str, source: impl Source<T> + 'static, policy: Policy) -> Self {
        let state = State { kept: None, fetches: 0, failed_at: None, forced_at: None };
        Self { what, source: Box::new(source), policy, state: Mutex::new(state), flight: Default::default() }
    }

    /// Replaces the time to live.
    pub(crate) fn with_ttl(mut self, ttl: Duration) -> Self {
        self.policy.ttl = ttl;
        self
    }

    /// The value: kept if it is fresh, else fetched, else the old one while it may be served.
    pub(crate) async fn get(&self) -> Result<Arc<T>, Unavailable> {
        let fetches = {
            let state = self.state();
            if let Some(value) = state.good_without_fetch(&self.policy) {
                return Ok(value);
            }
            state.fetches
        };
        let _flight = self.flight.lock().await;
        let is_mine = {
            let state = self.state();
            state.fetches == fetches && state.good_without_fetch(&self.policy).is_none()
        };
        if is_mine {
            self.fetch().await;
        }
        self.state().servable(&self.policy).ok_or(Unavailable)
    }

    /// A value newer than `seen`, which did not fit: one that is already here, or that a forced refresh
    /// brings. None when the floor forbids a refresh or it brings nothing.
    ///
    /// A refresh counts from its begin, also when it is dropped half way: else clients that hang up could
    /// drive calls.
    pub(crate) async fn newer_than(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        let newer = self.state().newer_than(seen);
        if newer.is_some() {
            return newer;
        }
        let _flight = self.flight.lock().await;
        {
            let mut state = self.state();
            let newer = state.newer_than(seen);
            let is_too_soon = state.forced_at.is_some_and(|at| at.elapsed() < self.policy.refresh_floor);
            if newer.is_some() || is_too_soon {
                return newer;
            }
            state.forced_at = Some(Instant::now());
        }
        self.fetch().await;
        self.state().newer_than(seen)
    }

    /// A value whose fetch began at `moment` or later: one that is here, or that a forced refresh brings as soon as
    /// the floor allows one. All who wait share that refresh. `None` if it fails.
    pub(crate) async fn fetched_since(&self, moment: Instant) -> Option<Arc<T>> {
        loop {
            let pause = {
                let state = self.state();
                if let Some(value) = state.fetched_since(moment) {
                    return Some(value);
                }
                state.until_next_forced(&self.policy)
            };
            tokio::time::sleep(pause).await;
            let _flight = self.flight.lock().await;
            {
                let mut state = self.state();
                if let Some(value) = state.fetched_since(moment) {
                    return Some(value);
                }
                // One that was dropped half-way has no outcome to share: the next one decides.
                if state.forced_at.is_some_and(|forced| forced >= moment && state.has_failed_since(forced)) {
                    return None;
                }
                if !state.until_next_forced(&self.policy).is_zero() {
                    continue;
                }
                state.forced_at = Some(Instant::now());
            }
            self.fetch().await;
            return self.state().fetched_since(moment);
        }
    }

    /// The value that is here and may be served, without a fetch.
    pub(crate) fn kept(&self) -> Option<Arc<T>> {
        self.state().servable(&self.policy)
    }

    /// How long ago the fetch of the newest value began.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.state().kept.as_ref().map(|kept| kept.fetched_at.elapsed())
    }

    /// Fetches the first value, unless someone has begun to. Poll it to its end or drop it: requests
    /// wait for it meanwhile.
    pub(crate) async fn warm(&self) {
        let Ok(_flight) = self.flight.try_lock() else {
            return;
        };
        if self.state().kept.is_none() {
            // Lambda may freeze the environment between start and first request, and then the time-out
            // has passed when it wakes. So a failure here is not shared: who waits for it asks again.
            self.refresh().await;
        }
    }

    async fn fetch(&self) {
        self.refresh().await;
        self.state().fetches += 1;
    }

    async fn refresh(&self) {
        let began = Instant::now();
        let outcome = match timeout(self.policy.timeout, self.source.fetch()).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(elapsed.into()),
        };
        let mut state = self.state();
        match outcome {
            Ok(value) => {
                let fresh_until = began + self.policy.ttl.mul_f64(0.9 + 0.2 * fastrand::f64());
                state.kept = Some(Kept { value: Arc::new(value), fetched_at: began, fresh_until });
                state.failed_at = None;
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                let serves_old = state.servable(&self.policy).is_some();
                drop(state);
                warn!(what = self.what, serves_old, error = causes(&*error), "fetch failed");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn good_without_fetch(&self, policy: &Policy) -> Option<Arc<T>> {
        let kept = self.kept.as_ref()?;
        if Instant::now() < kept.fresh_until {
            return Some(kept.value.clone());
        }
        self.failed_at.filter(|at| at.elapsed() < policy.retry)?;
        self.servable(policy)
    }

    fn servable(&self, policy: &Policy) -> Option<Arc<T>> {
        let kept = self.kept.as_ref()?;
        let is_fresh = Instant::now() < kept.fresh_until;
        (is_fresh || kept.fetched_at.elapsed() < policy.max_stale).then(|| kept.value.clone())
    }

    fn fetched_since(&self, moment: Instant) -> Option<Arc<T>> {
        let kept = self.kept.as_ref()?;
        (kept.fetched_at >= moment).then(|| kept.value.clone())
    }

    fn has_failed_since(&self, moment: Instant) -> bool {
        self.failed_at.is_some_and(|failed| failed >= moment)
    }

    /// How long it is until a refresh may be forced.
    fn until_next_forced(&self, policy: &Policy) -> Duration {
        self.forced_at.map_or(Duration::ZERO, |forced| policy.refresh_floor.saturating_sub(forced.elapsed()))
    }

    fn newer_than(&self, seen: &Arc<T>) -> Option<Arc<T>> {
        let kept = self.kept.as_ref()?;
        (!Arc::ptr_eq(&kept.value, seen)).then(|| kept.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;

    /// Answers with the number of the fetch, after `latency`.
    #[derive(Default)]
    struct Counter {
        fetches: AtomicU64,
        is_failing: AtomicBool,
        latency: Duration,
    }

    impl Source<u64> for Arc<Counter> {
        fn fetch(&self) -> BoxFuture<'_, Result<u64, FetchError>> {
            let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
            Box::pin(async move {
                sleep(self.latency).await;
                if self.is_failing.load(Ordering::SeqCst) { Err("down".into()) } else { Ok(number) }
            })
        }
    }

    impl Counter {
        fn slow() -> Arc<Self> {
            Arc::new(Self { latency: Duration::from_millis(100), ..Self::default() })
        }

        fn cached(self: &Arc<Self>) -> Cached<u64> {
            Cached::new("counter", self.clone(), Policy::default())
        }

        fn fail(&self, is_failing: bool) {
            self.is_failing.store(is_failing, Ordering::SeqCst);
        }

        fn fetches(&self) -> u64 {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    const EXPIRY: Duration = Duration::from_secs(331);

    #[tokio::test(start_paused = true)]
    async fn given_nothing_cached_when_many_ask_then_one_fetch_serves_them_all() {
        let source = Counter::slow();
        let cached = source.cached();

        let values = join_all((0..50).map(|_| cached.get())).await;

        assert!(values.iter().all(|value| value.as_deref() == Ok(&1)));
        assert_eq!(source.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn given_nothing_cached_when_the_source_fails_then_those_who_waited_share_the_failure() {
        let source = Counter::slow();
        let cached = source.cached();
        source.fail(true);

        let values = join_all((0..50).map(|_| cached.get())).await;
        assert!(values.iter().all(|value| *value == Err(Unavailable)));
        assert_eq!(source.fetches(), 1);

        cached.get().await.unwrap_err();
        assert_eq!(source.fetches(), 2, "the next request tries again at once");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_to_live_is_a_tenth_more_or_less_and_differs() {
        let mut lives = Vec::new();
        for _ in 0..200 {
            let cached = Arc::new(Counter::default()).cached();
            cached.get().await.unwrap();
            let life = cached.state().kept.as_ref().unwrap().fresh_until - Instant::now();
            assert!((270.0..=330.0).contains(&life.as_secs_f64()), "{life:?}");
            lives.push(life);
        }
        assert!(lives.iter().max() > lives.iter().min());
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_value_when_it_expires_then_it_is_fetched_again_once() {
        let source = Counter::slow();
        let cached = source.cached();
        cached.get().await.unwrap();

        advance(Duration::from_secs(269)).await;
        assert_eq!(*cached.get().await.unwrap(), 1);

        advance(EXPIRY).await;
        let values = join_all((0..50).map(|_| cached.get())).await;
        assert!(values.iter().all(|value| value.as_deref() == Ok(&2)));
    }

    #[tokio::test(start_paused = true)]
    async fn given_an_expired_value_when_the_source_fails_then_it_is_served_and_retried_every_10_s() {
        let source = Arc::new(Counter::default());
        let cached = source.cached();
        cached.get().await.unwrap();
        source.fail(true);
        advance(EXPIRY).await;

        for _ in 0..40 {
            assert_eq!(*cached.get().await.unwrap(), 1);
            advance(SECOND).await;
        }
        assert_eq!(source.fetches(), 1 + 4);

        source.fail(false);
        assert_eq!(*cached.get().await.unwrap(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_failing_source_when_the_value_is_an_hour_old_then_it_is_served_no_more() {
        let source = Arc::new(Counter::default());
        let cached = source.cached();
        cached.get().await.unwrap();
        source.fail(true);

        advance(Duration::from_secs(3599)).await;
        cached.get().await.unwrap();
        advance(SECOND).await;
        assert_eq!(cached.get().await, Err(Unavailable));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_source_that_hangs_then_a_fetch_ends_after_its_limit() {
        let source = Arc::new(Counter { latency: Duration::from_secs(3600), ..Counter::default() });
        let cached = source.cached();
        let began = Instant::now();

        assert_eq!(cached.get().await, Err(Unavailable));
        assert_eq!(began.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_mismatch_when_the_value_was_refreshed_since_then_it_costs_no_fetch() {
        let source = Arc::new(Counter::default());
        let cached = source.cached();
        let seen = cached.get().await.unwrap();
        advance(EXPIRY).await;
        cached.get().await.unwrap();

        assert_eq!(cached.newer_than(&seen).await.as_deref(), Some(&2));
        assert_eq!(source.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_mismatch_while_the_value_is_fetched_anyway_then_it_waits_for_that() {
        let source = Counter::slow();
        let cached = source.cached();
        let seen = cached.get().await.unwrap();
        advance(EXPIRY).await;

        let (value, newer) = tokio::join!(cached.get(), cached.newer_than(&seen));

        assert_eq!((value.as_deref(), newer.as_deref()), (Ok(&2), Some(&2)));
        assert_eq!(source.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn given_mismatches_every_100_ms_then_a_refresh_is_forced_every_10_s() {
        let source = Arc::new(Counter::default());
        let cached = source.cached();

        for _ in 0..300 {
            let seen = cached.get().await.unwrap();
            cached.newer_than(&seen).await;
            advance(Duration::from_millis(100)).await;
        }
        assert_eq!(source.fetches(), 1 + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_forced_refresh_in_flight_then_those_who_ask_meanwhile_share_it() {
        let source = Counter::slow();
        let cached = source.cached();
        let seen = cached.get().await.unwrap();

        let newer = join_all((0..50).map(|_| cached.newer_than(&seen))).await;

        assert!(newer.iter().all(|newer| newer.as_deref() == Some(&2)));
        assert_eq!(source.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_forced_refresh_that_fails_then_nothing_is_newer_and_the_value_stays() {
        let source = Counter::slow();
        let cached = source.cached();
        let seen = cached.get().await.unwrap();
        source.fail(true);

        let newer = join_all((0..50).map(|_| cached.newer_than(&seen))).await;

        assert!(newer.iter().all(Option::is_none));
        assert_eq!(source.fetches(), 2);
        assert!(Arc::ptr_eq(&cached.get().await.unwrap(), &seen));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_floor_then_those_who_wait_for_a_later_fetch_share_the_next_one() {
        let source = Counter::slow();
        let cached = source.cached();
        let seen = cached.get().await.unwrap();
        cached.newer_than(&seen).await;
        advance(SECOND).await;
        let began = Instant::now();

        let values = join_all((0..50).map(|_| cached.fetched_since(began))).await;

        assert!(values.iter().all(|value| value.as_deref() == Some(&3)));
        assert_eq!(source.fetches(), 3);
        assert_eq!(began.elapsed().as_secs(), 9, "the floor is 10 s, counted from the begin of the last one");
        assert_eq!(cached.fetched_since(began).await.as_deref(), Some(&3));
        assert_eq!(source.fetches(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_failing_source_then_those_who_wait_for_a_later_fetch_share_one_failure() {
        let source = Counter::slow();
        let cached = source.cached();
        cached.get().await.unwrap();
        source.fail(true);
        let now = Instant::now();

        let values = join_all((0..50).map(|_| cached.fetched_since(now))).await;

        assert!(values.iter().all(Option::is_none));
        assert_eq!(source.fetches(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_forced_refresh_dropped_half_way_then_who_waits_for_a_later_fetch_gets_the_next_one() {
        let source = Counter::slow();
        let cached = source.cached();
        cached.get().await.unwrap();
        advance(SECOND).await;
        let now = Instant::now();
        assert!(cached.fetched_since(now).now_or_never().is_none());

        assert_eq!(cached.fetched_since(now).await.as_deref(), Some(&3));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_getter_dropped_while_it_fetches_then_the_one_who_waits_fetches() {
        let source = Counter::slow();
        let cached = source.cached();
        let mut dropped = Box::pin(cached.get());
        assert!((&mut dropped).now_or_never().is_none());
        let mut waiting = Box::pin(cached.get());
        assert!((&mut waiting).now_or_never().is_none());

        drop(dropped);

        assert_eq!(*waiting.await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_forced_refresh_dropped_half_way_then_it_counts_and_nothing_hangs() {
        let source = Counter::slow();
        let cached = source.cached();
        let seen = cached.get().await.unwrap();
        assert!(cached.newer_than(&seen).now_or_never().is_none());

        assert!(cached.newer_than(&seen).await.is_none());
        assert_eq!(source.fetches(), 2);

        advance(Duration::from_secs(10)).await;
        assert_eq!(cached.newer_than(&seen).await.as_deref(), Some(&3));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_warm_up_in_flight_when_a_request_comes_then_it_shares_the_fetch() {
        let source = Counter::slow();
        let cached = source.cached();

        let ((), value) = tokio::join!(cached.warm(), cached.get());

        assert_eq!(*value.unwrap(), 1);
        cached.warm().await;
        assert_eq!(source.fetches(), 1, "a warm cache is not warmed again");
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_warm_up_that_fails_when_requests_wait_for_it_then_one_of_them_asks_again() {
        let source = Counter::slow();
        let cached = source.cached();
        source.fail(true);
        let recover = async {
            sleep(Duration::from_millis(101)).await;
            source.fail(false);
        };

        let ((), values, ()) = tokio::join!(cached.warm(), join_all((0..50).map(|_| cached.get())), recover);

        assert!(values.iter().all(|value| value.as_deref() == Ok(&2)));
    }
}
