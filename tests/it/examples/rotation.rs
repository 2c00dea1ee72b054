//! The shared token is rotated while pages talk to the agent through the route of examples/forward. Nobody notices.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ag_ui_dev::{FunctionUrl, Issuer};
use futures_util::future::join_all;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::forward::Route;
use crate::support::fault_proxy::FaultProxy;
use crate::support::function::{Function, events, user_input};
use crate::support::log::{lines, with_message};
use crate::support::moto::Moto;
use crate::support::rotation_function::RotationFunction;

const SECRET: &str = "rotated-under-load";

/// How many pages send one message after the other.
const PAGES: usize = 6;

/// How many messages are answered before and after each rotation, beside those that are on their way.
const MESSAGES: usize = 60;

/// Long enough for any machine: only a failing test takes this long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Things that are used in turn, to which more can be added while they are used.
struct InTurn<T> {
    items: Mutex<Vec<Arc<T>>>,
    uses: AtomicUsize,
}

impl<T> InTurn<T> {
    /// Starts with one thing.
    fn new(first: T) -> Self {
        Self { items: Mutex::new(vec![Arc::new(first)]), uses: AtomicUsize::new(0) }
    }

    fn add(&self, item: T) {
        self.items.lock().unwrap().push(Arc::new(item));
    }

    fn next(&self) -> Arc<T> {
        let items = self.items.lock().unwrap();
        Arc::clone(&items[self.uses.fetch_add(1, Ordering::SeqCst) % items.len()])
    }

    fn all(&self) -> Vec<Arc<T>> {
        self.items.lock().unwrap().clone()
    }
}

/// As on Lambda, several processes of the function serve one address. A process, and a server with the route, that start after a
/// rotation know the newest token; those that have started before know an older one until they read the secret again.
#[tokio::test]
async fn two_rotations_under_load_refuse_no_page() {
    let (moto, proxy, rotation) =
        (Moto::shared(), FaultProxy::new(None).await, RotationFunction::start().await);
    moto.create_secret(SECRET, r#"{"token":"first-0123456789abcdef0123456789abcdef"}"#).await;
    let issuer = Issuer::start().await.unwrap();
    let claims = json!({"sub": "u-1", "iss": issuer.url(), "aud": "app", "exp": 4_102_444_800_u64});
    let cookie = format!("__Host-session={}", issuer.sign(Algorithm::ES256, &claims).unwrap());
    let (issuer_url, keys_url) = (issuer.url(), issuer.jwks_url());
    let variables = [
        ("AGUI_LOCAL", "1"),
        ("AGUI_JWT_ISSUER", &*issuer_url),
        ("AGUI_JWT_AUDIENCE", "app"),
        ("AGUI_JWKS_URL", &*keys_url),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "8"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
    ];
    let functions = Arc::new(InTurn::new(proxy.function(SECRET, &variables).await));
    let address = serve_all(&functions).await;
    let holder = [
        ("AGENT_TOKEN_SECRET_ID", SECRET),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url()),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    let routes = InTurn::new(Route::start_with(&address.url(), &holder).await);
    let (answered, is_over) = (watch::Sender::new(0), AtomicBool::new(false));

    let pages = join_all((0..PAGES).map(async |_| {
        let headers = [("content-type", "application/json"), ("cookie", &*cookie)];
        while !is_over.load(Ordering::SeqCst) {
            let answer = routes.next().post(&headers, &user_input("Hello")).await;
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert_eq!(status, 200, "after {} answers: {text}", *answered.borrow());
            assert_eq!(events(&text).last().unwrap()["type"], "RUN_FINISHED", "{text}");
            answered.send_modify(|count| *count += 1);
        }
    }));
    let rotations = async {
        wait_for_messages(&answered).await;
        for _ in 0..2 {
            rotation.rotate(SECRET).await;
            functions.add(proxy.function(SECRET, &variables).await);
            routes.add(Route::start_with(&address.url(), &holder).await);
            wait_for_messages(&answered).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(pages, rotations);

    let refused =
        join_all(functions.all().iter().map(async |function| refusals(function).await)).await.concat();
    assert!(refused.iter().all(|line| line["status"] == 401), "{refused:?}");
    assert!(!refused.is_empty(), "tokens were refused, but no page has seen it");
}

/// Starts an address at which these functions are invoked in turn.
async fn serve_all(functions: &Arc<InTurn<Function>>) -> FunctionUrl {
    let functions = Arc::clone(functions);
    let invoke = move |event: Value| {
        let function = functions.next();
        async move { function.invoke(&event).await }
    };
    FunctionUrl::serve(invoke).await.unwrap()
}

/// Waits until [`MESSAGES`] more messages are answered, those that are on their way now not counted.
async fn wait_for_messages(answered: &watch::Sender<usize>) {
    let mut answers = answered.subscribe();
    let enough = *answers.borrow() + PAGES + MESSAGES;
    timeout(TIMEOUT, answers.wait_for(|count| *count >= enough)).await.unwrap().unwrap();
}

/// Returns the log lines of the requests that a function has refused.
async fn refusals(function: &Function) -> Vec<Value> {
    with_message(&lines(function).await, "request refused").into_iter().cloned().collect()
}
