//! The keys that sign: one in force, and the one before it, which still verifies.
//!
//! They come from a secret of their own, `{"key": "..."}`, never from the shared token. How often the store is asked
//! is `cached`'s. No message and no log line holds any of a key.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use tracing::warn;

use super::Unavailable;
use crate::cached::{Cached, FetchError, Policy, Source};
use crate::secret::{SecretError, SecretSource, Stage};

/// The fewest characters of a key.
const SHORTEST: usize = 32;

/// How far ahead another function's clock may be, in seconds.
const FARTHEST_AHEAD_S: u64 = 60;

/// The keys of approvals.
pub struct ApprovalKeys(Place);

enum Place {
    Here(Arc<Keys>),
    Secret(Box<Cached<Keys>>),
}

/// A key that is too short to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of approvals has fewer than {SHORTEST} characters")]
pub struct WeakKey;

/// What one fetch found.
pub(super) struct Keys {
    pub(super) current: Key,
    previous: Option<Key>,
}

/// What a signature says of its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyName<'a> {
    pub(super) id: &'a str,
    /// When it signed, in seconds since the Unix epoch; `None` in formats that do not say so, which count as old.
    pub(super) signed_at: Option<u64>,
}

/// One key, with the name that proofs carry.
pub(super) struct Key {
    pub(super) id: String,
    secret: SecretString,
}

impl ApprovalKeys {
    /// A key that never changes, for local work.
    ///
    /// # Errors
    /// [`WeakKey`] if it has fewer than 32 characters.
    pub fn literal(key: SecretString) -> Result<Self, WeakKey> {
        let current = Key::new(key)?;
        Ok(Self(Place::Here(Arc::new(Keys { current, previous: None }))))
    }

    /// The keys in a store of secrets, JSON `{"key": "..."}`: the current version signs, and the previous one still
    /// verifies. Nothing is fetched yet.
    #[must_use]
    pub fn from_source(source: impl SecretSource) -> Self {
        let source = Versions { source: Box::new(source) };
        Self(Place::Secret(Box::new(Cached::new("keys of approvals", source, Policy::default()))))
    }

    /// Checks a secret's value as [`from_source`](Self::from_source) reads it, for whoever writes one.
    ///
    /// # Errors
    /// Why it holds no key; nothing of the value is in it.
    pub fn check(value: &SecretString) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        read(value).map(drop)
    }

    pub(super) async fn warm(&self) {
        if let Place::Secret(keys) = &self.0 {
            keys.warm().await;
        }
    }

    pub(super) async fn get(&self) -> Result<Arc<Keys>, Unavailable> {
        match &self.0 {
            Place::Here(keys) => Ok(Arc::clone(keys)),
            Place::Secret(keys) => keys.get().await,
        }
    }

    /// The keys as they are known now, without a read; `None` if none are.
    pub(super) fn kept(&self) -> Option<Arc<Keys>> {
        match &self.0 {
            Place::Here(keys) => Some(Arc::clone(keys)),
            Place::Secret(keys) => keys.kept(),
        }
    }

    /// Whether a key that is not known here may be newer than the last read. `now` is the clock's time.
    ///
    /// A key exists before anything is signed with it, so what was signed before the last read is signed with a key
    /// that this read found, or with none.
    pub(super) fn may_be_newer(&self, name: KeyName<'_>, now: SystemTime) -> bool {
        let (Place::Secret(keys), Some(signed_at)) = (&self.0, name.signed_at) else { return false };
        let last_read = keys.age().and_then(|age| now.checked_sub(age)).map_or(0, unix_seconds);
        (last_read..=unix_seconds(now) + FARTHEST_AHEAD_S).contains(&signed_at)
    }

    /// Waits until the keys have been read since `moment`: as soon as the floor between two such reads allows. All who
    /// wait share one read, and nobody waits longer if it fails.
    pub(super) async fn read_since(&self, moment: Instant) {
        if let Place::Secret(keys) = &self.0 {
            keys.fetched_since(moment).await;
        }
    }
}

impl fmt::Debug for ApprovalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApprovalKeys([redacted])")
    }
}

impl Keys {
    /// The key of that name.
    pub(super) fn find(&self, name: KeyName<'_>) -> Option<&Key> {
        self.all().find(|key| key.id == name.id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl Key {
    pub(super) fn new(secret: SecretString) -> Result<Self, WeakKey> {
        if secret.expose_secret().chars().count() < SHORTEST {
            return Err(WeakKey);
        }
        let digest = Sha256::digest(secret.expose_secret());
        let id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, secret })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.secret.expose_secret().as_bytes()
    }
}

/// Seconds since the Unix epoch.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

struct Versions {
    source: Box<dyn SecretSource>,
}

impl Source<Keys> for Versions {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, FetchError>> {
        async {
            let version = self.source.fetch(Stage::Current).await?.ok_or(SecretError::Absent)?;
            let current = read(&version.value)?;
            let previous = self.source.fetch(Stage::Previous).await?;
            let previous = previous.and_then(|version| {
                let key = read(&version.value);
                key.inspect_err(|_| warn!("the previous key of approvals is unusable")).ok()
            });
            Ok(Keys { current, previous })
        }
        .boxed()
    }
}

fn read(value: &SecretString) -> Result<Key, FetchError> {
    #[derive(Deserialize)]
    struct Secret {
        key: String,
    }
    // The parser's own message may hold a piece of the text.
    let secret: Secret = serde_json::from_str(value.expose_secret())
        .map_err(|_| "the secret of approvals is no JSON object with a string member `key`")?;
    Ok(Key::new(secret.key.into())?)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::secret::FakeSecret;

    const OLD: &str = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;
    const NEW: &str = r#"{"key":"fedcba9876543210fedcba9876543210"}"#;

    async fn ids(keys: &ApprovalKeys) -> Vec<String> {
        keys.get().await.ok().map(|keys| keys.all().map(|key| key.id.clone()).collect()).unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn the_current_key_signs_and_the_one_before_it_verifies() {
        let secret = FakeSecret::new(OLD, SystemTime::now());
        let keys = ApprovalKeys::from_source(secret.clone());
        let old = ids(&keys).await;

        secret.rotate(NEW, SystemTime::now());
        tokio::time::advance(Duration::from_secs(600)).await;

        // The first 4 bytes of the SHA-256 of the key, as `sha256sum` tells them.
        assert_eq!(old, ["3eb1bd43"]);
        assert_eq!(ids(&keys).await, ["4ba68aa8", "3eb1bd43"]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_key_that_signed_since_the_last_read_may_be_newer() {
        let keys = ApprovalKeys::from_source(FakeSecret::new(OLD, SystemTime::now()));
        keys.get().await.unwrap();
        tokio::time::advance(Duration::from_secs(100)).await;
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (why, signed_at, is_newer) in [
            ("no time", None, false),
            ("long ago", Some(0), false),
            ("just before the last read", Some(999_899), false),
            ("in the second of the last read", Some(999_900), true),
            ("now", Some(1_000_000), true),
            ("by a clock that is ahead", Some(1_000_060), true),
            ("too far ahead", Some(1_000_061), false),
        ] {
            let name = KeyName { id: "00000000", signed_at };
            assert_eq!(keys.may_be_newer(name, now), is_newer, "{why}");
        }
        let literal = ApprovalKeys::literal("k".repeat(32).into()).unwrap();
        assert!(!literal.may_be_newer(KeyName { id: "00000000", signed_at: Some(1_000_000) }, now));
    }

    #[tokio::test(start_paused = true)]
    async fn made_up_ids_drive_one_read_in_ten_seconds() {
        let secret = FakeSecret::new(OLD, SystemTime::now());
        let keys = ApprovalKeys::from_source(secret.clone());
        keys.get().await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let began = Instant::now();
        let reads = secret.calls().len();
        let per_read = reads;

        futures_util::future::join_all((0..30).map(|_| keys.read_since(began))).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        futures_util::future::join_all((0..30).map(|_| keys.read_since(Instant::now()))).await;

        assert_eq!(secret.calls().len(), reads + 2 * per_read);
        assert_eq!(began.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_without_a_usable_key_gives_none() {
        for value in [
            r#"{"key":"0123456789abcdef0123456789abcde"}"#,
            r#"{"token":"0123456789abcdef0123456789abcdef"}"#,
            "0123456789abcdef0123456789abcdef",
            r#"{"key":7}"#,
        ] {
            let keys = ApprovalKeys::from_source(FakeSecret::new(value, SystemTime::now()));
            assert!(keys.get().await.is_err(), "{value}");
        }
        assert!(ApprovalKeys::literal("short".into()).is_err());
    }
}
