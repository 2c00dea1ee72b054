//! Who a caller is for approvals.

use std::fmt;

use serde_json::Value;

use super::claim_names;
use super::claim_source::ClaimSource;
use super::claims::{Claims, is_blank, is_identifier};

/// The user that an approval is bound to: only the same principal may answer it.
///
/// It is never the user's name alone, because two issuers may give two people the same name. It holds no permissions:
/// they may change while an approval waits, and are checked when the answer arrives.
#[expect(
    clippy::exhaustive_structs,
    reason = "a further field would not be part of the tokens that are already with clients"
)]
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name of the source that has proven who it is, such as `jwt`; see [`ClaimSource::name`].
    pub source: &'static str,
    /// The issuer of the proof; `None` if the claims do not name one.
    pub issuer: Option<String>,
    /// The user's organisation; `None` if the claims do not name one.
    pub org: Option<String>,
    /// The user; `None` only for anonymous callers.
    pub user: Option<String>,
}

/// The names of the claims that a [`Principal`] is made of, beside `iss`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a principal has just these two parts that applications name differently"
)]
pub struct PrincipalClaims {
    /// The claims that name the user. The first of them that a caller has counts. `sub` by default.
    pub user: Vec<String>,
    /// The claim that names the organisation. `custom:org_id` by default.
    pub org: String,
}

impl Default for PrincipalClaims {
    /// Names the claim `sub` for the user and `custom:org_id` for the organisation.
    fn default() -> Self {
        Self { user: vec![claim_names::SUBJECT.into()], org: claim_names::ORGANIZATION.into() }
    }
}

impl Principal {
    /// Creates the principal of all anonymous callers, about whom nothing is proven. They all share this one
    /// principal.
    pub fn anonymous() -> Self {
        Self { source: ClaimSource::None.name(), issuer: None, org: None, user: None }
    }

    /// Whether this is the principal of the callers about whom nothing is proven.
    pub(crate) fn is_anonymous(&self) -> bool {
        *self == Self::anonymous()
    }

    /// Determines the principal of a caller from the caller's claims. `names` are the claims that hold the user and
    /// the organisation.
    ///
    /// `None` if the claims do not identify a single user; such a caller cannot approve anything, because several
    /// users would share the approval.
    pub(crate) fn of(claims: &Claims, names: &PrincipalClaims) -> Option<Self> {
        if claims.source() == ClaimSource::None {
            return Some(Self::anonymous());
        }
        Some(Self {
            source: claims.source().name(),
            issuer: read_part(claims, claim_names::ISSUER)?,
            org: read_part(claims, &names.org)?,
            user: Some(proven_user(claims, names)?.to_owned()),
        })
    }
}

/// Returns the single user whom the claims prove; `None` for an anonymous caller, and if no claim names a user. `names.user` are
/// the claims that may.
pub(crate) fn proven_user<'a>(claims: &'a Claims, names: &PrincipalClaims) -> Option<&'a str> {
    // A signer that signs for many users would stand for all of them.
    let pooled = match claims.source() {
        ClaimSource::None => return None,
        ClaimSource::SignedRequest { pooled_user_claim, .. } => pooled_user_claim,
        ClaimSource::UserToken | ClaimSource::Session | ClaimSource::Authorizer { .. } => None,
    };
    pooled.and_then(|name| claims.identifier(name)).or_else(|| claims.user(&names.user))
}

/// Returns the claim `name` as a part of a principal: `Some(None)` if the claim is absent or blank.
///
/// `None` if the claim is a list, an object or a text that is no identifier. Leaving it out would make one principal of callers
/// who differ only in this claim.
fn read_part(claims: &Claims, name: &str) -> Option<Option<String>> {
    match claims.value(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) if is_blank(text) => Some(None),
        Some(Value::String(text)) => is_identifier(text).then(|| Some(text.clone())),
        Some(scalar @ (Value::Number(_) | Value::Bool(_))) => Some(Some(scalar.to_string())),
        Some(Value::Array(_) | Value::Object(_)) => None,
    }
}

/// Prints the source alone, because the rest is personal data.
impl fmt::Debug for Principal {
    /// Prints the name of the source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::test_claims::{CUSTOM_AUTHORIZER, SIGNED_REQUEST, TOKEN_AUTHORIZER, claims};

    #[test]
    fn principal_has_source_issuer_organisation_and_always_a_user() {
        use ClaimSource::{None as Anonymous, Session, UserToken};
        let user = ["sub", "principalId", "signer"].map(Into::into).into();
        let names = PrincipalClaims { user, ..PrincipalClaims::default() };
        for (why, source, values, expected) in [
            ("an anonymous caller", Anonymous, json!({"sub": "unproven"}), Some(("none", None, None, None))),
            (
                "a user of an issuer",
                UserToken,
                json!({"iss": "idp", "sub": "ada", "custom:org_id": "acme", "scope": "refunds:write"}),
                Some(("user-token", Some("idp"), Some("acme"), Some("ada"))),
            ),
            ("a session", Session, json!({"sub": "ada"}), Some(("session", None, None, Some("ada")))),
            ("a session of nobody", Session, json!({"sub": ""}), None),
            (
                "another source",
                TOKEN_AUTHORIZER,
                json!({"sub": "ada"}),
                Some(("jwt", None, None, Some("ada"))),
            ),
            ("a signer", SIGNED_REQUEST, json!({"signer": "web"}), Some(("signed", None, None, Some("web")))),
            (
                "a user of an identity pool",
                SIGNED_REQUEST,
                json!({"signer": "web", "pooledUser": "pool:1"}),
                Some(("signed", None, None, Some("pool:1"))),
            ),
            ("a token that names no user", UserToken, json!({"iss": "idp", "principalId": "ada"}), None),
            ("another one", TOKEN_AUTHORIZER, json!({"iss": "idp", "signer": "ada", "sub": 7}), None),
            ("an empty user", TOKEN_AUTHORIZER, json!({"iss": "idp", "sub": ""}), None),
            ("a blank user", TOKEN_AUTHORIZER, json!({"iss": "idp", "sub": " \t"}), None),
            ("a blank session", Session, json!({"sub": "\u{200b}"}), None),
            ("a signer with a line break", SIGNED_REQUEST, json!({"signer": "web\n"}), None),
            (
                "a blank user of an identity pool",
                SIGNED_REQUEST,
                json!({"signer": "web", "pooledUser": " "}),
                Some(("signed", None, None, Some("web"))),
            ),
            (
                "a blank organisation",
                CUSTOM_AUTHORIZER,
                json!({"sub": "ada", "custom:org_id": " "}),
                Some(("custom", None, None, Some("ada"))),
            ),
            (
                "an organisation with a control character",
                CUSTOM_AUTHORIZER,
                json!({"sub": "ada", "custom:org_id": "acme\u{0}"}),
                None,
            ),
            (
                "an organisation that is too long",
                CUSTOM_AUTHORIZER,
                json!({"sub": "ada", "custom:org_id": "a".repeat(1025)}),
                None,
            ),
            ("a user that is not a string", CUSTOM_AUTHORIZER, json!({"sub": 7}), None),
            (
                "an organisation that is a number",
                CUSTOM_AUTHORIZER,
                json!({"iss": 1, "sub": "ada", "custom:org_id": 2}),
                Some(("custom", Some("1"), Some("2"), Some("ada"))),
            ),
            (
                "no organisation",
                CUSTOM_AUTHORIZER,
                json!({"iss": null, "sub": "ada", "custom:org_id": ""}),
                Some(("custom", None, None, Some("ada"))),
            ),
            (
                "organisations in a list",
                CUSTOM_AUTHORIZER,
                json!({"sub": "ada", "custom:org_id": ["a"]}),
                None,
            ),
            ("an issuer that is an object", CUSTOM_AUTHORIZER, json!({"sub": "ada", "iss": {"id": 1}}), None),
        ] {
            let principal = Principal::of(&claims(source, values), &names);
            let fields = principal.as_ref().map(|Principal { source, issuer, org, user }| {
                (*source, issuer.as_deref(), org.as_deref(), user.as_deref())
            });
            assert_eq!(fields, expected, "{why}");
        }
    }
}
