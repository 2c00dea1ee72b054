//! Connections and keys: what is opened, used again and renewed.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::stub::Answer;
use super::*;
use crate::model::ModelErrorKind;

/// A source with an old key and a new one.
#[derive(Default)]
struct Rotated {
    renewals: AtomicUsize,
    is_lost: bool,
}

impl ApiKeys for Rotated {
    fn key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>> {
        let key = match self.is_lost {
            true => Err(ModelErrorKind::Misconfigured.into()),
            false => Ok("old-key".into()),
        };
        Box::pin(future::ready(key))
    }

    fn newer_than<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        let newer = if seen.expose_secret() == "old-key" { "new-key" } else { "newest-key" };
        Box::pin(future::ready(Some(newer.into())))
    }
}

fn with_source(stub: &Stub, source: &Arc<Rotated>) -> Hosted {
    let source: Arc<dyn ApiKeys> = source.clone();
    let openai = Provider::named("openai").unwrap();
    Hosted::new(openai, "m", source).base_url(&format!("{}/v1", stub.url())).unwrap()
}

fn refusal() -> Answer {
    Answer::status(401, "content-type: application/json\r\n", "{\"error\":{\"code\":\"invalid_api_key\"}}")
}

#[tokio::test]
async fn given_a_refused_key_when_there_is_a_newer_one_then_the_turn_goes_on_with_it() {
    let source = Arc::new(Rotated::default());
    let stub = Stub::playing([refusal(), Answer::stream(wires::chat())]);
    let model = with_source(&stub, &source);

    let deltas = all(&model, &request()).await;

    assert!(deltas.iter().all(Result::is_ok), "{}", outline(&deltas));
    let seen = stub.seen();
    assert!(seen[0].head.contains("Bearer old-key") && seen[1].head.contains("Bearer new-key"));
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn given_a_newer_key_that_is_refused_too_then_the_source_is_asked_no_more() {
    let source = Arc::new(Rotated::default());
    let stub = Stub::playing([refusal(), refusal(), refusal()]);
    let model = with_source(&stub, &source);

    let deltas = all(&model, &request()).await;

    assert_eq!(deltas.len(), 1);
    assert_eq!(deltas[0].as_ref().unwrap_err().kind, ModelErrorKind::Misconfigured);
    assert_eq!((stub.seen().len(), source.renewals.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn other_failures_renew_no_key() {
    let source = Arc::new(Rotated::default());
    let stub = Stub::playing([Answer::status(403, "", "{}")]);
    let model = with_source(&stub, &source);

    all(&model, &request()).await;

    assert_eq!((stub.seen().len(), source.renewals.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn a_key_that_cannot_be_had_fails_the_turn_and_nothing_is_sent() {
    let source = Arc::new(Rotated { is_lost: true, ..Rotated::default() });
    let stub = Stub::playing([]);
    let model = with_source(&stub, &source);

    let deltas = all(&model, &request()).await;

    assert_eq!(deltas[0].as_ref().unwrap_err().kind, ModelErrorKind::Misconfigured);
    assert!(stub.seen().is_empty());
}

#[tokio::test]
async fn nothing_is_sent_before_the_stream_is_polled_and_dropping_it_ends_the_request() {
    let frames = wires::chat().into_iter().take(3).collect();
    let stub = Stub::playing([Answer::stream(frames).silent()]);
    let model = model("openai", "m", &stub);
    drop(model.stream(&request()));
    tokio::task::yield_now().await;
    assert!(stub.seen().is_empty());

    let mut stream = model.stream(&request());
    assert!(matches!(stream.next().await, Some(Ok(Delta::Reasoning(_)))));
    drop(stream);
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn warming_opens_the_connection_that_all_turns_use_and_sends_no_key() {
    for (adapter, frames) in ALL {
        // Providers end the body some time behind the last event.
        let end = Arc::new(Notify::new());
        let stub = Stub::playing([(); 3].map(|()| Answer::stream(frames()).ending_at(end.clone())));
        let model = model(adapter, "m", &stub);
        model.warm().await;
        for _ in 0..3 {
            // As the loop does: it lets go of the stream at the end, which it has not read to None.
            let mut stream = model.stream(&request());
            while let Some(delta) = stream.next().await {
                if matches!(delta.unwrap(), Delta::End(_)) {
                    break;
                }
            }
            drop(stream);
            // A tool works, and meanwhile the end arrives.
            end.notify_one();
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(stub.connections(), 1, "{adapter}");
        assert_eq!(stub.seen().len(), 4);
        let warmed = &stub.seen()[0].head;
        assert!(warmed.starts_with("HEAD /") && !warmed.contains(KEY), "{warmed}");
    }
}

#[tokio::test]
async fn given_an_end_of_the_body_long_behind_the_turns_then_the_next_run_uses_the_connection() {
    let end = Arc::new(Notify::new());
    let stub = Stub::playing([(); 2].map(|()| Answer::stream(wires::chat()).ending_at(end.clone())));
    let model = model("openai", "m", &stub);
    for _ in 0..2 {
        let deltas = all(&model, &request()).await;
        assert!(deltas.iter().all(Result::is_ok));
        tokio::time::sleep(Duration::from_millis(100)).await;
        end.notify_one();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_is_closed_behind_an_answer_costs_the_next_turn_nothing() {
    for (adapter, frames) in ALL {
        let stub = Stub::playing([(); 5].map(|()| Answer::stream(frames()).closed()));
        let model = model(adapter, "m", &stub);
        for _ in 0..5 {
            let deltas = all(&model, &request()).await;
            assert!(deltas.iter().all(Result::is_ok), "{adapter} {}", outline(&deltas));
        }
        assert_eq!(stub.connections(), 5, "{adapter}");
    }
}

#[tokio::test]
async fn a_new_connection_that_brings_no_answer_is_a_failure() {
    let stub = Stub::playing([Answer::hung_up(), Answer::stream(wires::chat())]);
    let model = model("openai", "m", &stub);

    let deltas = all(&model, &request()).await;

    assert_eq!(deltas[0].as_ref().unwrap_err().kind, ModelErrorKind::Unavailable);
    assert_eq!((stub.seen().len(), stub.connections()), (1, 1));
}

#[tokio::test]
async fn a_connection_that_is_cut_within_an_answer_is_not_asked_again() {
    let cut = || Answer::stream(wires::chat().into_iter().take(1).collect()).cut();
    let stub = Stub::playing([Answer::stream(wires::chat()), cut(), Answer::stream(wires::chat())]);
    let model = model("openai", "m", &stub);
    all(&model, &request()).await;
    let deltas = all(&model, &request()).await;
    assert!(deltas.last().unwrap().is_err(), "{}", outline(&deltas));
    assert_eq!(stub.seen().len(), 2);
}

#[tokio::test]
async fn the_connection_of_the_start_is_one_that_is_kept() {
    let stub = Stub::playing([Answer::status(200, "", "{}"), Answer::stream(wires::chat())]);
    let stub = stub.closing_behind_head();
    let model = model("openai", "m", &stub);
    model.warm().await;
    let opened = stub.connections();
    let deltas = all(&model, &request()).await;
    assert!(deltas.iter().all(Result::is_ok), "{}", outline(&deltas));
    assert_eq!((opened, stub.connections()), (2, 2));
    let heads: Vec<String> = stub.seen().into_iter().map(|seen| seen.head).collect();
    assert!(heads[1].starts_with("GET /v1/models ") && !heads[1].contains(KEY), "{heads:?}");
}

#[tokio::test]
async fn warming_fails_in_silence() {
    let stub = Stub::playing([]);
    let model = model("openai", "m", &stub);
    stub.close().await;

    model.warm().await;
}
