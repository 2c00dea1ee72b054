//! Clients that go away, read slowly, or read nothing more and keep their connection open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ag_ui_lambda::agent::Limits;
use ag_ui_lambda::endpoint::{Endpoint, ResponseBody};
use ag_ui_lambda::model::{Script, Scripted};
use futures_util::future::pending;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{ending, has_nothing_internal, recovers};
use crate::support::endpoint::{endpoint_of, next_frame, run_request};
use crate::support::event_order;
use crate::support::function::test_function;
use crate::support::gated_run::{Gate, Reading};
use crate::support::log::wait_for_log_line;
use crate::support::scenario::Caller;
use crate::support::sse::events;

/// Starts a run and returns its body.
async fn start(endpoint: &Endpoint<Caller>) -> ResponseBody {
    endpoint.handle(run_request().build()).await.into_body()
}

/// Reads a body to its end, with at most this many bytes in a second. Returns the events, whose order is valid.
async fn read(mut body: ResponseBody, bytes_per_second: usize) -> Vec<Value> {
    let mut text = String::new();
    while let Some(frame) = next_frame(&mut body).await {
        sleep(Duration::from_secs(1).mul_f64(frame.len() as f64 / bytes_per_second as f64)).await;
        text.push_str(&frame);
    }
    has_nothing_internal(&text);
    let events = events(&text);
    assert_eq!(event_order::check(&events), Ok(()), "{text}");
    events
}

/// Returns an endpoint whose model writes this many words of 10 bytes.
fn endpoint_writing(words: usize) -> Endpoint<Caller> {
    endpoint_of(Scripted::new(move |_| Script::new().words(&"long-word ".repeat(words)))).build().unwrap()
}

#[tokio::test]
async fn client_that_has_gone_leaves_the_next_run_complete() {
    let function = test_function(&[]).await;
    let gate = Gate::new().await;
    let mut reading = Reading::start(&function, &gate.event()).await;
    reading.until(1, "one ").await;
    let held = gate.reached().await;

    let received = reading.text.clone();
    drop(reading);
    drop(held);
    // Lambda does not report that a client has gone, so the run goes on.
    drop(gate.reached().await);

    recovers(&function, &[&received]).await;
    wait_for_log_line(&function, "run finished").await;
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_1_kb_per_second_gets_everything() {
    let endpoint = endpoint_writing(100);
    let started = Instant::now();
    let events = read(start(&endpoint).await, 1000).await;

    assert_eq!(ending(&events), "success");
    assert_eq!(events.iter().filter(|event| event["delta"] == "long-word ").count(), 100);
    assert!(started.elapsed() > Duration::from_secs(10), "it was slow");
    assert_eq!(ending(&read(start(&endpoint).await, usize::MAX).await), "success");
}

#[tokio::test(start_paused = true)]
async fn client_that_is_slower_than_the_run_may_take_gets_a_last_event() {
    let endpoint = endpoint_writing(10_000);
    let started = Instant::now();
    let events = read(start(&endpoint).await, 1000).await;

    assert_eq!(ending(&events), "RUN_TIMEOUT");
    assert!(started.elapsed() < Limits::default().run_timeout + Duration::from_secs(5));
    assert_eq!(ending(&read(start(&endpoint).await, usize::MAX).await), "success");
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_nothing_more_keeps_no_run_alive() {
    /// Sets a flag when it is dropped.
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (is_first, is_dropped) = (AtomicBool::new(true), Arc::new(AtomicBool::new(false)));
    let dropped = Arc::clone(&is_dropped);
    let model = Scripted::new(move |_| {
        if !is_first.swap(false, Ordering::SeqCst) {
            return Script::new().text("Fine.");
        }
        let held = Flag(Arc::clone(&dropped));
        Script::new().text("Let me").wait_for(async move {
            let _held = held;
            pending::<()>().await;
        })
    });
    let endpoint = endpoint_of(model).build().unwrap();
    let mut half_open = start(&endpoint).await;
    while !next_frame(&mut half_open).await.unwrap().contains("Let me") {}

    sleep(Limits::default().run_timeout + Duration::from_secs(6)).await;

    assert!(is_dropped.load(Ordering::SeqCst), "the model was stopped");
    assert_eq!(ending(&read(start(&endpoint).await, usize::MAX).await), "success");
    let mut rest = String::new();
    while let Some(frame) = next_frame(&mut half_open).await {
        rest.push_str(&frame);
    }
    assert_eq!(ending(&events(&rest)), "RUN_TIMEOUT", "a client that reads on gets the end");
}
