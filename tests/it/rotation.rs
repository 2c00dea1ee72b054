//! The shared token while it is rotated: who is admitted until when, and what that costs.
//!
//! Through the function's process where its settings allow; in this one where a test needs a shorter time to
//! live than the function's 300 s. Secrets Manager is moto, behind a proxy that counts the reads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ag_ui_lambda::aws::SecretsManager;
use ag_ui_lambda::endpoint::SharedToken;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use futures_util::future::join_all;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::ask;
use crate::support::moto::Moto;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);
/// What one fetch of a young secret reads: the version before it has its grace.
const FETCH: [&str; 2] = ["AWSCURRENT", "AWSPREVIOUS"];

#[tokio::test]
async fn given_200_requests_across_a_rotation_then_no_holder_of_either_token_is_refused() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    moto.create_secret("across", r#"{"token":"across-old"}"#).await;
    let function = proxy.function("across", &[("AWS_LAMBDA_MAX_CONCURRENCY", "8")]).await;
    let (taken, is_rotated) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (old, new) = (AtomicUsize::new(0), AtomicUsize::new(0));

    let holders = (0..8).map(async |_| {
        loop {
            let number = taken.fetch_add(1, Ordering::SeqCst);
            if number >= 200 {
                return;
            }
            if number == 100 {
                moto.rotate_secret("across", r#"{"token":"across-new"}"#).await;
                is_rotated.store(true, Ordering::SeqCst);
            }
            // Some have not heard of the new one yet.
            let (token, count) = if is_rotated.load(Ordering::SeqCst) && number % 3 != 0 {
                ("across-new", &new)
            } else {
                ("across-old", &old)
            };
            let reply = ask(&function, token).await;
            assert_eq!(reply.status, 200, "{token}, request {number}: {}", reply.text);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    join_all(holders).await;

    let (old, new) = (old.into_inner(), new.into_inner());
    assert_eq!(old + new, 200);
    assert!(new >= 40, "{old} requests with the old token, {new} with the new one");
    assert_eq!(proxy.reads(), [FETCH, FETCH].concat(), "the first fetch and one forced");

    let cold = proxy.function("across", &[]).await;
    for token in ["across-old", "across-new"] {
        assert_eq!(ask(&cold, token).await.status, 200, "{token} after a cold start");
    }
}

#[tokio::test]
async fn given_a_refresh_forced_by_the_new_token_then_a_token_without_grace_dies_with_it() {
    let moto = Moto::shared();
    for (why, secret, grace, rotated, alive) in [
        ("one rotation, no grace", "forced-0", "0", &["b"][..], &["b"][..]),
        ("two rotations", "forced-2", "3600", &["b", "c"][..], &["b", "c"][..]),
    ] {
        let proxy = FaultProxy::new(None).await;
        moto.create_secret(secret, "a").await;
        let function = proxy.function(secret, &[("AGUI_TOKEN_GRACE_S", grace)]).await;
        assert_eq!(ask(&function, "a").await.status, 200, "{why}");
        let first = proxy.reads().len();

        for token in rotated {
            moto.rotate_secret(secret, token).await;
        }
        assert_eq!(ask(&function, "a").await.status, 200, "{why}: not read again yet");
        assert_eq!(proxy.reads().len(), first, "{why}: a known token costs no read");
        for token in alive.iter().rev() {
            assert_eq!(ask(&function, token).await.status, 200, "{why}: {token}");
        }
        assert_eq!(ask(&function, "a").await.status, 401, "{why}");

        let reads = proxy.reads();
        assert_eq!(reads.len(), 2 * first, "{why}: {reads:?}");
        let has_read_previous = reads.iter().any(|stage| stage == "AWSPREVIOUS");
        assert_eq!(has_read_previous, grace != "0", "{why}: {reads:?}");
    }
}

#[tokio::test]
async fn given_a_short_time_to_live_then_a_token_without_grace_dies_within_it() {
    let moto = Moto::shared();
    let cases = [
        ("one rotation, no grace", "ttl-0", Duration::ZERO, &["b"][..]),
        ("two rotations", "ttl-2", HOUR, &["b", "c"][..]),
    ];
    let cases = cases.map(async |(why, secret, grace, rotated)| {
        moto.create_secret(secret, "a").await;
        let token = SharedToken::from_source(source(secret, &moto.url), grace).with_ttl(SECOND);
        assert_eq!(token.admits("a").await, Ok(true), "{why}");

        for value in rotated {
            moto.rotate_secret(secret, value).await;
        }
        let rotation = Instant::now();
        while token.admits("a").await == Ok(true) {
            // A tenth more than the time to live, and the time of a read.
            assert!(rotation.elapsed() < 2 * SECOND, "{why}: still admitted");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(token.admits("a").await, Ok(false), "{why}");
        for value in rotated {
            assert_eq!(token.admits(value).await, Ok(true), "{why}: {value}");
        }
    });
    join_all(cases).await;
}

#[tokio::test]
async fn given_a_grace_that_ends_then_the_old_token_ends_with_it_here_and_after_a_cold_start() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    let grace = [("AGUI_TOKEN_GRACE_S", "2")];
    moto.create_secret("grace", "old").await;
    let function = proxy.function("grace", &grace).await;
    assert_eq!(ask(&function, "old").await.status, 200);
    moto.rotate_secret("grace", "new").await;
    let rotation = Instant::now();
    assert_eq!(ask(&function, "new").await.status, 200);
    assert_eq!(ask(&function, "old").await.status, 200);
    let reads = proxy.reads().len();

    while ask(&function, "old").await.status == 200 {
        assert!(rotation.elapsed() < 3 * SECOND, "still admitted");
        sleep(Duration::from_millis(20)).await;
    }

    // moto may cut the creation date to whole seconds.
    assert!(rotation.elapsed() >= SECOND, "{:?}", rotation.elapsed());
    assert_eq!(proxy.reads().len(), reads, "the clock ends it, not a read");
    assert_eq!(ask(&function, "new").await.status, 200);
    let cold = proxy.function("grace", &grace).await;
    assert_eq!(ask(&cold, "old").await.status, 401);
    assert_eq!(ask(&cold, "new").await.status, 200);
}

#[tokio::test]
async fn given_bad_tokens_every_100_ms_when_it_is_rotated_then_the_new_one_works_10_s_later() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    moto.create_secret("flooded", "flooded-old").await;
    let function = proxy.function("flooded", &[]).await;
    assert_eq!(ask(&function, "flooded-old").await.status, 200);
    assert_eq!(proxy.reads(), FETCH);

    // The worst moment: the refresh that a bad token may force has just been used up.
    assert_eq!(ask(&function, "guess").await.status, 401);
    assert_eq!(proxy.reads(), [FETCH, FETCH].concat());
    moto.rotate_secret("flooded", "flooded-new").await;
    let rotation = Instant::now();
    let mut ticks = interval(Duration::from_millis(100));
    let mut guesses = 0;
    while rotation.elapsed() < 10 * SECOND - Duration::from_millis(100) {
        ticks.tick().await;
        let refused = ask(&function, "guess").await;
        assert_eq!(refused.status, 401);
        assert!(!refused.text.contains("guess"), "{}", refused.text);
        guesses += 1;
    }
    sleep_until(rotation + 10 * SECOND).await;

    assert_eq!(ask(&function, "flooded-new").await.status, 200);
    assert_eq!(ask(&function, "flooded-old").await.status, 200, "within its grace");
    assert!(guesses > 80, "{guesses} bad tokens are no flood");
    assert_eq!(proxy.reads(), [FETCH, FETCH, FETCH].concat());
}

#[tokio::test]
async fn given_a_read_that_fails_when_the_time_to_live_is_over_then_the_old_value_decides() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    moto.create_secret("stale", "good").await;
    let token =
        SharedToken::from_source(source("stale", proxy.url()), HOUR).with_ttl(Duration::from_millis(100));
    assert_eq!(token.admits("good").await, Ok(true));

    proxy.set(Some(Fault::Fails)).await;
    sleep(Duration::from_millis(120)).await;
    let before = proxy.reads().len();
    assert_eq!(token.admits("good").await, Ok(true));
    assert!(proxy.reads().len() > before, "it was tried");
    let tried = proxy.reads().len();
    assert_eq!(token.admits("good").await, Ok(true));
    assert_eq!(proxy.reads().len(), tried, "and is not tried again for a while");
}

/// A secret that is read in this process.
fn source(secret: &str, url: &str) -> SecretsManager {
    let credentials = Credentials::new("test", "test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    SecretsManager::new(secret).with_config(&config)
}
