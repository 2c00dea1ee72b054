//! The running function while the shared token is rotated: which tokens it accepts until when, and how often it reads the
//! secret.
//!
//! Most tests use the function's process. Those that need a shorter time to live than the function's 300 s run in this
//! process. Secrets Manager is moto, behind a proxy that counts the reads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ag_ui_lambda::auth::SharedToken;
use ag_ui_lambda::lambda::SecretsManager;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use futures_util::future::join_all;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::function::send_hello;
use crate::support::moto::Moto;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);
/// The stages that one fetch of a recently rotated secret reads: the previous version is still in its grace.
const FETCH: [&str; 2] = ["AWSCURRENT", "AWSPREVIOUS"];

/// Tokens, which need at least 32 characters.
const A: &str = "a-0123456789abcdef0123456789abcdef";
const B: &str = "b-0123456789abcdef0123456789abcdef";
const C: &str = "c-0123456789abcdef0123456789abcdef";
/// The token before a rotation.
const OLD: &str = "old-0123456789abcdef0123456789abcdef";
/// The token after the rotation.
const NEW: &str = "new-0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn rotation_refuses_neither_token() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    moto.create_secret("across", &format!(r#"{{"token":"{OLD}"}}"#)).await;
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
                moto.rotate_secret("across", &format!(r#"{{"token":"{NEW}"}}"#)).await;
                is_rotated.store(true, Ordering::SeqCst);
            }
            // Some clients still send the old token.
            let (token, count) =
                if is_rotated.load(Ordering::SeqCst) && number % 3 != 0 { (NEW, &new) } else { (OLD, &old) };
            let reply = send_hello(&function, token).await;
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
    for token in [OLD, NEW] {
        assert_eq!(send_hello(&cold, token).await.status, 200, "{token} after a cold start");
    }
}

#[tokio::test]
async fn forced_refresh_ends_a_token_without_grace() {
    let moto = Moto::shared();
    for (why, secret, grace, rotated, alive) in [
        ("one rotation, no grace", "forced-0", "0", &[B][..], &[B][..]),
        ("two rotations", "forced-2", "3600", &[B, C][..], &[B, C][..]),
    ] {
        let proxy = FaultProxy::new(None).await;
        moto.create_secret(secret, A).await;
        let function = proxy.function(secret, &[("AGUI_TOKEN_GRACE_S", grace)]).await;
        assert_eq!(send_hello(&function, A).await.status, 200, "{why}");
        let first = proxy.reads().len();

        for token in rotated {
            moto.rotate_secret(secret, token).await;
        }
        assert_eq!(send_hello(&function, A).await.status, 200, "{why}: not read again yet");
        assert_eq!(proxy.reads().len(), first, "{why}: a known token costs no read");
        for token in alive.iter().rev() {
            assert_eq!(send_hello(&function, token).await.status, 200, "{why}: {token}");
        }
        assert_eq!(send_hello(&function, A).await.status, 401, "{why}");

        let reads = proxy.reads();
        assert_eq!(reads.len(), 2 * first, "{why}: {reads:?}");
        let has_read_previous = reads.iter().any(|stage| stage == "AWSPREVIOUS");
        assert_eq!(has_read_previous, grace != "0", "{why}: {reads:?}");
    }
}

#[tokio::test]
async fn token_without_grace_expires_within_the_ttl() {
    let moto = Moto::shared();
    let cases = [
        ("one rotation, no grace", "ttl-0", Duration::ZERO, &[B][..]),
        ("two rotations", "ttl-2", HOUR, &[B, C][..]),
    ];
    let cases = cases.map(async |(why, secret, grace, rotated)| {
        moto.create_secret(secret, A).await;
        let token = SharedToken::from_source(source(secret, &moto.url), grace).with_ttl(SECOND);
        assert_eq!(token.accepts(A).await, Ok(true), "{why}");

        for value in rotated {
            moto.rotate_secret(secret, value).await;
        }
        let rotation = Instant::now();
        while token.accepts(A).await == Ok(true) {
            // The time to live, a tenth more, and the time of a read.
            assert!(rotation.elapsed() < 2 * SECOND, "{why}: still admitted");
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(token.accepts(A).await, Ok(false), "{why}");
        for value in rotated {
            assert_eq!(token.accepts(value).await, Ok(true), "{why}: {value}");
        }
    });
    join_all(cases).await;
}

#[tokio::test]
async fn old_token_expires_with_its_grace_warm_and_cold() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    let grace = [("AGUI_TOKEN_GRACE_S", "2")];
    moto.create_secret("grace", OLD).await;
    let function = proxy.function("grace", &grace).await;
    assert_eq!(send_hello(&function, OLD).await.status, 200);
    moto.rotate_secret("grace", NEW).await;
    let rotation = Instant::now();
    assert_eq!(send_hello(&function, NEW).await.status, 200);
    assert_eq!(send_hello(&function, OLD).await.status, 200);
    let reads = proxy.reads().len();

    while send_hello(&function, OLD).await.status == 200 {
        assert!(rotation.elapsed() < 3 * SECOND, "still admitted");
        sleep(Duration::from_millis(20)).await;
    }

    // moto may truncate the creation date to seconds.
    assert!(rotation.elapsed() >= SECOND, "{:?}", rotation.elapsed());
    assert_eq!(proxy.reads().len(), reads, "the clock ends it, not a read");
    assert_eq!(send_hello(&function, NEW).await.status, 200);
    let cold = proxy.function("grace", &grace).await;
    assert_eq!(send_hello(&cold, OLD).await.status, 401);
    assert_eq!(send_hello(&cold, NEW).await.status, 200);
}

#[tokio::test]
async fn wrong_tokens_delay_the_new_one_10_s_at_most() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    moto.create_secret("flooded", OLD).await;
    let function = proxy.function("flooded", &[]).await;
    assert_eq!(send_hello(&function, OLD).await.status, 200);
    assert_eq!(proxy.reads(), FETCH);

    // The worst moment: a wrong token has just used up the forced refresh.
    assert_eq!(send_hello(&function, "guess").await.status, 401);
    assert_eq!(proxy.reads(), [FETCH, FETCH].concat());
    moto.rotate_secret("flooded", NEW).await;
    let rotation = Instant::now();
    let mut ticks = interval(Duration::from_millis(100));
    let mut guesses = 0;
    while rotation.elapsed() < 10 * SECOND - Duration::from_millis(100) {
        ticks.tick().await;
        let refused = send_hello(&function, "guess").await;
        assert_eq!(refused.status, 401);
        assert!(!refused.text.contains("guess"), "{}", refused.text);
        guesses += 1;
    }
    sleep_until(rotation + 10 * SECOND).await;

    assert_eq!(send_hello(&function, NEW).await.status, 200);
    assert_eq!(send_hello(&function, OLD).await.status, 200, "within its grace");
    assert!(guesses > 80, "{guesses} bad tokens are no flood");
    assert_eq!(proxy.reads(), [FETCH, FETCH, FETCH].concat());
}

#[tokio::test]
async fn failed_refresh_keeps_the_cached_value() {
    let moto = Moto::shared();
    let proxy = FaultProxy::new(None).await;
    moto.create_secret("stale", A).await;
    let token =
        SharedToken::from_source(source("stale", proxy.url()), HOUR).with_ttl(Duration::from_millis(100));
    assert_eq!(token.accepts(A).await, Ok(true));

    proxy.set_fault(Some(Fault::InternalError)).await;
    sleep(Duration::from_millis(120)).await;
    let before = proxy.reads().len();
    assert_eq!(token.accepts(A).await, Ok(true));
    assert!(proxy.reads().len() > before, "it was tried");
    let tried = proxy.reads().len();
    assert_eq!(token.accepts(A).await, Ok(true));
    assert_eq!(proxy.reads().len(), tried, "and is not tried again for a while");
}

/// Returns a source that reads this secret in this process.
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
