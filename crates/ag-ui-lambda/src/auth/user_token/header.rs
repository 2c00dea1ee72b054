//! Reads the header of a token.
//!
//! A header chooses among the configured algorithms and the published keys. It must not bring a key, name the address of
//! one, or change what the rest of the token means. A member that does is refused by its name, whatever its value is.

use serde_json::Value;

use super::Algorithm;
use crate::auth::verify_user::UserTokenError::{self, Refused};
use crate::protocol::JsonObject;

/// Members that a header must not have, each with the reason of the refusal.
const FORBIDDEN_MEMBERS: [(&str, &str); 5] = [
    ("jku", "the header names a key set"),
    ("x5u", "the header names a certificate"),
    ("jwk", "the header brings a key"),
    ("x5c", "the header brings a certificate"),
    ("crit", "the header has critical extensions"),
];

/// The types of tokens that identify a caller. Many issuers name no type. Tokens of other types, such as `logout+jwt`, are
/// signed with the same keys and mean something else.
const CALLER_TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// What the header of a token chooses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// One of the configured algorithms.
    pub(super) algorithm: Algorithm,
    /// The id of the key, which is not empty.
    pub(super) kid: String,
}

impl Header {
    /// Reads the `members` of a decoded header. `configured` are the algorithms that the configuration accepts.
    ///
    /// # Errors
    /// [`Refused`] if the algorithm is not configured, if the header names no key, if the token is of another type
    /// than a caller's token, or if a forbidden member is there.
    ///
    /// Source: RFC 7515 section 4.1, RFC 8725 sections 3.1, 3.10 and 3.11.
    pub(super) fn read(members: &JsonObject, configured: &[Algorithm]) -> Result<Self, UserTokenError> {
        if let Some((_, reason)) = FORBIDDEN_MEMBERS.iter().find(|(name, _)| members.contains_key(*name)) {
            return Err(Refused(reason));
        }
        if !members.get("typ").is_none_or(is_caller_token_type) {
            return Err(Refused("it is a token of another type"));
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let algorithm = text("alg").and_then(|name| name.parse().ok());
        let algorithm = algorithm.filter(|algorithm| configured.contains(algorithm));
        Ok(Self {
            algorithm: algorithm.ok_or(Refused("the algorithm is not configured"))?,
            kid: text("kid")
                .filter(|kid| !kid.is_empty())
                .ok_or(Refused("the header has no key id"))?
                .to_owned(),
        })
    }
}

/// Whether the member `typ` of a header is one of [`CALLER_TOKEN_TYPES`]. These are media types: their case does not
/// count, and the prefix `application/` may be absent.
fn is_caller_token_type(typ: &Value) -> bool {
    const PREFIX: &str = "application/";
    let Some(typ) = typ.as_str() else { return false };
    let name = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, name)) if prefix.eq_ignore_ascii_case(PREFIX) => name,
        _ => typ,
    };
    CALLER_TOKEN_TYPES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads a good header with members replaced or added.
    fn read(changes: Value) -> Result<Header, UserTokenError> {
        let mut members = json!({"alg": "ES256", "kid": "k"});
        for (name, value) in changes.as_object().unwrap() {
            members[name] = value.clone();
        }
        Header::read(members.as_object().unwrap(), &[Algorithm::ES256, Algorithm::RS256])
    }

    #[test]
    fn header_chooses_algorithm_and_key() {
        for (why, changes) in [
            ("as Cognito and Okta write it", json!({})),
            ("as Auth0, Entra and Google do", json!({"typ": "JWT"})),
            ("an access token", json!({"typ": "at+jwt"})),
            ("a media type", json!({"typ": "Application/AT+JWT"})),
            ("with a thumbprint, as Entra does", json!({"x5t": "abc", "x5t#S256": "abc"})),
            ("unknown members", json!({"nonce": "n", "futura": {}})),
        ] {
            assert_eq!(read(changes), Ok(Header { algorithm: Algorithm::ES256, kid: "k".into() }), "{why}");
        }
    }

    #[test]
    fn unsafe_or_incomplete_header_is_refused() {
        let not_configured = "the algorithm is not configured";
        let (no_key, type_) = ("the header has no key id", "it is a token of another type");
        for (changes, reason) in [
            (json!({"alg": "none"}), not_configured),
            (json!({"alg": "HS256"}), not_configured),
            (json!({"alg": "es256"}), not_configured),
            (json!({"alg": "ES384"}), not_configured),
            (json!({"alg": ["ES256"]}), not_configured),
            (json!({"alg": null}), not_configured),
            (json!({"kid": null}), no_key),
            (json!({"kid": ""}), no_key),
            (json!({"kid": ["k"]}), no_key),
            (json!({"typ": "logout+jwt"}), type_),
            (json!({"typ": "application/logout+jwt"}), type_),
            (json!({"typ": "dpop+jwt"}), type_),
            (json!({"typ": "JWTs"}), type_),
            (json!({"typ": "jäwetägöbä"}), type_),
            (json!({"typ": ""}), type_),
            (json!({"typ": null}), type_),
            (json!({"typ": ["JWT"]}), type_),
            (json!({"jku": "https://issuer.example/jwks.json"}), "the header names a key set"),
            (json!({"jku": null}), "the header names a key set"),
            (json!({"x5u": "https://issuer.example/cert.pem"}), "the header names a certificate"),
            (json!({"jwk": {"kty": "EC"}}), "the header brings a key"),
            (json!({"x5c": []}), "the header brings a certificate"),
            (json!({"crit": ["b64"], "b64": false}), "the header has critical extensions"),
            (json!({"crit": []}), "the header has critical extensions"),
        ] {
            let description = changes.to_string();
            assert_eq!(read(changes), Err(Refused(reason)), "{description}");
        }
    }
}
