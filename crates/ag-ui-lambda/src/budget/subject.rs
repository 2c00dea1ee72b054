//! Whose budgets a run uses: those of the proven user and of the proven organisation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::auth::{ClaimSource, Claims, PrincipalClaims, claim_names, proven_user};

/// What kind of subject has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    User,
    Organization,
}

impl SubjectKind {
    /// Returns the name of the kind in the names of budgets and in the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organization => "org",
        }
    }
}

/// The proven subjects of a caller, each as a digest: the same for the same subject in every process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subjects {
    /// `None` if no claim proves a single user.
    pub(super) user: Option<String>,
    /// `None` if no claim proves an organisation.
    pub(super) organization: Option<String>,
}

impl Subjects {
    /// Reads the subjects from proven claims. `names` are the claims that hold the user and the organisation. An anonymous
    /// caller has no subjects.
    ///
    /// A user or an organisation is always one of an issuer, because two issuers may give two of them the same name. Without
    /// an issuer it is one of the source of the claims. A user has one budget, whether or not the claims name an organisation,
    /// and whichever: a token that leaves it out, or has a list of them, would be a second budget, or none.
    pub(super) fn of(claims: &Claims, names: &PrincipalClaims) -> Self {
        if claims.source() == ClaimSource::None {
            return Self { user: None, organization: None };
        }
        let authority = match text_of(claims, claim_names::ISSUER) {
            Some(issuer) => format!("issuer {issuer}"),
            None => format!("source {}", claims.source().name()),
        };
        Self {
            user: proven_user(claims, names).map(|user| digest(&["user", &authority, user])),
            organization: text_of(claims, &names.org).map(|org| digest(&["org", &authority, &org])),
        }
    }
}

/// Returns the claim `name` as text, if it is a string that is not blank, or a number.
fn text_of(claims: &Claims, name: &str) -> Option<String> {
    match claims.value(name)? {
        Value::Number(number) => Some(number.to_string()),
        _ => claims.text(name).map(ToOwned::to_owned),
    }
}

/// Returns a name of 32 ASCII characters for a list of texts, which does not contain them.
fn digest(parts: &[&str]) -> String {
    // JSON keeps the parts apart, whatever they contain.
    let text = serde_json::to_vec(parts).expect("texts can be written as JSON");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..24])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the subjects of a caller with these claims.
    fn subjects(source: ClaimSource, claims: Value) -> Subjects {
        let Value::Object(values) = claims else { panic!("claims are an object") };
        Subjects::of(&Claims::new(source, values), &PrincipalClaims::default())
    }

    #[test]
    fn subjects_differ_by_issuer_organization_and_user() {
        let ada = json!({"iss": "idp", "sub": "ada", "custom:org_id": "acme"});
        let same = subjects(ClaimSource::UserToken, ada.clone());
        assert_eq!(subjects(ClaimSource::UserToken, ada), same);
        for (why, claims, is_same_user, is_same_org) in [
            ("another user", json!({"iss": "idp", "sub": "bob", "custom:org_id": "acme"}), false, true),
            ("another organisation", json!({"iss": "idp", "sub": "ada", "custom:org_id": "b"}), true, false),
            ("no organisation", json!({"iss": "idp", "sub": "ada"}), true, false),
            (
                "a list of organisations",
                json!({"iss": "idp", "sub": "ada", "custom:org_id": ["acme"]}),
                true,
                false,
            ),
            ("another issuer", json!({"iss": "other", "sub": "ada", "custom:org_id": "acme"}), false, false),
            ("no issuer", json!({"sub": "ada", "custom:org_id": "acme"}), false, false),
            (
                "other permissions",
                json!({"iss": "idp", "sub": "ada", "custom:org_id": "acme", "scope": "x"}),
                true,
                true,
            ),
        ] {
            let other = subjects(ClaimSource::UserToken, claims);
            assert_eq!(other.user == same.user, is_same_user, "{why}");
            assert_eq!(other.organization == same.organization, is_same_org, "{why}");
        }
        let session = json!({"iss": "idp", "sub": "ada", "custom:org_id": "acme"});
        assert_eq!(subjects(ClaimSource::Session, session), same, "another source of the same issuer");
    }

    #[test]
    fn anonymous_caller_has_no_subject() {
        let claims = json!({"sub": "ada", "custom:org_id": "acme"});
        let none = Subjects { user: None, organization: None };
        assert_eq!(subjects(ClaimSource::None, claims), none);
        assert_eq!(Subjects::of(&Claims::anonymous(), &PrincipalClaims::default()), none);
    }

    #[test]
    fn organization_counts_without_a_user() {
        let caller = subjects(ClaimSource::UserToken, json!({"iss": "idp", "custom:org_id": "acme"}));
        assert!(caller.user.is_none() && caller.organization.is_some());
        let number = subjects(ClaimSource::UserToken, json!({"iss": "idp", "custom:org_id": 7}));
        assert!(number.organization.is_some_and(|org| Some(org) != caller.organization));
    }

    #[test]
    fn digest_hides_its_parts() {
        let name = digest(&["issuer idp", "acme", "ada"]);
        assert_eq!(name.len(), 32);
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(digest(&["a", "bc"]), digest(&["ab", "c"]));
    }
}
