//! The issuer's keys for user tokens, through the function's process: how they are found, when they are fetched, and what
//! happens when the issuer rotates them or cannot be reached.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ag_ui_dev::Issuer;
use futures_util::future::join_all;
use jsonwebtoken::Algorithm::{self, ES256, RS256};
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, url_event, user_input};

/// Starts a function that knows only the URL of its issuer.
async fn function_of(issuer: &Issuer, more: &[(&str, &str)]) -> Function {
    let url = issuer.url();
    local_function(&[&[("AGUI_JWT_ISSUER", url.as_str()), ("AGUI_JWT_AUDIENCE", "app")][..], more].concat())
        .await
}

/// Returns a token that is valid until the year 2100.
fn token(issuer: &Issuer, algorithm: Algorithm) -> String {
    issuer.sign(algorithm, &claims(issuer)).unwrap()
}

/// Returns claims that the function accepts.
fn claims(issuer: &Issuer) -> Value {
    json!({"iss": issuer.url(), "aud": "app", "sub": "ada-lovelace", "exp": 4_102_444_800_u64})
}

/// Returns the event of a run with this user token.
fn event(token: &str) -> Value {
    url_event(&[("x-agui-token", TOKEN), ("x-agui-user-token", token)], &user_input("Who am I?"))
}

/// Runs with this user token.
async fn ask(function: &Function, token: &str) -> Reply {
    Reply::send(function, &event(token)).await
}

#[tokio::test]
async fn discovers_the_key_url_from_the_issuer_document() {
    let issuer = Issuer::start().await.unwrap();
    let function = function_of(&issuer, &[]).await;
    for algorithm in [RS256, ES256] {
        let reply = ask(&function, &token(&issuer, algorithm)).await;
        assert_eq!(reply.result_of("get_account")["user"], "ada-lovelace", "{algorithm:?}");
    }
    assert_eq!(
        (issuer.discovery_fetches(), issuer.jwks_fetches()),
        (1, 1),
        "while the function starts, and never after"
    );
}

#[tokio::test]
async fn configured_key_url_skips_discovery() {
    let (issuer, keeper) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let function = function_of(&issuer, &[("AGUI_JWKS_URL", &keeper.jwks_url())]).await;

    let kept = keeper.sign(ES256, &claims(&issuer)).unwrap();

    assert_eq!(ask(&function, &kept).await.status, 200);
    assert_eq!(ask(&function, &token(&issuer, ES256)).await.status, 401);
    assert_eq!((issuer.discovery_fetches(), issuer.jwks_fetches(), keeper.discovery_fetches()), (0, 0, 0));
}

#[tokio::test]
async fn issuer_rotation_fails_no_request_and_fetches_once() {
    let issuer = Issuer::start().await.unwrap();
    let function = function_of(&issuer, &[("AWS_LAMBDA_MAX_CONCURRENCY", "8")]).await;
    let old = [token(&issuer, RS256), token(&issuer, ES256)];
    assert_eq!(ask(&function, &old[0]).await.status, 200);
    let (taken, is_rotated) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (with_old, with_new) = (AtomicUsize::new(0), AtomicUsize::new(0));

    let callers = (0..8).map(async |_| {
        loop {
            let number = taken.fetch_add(1, Ordering::SeqCst);
            if number >= 200 {
                return;
            }
            if number == 100 {
                issuer.rotate().unwrap();
                is_rotated.store(true, Ordering::SeqCst);
            }
            // Users who signed in before the rotation keep a token of the old keys until it expires.
            let (token, count) = if is_rotated.load(Ordering::SeqCst) && number % 3 != 0 {
                (token(&issuer, if number % 2 == 0 { RS256 } else { ES256 }), &with_new)
            } else {
                (old[number % 2].clone(), &with_old)
            };
            let reply = ask(&function, &token).await;
            assert_eq!(reply.status, 200, "request {number}: {}", reply.text);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    join_all(callers).await;

    let (with_old, with_new) = (with_old.into_inner(), with_new.into_inner());
    assert_eq!(with_old + with_new, 200);
    assert!(with_new >= 40, "{with_old} requests with the old keys, {with_new} with the new ones");
    assert_eq!(
        (issuer.discovery_fetches(), issuer.jwks_fetches()),
        (2, 2),
        "the first fetch and one for the new key"
    );

    issuer.retire_old_keys();
    let cold = function_of(&issuer, &[]).await;
    assert_eq!(ask(&cold, &token(&issuer, ES256)).await.status, 200);
    assert_eq!(ask(&cold, &old[1]).await.status, 401, "what is published no more counts no more");
}

#[tokio::test]
async fn unknown_key_ids_fetch_only_once() {
    let issuer = Issuer::start().await.unwrap();
    let function = function_of(&issuer, &[("AWS_LAMBDA_MAX_CONCURRENCY", "8")]).await;
    assert_eq!(ask(&function, &token(&issuer, ES256)).await.status, 200);

    let flood = (0..100).map(async |_| {
        let unknown = issuer.sign_with_unknown_kid(ES256, &claims(&issuer)).unwrap();
        assert_eq!(ask(&function, &unknown).await.status, 401);
    });
    join_all(flood).await;

    assert_eq!((issuer.discovery_fetches(), issuer.jwks_fetches()), (2, 2));
    assert_eq!(ask(&function, &token(&issuer, ES256)).await.status, 200);
}

#[tokio::test]
async fn unreachable_issuer_is_503_unless_keys_are_cached() {
    let issuer = Issuer::start().await.unwrap();
    issuer.set_available(false);
    let function = function_of(&issuer, &[]).await;
    let good = token(&issuer, ES256);
    let unknown = issuer.sign_with_unknown_kid(ES256, &claims(&issuer)).unwrap();

    for token in [&good, &unknown] {
        let mut refused = function.invoke(&event(token)).await.unwrap();
        assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("5")));
        let body: Value = serde_json::from_str(&refused.text().await).unwrap();
        assert_eq!(body["error"]["code"], "KEYS_UNAVAILABLE");
    }
    // A token that no key could make valid is refused without keys.
    assert_eq!(ask(&function, "a.b.c").await.status, 401);

    assert_eq!(
        issuer.discovery_fetches(),
        2,
        "one at the start, one for the first request, and then one every 10 s"
    );

    issuer.set_available(true);
    let recovered = async {
        while ask(&function, &good).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), recovered).await.unwrap();
    issuer.set_available(false);
    assert_eq!(ask(&function, &good).await.status, 200);
    assert_eq!(ask(&function, &unknown).await.status, 401);
}
