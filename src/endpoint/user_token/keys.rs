//! An issuer's published keys: fetched over HTTP within limits, and searched for the one of a token.
//!
//! It neither caches nor verifies. An entry of the set that is not understood is left out: issuers publish
//! keys for other uses beside those for signatures.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use reqwest::redirect;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::cached::{FetchError, Source};

const MAX_BODY_BYTES: usize = 256 * 1024;

/// The key set's address is none, or keys from it could not be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key set's address is neither an https URL nor an http URL of this machine")]
#[non_exhaustive]
pub struct InvalidJwksUrl;

/// Why a key set could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum JwksFault {
    #[error("the key set was answered with status {0}")]
    Status(StatusCode),
    #[error("the key set is over {MAX_BODY_BYTES} bytes")]
    TooLarge,
    #[error("the key set is malformed")]
    Malformed(#[source] serde_json::Error),
    #[error("the key set of {0} entries has no usable key")]
    NoKey(usize),
}

/// The keys that a token may name: each has an id and is for signatures.
#[derive(Debug)]
pub(super) struct Keys(Vec<Jwk>);

impl Keys {
    /// Reads a JSON Web Key Set.
    ///
    /// Source: RFC 7517 section 5.
    pub(super) fn parse(body: &[u8]) -> Result<Self, JwksFault> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let entries = serde_json::from_slice::<Document>(body).map_err(JwksFault::Malformed)?.keys;
        let count = entries.len();
        let keys = entries.into_iter().filter_map(|entry| serde_json::from_value::<Jwk>(entry).ok());
        let keys: Vec<Jwk> = keys.filter(is_for_signatures).collect();
        // An empty set must not take the place of the keys that are cached.
        if keys.is_empty() { Err(JwksFault::NoKey(count)) } else { Ok(Self(keys)) }
    }

    /// Whether any key has the id `kid`.
    pub(super) fn knows(&self, kid: &str) -> bool {
        self.named(kid).next().is_some()
    }

    /// The key with the id `kid` that may verify `algorithm`.
    pub(super) fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&Jwk> {
        self.named(kid).find(|key| fits(key, algorithm))
    }

    fn named(&self, kid: &str) -> impl Iterator<Item = &Jwk> {
        self.0.iter().filter(move |key| key.common.key_id.as_deref() == Some(kid))
    }
}

fn is_for_signatures(key: &Jwk) -> bool {
    key.common.key_id.is_some() && matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature))
}

fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let is_of_its_type = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512)
        | (AlgorithmParameters::RSA(_), Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    is_of_its_type && key.common.key_algorithm.is_none_or(|declared| declared == algorithm.into())
}

/// The key set at an address.
pub(super) struct Jwks {
    /// Where it is.
    url: Url,
    /// Built at the first fetch, since it reads the system's certificates.
    client: OnceLock<Client>,
}

impl Jwks {
    pub(super) fn new(url: &str) -> Result<Self, InvalidJwksUrl> {
        let url = Url::parse(url).map_err(|_| InvalidJwksUrl)?;
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match url.scheme() {
            "https" => {}
            "http" if is_here => {}
            _ => return Err(InvalidJwksUrl),
        }
        Ok(Self { url, client: OnceLock::new() })
    }

    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .timeout(Duration::from_secs(2))
            .redirect(redirect::Policy::none())
            // Five minutes and perhaps a freeze lie between two fetches: an idle connection is dead by then.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }

    async fn read(&self) -> Result<Keys, FetchError> {
        let mut answer = self.client()?.get(self.url.clone()).send().await?;
        if answer.status() != StatusCode::OK {
            return Err(JwksFault::Status(answer.status()).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(JwksFault::TooLarge.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Keys::parse(&body)?)
    }
}

impl Source<Keys> for Jwks {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, FetchError>> {
        Box::pin(self.read())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;

    /// Answers one request on this machine with `answer`, as raw HTTP.
    fn answering(answer: impl Into<Vec<u8>>) -> Jwks {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let answer = answer.into();
        std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            assert_ne!(connection.read(&mut [0; 4096]).unwrap(), 0);
            // The client hangs up on what is too large.
            let _ = connection.write_all(&answer);
        });
        Jwks::new(&url).unwrap()
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    fn rsa(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB"})
    }

    #[tokio::test]
    async fn a_key_set_is_fetched() {
        let keys = answering(ok(&json!({"keys": [rsa("a"), rsa("b")]}).to_string())).read().await.unwrap();
        assert!(keys.knows("a") && keys.knows("b") && !keys.knows("c"));
    }

    #[tokio::test]
    async fn an_answer_that_is_no_key_set_is_refused_with_its_cause() {
        let large = "x".repeat(MAX_BODY_BYTES);
        for (answer, cause) in [
            (ok("<html>"), "the key set is malformed"),
            (ok(r#"{"keys":[]}"#), "the key set of 0 entries has no usable key"),
            (ok(r#"{"keys":[{"kty":"RSA"}, 5]}"#), "the key set of 2 entries has no usable key"),
            (ok(&format!("{large}x")), "the key set is over 262144 bytes"),
            (
                // No length is promised, so only counting can tell.
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{large}{large}"),
                "the key set is over 262144 bytes",
            ),
            (
                "HTTP/1.1 302 Found\r\nlocation: /else\r\ncontent-length: 0\r\n\r\n".to_owned(),
                "the key set was answered with status 302 Found",
            ),
            (
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned(),
                "the key set was answered with status 503 Service Unavailable",
            ),
        ] {
            assert_eq!(answering(answer).read().await.unwrap_err().to_string(), cause);
        }
    }

    #[test]
    fn only_a_safe_address_is_accepted() {
        for (url, is_safe) in [
            ("https://issuer.example/jwks.json", true),
            ("http://localhost:5055/pool/jwks.json", true),
            ("http://127.0.0.1:5055/jwks.json", true),
            ("http://[::1]:5055/jwks.json", true),
            ("http://issuer.example/jwks.json", false),
            ("http://localhost.example/jwks.json", false),
            ("file:///etc/passwd", false),
            ("issuer.example", false),
        ] {
            assert_eq!(Jwks::new(url).is_ok(), is_safe, "{url}");
        }
    }

    #[test]
    fn a_key_is_used_only_for_what_it_is() {
        let ec = |crv: &str| json!({"kty": "EC", "crv": crv, "kid": "k", "x": "AQ", "y": "AQ"});
        let with = |mut key: Value, name: &str, value: &str| {
            key[name] = value.into();
            key
        };
        for (why, key, algorithm, is_used) in [
            ("an RSA key", rsa("k"), Algorithm::RS256, true),
            ("an RSA key with PSS", rsa("k"), Algorithm::PS256, true),
            ("of its algorithm", with(rsa("k"), "alg", "RS256"), Algorithm::RS256, true),
            ("for signatures", with(rsa("k"), "use", "sig"), Algorithm::RS256, true),
            ("a curve", ec("P-256"), Algorithm::ES256, true),
            ("another curve", ec("P-384"), Algorithm::ES256, false),
            ("an unknown curve", ec("secp256k1"), Algorithm::ES256, false),
            ("another type", rsa("k"), Algorithm::ES256, false),
            ("another algorithm", with(rsa("k"), "alg", "PS256"), Algorithm::RS256, false),
            ("an unknown algorithm", with(rsa("k"), "alg", "RS257"), Algorithm::RS256, false),
            ("for encryption", with(rsa("k"), "use", "enc"), Algorithm::RS256, false),
            ("for something else", with(rsa("k"), "use", "tls"), Algorithm::RS256, false),
            ("another id", rsa("l"), Algorithm::RS256, false),
            ("a shared key", json!({"kty": "oct", "kid": "k", "k": "AQ"}), Algorithm::HS256, false),
        ] {
            // A good key beside it, so that the set is not refused.
            let keys = Keys::parse(json!({"keys": [rsa("other"), key]}).to_string().as_bytes()).unwrap();
            assert_eq!(keys.find("k", algorithm).is_some(), is_used, "{why}");
        }
    }
}
