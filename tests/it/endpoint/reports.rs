//! Reports of ended runs: each run once, whatever its end, and no event later because of a report.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ag_ui_lambda::agent::{RunOutcome, RunReport};
use ag_ui_lambda::endpoint::{Admission, Endpoint, Refusal, ResponseBody, ResponseLimit};
use ag_ui_lambda::lambda::claim_source::JWT_AUTHORIZER;
use ag_ui_lambda::model::{Model, ModelErrorKind, Script, Scripted};
use ag_ui_lambda::protocol::TokenUsage;
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::time::Instant;

use crate::support::endpoint::{endpoint_of, next_frame, run_request};
use crate::support::scenario::Caller;

/// The reports that an endpoint has delivered.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<RunReport>>>);

impl Reports {
    /// Returns an endpoint with this model whose reports are collected here.
    fn endpoint(&self, model: impl Model) -> Endpoint<Caller> {
        let reports = self.clone();
        let after_run = move |_: Arc<Caller>, report: RunReport| {
            let reports = reports.clone();
            async move {
                // A report is not delivered before something awaits it more than once.
                tokio::task::yield_now().await;
                reports.0.lock().unwrap().push(report);
            }
        };
        endpoint_of(model).after_run(after_run).build().unwrap()
    }

    /// Returns how the reported runs ended, in the order of the reports.
    fn outcomes(&self) -> Vec<RunOutcome> {
        self.0.lock().unwrap().iter().map(|report| report.outcome).collect()
    }
}

/// A model that says the same in each turn.
fn model(script: impl Fn() -> Script + Send + Sync + 'static) -> Scripted {
    Scripted::new(move |_| script())
}

/// Starts a run and reads its frames up to the one that contains `text`.
async fn read_until(endpoint: &Endpoint<Caller>, text: &str) -> ResponseBody {
    let mut body = endpoint.handle(run_request().build()).await.into_body();
    while !next_frame(&mut body).await.expect("the run goes on").contains(text) {}
    body
}

#[tokio::test]
async fn each_run_is_reported_once_with_its_end() {
    let words = || Script::new().words("Hello");
    for (script, outcome) in [
        (words as fn() -> Script, RunOutcome::Success),
        (|| Script::new().fail(ModelErrorKind::Refused), RunOutcome::Error("MODEL_REFUSED")),
        (|| Script::new().call("c1", "whoami", &json!({})), RunOutcome::Cancelled("MAX_TURNS")),
        (|| panic!("in the model"), RunOutcome::Error("INTERNAL")),
    ] {
        let reports = Reports::default();
        let endpoint = reports.endpoint(model(script));
        let response = run_request().send_to(&endpoint).await;
        assert_eq!(response.status, 200);
        assert_eq!(reports.outcomes(), [outcome], "it is delivered when the response has ended");

        endpoint.finish_reports().await;
        run_request().send_to(&endpoint).await;
        assert_eq!(reports.outcomes(), [outcome, outcome], "{outcome:?}");
    }
}

#[tokio::test]
async fn report_has_ids_models_tokens_and_tools() {
    let usage = TokenUsage { input_tokens: Some(5), output_tokens: Some(7), ..TokenUsage::default() };
    let turns = [Script::new().call("c1", "whoami", &json!({})), Script::new().words("You are u-1.")];
    let model = Scripted::turns(turns.map(|turn| turn.usage(usage.clone()))).with_name("test/model");
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let after_run = move |caller: Arc<Caller>, report: RunReport| {
        let sender = sender.clone();
        async move { sender.send((caller, report)).await.unwrap() }
    };
    let endpoint = endpoint_of(model).after_run(after_run).build().unwrap();
    run_request().claims(JWT_AUTHORIZER, json!({"sub": "u-1"})).send_to(&endpoint).await;

    let (caller, report) = receiver.try_recv().unwrap();
    assert_eq!(caller.user.as_deref(), Some("u-1"));
    assert_eq!((report.thread_id.to_string(), report.run_id.to_string()), ("t".into(), "r".into()));
    assert_eq!(report.models, ["test/model"]);
    assert_eq!((report.turns, report.tool_calls, report.usage.total()), (2, 1, 24));
    assert_eq!(report.tools.iter().map(|run| &run.tool).collect::<Vec<_>>(), ["whoami"]);
    for time in [report.time_to_first_event, report.time_to_first_token] {
        assert!(time.is_some_and(|time| time <= report.duration), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn report_that_hangs_delays_no_event_and_ends_after_a_second() {
    let endpoint = endpoint_of(model(|| Script::new().words("Hello")))
        .after_run(|_, _| pending())
        .keep_alive(Duration::from_millis(100))
        .build()
        .unwrap();
    let started = Instant::now();
    let mut body = read_until(&endpoint, "RUN_FINISHED").await;
    assert_eq!(started.elapsed(), Duration::ZERO, "the last event waits for nothing");

    assert_eq!(next_frame(&mut body).await, None, "no comment follows the last event");
    assert_eq!(started.elapsed().as_secs(), 1);
    let is_due = endpoint.finish_reports().now_or_never().is_some();
    assert!(is_due, "the report was stopped and does not wait any more");
}

#[tokio::test]
async fn cut_run_is_reported_beside_the_next_run() {
    let reports = Reports::default();
    let endpoint = reports.endpoint(model(|| Script::new().words("one two")));
    drop(read_until(&endpoint, "one").await);
    assert_eq!(reports.outcomes(), [], "nothing has awaited it");

    run_request().send_to(&endpoint).await;
    let cut = RunOutcome::Cancelled("CLIENT_GONE");
    assert_eq!(reports.outcomes(), [cut, RunOutcome::Success]);
    assert_eq!(reports.0.lock().unwrap()[0].turns, 1);
}

#[tokio::test]
async fn report_survives_any_number_of_cut_runs() {
    let reports = Reports::default();
    let endpoint = reports.endpoint(model(|| Script::new().words("one two")));
    for _ in 0..3 {
        drop(endpoint.handle(run_request().build()).await);
        drop(read_until(&endpoint, "RUN_STARTED").await);
    }
    drop(read_until(&endpoint, "RUN_FINISHED").await);
    endpoint.finish_reports().await;

    let mut outcomes = reports.outcomes();
    outcomes.sort_by_key(|outcome| outcome.name());
    let cut = RunOutcome::Cancelled("CLIENT_GONE");
    assert_eq!(outcomes, [cut, cut, cut, RunOutcome::Success], "a run that was never read did not start");
}

#[tokio::test(start_paused = true)]
async fn hanging_report_of_a_cut_run_delays_no_event_of_the_next() {
    let endpoint = endpoint_of(model(|| Script::new().words("one two"))).after_run(|_, report| async move {
        if report.outcome == RunOutcome::Cancelled("CLIENT_GONE") {
            pending::<()>().await;
        }
    });
    let endpoint = endpoint.build().unwrap();
    drop(read_until(&endpoint, "one").await);

    let started = Instant::now();
    let mut body = read_until(&endpoint, "RUN_FINISHED").await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(next_frame(&mut body).await, None);
    assert_eq!(started.elapsed().as_secs(), 1);
}

#[tokio::test]
async fn buffered_response_awaits_its_report() {
    let reports = Reports::default();
    let endpoint = reports.endpoint(model(|| Script::new().words("Hello")));
    let limit = ResponseLimit { max_bytes: 100_000, headroom: 1000, encoded_len: |bytes| bytes.len() };
    let response = endpoint.handle_buffered(run_request().build(), &limit).await;

    assert_eq!(response.status(), 200);
    assert_eq!(reports.outcomes(), [RunOutcome::Success]);
}

#[tokio::test]
async fn panicking_report_changes_no_response() {
    /// Panics before it returns a future.
    fn panics_at_once(_: Arc<Caller>, _: RunReport) -> std::future::Ready<()> {
        panic!("at once")
    }
    /// Panics when it is polled.
    async fn panics_later(_: Arc<Caller>, _: RunReport) {
        tokio::task::yield_now().await;
        panic!("later")
    }
    let hello = || endpoint_of(model(|| Script::new().words("Hello")));
    for endpoint in [hello().after_run(panics_at_once), hello().after_run(panics_later)] {
        let endpoint = endpoint.build().unwrap();
        for _ in 0..2 {
            let response = run_request().send_to(&endpoint).await;
            assert!(response.status == 200 && response.text.contains("RUN_FINISHED"), "{}", response.text);
        }
    }
}

#[tokio::test]
async fn refused_requests_have_no_report() {
    let reports = Reports::default();
    let collected = reports.clone();
    let endpoint = endpoint_of(model(|| Script::new().words("Hello")))
        .admit(async |_: Admission<Caller>| Err(Refusal::forbidden("Not you.")))
        .after_run(move |_, report| {
            collected.0.lock().unwrap().push(report);
            std::future::ready(())
        })
        .build()
        .unwrap();
    assert_eq!(run_request().send_to(&endpoint).await.status, 403);
    endpoint.finish_reports().await;

    assert_eq!(reports.outcomes(), []);
}
