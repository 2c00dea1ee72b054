//! The end user's token: a JWT of the configured issuer, checked against the issuer's published keys.
//!
//! The configuration says which algorithms, issuer and audience count; a token's header only chooses among
//! them, and never brings a key. What the claims mean is not decided here. Nothing of a token is logged: a
//! refusal has a fixed reason.

use std::fmt;
use std::str::FromStr;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

use super::auth::UserTokenError::{self, Refused};
use super::auth::VerifyUser;
use super::jwks::{Jwks, Keys};
use crate::cached::{Cached, Policy, Source, Unavailable};
use crate::protocol::JsonObject;

pub use super::jwks::InvalidJwksUrl;

/// Clock difference, in seconds, that is forgiven between the issuer and this machine.
const LEEWAY_S: u64 = 60;

/// A signature algorithm with a public key. Neither `none` nor a shared key can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithm(jsonwebtoken::Algorithm);

impl Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub const RS256: Self = Self(jsonwebtoken::Algorithm::RS256);
    /// ECDSA with P-256 and SHA-256.
    pub const ES256: Self = Self(jsonwebtoken::Algorithm::ES256);
}

/// An algorithm's name that is unknown here, or belongs to one without a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the algorithm is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA")]
#[non_exhaustive]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match jsonwebtoken::Algorithm::from_str(name) {
            Ok(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => Ok(Self(algorithm)),
            _ => Err(UnknownAlgorithm),
        }
    }
}

/// Which user tokens count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTokenConfig {
    /// The `iss` claim, exactly.
    pub issuer: String,
    /// The `aud` claim, or one of its entries.
    pub audience: String,
    /// Where the issuer publishes its keys: `https`, or `http` on this machine.
    pub jwks_url: String,
    /// The algorithms that count; empty means RS256 and ES256.
    pub algorithms: Vec<Algorithm>,
}

/// Verifies the tokens of one issuer.
pub struct UserTokens {
    /// What counts.
    config: UserTokenConfig,
    /// The issuer's keys.
    keys: Cached<Keys>,
}

impl VerifyUser for UserTokens {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>> {
        self.verify(token).boxed()
    }

    fn warm(&self) -> BoxFuture<'_, ()> {
        self.warm().boxed()
    }
}

impl UserTokens {
    /// A verifier for `config`. Fetches nothing yet.
    ///
    /// The keys are kept for 300 s, and for up to an hour while the issuer cannot be reached; an unknown
    /// key id reads them again, at most every 10 s.
    ///
    /// # Errors
    /// [`InvalidJwksUrl`] when `jwks_url` is none or not safe to trust keys from.
    pub fn new(config: UserTokenConfig) -> Result<Self, InvalidJwksUrl> {
        let source = Jwks::new(&config.jwks_url)?;
        Ok(Self::with_source(config, source))
    }

    /// Fetches the keys, if nobody has begun to. Poll it to its end or drop it.
    pub async fn warm(&self) {
        self.keys.warm().await;
    }

    /// The claims of `token`, once its signature, issuer, audience and times are checked.
    ///
    /// `exp`, `iss` and `aud` are required, `nbf` is checked where present, both times with 60 s of leeway.
    /// A Cognito access token has no `aud`: there `client_id` has to be the audience.
    ///
    /// # Errors
    /// [`UserTokenError::Refused`] with a reason for the log; [`UserTokenError::KeysUnavailable`] when it
    /// cannot be decided.
    ///
    /// Source: RFC 7519 section 7.2, RFC 8725 section 3, and Amazon Cognito's "Verifying JSON web tokens".
    pub async fn verify(&self, token: &str) -> Result<JsonObject, UserTokenError> {
        let header = decode_header(token).map_err(|_| Refused("the header is malformed"))?;
        if !self.config.algorithms.contains(&Algorithm(header.alg)) {
            return Err(Refused("the algorithm is not configured"));
        }
        if header.crit.is_some() {
            return Err(Refused("the header has critical extensions"));
        }
        let key = self.key(&header).await?;
        let claims = decode(token, &key, &self.validation(&header)).map_err(|error| reason(error.kind()))?;
        self.check(claims.claims)
    }

    fn with_source(mut config: UserTokenConfig, source: impl Source<Keys> + 'static) -> Self {
        // Features of a dependency add up over a program: with a second provider switched on elsewhere,
        // jsonwebtoken (11.1) knows no default any more and panics. Err means that one is installed.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        if config.algorithms.is_empty() {
            config.algorithms = vec![Algorithm::RS256, Algorithm::ES256];
        }
        Self { config, keys: Cached::new("user token keys", source, Policy::default()) }
    }

    async fn key(&self, header: &Header) -> Result<DecodingKey, UserTokenError> {
        let kid = header.kid.as_deref().ok_or(Refused("the header has no key id"))?;
        let mut keys = self.keys.get().await.map_err(|Unavailable| UserTokenError::KeysUnavailable)?;
        if !keys.knows(kid)
            && let Some(newer) = self.keys.newer_than(&keys).await
        {
            keys = newer;
        }
        let key = keys.find(kid, header.alg).ok_or(Refused("no published key fits"))?;
        DecodingKey::from_jwk(key).map_err(|_| Refused("the key is malformed"))
    }

    fn validation(&self, header: &Header) -> Validation {
        // One algorithm, since jsonwebtoken refuses a list of several families; it is a configured one.
        let mut validation = Validation::new(header.alg);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.set_issuer(&[&self.config.issuer]);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        // `check` does it, because of the tokens that have none.
        validation.validate_aud = false;
        validation
    }

    fn check(&self, claims: JsonObject) -> Result<JsonObject, UserTokenError> {
        let is = |name: &str, expected: &str| claims.get(name).and_then(Value::as_str) == Some(expected);
        // jsonwebtoken lets a list of issuers pass; the claim is one string.
        if !is("iss", &self.config.issuer) {
            return Err(Refused("the issuer is another"));
        }
        let is_for_us = match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(|one| *one == *self.config.audience),
            Some(audience) => *audience == *self.config.audience,
            None => is("token_use", "access") && is("client_id", &self.config.audience),
        };
        if is_for_us { Ok(claims) } else { Err(Refused("the audience is another")) }
    }
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokens").field("config", &self.config).finish_non_exhaustive()
    }
}

fn reason(kind: &ErrorKind) -> UserTokenError {
    Refused(match kind {
        ErrorKind::InvalidSignature => "the signature is wrong",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "the issuer is another",
        ErrorKind::MissingRequiredClaim(_) => "it has no usable `exp` or `iss`",
        ErrorKind::InvalidClaimFormat(_) => "a time is malformed",
        _ => "it is malformed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_without_a_public_key_cannot_be_configured() {
        for (name, is_known) in [
            ("RS256", true),
            ("ES256", true),
            ("EdDSA", true),
            ("HS256", false),
            ("none", false),
            ("", false),
        ] {
            assert_eq!(name.parse::<Algorithm>().is_ok(), is_known, "{name}");
        }
        assert_eq!("ES256".parse(), Ok(Algorithm::ES256));
    }
}

/// What needs signed tokens: `dev` brings the means to make keys.
#[cfg(test)]
#[cfg(feature = "dev")]
mod signed_tests {
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
            (
                "a client id in an id token",
                json!({"aud": null, "token_use": "id", "client_id": "app"}),
                false,
            ),
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
}
