//! Reads an issuer's published keys, and finds the key that a token names.
//!
//! Nothing here fetches, caches or verifies. An entry of the set that is not understood is left out, because issuers publish
//! keys for other uses, too.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

/// Why a key set cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySetError {
    /// The document is not a key set.
    #[error("the key set is malformed")]
    Malformed(#[source] serde_json::Error),
    /// None of this many entries is a usable key.
    #[error("the key set of {0} entries has no usable key")]
    NoUsableKey(usize),
}

/// The keys that a token may name. Each has an id and may verify signatures.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Jwk>);

impl KeySet {
    /// Parses a JSON Web Key Set. Entries that are malformed, have no id or are not for signatures are left out.
    ///
    /// # Errors
    /// [`KeySetError`] if the document is malformed or no usable key is left.
    ///
    /// Source: RFC 7517 section 5.
    pub(super) fn parse(body: &[u8]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let entries = serde_json::from_slice::<Document>(body).map_err(KeySetError::Malformed)?.keys;
        let count = entries.len();
        let keys = entries.into_iter().filter_map(|entry| serde_json::from_value::<Jwk>(entry).ok());
        let keys: Vec<Jwk> = keys.filter(is_for_signatures).collect();
        // An empty set must not replace the keys that are cached.
        if keys.is_empty() { Err(KeySetError::NoUsableKey(count)) } else { Ok(Self(keys)) }
    }

    /// Whether the set has a key with the id `kid`, for whatever algorithm. If not, the keys are fetched again.
    pub(super) fn contains(&self, kid: &str) -> bool {
        self.keys_with_id(kid).next().is_some()
    }

    /// Returns the key that has the id `kid` and may verify signatures of `algorithm`; `None` if there is no such
    /// key.
    pub(super) fn find(&self, kid: &str, algorithm: Algorithm) -> Option<&Jwk> {
        self.keys_with_id(kid).find(|key| can_verify(key, algorithm))
    }

    /// Returns the keys with the id `kid`. There may be several, for different algorithms.
    fn keys_with_id(&self, kid: &str) -> impl Iterator<Item = &Jwk> {
        self.0.iter().filter(move |key| key.common.key_id.as_deref() == Some(kid))
    }
}

/// Whether a key has an id and its members `use` and `key_ops`, if present, allow the verification of signatures.
fn is_for_signatures(key: &Jwk) -> bool {
    let common = &key.common;
    let may_verify = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    common.key_id.is_some()
        && matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
        && common.key_operations.as_ref().is_none_or(may_verify)
}

/// Whether the type and the curve of a key fit `algorithm`, and its member `alg`, if present, names no other
/// algorithm.
fn can_verify(key: &Jwk, algorithm: Algorithm) -> bool {
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

    /// A published RSA key with this id.
    fn rsa(kid: &str) -> Value {
        json!({"kty": "RSA", "kid": kid, "n": "AQAB", "e": "AQAB"})
    }

    #[test]
    fn key_set_is_parsed() {
        let keys = KeySet::parse(json!({"keys": [rsa("a"), rsa("b")]}).to_string().as_bytes()).unwrap();
        assert!(keys.contains("a") && keys.contains("b") && !keys.contains("c"));
    }

    #[test]
    fn unusable_key_set_is_refused_with_its_cause() {
        for (text, cause) in [
            ("<html>", "the key set is malformed"),
            ("[]", "the key set is malformed"),
            (r#"{"keys":{}}"#, "the key set is malformed"),
            (r#"{"keys":[]}"#, "the key set of 0 entries has no usable key"),
            (r#"{"keys":[{"kty":"RSA"}, 5]}"#, "the key set of 2 entries has no usable key"),
        ] {
            assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err().to_string(), cause);
        }
    }

    #[test]
    fn key_is_used_only_for_its_own_algorithm() {
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
            let keys = KeySet::parse(json!({"keys": [rsa("other"), key]}).to_string().as_bytes()).unwrap();
            assert_eq!(keys.find("k", algorithm).is_some(), is_used, "{why}");
        }
    }
}
