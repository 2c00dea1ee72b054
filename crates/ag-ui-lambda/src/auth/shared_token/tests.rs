use futures_util::future::join_all;
use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::secrets::{FakeSecret, SecretError, SecretVersion, Stage};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);
/// A time after which every cached value has to be fetched again.
const EXPIRY: Duration = Duration::from_secs(331);

/// A wall clock that moves with the paused clock of the runtime. It starts a day after the Unix epoch.
fn clock() -> Clock {
    let began = Instant::now();
    Arc::new(move || SystemTime::UNIX_EPOCH + 24 * HOUR + began.elapsed())
}

/// The token in this secret, with this grace period and clock. It may be short.
fn shared_token(secret: &Arc<FakeSecret>, grace: Duration, clock: &Clock) -> SharedToken {
    SharedToken::with_clock(secret.clone(), grace, clock.clone(), digest_local_secret)
}

/// A secret that was created a day before [`clock`] starts.
fn day_old_secret(value: &str) -> Arc<FakeSecret> {
    FakeSecret::new(value, SystemTime::UNIX_EPOCH)
}

#[tokio::test(start_paused = true)]
async fn token_is_read_from_json_or_plain_text() {
    for (why, secret, presented, is_accepted) in [
        ("plain", "t0ken", "t0ken", true),
        ("plain with a line end", "t0ken\n", "t0ken", true),
        ("json", r#"{"token":"t0ken"}"#, "t0ken", true),
        ("json with other members and white space", r#" {"a":1,"token":" t0ken "} "#, "t0ken", true),
        ("json with an escape", r#"{"token":"t\u0030ken"}"#, "t0ken", true),
        ("a number is plain", "12345", "12345", true),
        ("another token", "t0ken", "t0kem", false),
        ("a longer token", "t0ken", "t0kent0ken", false),
        ("nothing", "t0ken", "", false),
        ("what is presented is not trimmed", "t0ken", " t0ken", false),
        ("the json text is not the token", r#"{"token":"t"}"#, r#"{"token":"t"}"#, false),
    ] {
        let token = shared_token(&day_old_secret(secret), HOUR, &clock());
        assert_eq!(token.accepts(presented).await, Ok(is_accepted), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn secret_without_a_token_accepts_no_caller() {
    for (why, secret, fault) in [
        ("empty", "", SharedTokenError::Empty),
        ("white space", " \n", SharedTokenError::Empty),
        ("an empty member", r#"{"token":" "}"#, SharedTokenError::Empty),
        ("no member", r#"{"tokem":"x"}"#, SharedTokenError::NoTokenMember),
        ("not a string", r#"{"token":5}"#, SharedTokenError::NoTokenMember),
        ("two members", r#"{"token":"a","token":"b"}"#, SharedTokenError::NoTokenMember),
        ("broken json", r#"{"token":"a token of thirty-two characters""#, SharedTokenError::NotJsonObject),
        ("a json string", r#""a token of thirty-two characters""#, SharedTokenError::NotJsonObject),
        ("a json array", r#"["a token of thirty-two characters"]"#, SharedTokenError::NotJsonObject),
    ] {
        assert_eq!(digest_secret(&secret.into()), Err(fault), "{why}");
        let token = shared_token(&day_old_secret(secret), HOUR, &clock());
        assert_eq!(token.accepts("").await, Err(UnavailableError), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn short_token_in_a_secret_accepts_no_caller() {
    let token = "0123456789abcdef0123456789abcdef";
    for (why, secret, expected) in [
        ("32 characters", token.to_owned(), Ok(true)),
        ("white space around it", format!(" {token}\n"), Ok(true)),
        ("in json", format!(r#"{{"token":"{token}"}}"#), Ok(true)),
        ("31 characters", token[1..].to_owned(), Err(UnavailableError)),
        ("31 in json", format!(r#"{{"token":"{}"}}"#, &token[1..]), Err(UnavailableError)),
        ("31 characters and white space", format!("{}  ", &token[1..]), Err(UnavailableError)),
        ("one character", "x".to_owned(), Err(UnavailableError)),
    ] {
        let held = SharedToken::from_source(day_old_secret(&secret), HOUR);
        let presented = if expected.is_ok() { token } else { secret.trim() };
        assert_eq!(held.accepts(presented).await, expected, "{why}");
        assert_eq!(SharedToken::check(&secret.into()).is_ok(), expected.is_ok(), "{why}");
    }
    assert_eq!(SharedToken::check(&"x".into()), Err(SharedTokenError::TooShort));
}

#[tokio::test]
async fn literal_token_is_trimmed_and_never_empty() {
    let token = SharedToken::literal(" t0ken\n".into()).unwrap();

    assert_eq!(token.accepts("t0ken").await, Ok(true));
    assert_eq!(token.accepts("other").await, Ok(false));
    assert_eq!(SharedToken::literal(" ".into()).unwrap_err(), SharedTokenError::Empty);
}

#[tokio::test(start_paused = true)]
async fn debug_prints_no_token() {
    let kept = shared_token(&day_old_secret("t0ken"), HOUR, &clock());
    kept.accepts("t0ken").await.unwrap();
    let literal = SharedToken::literal("t0ken".into()).unwrap();
    assert_eq!(format!("{kept:?} {literal:?}"), "SharedToken([redacted]) SharedToken([redacted])");
}

#[tokio::test(start_paused = true)]
async fn previous_token_is_accepted_until_the_grace_ends() {
    let clock = clock();
    let secret = day_old_secret("old");
    let token = shared_token(&secret, HOUR, &clock);
    assert_eq!(token.accepts("old").await, Ok(true));
    assert_eq!(secret.calls(), [Stage::Current], "a day after its creation there is no grace to ask for");

    secret.rotate("new", clock());
    assert_eq!(token.accepts("new").await, Ok(true), "the mismatch forces a refresh");
    assert_eq!(token.accepts("old").await, Ok(true));

    advance(HOUR - SECOND).await;
    assert_eq!(token.accepts("old").await, Ok(true));
    advance(SECOND).await;
    assert_eq!(token.accepts("old").await, Ok(false), "checked at the comparison, within the ttl");
    assert_eq!(token.accepts("new").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn token_before_the_previous_one_expires_with_the_cache() {
    let clock = clock();
    let secret = day_old_secret("a");
    let token = shared_token(&secret, HOUR, &clock);
    token.accepts("a").await.unwrap();

    secret.rotate("b", clock());
    secret.rotate("c", clock());
    assert_eq!(token.accepts("a").await, Ok(true), "not fetched again yet");

    advance(EXPIRY).await;
    assert_eq!(token.accepts("a").await, Ok(false));
    assert_eq!(token.accepts("b").await, Ok(true));
    assert_eq!(token.accepts("c").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn previous_version_is_not_read_without_a_grace() {
    let clock = clock();
    let secret = day_old_secret("old");
    let token = shared_token(&secret, Duration::ZERO, &clock);
    // A creation date ahead of this machine's clock opens no grace either.
    secret.rotate("new", clock() + SECOND);

    assert_eq!(token.accepts("old").await, Ok(false));
    assert_eq!(token.accepts("new").await, Ok(true));
    assert!(!secret.calls().contains(&Stage::Previous));
}

#[tokio::test(start_paused = true)]
async fn cold_and_warm_process_agree_on_the_grace() {
    let clock = clock();
    let secret = day_old_secret("old");
    let warm = shared_token(&secret, HOUR, &clock);
    warm.accepts("old").await.unwrap();
    secret.rotate("new", clock());

    for (minutes, is_accepted) in [(1, true), (58, true), (2, false)] {
        advance(Duration::from_secs(60 * minutes)).await;
        let cold = shared_token(&secret, HOUR, &clock);
        assert_eq!(warm.accepts("old").await, Ok(is_accepted));
        assert_eq!(cold.accepts("old").await, Ok(is_accepted));
    }
}

#[tokio::test(start_paused = true)]
async fn unusable_previous_version_is_ignored() {
    let clock = clock();
    let secret = day_old_secret("{}");
    secret.rotate("new", clock());

    assert_eq!(shared_token(&secret, HOUR, &clock).accepts("new").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn binary_previous_version_is_ignored() {
    /// A secret whose previous version is bytes.
    struct BinaryPrevious(Arc<FakeSecret>);
    impl SecretSource for BinaryPrevious {
        fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
            match stage {
                Stage::Current => self.0.fetch(stage),
                Stage::Previous => Box::pin(async { Err(SecretError::NotText) }),
            }
        }
    }
    let clock = clock();
    let secret = FakeSecret::new("new", clock());
    let token = SharedToken::with_clock(BinaryPrevious(secret), HOUR, clock, digest_local_secret);

    assert_eq!(token.accepts("new").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn wrong_tokens_cost_one_read_every_10_s() {
    let secret = day_old_secret("good");
    let token = shared_token(&secret, HOUR, &clock());

    for _ in 0..300 {
        assert_eq!(token.accepts("bad").await, Ok(false));
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(secret.calls().len(), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn new_token_works_within_10_s_despite_wrong_tokens() {
    let clock = clock();
    let secret = day_old_secret("old");
    let token = shared_token(&secret, HOUR, &clock);
    token.accepts("bad").await.unwrap();

    secret.rotate("new", clock());
    let rotated = Instant::now();
    while token.accepts("new").await == Ok(false) {
        token.accepts("bad").await.unwrap();
        advance(Duration::from_millis(100)).await;
    }
    assert!(rotated.elapsed() <= 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_caller_is_refused_during_a_rotation() {
    let clock = clock();
    let secret = day_old_secret("old");
    secret.set_latency(Duration::from_millis(80));
    let token = shared_token(&secret, HOUR, &clock);
    let rotation = async {
        sleep(Duration::from_millis(1010)).await;
        secret.rotate("new", clock());
    };
    let requests = (0..200u32).map(async |number| {
        sleep(Duration::from_millis(10) * number).await;
        let presented = if number > 101 && number % 3 != 0 { "new" } else { "old" };
        token.accepts(presented).await
    });

    let (answers, ()) = tokio::join!(join_all(requests), rotation);

    assert!(answers.iter().all(|answer| *answer == Ok(true)), "{answers:?}");
    assert_eq!(secret.calls(), [Stage::Current, Stage::Current, Stage::Previous]);
}

#[tokio::test(start_paused = true)]
async fn new_token_forces_a_fetch_after_a_stale_one() {
    let clock = clock();
    let secret = day_old_secret("old");
    secret.set_latency(SECOND);
    let token = shared_token(&secret, HOUR, &clock);
    token.accepts("old").await.unwrap();
    advance(EXPIRY).await;

    let rotation = async {
        sleep(Duration::from_millis(500)).await;
        secret.rotate("new", clock());
        token.accepts("new").await
    };
    let (old, new) = tokio::join!(token.accepts("old"), rotation);

    assert_eq!((old, new), (Ok(true), Ok(true)));
}

#[tokio::test(start_paused = true)]
async fn cached_token_is_used_for_an_hour_of_failures() {
    let secret = day_old_secret("good");
    let token = shared_token(&secret, HOUR, &clock());
    secret.fail(true);
    assert_eq!(token.accepts("good").await, Err(UnavailableError), "nothing is cached");

    secret.fail(false);
    assert_eq!(token.accepts("good").await, Ok(true));

    secret.fail(true);
    assert_eq!(token.accepts("bad").await, Ok(false));
    advance(HOUR - SECOND).await;
    assert_eq!(token.accepts("good").await, Ok(true));
    advance(SECOND).await;
    assert_eq!(token.accepts("good").await, Err(UnavailableError));
}

#[tokio::test(start_paused = true)]
async fn shorter_ttl_reads_the_secret_more_often() {
    let secret = day_old_secret("good");
    let token = shared_token(&secret, HOUR, &clock()).with_ttl(SECOND);
    for _ in 0..5 {
        token.accepts("good").await.unwrap();
        advance(2 * SECOND).await;
    }
    assert_eq!(secret.calls().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn first_request_after_warming_costs_no_read() {
    let secret = day_old_secret("good");
    let token = shared_token(&secret, HOUR, &clock());
    token.warm_up().await;
    assert_eq!(token.accepts("good").await, Ok(true));
    assert_eq!(secret.calls().len(), 1);
}
