//! The keys of the endpoint `bedrock-mantle`: their form, when they are replaced, and what is said if there are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::ExposeSecret as _;

use super::super::BedrockApiKeys;
use crate::error_chain::error_chain;
use crate::model::{ApiKeyProvider as _, ModelErrorKind};

/// 2026-11-27, 12:00:00 UTC, in seconds.
const NOON: u64 = 1_795_780_800;

const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A clock that shows some seconds after [`NOON`].
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> SystemTime {
        at(self.0.load(Ordering::Relaxed))
    }
}

/// The time some seconds after [`NOON`].
fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOON + seconds)
}

/// Credentials that are replaced whenever they are loaded: the n-th have the session token `session-n`.
#[derive(Debug, Clone, Default)]
struct Rotating {
    loaded: Arc<AtomicU64>,
    expiry: Option<SystemTime>,
}

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.loaded.fetch_add(1, Ordering::Relaxed) + 1;
        let session = format!("session-{number}");
        future::ProvideCredentials::ready(Ok(credentials(Some(session), self.expiry)))
    }
}

fn credentials(session: Option<String>, expiry: Option<SystemTime>) -> Credentials {
    Credentials::new("AKIDEXAMPLE", SECRET_KEY, session, expiry, "test")
}

/// Keys that are signed with the credentials of this provider, at the time of this clock.
fn keys(provider: impl ProvideCredentials + 'static, clock: &Clock) -> BedrockApiKeys {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build();
    let clock = clock.clone();
    BedrockApiKeys::new("us-east-2").with_config(&config).with_clock(move || clock.now())
}

/// Returns the request that is in a key, with its parameters sorted.
fn request_in(key: &str) -> Vec<String> {
    let request = BASE64_STANDARD.decode(key.strip_prefix("bedrock-api-key-").unwrap()).unwrap();
    let request = String::from_utf8(request).unwrap();
    let (host, query) = request.split_once('?').unwrap();
    assert_eq!(host, "bedrock.amazonaws.com/");
    let mut query: Vec<_> = query.split('&').map(ToOwned::to_owned).collect();
    query.sort_unstable();
    query
}

/// Returns the key of now, and the value of a parameter of the request in it.
async fn key_with(keys: &BedrockApiKeys, parameter: &str) -> (String, String) {
    let key = keys.api_key().await.unwrap().expose_secret().to_owned();
    let prefix = format!("{parameter}=");
    let value = request_in(&key).iter().find_map(|part| part.strip_prefix(&prefix).map(ToOwned::to_owned));
    (key, value.unwrap())
}

/// The requests in the keys that aws-bedrock-token-generator 1.1.0 makes with botocore 1.44.8 for the same credentials, region,
/// time and lifetime.
#[tokio::test]
async fn a_key_is_that_of_the_official_generator() {
    for (session, parameter, signature) in [
        (None, "", "d426ea50c7eb5adb4424de36cf8bd3c876acf6bfac55c00e175cf5f037401509"),
        (
            Some("IQoJb3JpZ2lu/X+2=="),
            "X-Amz-Security-Token=IQoJb3JpZ2lu%2FX%2B2%3D%3D",
            "c7091ba541eaa2662dd0d06b99ddadb096bc7529c928af566abf6a5cceab88f1",
        ),
    ] {
        let keys = keys(credentials(session.map(ToOwned::to_owned), None), &Clock::default());

        let key = keys.api_key().await.unwrap();

        let signature = format!("X-Amz-Signature={signature}");
        let expected = [
            "Action=CallWithBearerToken",
            "Version=1",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Credential=AKIDEXAMPLE%2F20261127%2Fus-east-2%2Fbedrock%2Faws4_request",
            "X-Amz-Date=20261127T120000Z",
            "X-Amz-Expires=3600",
            parameter,
            &signature,
            "X-Amz-SignedHeaders=host",
        ];
        let expected: Vec<_> = expected.into_iter().filter(|part| !part.is_empty()).collect();
        assert_eq!(request_in(key.expose_secret()), expected);
    }
}

#[tokio::test]
async fn a_key_is_kept_and_replaced_before_it_expires() {
    let (clock, role) = (Clock::default(), Rotating::default());
    let keys = keys(role.clone(), &clock);
    let (first, _) = key_with(&keys, "X-Amz-Date").await;

    for (seconds, session) in
        [(0, "session-1"), (2999, "session-1"), (3000, "session-2"), (5999, "session-2")]
    {
        clock.set(seconds);
        let (key, of) = key_with(&keys, "X-Amz-Security-Token").await;
        assert_eq!((of.as_str(), key == first), (session, session == "session-1"), "{seconds} s");
    }
    // The clock was wrong before: the key in use would not be valid yet.
    clock.set(60);
    assert_eq!(key_with(&keys, "X-Amz-Date").await.1, "20261127T120100Z");
    assert_eq!(role.loaded.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_key_lives_no_longer_than_the_credentials() {
    let clock = Clock::default();
    let keys = keys(Rotating { expiry: Some(at(1200)), ..Rotating::default() }, &clock);

    // In the last ten minutes each turn asks for credentials, which may have been replaced.
    for (seconds, session, expires) in [
        (0, "session-1", "1200"),
        (599, "session-1", "1200"),
        (600, "session-2", "600"),
        (601, "session-3", "599"),
    ] {
        clock.set(seconds);
        let request = request_in(keys.api_key().await.unwrap().expose_secret());
        for part in [format!("X-Amz-Security-Token={session}"), format!("X-Amz-Expires={expires}")] {
            assert!(request.contains(&part), "{seconds} s: {part} {request:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_key_is_made_again_with_newer_credentials() {
    let clock = Clock::default();
    let keys = keys(Rotating::default(), &clock);
    let first = keys.api_key().await.unwrap();

    clock.set(9);
    assert!(keys.refresh_if_same(&first).await.is_none(), "a new one would be refused as well");
    clock.set(10);
    let second = keys.refresh_if_same(&first).await.unwrap();
    assert_ne!(second.expose_secret(), first.expose_secret());
    let other_turn = keys.refresh_if_same(&first).await.unwrap();
    assert_eq!(other_turn.expose_secret(), second.expose_secret(), "one turn has replaced it for all");
    assert_eq!(keys.api_key().await.unwrap().expose_secret(), second.expose_secret());
}

/// Credentials that cannot be loaded.
#[derive(Debug)]
struct Failing(fn() -> CredentialsError);

impl ProvideCredentials for Failing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(provider::Result::Err((self.0)()))
    }
}

#[tokio::test]
async fn missing_credentials_differ_from_a_failure() {
    let cases: [(fn() -> CredentialsError, ModelErrorKind); 3] = [
        (|| CredentialsError::not_loaded("nothing is set"), ModelErrorKind::Misconfigured),
        (|| CredentialsError::invalid_configuration("a bad profile"), ModelErrorKind::Misconfigured),
        (|| CredentialsError::provider_error("status 503"), ModelErrorKind::Unavailable),
    ];
    for (error, kind) in cases {
        let failed = keys(Failing(error), &Clock::default()).api_key().await.unwrap_err();
        assert_eq!(failed.kind, kind, "{}", error_chain(&failed));
    }
}

#[test]
fn the_path_of_a_model_depends_on_its_id() {
    for (model, path) in [
        ("openai.gpt-oss-120b", "v1"),
        ("openai.gpt-5.5", "openai/v1"),
        ("openai.gpt-6-sol", "openai/v1"),
        ("xai.grok-4.3", "openai/v1"),
        ("google.gemma-4-31b", "openai/v1"),
        ("google.gemma-3-27b-it", "v1"),
        ("deepseek.v3.2", "v1"),
    ] {
        let expected = format!("https://bedrock-mantle.eu-west-1.api.aws/{path}");
        assert_eq!(BedrockApiKeys::mantle_url("eu-west-1", model), expected);
    }
}

#[tokio::test]
async fn nothing_of_a_key_is_printed() {
    let keys = keys(credentials(None, None), &Clock::default());
    keys.api_key().await.unwrap();

    assert_eq!(format!("{keys:?}"), r#"BedrockApiKeys { region: "us-east-2", .. }"#);
}
