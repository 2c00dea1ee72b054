mod intervals;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::{advance, sleep};

use super::*;

/// A source that returns the number of the fetch, after `latency`.
#[derive(Default)]
struct Counter {
    fetches: AtomicU64,
    is_failing: AtomicBool,
    latency: Duration,
}

impl Fetch<u64> for Arc<Counter> {
    fn fetch(&self) -> BoxFuture<'_, Result<u64, FetchError>> {
        let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move {
            sleep(self.latency).await;
            if self.is_failing.load(Ordering::SeqCst) { Err("down".into()) } else { Ok(number) }
        })
    }
}

impl Counter {
    /// A source whose fetches take 100 ms.
    fn slow() -> Arc<Self> {
        Arc::new(Self { latency: Duration::from_millis(100), ..Self::default() })
    }

    /// An empty cache of this source.
    fn cached(self: &Arc<Self>) -> Cached<u64> {
        Cached::new("counter", self.clone(), CachePolicy::default())
    }

    /// Sets whether fetches fail from now on.
    fn fail(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Ordering::SeqCst);
    }

    /// Returns how many fetches have begun.
    fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// A time after which every cached value has to be fetched again.
const EXPIRY: Duration = Duration::from_secs(331);

#[tokio::test(start_paused = true)]
async fn concurrent_gets_share_one_fetch() {
    let source = Counter::slow();
    let cached = source.cached();

    let values = join_all((0..50).map(|_| cached.get())).await;

    assert!(values.iter().all(|value| value.as_deref() == Ok(&1)));
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn concurrent_gets_share_one_failure() {
    let source = Counter::slow();
    let cached = source.cached();
    source.fail(true);

    let values = join_all((0..50).map(|_| cached.get())).await;
    assert!(values.iter().all(|value| *value == Err(UnavailableError)));
    assert_eq!(source.fetches(), 1);

    cached.get().await.unwrap_err();
    assert_eq!(source.fetches(), 2, "the next request tries again at once");
}

#[tokio::test(start_paused = true)]
async fn ttl_varies_by_up_to_a_tenth() {
    let mut ttls = Vec::new();
    for _ in 0..200 {
        let cached = Arc::new(Counter::default()).cached();
        cached.get().await.unwrap();
        let ttl = cached.state().latest.as_ref().unwrap().fresh_until - Instant::now();
        assert!((270.0..=330.0).contains(&ttl.as_secs_f64()), "{ttl:?}");
        ttls.push(ttl);
    }
    assert!(ttls.iter().max() > ttls.iter().min());
}

#[tokio::test(start_paused = true)]
async fn expired_value_is_fetched_once() {
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
async fn stale_value_is_served_and_retried_every_10_s() {
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
async fn stale_value_is_served_for_an_hour_at_most() {
    let source = Arc::new(Counter::default());
    let cached = source.cached();
    cached.get().await.unwrap();
    source.fail(true);

    advance(Duration::from_secs(3599)).await;
    cached.get().await.unwrap();
    advance(SECOND).await;
    assert_eq!(cached.get().await, Err(UnavailableError));
}

#[tokio::test(start_paused = true)]
async fn fetch_ends_after_its_timeout() {
    let source = Arc::new(Counter { latency: Duration::from_secs(3600), ..Counter::default() });
    let cached = source.cached();
    let began = Instant::now();

    assert_eq!(cached.get().await, Err(UnavailableError));
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn refresh_is_free_if_the_value_has_changed() {
    let source = Arc::new(Counter::default());
    let cached = source.cached();
    let seen = cached.get().await.unwrap();
    advance(EXPIRY).await;
    cached.get().await.unwrap();

    assert_eq!(cached.refresh_if_same(&seen).await.as_deref(), Some(&2));
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn refresh_waits_for_a_fetch_in_progress() {
    let source = Counter::slow();
    let cached = source.cached();
    let seen = cached.get().await.unwrap();
    advance(EXPIRY).await;

    let (value, newer) = tokio::join!(cached.get(), cached.refresh_if_same(&seen));

    assert_eq!((value.as_deref(), newer.as_deref()), (Ok(&2), Some(&2)));
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn refreshes_are_10_s_apart() {
    let source = Arc::new(Counter::default());
    let cached = source.cached();

    for _ in 0..300 {
        let seen = cached.get().await.unwrap();
        cached.refresh_if_same(&seen).await;
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(source.fetches(), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn concurrent_refreshes_share_one_fetch() {
    let source = Counter::slow();
    let cached = source.cached();
    let seen = cached.get().await.unwrap();

    let newer = join_all((0..50).map(|_| cached.refresh_if_same(&seen))).await;

    assert!(newer.iter().all(|newer| newer.as_deref() == Some(&2)));
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn failed_refresh_keeps_the_value() {
    let source = Counter::slow();
    let cached = source.cached();
    let seen = cached.get().await.unwrap();
    source.fail(true);

    let newer = join_all((0..50).map(|_| cached.refresh_if_same(&seen))).await;

    assert!(newer.iter().all(Option::is_none));
    assert_eq!(source.fetches(), 2);
    assert!(Arc::ptr_eq(&cached.get().await.unwrap(), &seen));
}

#[tokio::test(start_paused = true)]
async fn fetched_since_waits_until_a_refresh_is_allowed() {
    let source = Counter::slow();
    let cached = source.cached();
    let seen = cached.get().await.unwrap();
    cached.refresh_if_same(&seen).await;
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
async fn fetched_since_shares_one_failure() {
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
async fn fetched_since_fetches_after_a_dropped_refresh() {
    let source = Counter::slow();
    let cached = source.cached();
    cached.get().await.unwrap();
    advance(SECOND).await;
    let now = Instant::now();
    assert!(cached.fetched_since(now).now_or_never().is_none());

    assert_eq!(cached.fetched_since(now).await.as_deref(), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn waiting_get_fetches_if_the_first_is_dropped() {
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
async fn dropped_refresh_counts_as_one() {
    let source = Counter::slow();
    let cached = source.cached();
    let seen = cached.get().await.unwrap();
    assert!(cached.refresh_if_same(&seen).now_or_never().is_none());

    assert!(cached.refresh_if_same(&seen).await.is_none());
    assert_eq!(source.fetches(), 2);

    advance(Duration::from_secs(10)).await;
    assert_eq!(cached.refresh_if_same(&seen).await.as_deref(), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn get_shares_the_fetch_of_warming() {
    let source = Counter::slow();
    let cached = source.cached();

    let ((), value) = tokio::join!(cached.warm_up(), cached.get());

    assert_eq!(*value.unwrap(), 1);
    cached.warm_up().await;
    assert_eq!(source.fetches(), 1, "a warm cache is not warmed again");
}

#[tokio::test(start_paused = true)]
async fn get_fetches_again_if_warming_failed() {
    let source = Counter::slow();
    let cached = source.cached();
    source.fail(true);
    let recover = async {
        sleep(Duration::from_millis(101)).await;
        source.fail(false);
    };

    let ((), values, ()) = tokio::join!(cached.warm_up(), join_all((0..50).map(|_| cached.get())), recover);

    assert!(values.iter().all(|value| value.as_deref() == Ok(&2)));
}
