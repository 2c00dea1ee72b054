//! What needs signed tokens: `dev` brings the means to make keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
use futures_util::future::BoxFuture;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, encode, get_current_timestamp};
use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::cached::FetchError;

const RS256: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::RS256;
const ES256: jsonwebtoken::Algorithm = jsonwebtoken::Algorithm::ES256;

static RSA: LazyLock<EncodingKey> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // jsonwebtoken wants PKCS#1, which stands in PKCS#8 after 26 bytes of frame.
    EncodingKey::from_rsa_der(&AsDer::as_der(&pair).unwrap().as_ref()[26..])
});
static EC: LazyLock<EncodingKey> = LazyLock::new(ec);

fn ec() -> EncodingKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref())
}

fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

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

#[derive(Default)]
struct FakeIssuer {
    keys: Mutex<Vec<Value>>,
    fetches: AtomicU64,
}

impl FakeIssuer {
    /// Publishes `rsa` and `ec`.
    fn new() -> Arc<Self> {
        let issuer = Arc::new(Self::default());
        issuer.publish(published("rsa", &RSA, RS256, json!({"use": "sig"})));
        issuer.publish(published("ec", &EC, ES256, json!({})));
        issuer
    }

    fn publish(&self, key: Value) {
        self.keys.lock().unwrap().push(key);
    }

    fn fail(&self) {
        self.keys.lock().unwrap().clear();
    }

    fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }

    fn tokens(self: &Arc<Self>) -> UserTokens {
        UserTokens::with_source(config(), self.clone())
    }
}

impl Source<Keys> for Arc<FakeIssuer> {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, FetchError>> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let document = json!({"keys": *self.keys.lock().unwrap()}).to_string();
        Box::pin(async move { Ok(Keys::parse(document.as_bytes())?) })
    }
}

fn config() -> UserTokenConfig {
    UserTokenConfig {
        issuer: "https://issuer.example".to_owned(),
        audience: "app".to_owned(),
        jwks_url: "https://issuer.example/jwks.json".to_owned(),
        algorithms: Vec::new(),
    }
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

#[tokio::test]
async fn a_token_of_either_kind_of_key_gives_its_claims() {
    let tokens = FakeIssuer::new().tokens();
    for (kid, algorithm, key) in [("rsa", RS256, &*RSA), ("ec", ES256, &*EC)] {
        let token = sign(&header(algorithm, kid), &claims(json!({"custom:plan": "pro"})), key);
        let claims = tokens.verify(&token).await.unwrap();
        assert_eq!((&claims["sub"], &claims["custom:plan"]), (&json!("u1"), &json!("pro")), "{kid}");
    }
}

#[tokio::test]
async fn the_claims_decide() {
    let tokens = FakeIssuer::new().tokens();
    let now = get_current_timestamp();
    let access = json!({"aud": null, "token_use": "access", "client_id": "app"});
    for (why, changes, is_accepted) in [
        ("one of several audiences", json!({"aud": ["other", "app"]}), true),
        ("expired within the leeway", json!({"exp": now - 30}), true),
        ("not valid yet within the leeway", json!({"nbf": now + 30}), true),
        ("a Cognito access token", access, true),
        ("expired", json!({"exp": now - 90}), false),
        ("no expiry", json!({"exp": null}), false),
        ("an expiry that is text", json!({"exp": "tomorrow"}), false),
        ("not valid yet", json!({"nbf": now + 90}), false),
        ("a begin that is text", json!({"nbf": "today"}), false),
        ("another issuer", json!({"iss": "https://other.example"}), false),
        ("no issuer", json!({"iss": null}), false),
        ("a list of issuers", json!({"iss": ["https://issuer.example"]}), false),
        ("another audience", json!({"aud": "other"}), false),
        ("other audiences", json!({"aud": ["other", 5]}), false),
        ("no audience", json!({"aud": null}), false),
        ("a client id in an id token", json!({"aud": null, "token_use": "id", "client_id": "app"}), false),
        ("another client", json!({"aud": null, "token_use": "access", "client_id": "other"}), false),
        (
            "another audience in an access token",
            json!({"aud": "other", "token_use": "access", "client_id": "app"}),
            false,
        ),
    ] {
        let token = sign(&header(ES256, "ec"), &claims(changes), &EC);
        assert_eq!(tokens.verify(&token).await.is_ok(), is_accepted, "{why}");
    }
}

#[tokio::test]
async fn the_header_only_chooses_among_what_is_configured() {
    let issuer = FakeIssuer::new();
    issuer.publish(published("enc", &EC, ES256, json!({"use": "enc"})));
    issuer.publish(published("es384", &EC, ES256, json!({"alg": "ES384"})));
    issuer.publish(json!({"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}));
    let tokens = issuer.tokens();
    let good = claims(json!({}));
    let own_key = Jwk::from_encoding_key(&ec(), ES256).unwrap();
    let secret = EncodingKey::from_secret(b"secret");
    let signed = sign(&header(ES256, "ec"), &good, &EC);
    let (message, _) = signed.rsplit_once('.').unwrap();
    // {"alg":"none","kid":"ec"}
    let none = format!("eyJhbGciOiJub25lIiwia2lkIjoiZWMifQ.{}.", message.split_once('.').unwrap().1);

    for (why, token) in [
        ("no token", String::new()),
        ("not a token", "a.b.c".to_owned()),
        ("no signature", format!("{message}.")),
        ("algorithm none", none),
        ("a shared key", sign(&header(jsonwebtoken::Algorithm::HS256, "oct"), &good, &secret)),
        ("an algorithm that is not configured", {
            sign(&header(jsonwebtoken::Algorithm::PS256, "rsa"), &good, &RSA)
        }),
        ("no key id", sign(&Header::new(ES256), &good, &EC)),
        ("another's key", sign(&header(ES256, "ec"), &good, &ec())),
        ("its own key", {
            let header = Header { jwk: Some(own_key), ..header(ES256, "ec") };
            sign(&header, &good, &ec())
        }),
        ("a key of another type", sign(&header(ES256, "rsa"), &good, &EC)),
        ("a key for encryption", sign(&header(ES256, "enc"), &good, &EC)),
        ("a key of another algorithm", sign(&header(ES256, "es384"), &good, &EC)),
        ("critical extensions", {
            let header = Header { crit: Some(vec!["b64".to_owned()]), ..header(ES256, "ec") };
            sign(&header, &good, &EC)
        }),
    ] {
        let outcome = tokens.verify(&token).await;
        assert!(matches!(outcome, Err(Refused(_))), "{why}: {outcome:?}");
    }
}

#[tokio::test]
async fn given_an_algorithm_left_out_of_the_configuration_then_it_does_not_count() {
    let config = UserTokenConfig { algorithms: vec![Algorithm::RS256], ..config() };
    let tokens = UserTokens::with_source(config, FakeIssuer::new());
    tokens.verify(&sign(&header(RS256, "rsa"), &claims(json!({})), &RSA)).await.unwrap();
    tokens.verify(&sign(&header(ES256, "ec"), &claims(json!({})), &EC)).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn given_a_new_key_when_its_id_is_seen_then_the_keys_are_read_again() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    tokens.verify(&sign(&header(ES256, "ec"), &claims(json!({})), &EC)).await.unwrap();
    let key = ec();
    issuer.publish(published("new", &key, ES256, json!({})));

    tokens.verify(&sign(&header(ES256, "new"), &claims(json!({})), &key)).await.unwrap();

    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn given_unknown_key_ids_every_100_ms_then_the_keys_are_read_every_10_s() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    let token = sign(&header(ES256, "unknown"), &claims(json!({})), &EC);
    for _ in 0..300 {
        assert_eq!(tokens.verify(&token).await, Err(Refused("no published key fits")));
        advance(Duration::from_millis(100)).await;
    }
    assert_eq!(issuer.fetches(), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn given_an_issuer_that_fails_then_its_keys_count_for_an_hour() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    let token = sign(&header(ES256, "ec"), &claims(json!({"exp": u32::MAX})), &EC);
    tokens.verify(&token).await.unwrap();
    issuer.fail();

    advance(Duration::from_secs(3599)).await;
    tokens.verify(&token).await.unwrap();
    advance(Duration::from_secs(1)).await;
    assert_eq!(tokens.verify(&token).await, Err(UserTokenError::KeysUnavailable));
}

#[tokio::test]
async fn a_token_that_cannot_count_costs_no_fetch() {
    let issuer = FakeIssuer::new();
    let tokens = issuer.tokens();
    for token in [sign(&Header::new(ES256), &claims(json!({})), &EC), "a.b.c".to_owned()] {
        tokens.verify(&token).await.unwrap_err();
    }
    assert_eq!(issuer.fetches(), 0);
}
