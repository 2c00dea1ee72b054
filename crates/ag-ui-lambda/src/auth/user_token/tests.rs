//! Tests with signed tokens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use futures_util::future::{BoxFuture, join_all};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, advance, sleep};

use super::UserTokenError::{self, Expired, NotYetValid, Refused};
use super::key_set::KeySet;
use super::{Algorithm, MAX_TOKEN_BYTES, UserTokenConfig, UserTokenConfigError, UserTokens};
use crate::secrets::cache::{Fetch, FetchError};

const RS256: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::RS256;
const ES256: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::ES256;

static RSA: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // jsonwebtoken wants PKCS#1, which stands in PKCS#8 after 26 bytes of frame.
    EncodingKey::from_rsa_der(&AsDer::as_der(&pair).unwrap().as_ref()[26..])
});
static EC: LazyLock<EncodingKey> = LazyLock::new(new_ec_key);

/// Generates a key for ES256.
fn new_ec_key() -> EncodingKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref())
}

/// Signs a token.
fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

/// A header that names an algorithm and a key.
fn header(algorithm: jsonwebtoken::Algorithm, kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }
}

/// The published form of `key`, with members added or replaced.
fn published(kid: &str, key: &EncodingKey, algorithm: jsonwebtoken::Algorithm, more: Value) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    jwk["kid"] = kid.into();
    for (name, value) in more.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

/// An issuer in memory, whose key set changes on demand.
#[derive(Default)]
struct FakeIssuer {
    keys: Mutex<Vec<Value>>,
    fetches: AtomicU64,
}

impl FakeIssuer {
    /// An issuer that publishes the keys `rsa` and `ec`.
    fn new() -> Arc<Self> {
        let issuer = Arc::new(Self::default());
        issuer.publish(published("rsa", &RSA, RS256, json!({"use": "sig"})));
        issuer.publish(published("ec", &EC, ES256, json!({})));
        issuer
    }

    /// Adds a key to the key set.
    fn publish(&self, key: Value) {
        self.keys.lock().unwrap().push(key);
    }

    /// Stops publishing a key.
    fn withdraw(&self, kid: &str) {
        self.keys.lock().unwrap().retain(|key| key["kid"] != kid);
    }

    /// Publishes no usable key from now on.
    fn fail(&self) {
        self.keys.lock().unwrap().clear();
    }

    /// Returns how often the keys were fetched.
    fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }

    /// A verifier that fetches its keys from here.
    fn tokens(self: &Arc<Self>) -> UserTokens {
        UserTokens::with_source(config(), self.clone())
    }
}

impl Fetch<KeySet> for Arc<FakeIssuer> {
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, FetchError>> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let document = json!({"keys": *self.keys.lock().unwrap()}).to_string();
        Box::pin(async move {
            sleep(Duration::from_millis(100)).await;
            Ok(KeySet::parse(document.as_bytes())?)
        })
    }
}

/// The configuration that the tokens of these tests are meant for.
fn config() -> UserTokenConfig {
    UserTokenConfig {
        issuer: "https://issuer.example".to_owned(),
        audiences: vec!["app".to_owned()],
        jwks_url: None,
        algorithms: Vec::new(),
    }
}

/// A token that is signed with the key `ec`, with these changes of its claims.
fn ec_token(changes: Value) -> String {
    sign(&header(ES256, "ec"), &claims(changes), &EC)
}

/// Good claims with members replaced, or removed where null.
fn claims(changes: Value) -> Value {
    let exp = get_current_timestamp() + 600;
    let mut claims = json!({"iss": "https://issuer.example", "aud": "app", "exp": exp, "sub": "u1"});
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

#[tokio::test(start_paused = true)]
async fn token_of_either_key_type_is_verified() {
    let tokens = FakeIssuer::new().tokens();
    for (kid, algorithm, key) in [("rsa", RS256, &*RSA), ("ec", ES256, &*EC)] {
        let token = sign(&header(algorithm, kid), &claims(json!({"custom:plan": "pro"})), key);
        let claims = tokens.verify(&token).await.unwrap();
        assert_eq!((&claims["sub"], &claims["custom:plan"]), (&json!("u1"), &json!("pro")), "{kid}");
    }
}

#[tokio::test(start_paused = true)]
async fn signature_is_checked_before_claims() {
    let tokens = FakeIssuer::new().tokens();
    let now = get_current_timestamp();
    for (changes, expected) in [
        (json!({"exp": now - 90}), Expired),
        (json!({"nbf": now + 90}), NotYetValid),
        (json!({"aud": "other"}), Refused("the audience is another")),
        (json!({"iss": "https://other.example"}), Refused("the issuer is another")),
        (json!({"exp": now - 90, "aud": "other"}), Refused("the audience is another")),
    ] {
        let shown = changes.to_string();
        let forged = sign(&header(ES256, "ec"), &claims(changes.clone()), &new_ec_key());
        assert_eq!(tokens.verify(&forged).await, Err(Refused("the signature is wrong")), "{shown}");
        assert_eq!(tokens.verify(&ec_token(changes)).await, Err(expected), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn key_counts_only_for_its_published_use() {
    let issuer = FakeIssuer::new();
    issuer.publish(published("enc", &EC, ES256, json!({"use": "enc"})));
    issuer.publish(published("es384", &EC, ES256, json!({"alg": "ES384"})));
    issuer.publish(json!({"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}));
    let tokens = issuer.tokens();
    for (why, kid, key, reason) in [
        ("another's key", "ec", &new_ec_key(), "the signature is wrong"),
        ("a key of another type", "rsa", &*EC, "no published key fits"),
        ("a key for encryption", "enc", &*EC, "no published key fits"),
        ("a key of another algorithm", "es384", &*EC, "no published key fits"),
        ("a shared key", "oct", &*EC, "no published key fits"),
        ("an unknown key", "new", &*EC, "no published key fits"),
    ] {
        let token = sign(&header(ES256, kid), &claims(json!({})), key);
        assert_eq!(tokens.verify(&token).await, Err(Refused(reason)), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn unconfigured_algorithm_is_refused() {
    let config = UserTokenConfig { algorithms: vec![Algorithm::RS256], ..config() };
    let tokens = UserTokens::with_source(config, FakeIssuer::new());
    tokens.verify(&sign(&header(RS256, "rsa"), &claims(json!({})), &RSA)).await.unwrap();
    tokens.verify(&ec_token(json!({}))).await.unwrap_err();
}

#[test]
fn verifier_needs_an_audience() {
    for (audiences, expected) in [
        (vec!["app".to_owned()], None),
        (vec!["app".to_owned(), "other".to_owned()], None),
        (vec![], Some(UserTokenConfigError::Audience)),
        (vec!["app".to_owned(), String::new()], Some(UserTokenConfigError::Audience)),
    ] {
        let description = format!("{audiences:?}");
        assert_eq!(
            UserTokens::new(UserTokenConfig { audiences, ..config() }).err(),
            expected,
            "{description}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_token_costs_no_fetch() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    let good = ec_token(json!({}));
    let long = ec_token(json!({"long": "x".repeat(MAX_TOKEN_BYTES)}));
    for (token, reason) in [
        (long, "it is too long"),
        (String::new(), "it has not three parts"),
        ("a.b".to_owned(), "it has not three parts"),
        (format!("{good}."), "it has not three parts"),
        (format!("{good}.a"), "it has not three parts"),
        (format!("{good}.a.b"), "it has not three parts"),
        ("a.b.c".to_owned(), "the header is malformed"),
        (format!(" {good}"), "the header is malformed"),
        (format!("\r\n{good}"), "the header is malformed"),
        (sign(&Header::new(ES256), &claims(json!({})), &EC), "the header has no key id"),
    ] {
        assert_eq!(tokens.verify(&token).await, Err(Refused(reason)));
    }
    assert_eq!(issuer.fetches(), 0);

    for (token, reason) in [
        (format!("{good}\r\n"), "the signature is malformed"),
        (format!("{good}="), "the signature is malformed"),
        (good[..=good.rfind('.').unwrap()].to_owned(), "the signature is wrong"),
    ] {
        assert_eq!(tokens.verify(&token).await, Err(Refused(reason)));
    }
}

#[tokio::test(start_paused = true)]
async fn longest_token_is_verified() {
    let tokens = FakeIssuer::new().tokens();
    let with_padding = |length| ec_token(json!({"long": "x".repeat(length)}));
    // Three bytes of a payload are four of a token.
    let free = (MAX_TOKEN_BYTES - with_padding(0).len()) * 3 / 4;
    let longest = (free - 4..free + 4).map(with_padding).filter(|token| token.len() <= MAX_TOKEN_BYTES);
    let longest = longest.max_by_key(String::len).unwrap();

    assert!(longest.len() > MAX_TOKEN_BYTES - 4);
    tokens.verify(&longest).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn new_key_id_fetches_the_keys_once() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    tokens.verify(&ec_token(json!({}))).await.unwrap();
    let key = new_ec_key();
    issuer.publish(published("new", &key, ES256, json!({})));
    let new = sign(&header(ES256, "new"), &claims(json!({})), &key);
    let old = ec_token(json!({}));

    let verified = join_all((0..50).flat_map(|_| [tokens.verify(&new), tokens.verify(&old)])).await;

    assert!(verified.iter().all(Result::is_ok));
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn unknown_key_ids_fetch_the_keys_once_a_minute() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    for number in 0..1790 {
        let token = sign(&header(ES256, &format!("unknown-{number}")), &claims(json!({})), &EC);
        assert_eq!(tokens.verify(&token).await, Err(Refused("no published key fits")));
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(issuer.fetches(), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn expired_keys_and_an_unknown_key_id_cost_one_fetch() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    let old = ec_token(json!({"exp": u32::MAX}));
    tokens.verify(&old).await.unwrap();
    advance(Duration::from_secs(331)).await;
    let unknown = sign(&header(ES256, "unknown"), &claims(json!({})), &EC);
    tokens.verify(&unknown).await.unwrap_err();
    assert_eq!(issuer.fetches(), 2);

    let key = new_ec_key();
    issuer.publish(published("new", &key, ES256, json!({})));
    let new = sign(&header(ES256, "new"), &claims(json!({})), &key);
    let rotated = Instant::now();
    while tokens.verify(&new).await.is_err() {
        tokens.verify(&old).await.unwrap();
        advance(Duration::from_millis(100)).await;
    }
    assert!(rotated.elapsed() <= Duration::from_secs(10), "{:?}", rotated.elapsed());
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn issuer_that_fails_is_asked_every_10_s_without_keys() {
    let issuer = Arc::new(FakeIssuer::default());
    let tokens = issuer.tokens();
    tokens.warm_up().await;
    for _ in 0..299 {
        assert_eq!(tokens.verify(&ec_token(json!({}))).await, Err(UserTokenError::KeysUnavailable));
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(
        issuer.fetches(),
        1 + 3,
        "the first request tries again at once, and then there is one every 10 s"
    );

    issuer.publish(published("ec", &EC, ES256, json!({})));
    advance(Duration::from_secs(10)).await;
    tokens.verify(&ec_token(json!({}))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn withdrawn_key_counts_until_the_next_fetch() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    let token = ec_token(json!({"exp": u32::MAX}));
    tokens.verify(&token).await.unwrap();
    issuer.withdraw("ec");

    advance(Duration::from_secs(331)).await;

    assert_eq!(tokens.verify(&token).await, Err(Refused("no published key fits")));
    tokens.verify(&sign(&header(RS256, "rsa"), &claims(json!({})), &RSA)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn keys_are_used_for_a_day_of_failures() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    let token = ec_token(json!({"exp": u32::MAX}));
    tokens.verify(&token).await.unwrap();
    issuer.fail();

    advance(Duration::from_secs(24 * 3600 - 1)).await;
    tokens.verify(&token).await.unwrap();
    advance(Duration::from_secs(1)).await;
    assert_eq!(tokens.verify(&token).await, Err(UserTokenError::KeysUnavailable));
}
