//! What the edge has proven about a caller.
//!
//! Claims come from an authorizer in front of the function or from a user token that the function verified;
//! never from a header, a query or a body. Their values are personal data: they are not logged.

use std::fmt;

use serde_json::Value;

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

    /// Whether nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Who has proven them.
    pub fn source(&self) -> ClaimSource {
        self.source
    }

    /// A claim as it was proven. Most authorizers make every value a string.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A claim that is a non-empty string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A claim that is a list, in any of the forms that authorizers write: a JSON array, `[a b]`, `a,b`, `a b`.
    ///
    /// An element of an array that holds white space or a comma is left out: in the other forms it would be
    /// several, and a name must not grant what only its pieces would.
    pub fn list(&self, name: &str) -> Vec<String> {
        let is_separator = |c: char| c.is_whitespace() || c == ',';
        match self.values.get(name) {
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
            ("an OAuth scope", json!("read write"), vec!["read", "write"]),
            ("a token's array", json!(["admin", "ops"]), vec!["admin", "ops"]),
            ("a name that would fall apart grants nothing", json!(["read admin", "a,b", "ok"]), vec!["ok"]),
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
    fn debug_shows_no_value() {
        let shown = format!("{:?}", claims(ClaimSource::UserToken, json!({"email": "ada@example.com"})));

        assert!(shown.contains("email") && !shown.contains("ada@"), "{shown}");
    }
}
