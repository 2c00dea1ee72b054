//! The shared token: checks whether a presented token equals the secret, or its previous version within the grace period.
//!
//! Nothing here knows a header or a status. Only digests are kept, and they are compared in constant time. A token is
//! dropped and its memory cleared as soon as its digest is computed. [`Cached`] decides how often the store is read.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::secrets::SecretSource;
use crate::secrets::cache::{CachePolicy, Cached, Fetch, FetchError, UnavailableError};
use crate::secrets::value::{SecretValue, TOKEN_MEMBER};
use crate::secrets::versions::{Versions, read_versions};

/// The fewest characters of a token in a store of secrets. Nothing slows down who guesses a token.
const MIN_CHARACTERS: usize = 32;

/// The SHA-256 of a token.
type Digest = [u8; 32];
/// Reads the value of a secret and computes the digest of its token.
type DigestSecret = fn(&SecretString) -> Result<Digest, SharedTokenError>;
/// The wall clock. Tests replace it.
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The token that all callers of an endpoint share.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::auth::{SharedToken, SharedTokenError};
/// use ag_ui_lambda::secrets::SecretSource;
///
/// /// Accepts the token in `secret`, and for an hour after a rotation the previous one.
/// fn shared_token(secret: impl SecretSource) -> SharedToken {
///     SharedToken::from_source(secret, Duration::from_secs(3600))
/// }
///
/// let for_tests = SharedToken::literal("a-token-for-tests".into())?;
/// # Ok::<(), SharedTokenError>(())
/// ```
pub struct SharedToken(TokenStore);

/// Where the accepted tokens come from.
enum TokenStore {
    /// The digest of a token that never changes.
    Literal(Digest),
    /// A token in a store of secrets.
    Secret {
        /// The digests that the last fetch found. They are boxed because the other variant is small.
        accepted: Box<Cached<AcceptedTokens>>,
        /// The wall clock that ends the grace period.
        clock: Clock,
    },
}

/// Why a text or the value of a secret is not usable as the shared token. Nothing of it is in the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SharedTokenError {
    /// The token is empty, or white space only.
    #[error("the token is empty")]
    Empty,
    /// The secret is a JSON object and does not have exactly one string member `token`.
    #[error("the secret is a JSON object without one string member `token`")]
    NoTokenMember,
    /// The secret begins like JSON, with `{`, `[` or `"`, and is not a JSON object. Its text is not taken for the token,
    /// because it was probably meant to contain one.
    #[error("the secret begins like JSON and is not a JSON object")]
    NotJsonObject,
    /// The token in the secret is so short that it could be guessed.
    #[error("the token has fewer than 32 characters")]
    TooShort,
}

impl SharedToken {
    /// Creates a shared token with a fixed value, for local work. White space around the value is ignored.
    ///
    /// # Errors
    /// [`SharedTokenError::Empty`] for an empty value, because everyone could present it.
    pub fn literal(token: SecretString) -> Result<Self, SharedTokenError> {
        Ok(Self(TokenStore::Literal(digest_token(token.expose_secret())?)))
    }

    /// Creates a shared token whose value is read from a store of secrets. Nothing is fetched yet.
    ///
    /// The value of the secret is JSON `{"token": "..."}` or plain text. White space around the token is ignored. A token
    /// needs 32 characters or more. While the secret holds no such token, no request can be authenticated, and the reason is
    /// in the log.
    ///
    /// After a rotation the previous version is accepted as well, until the current one is `grace` old. The age
    /// counts from the creation of the current version, so that processes that start later agree. If `grace` is zero,
    /// the previous version is never accepted.
    #[must_use]
    pub fn from_source(source: impl SecretSource, grace: Duration) -> Self {
        Self::with_clock(source, grace, Arc::new(SystemTime::now), digest_secret)
    }

    /// Creates a shared token as [`from_source`](Self::from_source) does, for local mode: its token may be short.
    #[cfg(feature = "lambda")]
    pub(crate) fn from_local_source(source: impl SecretSource, grace: Duration) -> Self {
        Self::with_clock(source, grace, Arc::new(SystemTime::now), digest_local_secret)
    }

    /// Checks that the value of a secret holds a token, as [`from_source`](Self::from_source) reads it. The function
    /// that rotates a secret calls it before a new value comes into force.
    ///
    /// # Errors
    /// [`SharedTokenError`] names the reason if the value holds no token.
    pub fn check(value: &SecretString) -> Result<(), SharedTokenError> {
        digest_secret(value).map(drop)
    }

    /// Sets the time after which the secret is read again. The default is 300 s. A literal token is never read again.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self(match self.0 {
            TokenStore::Secret { accepted, clock } => {
                TokenStore::Secret { accepted: Box::new(accepted.with_ttl(ttl)), clock }
            }
            literal @ TokenStore::Literal(_) => literal,
        })
    }

    /// Reads the secret, unless a read has already begun. Failures are not reported: the next request reads the
    /// secret again.
    ///
    /// Poll it beside the loop that takes requests: the first request then waits for this read instead of a read of
    /// its own. Poll it to its end or drop it, because requests wait for it meanwhile.
    pub async fn warm_up(&self) {
        if let TokenStore::Secret { accepted, .. } = &self.0 {
            accepted.warm_up().await;
        }
    }

    /// Whether `presented` equals the token, or the previous token within the grace period.
    ///
    /// If it equals neither, the secret is read again, because it may have been rotated. At least 10 s lie between
    /// two such reads, however many callers present a wrong token.
    ///
    /// # Errors
    /// [`UnavailableError`] if the secret cannot be read and no usable version is cached.
    pub async fn accepts(&self, presented: &str) -> Result<bool, UnavailableError> {
        let presented = digest(presented);
        let (cached, clock) = match &self.0 {
            TokenStore::Literal(token) => return Ok(token.ct_eq(&presented).into()),
            TokenStore::Secret { accepted, clock } => (accepted, clock),
        };
        let accepted = cached.get().await?;
        if accepted.accepts(&presented, clock()) {
            return Ok(true);
        }
        let newer = cached.refresh_if_same(&accepted).await;
        Ok(newer.is_some_and(|newer| newer.accepts(&presented, clock())))
    }

    /// Does what [`from_source`](Self::from_source) does, with `clock` in place of the system's clock, and with `digest`
    /// to read the secret. Tests use it directly.
    fn with_clock(source: impl SecretSource, grace: Duration, clock: Clock, digest: DigestSecret) -> Self {
        let source = TokenFetch { source: Box::new(source), grace, clock: clock.clone(), digest };
        let accepted = Cached::new("shared token", source, CachePolicy::default());
        Self(TokenStore::Secret { accepted: Box::new(accepted), clock })
    }
}

impl fmt::Debug for SharedToken {
    /// Prints nothing of the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedToken([redacted])")
    }
}

/// The digests of the tokens that are accepted, as one fetch found them.
struct AcceptedTokens {
    /// The digest of the version in force.
    current: Digest,
    /// The digest of the version before it, `None` without one, or if its grace period was over.
    previous: Option<Digest>,
    /// When the grace period began: the creation of the version in force.
    since: SystemTime,
    /// How long the grace period lasts.
    grace: Duration,
}

impl AcceptedTokens {
    /// Whether `presented`, the digest of a presented token, is accepted at the time `now`: it equals the current
    /// digest, or the previous one within the grace period.
    fn accepts(&self, presented: &Digest, now: SystemTime) -> bool {
        // Checked at each comparison, because the grace period may have ended since the fetch.
        let counts = self.previous.is_some() && is_in_grace(self.since, self.grace, now);
        // Both are always compared, so that the time it takes does not show which one was close.
        let is_current = self.current.ct_eq(presented);
        let is_previous = self.previous.unwrap_or(self.current).ct_eq(presented);
        (is_current | (is_previous & Choice::from(u8::from(counts)))).into()
    }
}

/// Reads the versions of the secret and computes their digests.
struct TokenFetch {
    /// The secret.
    source: Box<dyn SecretSource>,
    /// How long the previous version is accepted after a rotation.
    grace: Duration,
    /// The wall clock that the creation of a version is compared with.
    clock: Clock,
    /// Reads the value of a version.
    digest: DigestSecret,
}

impl Fetch<AcceptedTokens> for TokenFetch {
    /// Reads the current version of the secret, and the previous one if it is within the grace period. Returns the
    /// digests of their tokens.
    fn fetch(&self) -> BoxFuture<'_, Result<AcceptedTokens, FetchError>> {
        Box::pin(async move {
            let accepts_previous = |created| is_in_grace(created, self.grace, (self.clock)());
            let Versions { current, previous, created } =
                read_versions(&*self.source, self.digest, accepts_previous, "previous token ignored").await?;
            Ok(AcceptedTokens { current, previous, since: created, grace: self.grace })
        })
    }
}

/// Whether a grace period that began at `since` and lasts `grace` is still running at the time `now`. `false` if
/// `grace` is zero.
fn is_in_grace(since: SystemTime, grace: Duration, now: SystemTime) -> bool {
    // A version whose creation is ahead of this machine's clock counts as created just now.
    !grace.is_zero() && now.duration_since(since).map_or(true, |age| age < grace)
}

/// Returns the digest of the token in the value of a secret, which is plain text or a JSON object.
///
/// # Errors
/// [`SharedTokenError`] if the value holds no token, or one that could be guessed.
fn digest_secret(secret: &SecretString) -> Result<Digest, SharedTokenError> {
    with_token(secret, |token| match token.trim().chars().count() {
        1..MIN_CHARACTERS => Err(SharedTokenError::TooShort),
        _ => digest_token(token),
    })
}

/// Returns the digest of the token in the value of a secret as [`digest_secret`] does, also of a short token.
///
/// # Errors
/// [`SharedTokenError`] if the value holds no token.
#[cfg(any(test, feature = "lambda"))]
fn digest_local_secret(secret: &SecretString) -> Result<Digest, SharedTokenError> {
    with_token(secret, digest_token)
}

/// Passes the token in the value of a secret to `read`.
///
/// # Errors
/// [`SharedTokenError`] if the value holds no token, or the error of `read`.
fn with_token(
    secret: &SecretString,
    read: impl FnOnce(&str) -> Result<Digest, SharedTokenError>,
) -> Result<Digest, SharedTokenError> {
    match SecretValue::read(secret) {
        SecretValue::Plain(text) if text.expose_secret().starts_with(['{', '[', '"']) => {
            Err(SharedTokenError::NotJsonObject)
        }
        SecretValue::Plain(text) => read(text.expose_secret()),
        SecretValue::Object(object) => {
            read(object.text(TOKEN_MEMBER).ok_or(SharedTokenError::NoTokenMember)?.expose_secret())
        }
    }
}

/// Returns the digest of a token, without the white space around it.
///
/// # Errors
/// [`SharedTokenError::Empty`] if nothing else is left.
fn digest_token(token: &str) -> Result<Digest, SharedTokenError> {
    let token = token.trim();
    if token.is_empty() { Err(SharedTokenError::Empty) } else { Ok(digest(token)) }
}

/// Returns the SHA-256 of a text, from which nothing is trimmed. It is used for tokens that callers present.
fn digest(text: &str) -> Digest {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests;
