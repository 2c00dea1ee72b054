//! How the body delivers a run: as fast as it is read, with comments in long silences, and never past the deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ag_ui_lambda::endpoint::{Endpoint, ResponseBody, RunDeadline};
use ag_ui_lambda::model::{ModelErrorKind, Script, Scripted};
use futures_util::{FutureExt as _, poll};
use tokio::time::Instant;

use crate::support::endpoint::{endpoint_of, next_frame, run_request};
use crate::support::event_order;
use crate::support::scenario::Caller;
use crate::support::sse::events;

const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// Returns an endpoint whose model plays this script.
fn endpoint_playing(script: impl Fn() -> Script + Send + Sync + 'static) -> Endpoint<Caller> {
    endpoint_of(Scripted::new(move |_| script())).build().unwrap()
}

/// Starts a run and returns its body.
async fn body(endpoint: &Endpoint<Caller>) -> ResponseBody {
    endpoint.handle(run_request().build()).await.into_body()
}

/// Reads a body to its end. Returns each frame with the second at which it was received.
async fn timed(mut body: ResponseBody) -> Vec<(u64, String)> {
    let started = Instant::now();
    let mut frames = Vec::new();
    while let Some(frame) = next_frame(&mut body).await {
        let name = match events(&frame).first() {
            Some(event) => event["type"].as_str().unwrap().to_owned(),
            None => frame,
        };
        frames.push((started.elapsed().as_secs(), name));
    }
    frames
}

#[tokio::test(start_paused = true)]
async fn sends_a_comment_every_15_s_of_silence() {
    let endpoint = endpoint_playing(|| Script::new().pause(Duration::from_secs(40)).text("Hi"));
    let frames = timed(body(&endpoint).await).await;
    let frames: Vec<_> = frames.iter().map(|(at, name)| (*at, name.as_str())).collect();

    assert_eq!(
        frames,
        [
            (0, "RUN_STARTED"),
            (15, KEEP_ALIVE),
            (30, KEEP_ALIVE),
            (40, "TEXT_MESSAGE_START"),
            (40, "TEXT_MESSAGE_CONTENT"),
            (40, "TEXT_MESSAGE_END"),
            (40, "RUN_FINISHED"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn sends_no_comments_with_a_keep_alive_of_zero() {
    let script = || Script::new().pause(Duration::from_secs(40)).text("Hi");
    let endpoint = endpoint_of(Scripted::new(move |_| script())).keep_alive(Duration::ZERO).build().unwrap();
    let frames = timed(body(&endpoint).await).await;
    let types: Vec<_> = frames.iter().map(|(_, name)| name.as_str()).collect();

    assert_eq!(
        types,
        ["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "RUN_FINISHED"]
    );
}

#[tokio::test(start_paused = true)]
async fn sends_no_comment_between_frequent_deltas() {
    let endpoint = endpoint_playing(|| {
        let pause = Duration::from_secs(14);
        (0..4).fold(Script::new(), |script, _| script.pause(pause).text("tick "))
    });
    let frames = timed(body(&endpoint).await).await;

    assert!(frames.iter().all(|(_, name)| name != KEEP_ALIVE), "{frames:?}");
    assert_eq!(frames.last().unwrap().0, 56);
}

#[tokio::test(start_paused = true)]
async fn run_pauses_and_resumes_with_its_reader() {
    let produced = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&produced);
    let endpoint = endpoint_playing(move || {
        let count = |produced: Arc<AtomicUsize>| async move {
            produced.fetch_add(1, Ordering::SeqCst);
        };
        (0..50).fold(Script::new(), |script, _| script.wait_for(count(Arc::clone(&counted))).text("word "))
    });
    let mut body = body(&endpoint).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(produced.load(Ordering::SeqCst), 0, "the model is not asked before the body is read");

    for read in 1..=20 {
        next_frame(&mut body).await.unwrap();
        let before = produced.load(Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(produced.load(Ordering::SeqCst), before, "nothing moves while nobody reads");
        assert!(before <= read + 1, "{before} deltas are made for {read} frames read");
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_body_drops_the_run() {
    struct Gone(Arc<AtomicBool>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let is_gone = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_gone);
    let endpoint = endpoint_playing(move || {
        let gone = Gone(Arc::clone(&flag));
        Script::new().text("Hi").wait_for(async move {
            let _held = gone;
            std::future::pending::<()>().await;
        })
    });
    let mut body = body(&endpoint).await;
    while !next_frame(&mut body).await.unwrap().contains("Hi") {}
    assert!(poll!(next_frame(&mut body).boxed()).is_pending());
    assert!(!is_gone.load(Ordering::SeqCst));

    drop(body);

    assert!(is_gone.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn cancels_the_run_2_s_before_the_deadline() {
    let endpoint = endpoint_playing(|| Script::new().text("Let me").pause(Duration::from_secs(3600)));
    let mut request = run_request().build();
    let deadline = Instant::now() + Duration::from_secs(10);
    request.extensions_mut().insert(RunDeadline(deadline));
    let mut body = endpoint.handle(request).await.into_body();
    let mut stream = String::new();
    while let Some(frame) = next_frame(&mut body).await {
        stream.push_str(&frame);
    }

    assert_eq!(deadline - Instant::now(), Duration::from_secs(2));
    let events = events(&stream);
    assert_eq!(event_order::check(&events), Ok(()));
    let last = events.last().unwrap();
    assert_eq!(last["outcome"]["type"], "cancelled");
    assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], "DEADLINE");
}

#[tokio::test]
async fn failure_after_the_first_byte_is_an_event() {
    let endpoint = endpoint_playing(|| Script::new().text("Let me").fail(ModelErrorKind::Throttled));
    let answer = run_request().send_to(&endpoint).await;

    assert_eq!(answer.status, 200);
    let events = events(&answer.text);
    assert_eq!(event_order::check(&events), Ok(()));
    assert_eq!(events.last().unwrap()["code"], "MODEL_THROTTLED");
}

#[tokio::test]
async fn all_deltas_arrive_beyond_the_cooperative_budget() {
    let endpoint = endpoint_playing(|| Script::new().words(&"word ".repeat(1000)));
    // tokio lets a task do 128 channel operations before it must yield. A run does two for each event, so either of
    // the two can exhaust the budget, depending on what the task did before.
    for before in 0..4 {
        tokio::task::yield_now().await;
        for _ in 0..before {
            tokio::task::coop::consume_budget().await;
        }
        let answer = run_request().send_to(&endpoint).await;

        assert_eq!(answer.text.matches("word ").count(), 1000, "after {before} operations");
        assert_eq!(event_order::check(&events(&answer.text)), Ok(()));
    }
}
