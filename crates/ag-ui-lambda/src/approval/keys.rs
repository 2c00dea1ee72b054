//! The keys that sign tokens and results: the current key, and the previous one, which still verifies.
//!
//! They come from a secret of their own with the value `{"key": "..."}`, never from the shared token. How often the
//! secret is read is decided by [`secrets::cache`](crate::secrets::cache). No message and no log line contains any part
//! of a key.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::secrets::cache::{CachePolicy, Cached, Fetch, FetchError};
use crate::secrets::value::{KEY_MEMBER, SecretValue};
use crate::secrets::versions::{Versions, read_versions};
use crate::secrets::{SecretSource, UnavailableError};

/// The shortest key that is accepted.
const MIN_KEY_CHARS: usize = 32;

/// How far the clock of another process may be ahead of the clock here, in seconds.
const MAX_CLOCK_SKEW_S: u64 = 60;

/// Provides the keys that sign and verify [`Approvals`](super::Approvals).
///
/// ```
/// use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = ApprovalKeys::literal("0123456789abcdef0123456789abcdef".to_owned().into())?;
/// let approvals = Approvals::new(keys);
/// # Ok(())
/// # }
/// ```
pub struct ApprovalKeys(SigningKeySource);

/// Where the keys come from.
enum SigningKeySource {
    /// One key that was given in the code or in a variable.
    Literal(Arc<SigningKeys>),
    /// A secret with versions, cached.
    Secret(Box<Cached<SigningKeys>>),
}

/// A text cannot be used as the key of approvals. The error contains no part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalKeyError {
    /// The key is too short to sign with.
    #[error("the key of approvals has fewer than {MIN_KEY_CHARS} characters")]
    TooShort,
    /// The value of the secret is not a JSON object with one string member `key`.
    #[error("the secret of approvals is not a JSON object with one string member `key`")]
    NoKeyMember,
}

/// The keys that were read together.
pub(super) struct SigningKeys {
    /// The key that signs.
    pub(super) current: SigningKey,
    /// The key that signed before the last rotation. It only verifies.
    previous: Option<SigningKey>,
}

/// Which key made a signature and when, as the signature itself claims.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyHint<'a> {
    /// The id of the key.
    pub(super) id: &'a str,
    /// When the signature was made, in seconds since the Unix epoch; `None` in formats without it, whose signatures
    /// count as old.
    pub(super) signed_at: Option<u64>,
}

/// One key, with the id by which signatures refer to it.
pub(super) struct SigningKey {
    /// The first 4 bytes of the key's SHA-256 digest, as 8 hexadecimal digits.
    pub(super) id: String,
    secret: SecretString,
}

impl ApprovalKeys {
    /// Creates a set with one key that never changes. It is meant for local work: a deployed function reads its keys
    /// with [`from_source`](Self::from_source), so that they can be rotated.
    ///
    /// # Errors
    /// [`ApprovalKeyError::TooShort`] if the key has fewer than 32 characters.
    pub fn literal(key: SecretString) -> Result<Self, ApprovalKeyError> {
        let current = SigningKey::new(key)?;
        Ok(Self(SigningKeySource::Literal(Arc::new(SigningKeys { current, previous: None }))))
    }

    /// Takes the keys from a secret whose value is the JSON object `{"key": "..."}`: the key in the current version of
    /// the secret signs, and the one in the previous version still verifies. The secret is read at the first use.
    #[must_use]
    pub fn from_source(source: impl SecretSource) -> Self {
        let source = SigningKeyFetcher { source: Box::new(source) };
        Self(SigningKeySource::Secret(Box::new(Cached::new(
            "keys of approvals",
            source,
            CachePolicy::default(),
        ))))
    }

    /// Checks that `value`, as the value of a secret, holds a key that [`from_source`](Self::from_source) can use. A
    /// function that rotates the secret calls it before it stores a new value.
    ///
    /// # Errors
    /// [`ApprovalKeyError`] with the reason. The error contains no part of the value.
    pub fn check(value: &SecretString) -> Result<(), ApprovalKeyError> {
        parse_key(value).map(drop)
    }

    /// Reads the keys before they are needed. A failure is not returned; the first use of the keys tries again.
    pub(super) async fn prefetch(&self) {
        if let SigningKeySource::Secret(keys) = &self.0 {
            keys.warm_up().await;
        }
    }

    /// Returns the keys, from the cache if they are there.
    ///
    /// # Errors
    /// [`UnavailableError`] if they cannot be read.
    pub(super) async fn get(&self) -> Result<Arc<SigningKeys>, UnavailableError> {
        match &self.0 {
            SigningKeySource::Literal(keys) => Ok(Arc::clone(keys)),
            SigningKeySource::Secret(keys) => keys.get().await,
        }
    }

    /// Returns the cached keys without waiting; `None` if they have not been read or are too old to be used. It is for
    /// results that are signed without waiting.
    pub(super) fn loaded(&self) -> Option<Arc<SigningKeys>> {
        match &self.0 {
            SigningKeySource::Literal(keys) => Some(Arc::clone(keys)),
            SigningKeySource::Secret(keys) => keys.peek(),
        }
    }

    /// Whether a signature by a key that is not cached may be valid after the keys are read again. `hint` is what the
    /// signature says of its key, and `now` is the current time.
    ///
    /// A key is created before it signs anything. So a signature from before the last read is invalid: that read would
    /// have found the key. The same holds for a signature that is more than 60 seconds in the future or has no time.
    pub(super) fn may_be_newer(&self, hint: KeyHint<'_>, now: SystemTime) -> bool {
        let (SigningKeySource::Secret(keys), Some(signed_at)) = (&self.0, hint.signed_at) else {
            return false;
        };
        let last_read = keys.age().and_then(|age| now.checked_sub(age)).map_or(0, unix_seconds);
        (last_read..=unix_seconds(now) + MAX_CLOCK_SKEW_S).contains(&signed_at)
    }

    /// Waits until a read of the keys that began at `moment` or later has succeeded or failed. `moment` is a time in
    /// the past, such as the time at which a signature named a key that was not cached. The wait may include the
    /// minimum interval between two forced reads. All callers that wait share one read. Returns at once for a literal
    /// key.
    pub(super) async fn wait_for_read_since(&self, moment: Instant) {
        if let SigningKeySource::Secret(keys) = &self.0 {
            keys.fetched_since(moment).await;
        }
    }
}

impl fmt::Debug for ApprovalKeys {
    /// Shows only the name of the type, and no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApprovalKeys([redacted])")
    }
}

impl SigningKeys {
    /// Returns the key that a signature names in `hint`; `None` if the signature was made with another key.
    pub(super) fn find(&self, hint: KeyHint<'_>) -> Option<&SigningKey> {
        self.iter().find(|key| key.id == hint.id)
    }

    /// Returns the current key, and then the previous one if there is one.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

impl SigningKey {
    /// Wraps a secret as a key, and computes the id of the key. The error is [`ApprovalKeyError::TooShort`].
    pub(super) fn new(secret: SecretString) -> Result<Self, ApprovalKeyError> {
        if secret.expose_secret().chars().count() < MIN_KEY_CHARS {
            return Err(ApprovalKeyError::TooShort);
        }
        let digest = Sha256::digest(secret.expose_secret());
        let id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, secret })
    }

    /// Returns the secret bytes of the key.
    pub(super) fn bytes(&self) -> &[u8] {
        self.secret.expose_secret().as_bytes()
    }
}

/// Converts a time to seconds since the Unix epoch; 0 for a time before it.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Reads both versions of the secret.
struct SigningKeyFetcher {
    source: Box<dyn SecretSource>,
}

impl Fetch<SigningKeys> for SigningKeyFetcher {
    /// Reads the current and the previous version of the secret, for the cache. A previous version without a usable key
    /// is logged and left out.
    fn fetch(&self) -> BoxFuture<'_, Result<SigningKeys, FetchError>> {
        async {
            let warning = "the previous key of approvals is unusable";
            let Versions { current, previous, .. } =
                read_versions(&*self.source, parse_key, |_| true, warning).await?;
            Ok(SigningKeys { current, previous })
        }
        .boxed()
    }
}

/// Reads the key from the value of a secret, which must be `{"key": "..."}`. The error contains no part of the value.
fn parse_key(value: &SecretString) -> Result<SigningKey, ApprovalKeyError> {
    let object = SecretValue::read(value).into_object().ok_or(ApprovalKeyError::NoKeyMember)?;
    let key = object.text(KEY_MEMBER).ok_or(ApprovalKeyError::NoKeyMember)?;
    SigningKey::new(key.clone())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::secrets::FakeSecret;

    const OLD: &str = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;
    const NEW: &str = r#"{"key":"fedcba9876543210fedcba9876543210"}"#;

    async fn ids(keys: &ApprovalKeys) -> Vec<String> {
        keys.get().await.ok().map(|keys| keys.iter().map(|key| key.id.clone()).collect()).unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn reads_current_and_previous_key() {
        let secret = FakeSecret::new(OLD, SystemTime::now());
        let keys = ApprovalKeys::from_source(secret.clone());
        let old = ids(&keys).await;

        secret.rotate(NEW, SystemTime::now());
        tokio::time::advance(Duration::from_secs(600)).await;

        // The first 4 bytes of the SHA-256 digest of the key, as `sha256sum` prints it.
        assert_eq!(old, ["3eb1bd43"]);
        assert_eq!(ids(&keys).await, ["4ba68aa8", "3eb1bd43"]);
    }

    #[tokio::test(start_paused = true)]
    async fn key_may_be_newer_only_if_signed_since_last_read() {
        let keys = ApprovalKeys::from_source(FakeSecret::new(OLD, SystemTime::now()));
        keys.get().await.unwrap();
        tokio::time::advance(Duration::from_secs(100)).await;
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (why, signed_at, is_newer) in [
            ("no time of signing", None, false),
            ("long ago", Some(0), false),
            ("just before the last read", Some(999_899), false),
            ("in the second of the last read", Some(999_900), true),
            ("now", Some(1_000_000), true),
            ("by a clock that is 60 s ahead", Some(1_000_060), true),
            ("too far ahead", Some(1_000_061), false),
        ] {
            let hint = KeyHint { id: "00000000", signed_at };
            assert_eq!(keys.may_be_newer(hint, now), is_newer, "{why}");
        }
        let literal = ApprovalKeys::literal("k".repeat(32).into()).unwrap();
        assert!(!literal.may_be_newer(KeyHint { id: "00000000", signed_at: Some(1_000_000) }, now));
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_key_ids_cause_one_read_in_ten_seconds() {
        let secret = FakeSecret::new(OLD, SystemTime::now());
        let keys = ApprovalKeys::from_source(secret.clone());
        keys.get().await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let start = Instant::now();
        let calls_per_read = secret.calls().len();

        futures_util::future::join_all((0..30).map(|_| keys.wait_for_read_since(start))).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        futures_util::future::join_all((0..30).map(|_| keys.wait_for_read_since(Instant::now()))).await;

        assert_eq!(secret.calls().len(), 3 * calls_per_read);
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn secret_without_usable_key_is_an_error() {
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
