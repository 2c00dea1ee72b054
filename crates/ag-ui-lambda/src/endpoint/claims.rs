//! What the edge has proven about a caller.
//!
//! Claims come from an authorizer in front of the function or from a user token that the function verified;
//! never from a header, a query or a body. Their values are personal data: they are not logged.

use std::fmt;

use serde_json::Value;

use crate::approval::Identity;
use crate::json;
use crate::protocol::JsonObject;

/// Proven claims about a caller, by name.
#[derive(Clone, PartialEq)]
pub struct Claims {
    source: ClaimSource,
    values: JsonObject,
}

/// Who has proven the claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimSource {
    /// Nobody: the caller is anonymous.
    None,
    /// AWS: the request was signed by an IAM principal.
    Iam,
    /// An HTTP API's JWT authorizer.
    JwtAuthorizer,
    /// A Lambda authorizer.
    LambdaAuthorizer,
    /// A REST API's Cognito authorizer.
    CognitoAuthorizer,
    /// The function itself: a user token that it verified.
    UserToken,
}

impl ClaimSource {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Iam => "iam",
            Self::JwtAuthorizer => "jwt",
            Self::LambdaAuthorizer => "lambda",
            Self::CognitoAuthorizer => "cognito",
            Self::UserToken => "user-token",
        }
    }
}

/// Names of the claims that tell whose an approval is, beside the issuer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityClaims {
    /// The user, from the first of these that is there.
    pub user: Vec<String>,
    /// The organisation.
    pub org: String,
}

impl Default for IdentityClaims {
    fn default() -> Self {
        let user = ["sub", "principalId", "userArn"].map(Into::into).into();
        Self { user, org: "custom:org_id".into() }
    }
}

/// The caller may not use this agent: what the application's mapping answers, and the client reads as 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the caller is not allowed to use this agent")]
pub struct Forbidden;

impl Claims {
    /// Claims from a source.
    pub fn new(source: ClaimSource, values: JsonObject) -> Self {
        Self { source, values }
    }

    /// No claims: a caller of whom only the shared token is known.
    pub fn anonymous() -> Self {
        Self::new(ClaimSource::None, JsonObject::new())
    }

    /// All claims, by name.
    pub(super) fn values(&self) -> &JsonObject {
        &self.values
    }

    /// Whether nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Who has proven them.
    pub fn source(&self) -> ClaimSource {
        self.source
    }

    /// A claim as it was proven. Of an authorizer, numbers and booleans are text, as most of them write it.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A claim that is a non-empty string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A claim that is a list, in any of the forms that authorizers write: a JSON array, the text of one (`["a","b"]`),
    /// `[a b]`, `a,b`, `a b`.
    ///
    /// Text that begins as the text of an array of strings and is none grants nothing. An element of an array that holds white
    /// space or a comma is left out: in the other forms it would be several, and a name must not grant what only its pieces would.
    pub fn list(&self, name: &str) -> Vec<String> {
        let is_separator = |c: char| c.is_whitespace() || c == ',';
        let value = self.values.get(name);
        let array = value.and_then(Value::as_str).and_then(array_as_text);
        match array.as_ref().or(value) {
            Some(Value::String(text)) => {
                let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
                inner.split(is_separator).filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
            }
            Some(Value::Array(items)) => {
                let items = items.iter().filter_map(Value::as_str);
                items
                    .filter(|item| !item.is_empty() && !item.contains(is_separator))
                    .map(ToOwned::to_owned)
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// The subject: a token's `sub`, else the authorizer's `principalId`.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub").or_else(|| self.text("principalId"))
    }

    /// Whose an approval of this caller's is; none for claims that name no user, since they would stand for several.
    pub(super) fn identity(&self, names: &IdentityClaims) -> Option<Identity> {
        if self.source == ClaimSource::None {
            return Some(Identity::anonymous());
        }
        // One ARN stands for all whom an identity pool lets in.
        let pooled = Some("cognitoIdentityId").filter(|_| self.source == ClaimSource::Iam);
        let user = pooled.into_iter().chain(names.user.iter().map(String::as_str));
        let user = user.into_iter().find_map(|name| self.text(name))?;
        Some(Identity {
            source: self.source.name(),
            issuer: self.named("iss")?,
            org: self.named(&names.org)?,
            user: Some(user.to_owned()),
        })
    }

    /// What a claim names, if it is there. None for a list or an object: it names nothing, and to pass over it would
    /// make those one whom it keeps apart.
    fn named(&self, name: &str) -> Option<Option<String>> {
        match self.values.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(scalar @ (Value::Number(_) | Value::Bool(_))) => Some(Some(scalar.to_string())),
            Some(Value::Array(_) | Value::Object(_)) => None,
        }
    }

    /// The same caller's claims from a user token and from the front door, the latter's first.
    ///
    /// `None` if the two speak of different issuers or subjects. An IAM principal has neither: it is whoever
    /// carries the user's token here.
    pub(super) fn with_user_token(self, token: JsonObject) -> Option<Self> {
        let user = Self::new(ClaimSource::UserToken, token);
        if matches!(self.source, ClaimSource::None | ClaimSource::Iam) {
            return Some(user);
        }
        let conflict = |a: Option<&str>, b: Option<&str>| a.is_some() && a != b;
        if conflict(self.text("iss"), user.text("iss")) || conflict(self.subject(), user.subject()) {
            return None;
        }
        let mut values = user.values;
        values.extend(self.values);
        Some(Self { source: self.source, values })
    }
}

/// The array that a text is, where it begins as one of strings does: `["`. Cognito writes groups and custom attributes so.
fn array_as_text(text: &str) -> Option<Value> {
    let text = text.trim();
    let is_array = text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with('"'));
    is_array.then(|| json::read_unrepaired(text.as_bytes()).unwrap_or(Value::Null))
}

/// Names without values, since claims are personal data.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.keys().collect();
        f.debug_struct("Claims").field("source", &self.source).field("names", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(source: ClaimSource, values: Value) -> Claims {
        let Value::Object(values) = values else { panic!("claims are an object") };
        Claims::new(source, values)
    }

    #[test]
    fn a_list_is_read_in_every_form_that_authorizers_write() {
        for (why, value, expected) in [
            ("a REST API's Cognito authorizer", json!("admin,ops"), vec!["admin", "ops"]),
            ("an HTTP API's JWT authorizer", json!("[admin ops]"), vec!["admin", "ops"]),
            ("one of its lists with one entry", json!("[admin]"), vec!["admin"]),
            ("a list as Java writes it", json!("[admin, ops]"), vec!["admin", "ops"]),
            ("an OAuth scope", json!("read write"), vec!["read", "write"]),
            ("a token's array", json!(["admin", "ops"]), vec!["admin", "ops"]),
            ("a name that would fall apart grants nothing", json!(["read admin", "a,b", "ok"]), vec!["ok"]),
            ("a JSON array as text", json!(r#"["admin","ops"]"#), vec!["admin", "ops"]),
            ("with white space", json!(" [ \"admin\" ,\n\"ops\" ] "), vec!["admin", "ops"]),
            ("with escapes", json!(r#"["orders\u003aread"]"#), vec!["orders:read"]),
            ("of one", json!(r#"["admin"]"#), vec!["admin"]),
            ("of none", json!("[]"), vec![]),
            ("of names that would fall apart", json!(r#"["read admin","a,b","","ok"]"#), vec!["ok"]),
            ("of other things too", json!(r#"["admin",7,null,["ops"],{"a":"root"}]"#), vec!["admin"]),
            ("cut off", json!(r#"["admin","ops"#), vec![]),
            ("with half a surrogate pair", json!(r#"["admin","\ud83d"]"#), vec![]),
            ("with something behind it", json!(r#"["admin"] root"#), vec![]),
            ("no list", json!(7), vec![]),
            ("empty", json!(""), vec![]),
        ] {
            assert_eq!(claims(ClaimSource::UserToken, json!({ "x": value })).list("x"), expected, "{why}");
        }
    }

    #[test]
    fn a_user_token_beside_an_authorizer_must_be_of_the_same_issuer_and_subject() {
        use ClaimSource::{CognitoAuthorizer, Iam, LambdaAuthorizer, None as Nobody};
        let token = json!({"iss": "https://issuer", "sub": "ada", "custom:plan": "free", "email": "a@b"});
        for (why, source, edge, fits) in [
            ("nobody else speaks", Nobody, json!({}), true),
            ("a server's principal carries it", Iam, json!({"userArn": "arn:aws:iam::1:role/web"}), true),
            ("the same", CognitoAuthorizer, json!({"iss": "https://issuer", "sub": "ada"}), true),
            ("another subject", CognitoAuthorizer, json!({"iss": "https://issuer", "sub": "bob"}), false),
            ("another issuer", CognitoAuthorizer, json!({"iss": "https://other", "sub": "ada"}), false),
            ("the same principal", LambdaAuthorizer, json!({"principalId": "ada"}), true),
            ("another principal", LambdaAuthorizer, json!({"principalId": "bob"}), false),
        ] {
            let Value::Object(token) = token.clone() else { panic!("an object") };
            assert_eq!(claims(source, edge).with_user_token(token).is_some(), fits, "{why}");
        }
    }

    #[test]
    fn the_front_doors_claims_win_over_the_tokens() {
        let edge = claims(ClaimSource::LambdaAuthorizer, json!({"principalId": "ada", "custom:plan": "pro"}));
        let Value::Object(token) = json!({"sub": "ada", "custom:plan": "free", "email": "a@b"}) else {
            panic!()
        };

        let both = edge.with_user_token(token).unwrap();

        assert_eq!(both.text("custom:plan"), Some("pro"));
        assert_eq!(both.text("email"), Some("a@b"));
    }

    #[test]
    fn an_identity_is_source_issuer_org_and_user_and_never_less_than_a_user() {
        use ClaimSource::{CognitoAuthorizer, Iam, LambdaAuthorizer, None as Nobody, UserToken};
        let arn = json!("arn:aws:sts::1:assumed-role/pool/CognitoIdentityCredentials");
        for (why, source, values, expected) in [
            ("nobody", Nobody, json!({"sub": "unproven"}), Some(("none", None, None, None))),
            (
                "a user of an issuer",
                UserToken,
                json!({"iss": "idp", "sub": "ada", "custom:org_id": "acme", "scope": "refunds:write"}),
                Some(("user-token", Some("idp"), Some("acme"), Some("ada"))),
            ),
            (
                "another front door",
                CognitoAuthorizer,
                json!({"sub": "ada"}),
                Some(("cognito", None, None, Some("ada"))),
            ),
            ("a principal", Iam, json!({"userArn": arn}), Some(("iam", None, None, arn.as_str()))),
            (
                "a user of an identity pool",
                Iam,
                json!({"userArn": arn, "cognitoIdentityId": "us-east-1:1"}),
                Some(("iam", None, None, Some("us-east-1:1"))),
            ),
            ("nobody is named", CognitoAuthorizer, json!({"iss": "idp", "sub": ""}), None),
            ("a user that is no text", LambdaAuthorizer, json!({"sub": 7}), None),
            (
                "an organisation that is a number",
                LambdaAuthorizer,
                json!({"iss": 1, "sub": "ada", "custom:org_id": 2}),
                Some(("lambda", Some("1"), Some("2"), Some("ada"))),
            ),
            (
                "no organisation",
                LambdaAuthorizer,
                json!({"iss": null, "sub": "ada", "custom:org_id": ""}),
                Some(("lambda", None, None, Some("ada"))),
            ),
            (
                "organisations in a list",
                LambdaAuthorizer,
                json!({"sub": "ada", "custom:org_id": ["a"]}),
                None,
            ),
            ("an issuer that is an object", LambdaAuthorizer, json!({"sub": "ada", "iss": {"id": 1}}), None),
        ] {
            let identity = claims(source, values).identity(&IdentityClaims::default());
            let told = identity.as_ref().map(|Identity { source, issuer, org, user }| {
                (*source, issuer.as_deref(), org.as_deref(), user.as_deref())
            });
            assert_eq!(told, expected, "{why}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", claims(ClaimSource::UserToken, json!({"email": "ada@example.com"})));

        assert!(shown.contains("email") && !shown.contains("ada@"), "{shown}");
    }
}
