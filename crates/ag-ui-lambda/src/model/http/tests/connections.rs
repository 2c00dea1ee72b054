//! Connections and keys: when they are opened, reused and replaced.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::stub::StubResponse;
use super::*;
use crate::model::ModelErrorKind;

/// Provides an old key and newer ones.
#[derive(Default)]
struct RotatedKey {
    renewals: AtomicUsize,
    is_lost: bool,
}

impl ApiKeyProvider for RotatedKey {
    fn api_key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>> {
        let key = match self.is_lost {
            true => Err(ModelErrorKind::Misconfigured.into()),
            false => Ok("old-key".into()),
        };
        Box::pin(future::ready(key))
    }

    fn refresh_if_same<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        let newer = if seen.expose_secret() == "old-key" { "new-key" } else { "newest-key" };
        Box::pin(future::ready(Some(newer.into())))
    }
}

/// Returns a model with this provider of API keys.
fn model_with_key(stub: &Stub, source: &Arc<RotatedKey>) -> HttpModel {
    let source: Arc<dyn ApiKeyProvider> = source.clone();
    let openai = Provider::named("openai").unwrap();
    HttpModel::new(openai, "m", source).base_url(&format!("{}/v1", stub.url())).unwrap()
}

/// Returns a response that refuses the API key.
fn refused_key() -> StubResponse {
    StubResponse::status(
        401,
        "content-type: application/json\r\n",
        "{\"error\":{\"code\":\"invalid_api_key\"}}",
    )
}

#[tokio::test]
async fn a_refused_key_is_replaced_by_a_newer_one() {
    let source = Arc::new(RotatedKey::default());
    let stub = Stub::with_responses([refused_key(), StubResponse::stream(wires::chat_frames())]);
    let model = model_with_key(&stub, &source);

    let deltas = all(&model, &request()).await;

    assert!(deltas.iter().all(Result::is_ok), "{}", outline(&deltas));
    let seen = stub.requests();
    assert!(seen[0].head.contains("Bearer old-key") && seen[1].head.contains("Bearer new-key"));
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn a_second_refused_key_fails_the_turn() {
    let source = Arc::new(RotatedKey::default());
    let stub = Stub::with_responses([refused_key(), refused_key(), refused_key()]);
    let model = model_with_key(&stub, &source);

    let deltas = all(&model, &request()).await;

    assert_eq!(deltas.len(), 1);
    assert_eq!(deltas[0].as_ref().unwrap_err().kind, ModelErrorKind::Misconfigured);
    assert_eq!((stub.requests().len(), source.renewals.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn other_failures_do_not_refresh_the_key() {
    let source = Arc::new(RotatedKey::default());
    let stub = Stub::with_responses([StubResponse::status(403, "", "{}")]);
    let model = model_with_key(&stub, &source);

    all(&model, &request()).await;

    assert_eq!((stub.requests().len(), source.renewals.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn without_a_key_nothing_is_sent() {
    let source = Arc::new(RotatedKey { is_lost: true, ..RotatedKey::default() });
    let stub = Stub::with_responses([]);
    let model = model_with_key(&stub, &source);

    let deltas = all(&model, &request()).await;

    assert_eq!(deltas[0].as_ref().unwrap_err().kind, ModelErrorKind::Misconfigured);
    assert!(stub.requests().is_empty());
}

#[tokio::test]
async fn only_a_polled_stream_sends_and_dropping_cancels() {
    let frames = wires::chat_frames().into_iter().take(3).collect();
    let stub = Stub::with_responses([StubResponse::stream(frames).then_silent()]);
    let model = model("openai", "m", &stub);
    drop(model.stream(&request()));
    tokio::task::yield_now().await;
    assert!(stub.requests().is_empty());

    let mut stream = model.stream(&request());
    assert!(matches!(stream.next().await, Some(Ok(Delta::Reasoning(_)))));
    drop(stream);
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn warm_up_opens_the_shared_connection_without_a_key() {
    for (adapter, frames) in ALL {
        // Providers end the body some time after the last event.
        let end = Arc::new(Notify::new());
        let stub =
            Stub::with_responses([(); 3].map(|()| StubResponse::stream(frames()).end_on_signal(end.clone())));
        let model = model(adapter, "m", &stub);
        model.warm_up().await;
        for _ in 0..3 {
            // The agent loop does the same: it drops the stream after the end and does not poll it again.
            let mut stream = model.stream(&request());
            while let Some(delta) = stream.next().await {
                if matches!(delta.unwrap(), Delta::End(_)) {
                    break;
                }
            }
            drop(stream);
            // The end of the body arrives while a tool runs.
            end.notify_one();
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(stub.connections(), 1, "{adapter}");
        assert_eq!(stub.requests().len(), 4);
        let warmed = &stub.requests()[0].head;
        assert!(warmed.starts_with("HEAD /") && !warmed.contains(KEY), "{warmed}");
    }
}

#[tokio::test]
async fn a_late_body_end_still_frees_the_connection() {
    let end = Arc::new(Notify::new());
    let stub = Stub::with_responses(
        [(); 2].map(|()| StubResponse::stream(wires::chat_frames()).end_on_signal(end.clone())),
    );
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
async fn a_dead_reused_connection_is_replaced() {
    for (adapter, frames) in ALL {
        let stub = Stub::with_responses([(); 5].map(|()| StubResponse::stream(frames()).close_connection()));
        let model = model(adapter, "m", &stub);
        for _ in 0..5 {
            let deltas = all(&model, &request()).await;
            assert!(deltas.iter().all(Result::is_ok), "{adapter} {}", outline(&deltas));
        }
        assert_eq!(stub.connections(), 5, "{adapter}");
    }
}

#[tokio::test]
async fn a_new_connection_without_a_response_fails() {
    let stub = Stub::with_responses([StubResponse::hang_up(), StubResponse::stream(wires::chat_frames())]);
    let model = model("openai", "m", &stub);

    let deltas = all(&model, &request()).await;

    assert_eq!(deltas[0].as_ref().unwrap_err().kind, ModelErrorKind::Unavailable);
    assert_eq!((stub.requests().len(), stub.connections()), (1, 1));
}

#[tokio::test]
async fn a_connection_cut_within_a_response_is_not_retried() {
    let cut = || StubResponse::stream(wires::chat_frames().into_iter().take(1).collect()).cut_off();
    let stub = Stub::with_responses([
        StubResponse::stream(wires::chat_frames()),
        cut(),
        StubResponse::stream(wires::chat_frames()),
    ]);
    let model = model("openai", "m", &stub);
    all(&model, &request()).await;
    let deltas = all(&model, &request()).await;
    assert!(deltas.last().unwrap().is_err(), "{}", outline(&deltas));
    assert_eq!(stub.requests().len(), 2);
}

#[tokio::test]
async fn warm_up_uses_a_request_that_keeps_the_connection() {
    let stub = Stub::with_responses([
        StubResponse::status(200, "", "{}"),
        StubResponse::stream(wires::chat_frames()),
    ]);
    let stub = stub.close_after_head();
    let model = model("openai", "m", &stub);
    model.warm_up().await;
    let opened = stub.connections();
    let deltas = all(&model, &request()).await;
    assert!(deltas.iter().all(Result::is_ok), "{}", outline(&deltas));
    assert_eq!((opened, stub.connections()), (2, 2));
    let heads: Vec<String> = stub.requests().into_iter().map(|seen| seen.head).collect();
    assert!(heads[1].starts_with("GET /v1/models ") && !heads[1].contains(KEY), "{heads:?}");
}

#[tokio::test]
async fn a_failed_warm_up_is_ignored() {
    let stub = Stub::with_responses([]);
    let model = model("openai", "m", &stub);
    stub.close().await;

    model.warm_up().await;
}
