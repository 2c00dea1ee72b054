//! The keys of user tokens, through the function's process: where they are found, when they are fetched, and what
//! happens when the issuer changes them or is away.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ag_ui_dev::Issuer;
use futures_util::future::join_all;
use jsonwebtoken::Algorithm::{self, ES256, RS256};
use serde_json::{Value, json};

use crate::support::function::{Function, Reply, TOKEN, local_function, says, url_event};

/// A function that knows its issuer by name only.
async fn function_of(issuer: &Issuer, more: &[(&str, &str)]) -> Function {
    let url = issuer.url();
    local_function(&[&[("AGUI_JWT_ISSUER", url.as_str()), ("AGUI_JWT_AUDIENCE", "app")][..], more].concat())
        .await
}

/// A token that counts until the year 2100.
fn token(issuer: &Issuer, algorithm: Algorithm) -> String {
    issuer.sign(algorithm, &claims(issuer)).unwrap()
}

fn claims(issuer: &Issuer) -> Value {
    json!({"iss": issuer.url(), "aud": "app", "sub": "ada-lovelace", "exp": 4_102_444_800_u64})
}

fn event(token: &str) -> Value {
    url_event(&[("x-agui-token", TOKEN), ("x-agui-user-token", token)], &says("Who am I?"))
}

async fn ask(function: &Function, token: &str) -> Reply {
    Reply::to(function, &event(token)).await
}

#[tokio::test]
async fn given_an_issuer_and_no_address_of_keys_then_they_are_found_by_its_document() {
    let issuer = Issuer::start().await.unwrap();
    let function = function_of(&issuer, &[]).await;
    for algorithm in [RS256, ES256] {
        let reply = ask(&function, &token(&issuer, algorithm)).await;
        assert_eq!(reply.result_of("get_account")["user"], "ada-lovelace", "{algorithm:?}");
    }
    assert_eq!(
        (issuer.discoveries(), issuer.fetches()),
        (1, 1),
        "while the function starts, and never after"
    );
}

#[tokio::test]
async fn given_an_address_of_keys_then_no_document_is_read() {
    let (issuer, keeper) = (Issuer::start().await.unwrap(), Issuer::start().await.unwrap());
    let function = function_of(&issuer, &[("AGUI_JWKS_URL", &keeper.jwks_url())]).await;

    let kept = keeper.sign(ES256, &claims(&issuer)).unwrap();

    assert_eq!(ask(&function, &kept).await.status, 200);
    assert_eq!(ask(&function, &token(&issuer, ES256)).await.status, 401);
    assert_eq!((issuer.discoveries(), issuer.fetches(), keeper.discoveries()), (0, 0, 0));
}

#[tokio::test]
async fn given_200_requests_across_a_rotation_at_the_issuer_then_none_fails_and_the_keys_are_fetched_once() {
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
            // Who signed in before holds a token of the old keys for as long as it lives.
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
    assert_eq!((issuer.discoveries(), issuer.fetches()), (2, 2), "the first fetch and one for the new key");

    issuer.retire();
    let cold = function_of(&issuer, &[]).await;
    assert_eq!(ask(&cold, &token(&issuer, ES256)).await.status, 200);
    assert_eq!(ask(&cold, &old[1]).await.status, 401, "what is published no more counts no more");
}

#[tokio::test]
async fn given_a_flood_of_unknown_keys_then_the_issuer_is_asked_once() {
    let issuer = Issuer::start().await.unwrap();
    let function = function_of(&issuer, &[("AWS_LAMBDA_MAX_CONCURRENCY", "8")]).await;
    assert_eq!(ask(&function, &token(&issuer, ES256)).await.status, 200);

    let flood = (0..100).map(async |_| {
        let unknown = issuer.sign_with_unknown_kid(ES256, &claims(&issuer)).unwrap();
        assert_eq!(ask(&function, &unknown).await.status, 401);
    });
    join_all(flood).await;

    assert_eq!((issuer.discoveries(), issuer.fetches()), (2, 2));
    assert_eq!(ask(&function, &token(&issuer, ES256)).await.status, 200);
}

#[tokio::test]
async fn given_no_issuer_when_nothing_is_cached_then_it_is_503_and_else_the_cached_keys_decide() {
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
    // What can't count whatever the keys are needs none.
    assert_eq!(ask(&function, "a.b.c").await.status, 401);

    issuer.set_available(true);
    assert_eq!(ask(&function, &good).await.status, 200);
    issuer.set_available(false);
    assert_eq!(ask(&function, &good).await.status, 200);
    assert_eq!(ask(&function, &unknown).await.status, 401);
}
