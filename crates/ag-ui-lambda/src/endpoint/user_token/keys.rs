//! An issuer's published keys, and the one among them that a token may name.
//!
//! It neither fetches, caches nor verifies. An entry of the set that is not understood is left out: issuers publish
//! keys for other uses beside those for signatures.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

/// Why a key set could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysFault {
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
    pub(super) fn parse(body: &[u8]) -> Result<Self, KeysFault> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let entries = serde_json::from_slice::<Document>(body).map_err(KeysFault::Malformed)?.keys;
        let count = entries.len();
        let keys = entries.into_iter().filter_map(|entry| serde_json::from_value::<Jwk>(entry).ok());
        let keys: Vec<Jwk> = keys.filter(is_for_signatures).collect();
        // An empty set must not take the place of the keys that are cached.
        if keys.is_empty() { Err(KeysFault::NoKey(count)) } else { Ok(Self(keys)) }
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
    let common = &key.common;
    let may_verify = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    common.key_id.is_some()
        && matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
        && common.key_operations.as_ref().is_none_or(may_verify)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB"})
    }

    #[test]
    fn a_key_set_is_read() {
        let keys = Keys::parse(json!({"keys": [rsa("a"), rsa("b")]}).to_string().as_bytes()).unwrap();
        assert!(keys.knows("a") && keys.knows("b") && !keys.knows("c"));
    }

    #[test]
    fn what_is_no_key_set_or_has_no_usable_key_is_refused_with_its_cause() {
        for (text, cause) in [
            ("<html>", "the key set is malformed"),
            ("[]", "the key set is malformed"),
            (r#"{"keys":{}}"#, "the key set is malformed"),
            (r#"{"keys":[]}"#, "the key set of 0 entries has no usable key"),
            (r#"{"keys":[{"kty":"RSA"}, 5]}"#, "the key set of 2 entries has no usable key"),
        ] {
            assert_eq!(Keys::parse(text.as_bytes()).unwrap_err().to_string(), cause);
        }
    }

    #[test]
    fn a_key_is_used_only_for_what_it_is() {
        let ec = |crv: &str| json!({"kty": "EC", "crv": crv, "kid": "k", "x": "AQ", "y": "AQ"});
        let with = |mut key: Value, name: &str, value: &str| {
            key[name] = value.into();
            key
        };
        let operating = |operations: &[&str]| {
            let mut key = rsa("k");
            key["key_ops"] = json!(operations);
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
            ("to verify", operating(&["verify"]), Algorithm::RS256, true),
            ("to encrypt", operating(&["encrypt"]), Algorithm::RS256, false),
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
