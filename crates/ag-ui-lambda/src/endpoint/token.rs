//! The shared token: does what was presented equal the secret, or the one before it within its grace.
//!
//! Nothing here knows a header or a status. Only digests are kept and compared, in constant time; a value
//! is dropped, and its memory cleared, as soon as it is digested. How often the store is asked is
//! `cached`'s.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tracing::warn;

pub use crate::cached::Unavailable;
use crate::cached::{Cached, FetchError, Policy, Source};
use crate::secret::{SecretError, SecretSource, Stage};

type Digest = [u8; 32];
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The token that every caller of this endpoint shares.
pub struct SharedToken(Kind);

enum Kind {
    /// Of the one token.
    Literal(Digest),
    Kept {
        /// What a fetch found; boxed, since the other kind is small.
        accepted: Box<Cached<Accepted>>,
        /// The wall clock that ends a grace.
        clock: Clock,
    },
}

/// Why a secret's value holds no token. Neither message has any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// Nothing is left of the token without its white space.
    #[error("the token is empty")]
    Empty,
    /// The secret is a JSON object without the one member that counts.
    #[error("the secret is a JSON object without one string member `token`")]
    NoToken,
}

impl SharedToken {
    /// A token that never changes, for local work. White space around it does not count.
    ///
    /// # Errors
    /// [`TokenFault::Empty`], since an empty token would admit everybody.
    pub fn literal(token: SecretString) -> Result<Self, TokenFault> {
        Ok(Self(Kind::Literal(digest_token(token.expose_secret())?)))
    }

    /// The token in a store of secrets: JSON `{"token": "..."}` or a plain string, without the white space
    /// around it.
    ///
    /// The previous version is accepted too until the current one is `grace` old, counted from its
    /// creation so that a cold start agrees; with a grace of zero, never. Nothing is fetched yet.
    #[must_use]
    pub fn from_source(source: impl SecretSource, grace: Duration) -> Self {
        Self::with_clock(source, grace, Arc::new(SystemTime::now))
    }

    /// Checks a secret's value as [`from_source`](Self::from_source) reads it, for whoever writes one.
    ///
    /// # Errors
    /// Why it holds no token.
    pub fn check(value: &SecretString) -> Result<(), TokenFault> {
        digest_secret(value).map(drop)
    }

    /// Replaces the time, 300 s, after which the secret is read again.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self(match self.0 {
            Kind::Kept { accepted, clock } => {
                Kind::Kept { accepted: Box::new(accepted.with_ttl(ttl)), clock }
            }
            literal @ Kind::Literal(_) => literal,
        })
    }

    /// Reads the secret, if nobody has begun to. Meant to be joined with the loop that takes requests:
    /// the first of them then waits for what is on its way. Poll it to its end or drop it.
    pub async fn warm(&self) {
        if let Kind::Kept { accepted, .. } = &self.0 {
            accepted.warm().await;
        }
    }

    /// Whether `presented` is the token, or the previous one within its grace.
    ///
    /// A mismatch reads the secret again, at most every 10 s however many mismatch.
    ///
    /// # Errors
    /// [`Unavailable`] when the store gives nothing and nothing usable is cached.
    pub async fn admits(&self, presented: &str) -> Result<bool, Unavailable> {
        let presented = digest(presented);
        let (cached, clock) = match &self.0 {
            Kind::Literal(token) => return Ok(token.ct_eq(&presented).into()),
            Kind::Kept { accepted, clock } => (accepted, clock),
        };
        let accepted = cached.get().await?;
        if accepted.admits(&presented, clock()) {
            return Ok(true);
        }
        let newer = cached.newer_than(&accepted).await;
        Ok(newer.is_some_and(|newer| newer.admits(&presented, clock())))
    }

    fn with_clock(source: impl SecretSource, grace: Duration, clock: Clock) -> Self {
        let source = Versions { source: Box::new(source), grace, clock: clock.clone() };
        let accepted = Cached::new("shared token", source, Policy::default());
        Self(Kind::Kept { accepted: Box::new(accepted), clock })
    }
}

impl fmt::Debug for SharedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedToken([redacted])")
    }
}

/// What one fetch found.
struct Accepted {
    /// Of the version in force.
    current: Digest,
    /// Of the version before it; none where there is none or its grace was over.
    previous: Option<Digest>,
    /// When the previous version's grace began.
    since: SystemTime,
    /// How long it lasts.
    grace: Duration,
}

impl Accepted {
    fn admits(&self, presented: &Digest, now: SystemTime) -> bool {
        // Checked again at each comparison: the grace may have run out since the fetch.
        let counts = self.previous.is_some() && is_within(self.since, self.grace, now);
        // Both are always compared, so that the time taken does not tell which one was near.
        let is_current = self.current.ct_eq(presented);
        let is_previous = self.previous.unwrap_or(self.current).ct_eq(presented);
        (is_current | (is_previous & Choice::from(u8::from(counts)))).into()
    }
}

/// Reads both versions of a secret and keeps their digests.
struct Versions {
    /// The secret.
    source: Box<dyn SecretSource>,
    /// How long the previous version is accepted.
    grace: Duration,
    /// The wall clock, which the creation date is compared with.
    clock: Clock,
}

impl Source<Accepted> for Versions {
    fn fetch(&self) -> BoxFuture<'_, Result<Accepted, FetchError>> {
        Box::pin(async move {
            let version = self.source.fetch(Stage::Current).await?.ok_or(SecretError::Absent)?;
            let current = digest_secret(&version.value)?;
            let since = version.created;
            let previous = if is_within(since, self.grace, (self.clock)()) {
                self.source.fetch(Stage::Previous).await
            } else {
                Ok(None)
            };
            // Who holds a faulty previous token could never present it: no reason to lock out the others.
            let previous = match previous {
                Err(fault @ SecretError::NotText) => {
                    warn!(%fault, "previous token ignored");
                    None
                }
                read => read?.and_then(|version| {
                    digest_secret(&version.value)
                        .inspect_err(|fault| warn!(%fault, "previous token ignored"))
                        .ok()
                }),
            };
            Ok(Accepted { current, previous, since, grace: self.grace })
        })
    }
}

fn is_within(since: SystemTime, grace: Duration, now: SystemTime) -> bool {
    // A creation date ahead of this machine's clock is a version of this moment, unless the grace is none.
    !grace.is_zero() && now.duration_since(since).map_or(true, |age| age < grace)
}

#[derive(Deserialize)]
struct JsonSecret<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
}

fn digest_secret(secret: &SecretString) -> Result<Digest, TokenFault> {
    let text = secret.expose_secret().trim();
    let is_json_object = text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if !is_json_object {
        return digest_token(text);
    }
    let json: JsonSecret<'_> = serde_json::from_str(text).map_err(|_| TokenFault::NoToken)?;
    match json.token {
        Cow::Borrowed(token) => digest_token(token),
        // A token with escapes was copied: the copy is cleared too.
        Cow::Owned(token) => digest_token(SecretString::from(token).expose_secret()),
    }
}

fn digest_token(token: &str) -> Result<Digest, TokenFault> {
    let token = token.trim();
    if token.is_empty() { Err(TokenFault::Empty) } else { Ok(digest(token)) }
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::time::{Instant, advance, sleep};

    use super::*;
    use crate::secret::{FakeSecret, SecretVersion};

    const HOUR: Duration = Duration::from_secs(3600);
    const SECOND: Duration = Duration::from_secs(1);
    const EXPIRY: Duration = Duration::from_secs(331);

    /// A wall clock that moves with the paused one; the first version is a day old when it starts.
    fn clock() -> Clock {
        let began = Instant::now();
        Arc::new(move || SystemTime::UNIX_EPOCH + 24 * HOUR + began.elapsed())
    }

    fn shared(secret: &Arc<FakeSecret>, grace: Duration, clock: &Clock) -> SharedToken {
        SharedToken::with_clock(secret.clone(), grace, clock.clone())
    }

    fn day_old(value: &str) -> Arc<FakeSecret> {
        FakeSecret::new(value, SystemTime::UNIX_EPOCH)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_read_from_either_form_of_secret() {
        for (why, secret, presented, is_admitted) in [
            ("plain", "t0ken", "t0ken", true),
            ("plain with a line end", "t0ken\n", "t0ken", true),
            ("json", r#"{"token":"t0ken"}"#, "t0ken", true),
            ("json with other members and white space", r#" {"a":1,"token":" t0ken "} "#, "t0ken", true),
            ("json with an escape", r#"{"token":"t\u0030ken"}"#, "t0ken", true),
            ("a json string is plain", r#""t0ken""#, r#""t0ken""#, true),
            ("a number is plain", "12345", "12345", true),
            ("broken json is plain", r#"{"token":"#, r#"{"token":"#, true),
            ("another token", "t0ken", "t0kem", false),
            ("a longer token", "t0ken", "t0kent0ken", false),
            ("nothing", "t0ken", "", false),
            ("what is presented is not trimmed", "t0ken", " t0ken", false),
            ("the json text is not the token", r#"{"token":"t"}"#, r#"{"token":"t"}"#, false),
        ] {
            let token = shared(&day_old(secret), HOUR, &clock());
            assert_eq!(token.admits(presented).await, Ok(is_admitted), "{why}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_without_a_token_admits_nobody_and_is_named_by_its_shape() {
        for (why, secret, fault) in [
            ("empty", "", TokenFault::Empty),
            ("white space", " \n", TokenFault::Empty),
            ("an empty member", r#"{"token":" "}"#, TokenFault::Empty),
            ("no member", r#"{"tokem":"x"}"#, TokenFault::NoToken),
            ("not a string", r#"{"token":5}"#, TokenFault::NoToken),
            ("two members", r#"{"token":"a","token":"b"}"#, TokenFault::NoToken),
        ] {
            assert_eq!(digest_secret(&secret.into()), Err(fault), "{why}");
            let token = shared(&day_old(secret), HOUR, &clock());
            assert_eq!(token.admits("").await, Err(Unavailable), "{why}");
        }
    }

    #[tokio::test]
    async fn a_literal_token_is_trimmed_and_never_empty() {
        let token = SharedToken::literal(" t0ken\n".into()).unwrap();

        assert_eq!(token.admits("t0ken").await, Ok(true));
        assert_eq!(token.admits("other").await, Ok(false));
        assert_eq!(SharedToken::literal(" ".into()).unwrap_err(), TokenFault::Empty);
    }

    #[tokio::test(start_paused = true)]
    async fn debug_prints_no_token() {
        let kept = shared(&day_old("t0ken"), HOUR, &clock());
        kept.admits("t0ken").await.unwrap();
        let literal = SharedToken::literal("t0ken".into()).unwrap();
        assert_eq!(format!("{kept:?} {literal:?}"), "SharedToken([redacted]) SharedToken([redacted])");
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_rotation_then_old_and_new_are_admitted_until_the_grace_ends() {
        let clock = clock();
        let secret = day_old("old");
        let token = shared(&secret, HOUR, &clock);
        assert_eq!(token.admits("old").await, Ok(true));
        assert_eq!(secret.calls(), [Stage::Current], "a day after its creation there is no grace to ask for");

        secret.rotate("new", clock());
        assert_eq!(token.admits("new").await, Ok(true), "the mismatch forces a refresh");
        assert_eq!(token.admits("old").await, Ok(true));

        advance(HOUR - SECOND).await;
        assert_eq!(token.admits("old").await, Ok(true));
        advance(SECOND).await;
        assert_eq!(token.admits("old").await, Ok(false), "checked at the comparison, within the ttl");
        assert_eq!(token.admits("new").await, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn given_two_rotations_then_the_oldest_token_dies_within_the_time_to_live() {
        let clock = clock();
        let secret = day_old("a");
        let token = shared(&secret, HOUR, &clock);
        token.admits("a").await.unwrap();

        secret.rotate("b", clock());
        secret.rotate("c", clock());
        assert_eq!(token.admits("a").await, Ok(true), "not fetched again yet");

        advance(EXPIRY).await;
        assert_eq!(token.admits("a").await, Ok(false));
        assert_eq!(token.admits("b").await, Ok(true));
        assert_eq!(token.admits("c").await, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn given_no_grace_then_the_previous_version_is_never_read_nor_admitted() {
        let clock = clock();
        let secret = day_old("old");
        let token = shared(&secret, Duration::ZERO, &clock);
        // A creation date ahead of this machine's clock opens no grace either.
        secret.rotate("new", clock() + SECOND);

        assert_eq!(token.admits("old").await, Ok(false));
        assert_eq!(token.admits("new").await, Ok(true));
        assert!(!secret.calls().contains(&Stage::Previous));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_cold_start_after_a_rotation_then_it_agrees_with_the_warm_one_on_the_grace() {
        let clock = clock();
        let secret = day_old("old");
        let warm = shared(&secret, HOUR, &clock);
        warm.admits("old").await.unwrap();
        secret.rotate("new", clock());

        for (minutes, is_admitted) in [(1, true), (58, true), (2, false)] {
            advance(Duration::from_secs(60 * minutes)).await;
            let cold = shared(&secret, HOUR, &clock);
            assert_eq!(warm.admits("old").await, Ok(is_admitted));
            assert_eq!(cold.admits("old").await, Ok(is_admitted));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_faulty_previous_version_then_the_current_one_is_admitted() {
        let clock = clock();
        let secret = day_old("{}");
        secret.rotate("new", clock());

        assert_eq!(shared(&secret, HOUR, &clock).admits("new").await, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_previous_version_of_bytes_then_the_current_one_is_admitted() {
        struct Mended(Arc<FakeSecret>);
        impl SecretSource for Mended {
            fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
                match stage {
                    Stage::Current => self.0.fetch(stage),
                    Stage::Previous => Box::pin(async { Err(SecretError::NotText) }),
                }
            }
        }
        let clock = clock();
        let secret = FakeSecret::new("mended", clock());
        let token = SharedToken::with_clock(Mended(secret), HOUR, clock);

        assert_eq!(token.admits("mended").await, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn given_bad_tokens_every_100_ms_then_they_cost_a_read_every_10_s() {
        let secret = day_old("good");
        let token = shared(&secret, HOUR, &clock());

        for _ in 0..300 {
            assert_eq!(token.admits("bad").await, Ok(false));
            advance(Duration::from_millis(100)).await;
        }
        assert_eq!(secret.calls().len(), 1 + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn given_bad_tokens_every_100_ms_when_it_is_rotated_then_the_new_one_works_within_10_s() {
        let clock = clock();
        let secret = day_old("old");
        let token = shared(&secret, HOUR, &clock);
        token.admits("bad").await.unwrap();

        secret.rotate("new", clock());
        let rotated = Instant::now();
        while token.admits("new").await == Ok(false) {
            token.admits("bad").await.unwrap();
            advance(Duration::from_millis(100)).await;
        }
        assert!(rotated.elapsed() <= 10 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn given_200_requests_across_a_rotation_then_no_holder_of_either_token_is_refused() {
        let clock = clock();
        let secret = day_old("old");
        secret.set_latency(Duration::from_millis(80));
        let token = shared(&secret, HOUR, &clock);
        let rotation = async {
            sleep(Duration::from_millis(1010)).await;
            secret.rotate("new", clock());
        };
        let requests = (0..200u32).map(async |number| {
            sleep(Duration::from_millis(10) * number).await;
            let presented = if number > 101 && number % 3 != 0 { "new" } else { "old" };
            token.admits(presented).await
        });

        let (answers, ()) = tokio::join!(join_all(requests), rotation);

        assert!(answers.iter().all(|answer| *answer == Ok(true)), "{answers:?}");
        assert_eq!(secret.calls(), [Stage::Current, Stage::Current, Stage::Previous]);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_fetch_begun_before_the_rotation_when_a_new_token_shares_it_then_it_forces_another() {
        let clock = clock();
        let secret = day_old("old");
        secret.set_latency(SECOND);
        let token = shared(&secret, HOUR, &clock);
        token.admits("old").await.unwrap();
        advance(EXPIRY).await;

        let rotation = async {
            sleep(Duration::from_millis(500)).await;
            secret.rotate("new", clock());
            token.admits("new").await
        };
        let (old, new) = tokio::join!(token.admits("old"), rotation);

        assert_eq!((old, new), (Ok(true), Ok(true)));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_store_that_fails_then_what_is_cached_decides_for_an_hour() {
        let secret = day_old("good");
        let token = shared(&secret, HOUR, &clock());
        secret.fail(true);
        assert_eq!(token.admits("good").await, Err(Unavailable), "nothing is cached");

        secret.fail(false);
        assert_eq!(token.admits("good").await, Ok(true));

        secret.fail(true);
        assert_eq!(token.admits("bad").await, Ok(false));
        advance(HOUR - SECOND).await;
        assert_eq!(token.admits("good").await, Ok(true));
        advance(SECOND).await;
        assert_eq!(token.admits("good").await, Err(Unavailable));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_shorter_time_to_live_then_the_secret_is_read_that_often() {
        let secret = day_old("good");
        let token = shared(&secret, HOUR, &clock()).with_ttl(SECOND);
        for _ in 0..5 {
            token.admits("good").await.unwrap();
            advance(2 * SECOND).await;
        }
        assert_eq!(secret.calls().len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_warm_up_then_the_first_request_costs_no_read() {
        let secret = day_old("good");
        let token = shared(&secret, HOUR, &clock());
        token.warm().await;
        assert_eq!(token.admits("good").await, Ok(true));
        assert_eq!(secret.calls().len(), 1);
    }
}
