//! Clients that stop reading: the run ends all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ag_ui_lambda::agent::{Agent, Limits, RunOutcome};
use ag_ui_lambda::auth::SharedToken;
use ag_ui_lambda::endpoint::{Endpoint, ResponseBody, RunDeadline};
use ag_ui_lambda::model::{Script, Scripted};
use futures_util::future::pending;
use http::Request;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::endpoint::{TOKEN, endpoint_of, next_frame, run_request};
use crate::support::event_order;
use crate::support::function::user_input;
use crate::support::sse::events;

/// The time limit of the runs.
const RUN_TIMEOUT: Duration = Duration::from_secs(3);

/// Sets a flag when it is dropped.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The response of a run, and whether the run holds something still.
struct Stalled {
    body: ResponseBody,
    /// What has been read of the body.
    text: String,
    is_dropped: Arc<AtomicBool>,
}

impl Stalled {
    /// Starts a run whose model writes this text and then waits without an end, and reads the first event.
    async fn start(text: &str, deadline: Option<Duration>) -> Self {
        let is_dropped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_dropped);
        let text = text.to_owned();
        let model = Scripted::new(move |_| {
            let held = Flag(Arc::clone(&flag));
            Script::new().text(&text).wait_for(async move {
                let _held = held;
                pending::<()>().await;
            })
        });
        let limits = Limits { run_timeout: RUN_TIMEOUT, ..Limits::default() };
        let agent = Agent::<()>::builder(model).limits(limits).build().unwrap();
        let endpoint = Endpoint::builder(agent, |_| Ok(()))
            .token(SharedToken::literal(TOKEN.into()).unwrap())
            .build()
            .unwrap();
        let mut request = Request::post("/")
            .header("x-agui-token", TOKEN)
            .header("content-type", "application/json")
            .body(user_input("Hello").to_string().into())
            .unwrap();
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(RunDeadline(Instant::now() + deadline));
        }
        let mut body = endpoint.handle(request).await.into_body();
        let first = next_frame(&mut body).await.unwrap();
        assert!(first.contains("RUN_STARTED"), "{first}");
        Self { body, text: first, is_dropped }
    }

    /// Reads the frames up to the model's text, so that the run waits for its model.
    async fn read_to_text(&mut self) {
        while !self.text.contains("TEXT_MESSAGE_CONTENT") {
            self.text.push_str(&next_frame(&mut self.body).await.unwrap());
        }
    }

    /// Reads the body to its end and returns all events.
    async fn read_on(mut self) -> Vec<Value> {
        while let Some(frame) = next_frame(&mut self.body).await {
            self.text.push_str(&frame);
        }
        events(&self.text)
    }
}

#[tokio::test(start_paused = true)]
async fn run_ends_although_nobody_reads() {
    for (why, deadline, margin) in [
        ("five seconds after its time limit", None, Duration::from_secs(5)),
        // The run has to end two seconds before its deadline. Half of them are for the reader.
        ("before its deadline", Some(Duration::from_secs(3)), Duration::from_secs(0)),
    ] {
        let mut stalled = Stalled::start("Let me", deadline).await;
        stalled.read_to_text().await;
        let end = deadline.map_or(RUN_TIMEOUT, |deadline| deadline.saturating_sub(Duration::from_secs(1)));

        sleep(end + margin - Duration::from_millis(10)).await;
        assert!(!stalled.is_dropped.load(Ordering::SeqCst), "{why}: not earlier");
        sleep(Duration::from_millis(20)).await;
        assert!(stalled.is_dropped.load(Ordering::SeqCst), "{why}");

        let events = stalled.read_on().await;
        assert_eq!(event_order::check(&events), Ok(()), "{why}: {events:#?}");
        let last = events.last().unwrap();
        let reason = if deadline.is_some() { "DEADLINE" } else { "RUN_TIMEOUT" };
        assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], reason, "{why}: {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn long_rest_of_a_run_is_not_kept() {
    // The run has a first event that is read, and 200 kB that are not.
    let stalled = Stalled::start(&"x".repeat(200_000), None).await;

    sleep(RUN_TIMEOUT + Duration::from_secs(6)).await;

    let events = stalled.read_on().await;
    assert_eq!(events.len(), 1, "the stream is cut: {}", events.len());
}

#[tokio::test(start_paused = true)]
async fn reader_who_reads_on_gets_the_usual_end() {
    let mut stalled = Stalled::start("Let me", None).await;
    stalled.read_to_text().await;

    let events = stalled.read_on().await;

    assert_eq!(event_order::check(&events), Ok(()), "{events:#?}");
    assert_eq!(events.last().unwrap()["metadata"]["ag_ui_lambda"]["reason"], "RUN_TIMEOUT");
}

#[tokio::test(start_paused = true)]
async fn run_that_nobody_reads_is_reported() {
    let (sent, mut received) = tokio::sync::mpsc::unbounded_channel();
    let model = Scripted::new(|_| Script::new().text("Let me").wait_for(pending()));
    let limits = Limits { run_timeout: RUN_TIMEOUT, ..Limits::default() };
    let agent = Agent::<()>::builder(model).limits(limits).build().unwrap();
    let endpoint = Endpoint::builder(agent, |_| Ok(()))
        .token(SharedToken::literal(TOKEN.into()).unwrap())
        .after_run(move |_, report| {
            sent.send(report.outcome).unwrap();
            async {}
        })
        .build()
        .unwrap();
    let request = Request::post("/")
        .header("x-agui-token", TOKEN)
        .header("content-type", "application/json")
        .body(user_input("Hello").to_string().into())
        .unwrap();
    let mut body = endpoint.handle(request).await.into_body();
    next_frame(&mut body).await.unwrap();

    sleep(RUN_TIMEOUT + Duration::from_secs(6)).await;
    endpoint.finish_reports().await;

    assert_eq!(received.try_recv().unwrap(), RunOutcome::Cancelled("RUN_TIMEOUT"));
}

#[tokio::test(start_paused = true)]
async fn run_of_which_nothing_was_read_does_not_start() {
    let was_asked = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&was_asked);
    let model = Scripted::new(move |_| {
        flag.store(true, Ordering::SeqCst);
        Script::new().text("Hi")
    });
    let endpoint = endpoint_of(model).build().unwrap();
    let mut body = endpoint.handle(run_request().build()).await.into_body();

    sleep(Limits::default().run_timeout + Duration::from_secs(6)).await;

    assert_eq!(next_frame(&mut body).await, None);
    assert!(!was_asked.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn time_limit_counts_from_the_start_and_not_from_the_first_read() {
    let endpoint = endpoint_of(Scripted::new(|_| Script::new().wait_for(pending()))).build().unwrap();
    let started = Instant::now();
    let mut body = endpoint.handle(run_request().build()).await.into_body();
    sleep(Duration::from_secs(100)).await;

    let mut text = String::new();
    while let Some(frame) = next_frame(&mut body).await {
        text.push_str(&frame);
    }

    assert_eq!(started.elapsed().as_secs(), Limits::default().run_timeout.as_secs());
    let events = events(&text);
    assert_eq!(events.last().unwrap()["metadata"]["ag_ui_lambda"]["reason"], "RUN_TIMEOUT", "{events:#?}");
}
