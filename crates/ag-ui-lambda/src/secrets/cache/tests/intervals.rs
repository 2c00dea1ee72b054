//! The rule for fetches, in every order of events: two fetches begin at least 10 s apart, and only the first one does not
//! count.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use tokio::task::yield_now;
use tokio::time::advance;

use super::super::*;

/// What happens to a cache.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A request needs the value, as a token with a known key id does.
    Use,
    /// A request finds that the value is outdated, as a token with an unknown key id does.
    Refresh,
    /// The same, but the client hangs up before a fetch ends.
    HangUp,
    /// The source fails from now on.
    Fail,
    /// The source works from now on.
    Recover,
    /// So many seconds pass. After 331 of them every value has to be fetched again.
    Wait(u64),
}

use Event::{Fail, HangUp, Recover, Refresh, Use, Wait};

/// A source that records when its fetches begin. A fetch ends when it is polled for the second time.
#[derive(Default)]
struct Source {
    began: Mutex<Vec<Instant>>,
    is_failing: AtomicBool,
}

impl Fetch<()> for Arc<Source> {
    fn fetch(&self) -> BoxFuture<'_, Result<(), FetchError>> {
        self.began.lock().unwrap().push(Instant::now());
        Box::pin(async {
            yield_now().await;
            if self.is_failing.load(Ordering::SeqCst) { Err("down".into()) } else { Ok(()) }
        })
    }
}

/// A cache with its source and the time of its creation.
struct Case {
    source: Arc<Source>,
    cached: Cached<()>,
    created: Instant,
}

impl Case {
    /// Creates an empty cache with the shortest time between two fetches that the keys of an issuer have.
    fn new() -> Self {
        let source = Arc::new(Source::default());
        let policy = CachePolicy { min_interval: Some(Duration::from_secs(10)), ..CachePolicy::default() };
        let cached = Cached::new("tests", source.clone(), policy);
        Self { source, cached, created: Instant::now() }
    }

    /// Lets this event happen.
    async fn happen(&self, event: Event) {
        match event {
            Use => _ = self.cached.get().await,
            Refresh => self.refresh().await,
            HangUp => _ = self.refresh().now_or_never(),
            Fail => self.source.is_failing.store(true, Ordering::SeqCst),
            Recover => self.source.is_failing.store(false, Ordering::SeqCst),
            Wait(seconds) => advance(Duration::from_secs(seconds)).await,
        }
    }

    /// Asks for the value, and then for a newer one.
    async fn refresh(&self) {
        if let Ok(seen) = self.cached.get().await {
            self.cached.refresh_if_same(&seen).await;
        }
    }

    /// Returns when the fetches began, in seconds since the cache was created.
    fn fetches(&self) -> Vec<u64> {
        let began = self.source.began.lock().unwrap();
        began.iter().map(|at| at.duration_since(self.created).as_secs()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn fetches_begin_10_s_apart_whatever_causes_them() {
    for (why, events, fetches) in [
        ("a new key right after the start is seen", vec![Use, Refresh], vec![0, 0]),
        (
            "the next unknown id waits",
            vec![Use, Refresh, Refresh, Wait(9), Refresh, Wait(1), Refresh],
            vec![0, 0, 10],
        ),
        (
            "a value has expired, and the id is unknown",
            vec![Use, Wait(331), Refresh, Refresh, Wait(9), Refresh, Wait(1), Refresh],
            vec![0, 331, 341],
        ),
        (
            "the same, one after the other",
            vec![Use, Wait(331), Use, Refresh, Wait(9), Refresh, Wait(1), Refresh],
            vec![0, 331, 341],
        ),
        (
            "an expired value cannot be fetched",
            vec![Use, Wait(331), Fail, Use, Refresh, Wait(9), Use, Refresh, Wait(1), Use, Refresh],
            vec![0, 331, 341],
        ),
        (
            "a forced refresh fails, and later the value has expired",
            vec![Use, Fail, Refresh, Wait(331), Refresh, Use, Wait(9), Use, Wait(1), Use],
            vec![0, 0, 331, 341],
        ),
        (
            "the first fetch fails, and the next one, too",
            vec![Fail, Use, Use, Use, Refresh, Wait(9), Refresh, Wait(1), Refresh],
            vec![0, 0, 10],
        ),
        (
            "only the first fetch fails",
            vec![Fail, Use, Recover, Use, Refresh, Wait(10), Refresh],
            vec![0, 0, 10],
        ),
        (
            "it recovers, and the value is there when a fetch is allowed",
            vec![Fail, Use, Use, Recover, Use, Wait(10), Use, Use],
            vec![0, 0, 10],
        ),
        (
            "the client of a forced refresh hangs up",
            vec![Use, HangUp, HangUp, Refresh, Wait(9), Refresh, Wait(1), Refresh],
            vec![0, 0, 10],
        ),
        (
            "the client that fetches an expired value hangs up",
            vec![Use, Wait(331), HangUp, Use, Refresh, Wait(9), Use, Wait(1), Use],
            vec![0, 331, 341],
        ),
        ("without a value, who hangs up keeps nobody waiting", vec![HangUp, HangUp, Use, Use], vec![0, 0, 0]),
    ] {
        let case = Case::new();
        for event in &events {
            case.happen(*event).await;
        }
        assert_eq!(case.fetches(), fetches, "{why}: {events:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_request_that_fetches_waits_for_a_newer_value() {
    let case = Case::new();
    case.happen(Use).await;
    case.happen(Wait(331)).await;
    let mut fetching = Box::pin(case.cached.get());
    assert!((&mut fetching).now_or_never().is_none());

    assert!(case.cached.get().now_or_never().is_some_and(|outcome| outcome.is_ok()));
    fetching.await.unwrap();
    assert_eq!(case.fetches(), [0, 331]);
}

#[tokio::test(start_paused = true)]
async fn fetches_begin_10_s_apart_in_every_order() {
    const EVENTS: [Event; 7] = [Use, Refresh, HangUp, Fail, Recover, Wait(6), Wait(331)];
    const LENGTH: u32 = 5;
    for number in 0..EVENTS.len().pow(LENGTH) {
        let order = (0..LENGTH).map(|place| EVENTS[number / EVENTS.len().pow(place) % EVENTS.len()]);
        let case = Case::new();
        for event in order.clone() {
            // Without a value, those who wait take over from a client that hangs up.
            if !matches!(event, HangUp) || case.cached.peek().is_some() {
                case.happen(event).await;
            }
        }
        for event in [Recover, Wait(10), Refresh] {
            case.happen(event).await;
        }

        let order: Vec<Event> = order.collect();
        let fetches = case.fetches();
        let counted = fetches.get(1..).unwrap_or_default();
        assert!(counted.windows(2).all(|two| two[1] - two[0] >= 10), "{order:?}: {fetches:?}");
        let now = case.created.elapsed().as_secs();
        assert_eq!(fetches.last(), Some(&now), "{order:?}: a new value is seen after 10 s at most");
    }
}
