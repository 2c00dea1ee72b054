//! What is proven about a caller.
//!
//! Claims come from an authorizer in front of this process, from the session of the application that mounts the endpoint, or
//! from a user token that this process has verified. They never come from a header, a query or a body. Their values are personal data and are not logged.

use std::fmt;

use serde_json::Value;

use super::claim_names;
use super::claim_source::ClaimSource;
use crate::json;
use crate::protocol::JsonObject;

/// What is proven about a caller: claims by name, and who has proven them.
///
/// The application's mapping turns them into its own type of caller. `Debug` prints the names only, because the values are
/// personal data.
///
/// ```
/// use ag_ui_lambda::{Claims, Forbidden};
/// use serde_json::json;
///
/// struct Caller {
///     org: String,
///     groups: Vec<String>,
/// }
///
/// fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
///     let org = claims.text("org").ok_or(Forbidden)?.to_owned();
///     Ok(Caller { org, groups: claims.list("groups") })
/// }
///
/// let claims = Claims::from_session("u-17").with_claim("org", "acme").with_claim("groups", json!(["admins"]));
/// let ada = caller(&claims)?;
/// assert_eq!((ada.org.as_str(), ada.groups), ("acme", vec!["admins".to_owned()]));
///
/// // The client of an anonymous caller gets the status 403.
/// assert!(caller(&Claims::anonymous()).is_err());
/// # Ok::<(), Forbidden>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// Who has proven the claims.
    source: ClaimSource,
    /// The claims by name.
    values: JsonObject,
}

/// The caller may not use this agent.
///
/// The application's mapping from claims to a caller returns it, and the client gets the status 403.
#[expect(
    clippy::exhaustive_structs,
    reason = "so that every mapping can create it. It says nothing more, because the client must not learn the reason"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the caller is not allowed to use this agent")]
pub struct Forbidden;

impl Claims {
    /// Creates claims that `source` has proven. The claims are trusted from then on, so the code that calls this
    /// function must have checked the proof.
    pub fn new(source: ClaimSource, values: JsonObject) -> Self {
        Self { source, values }
    }

    /// Creates the claims of a user whom the session of an application names, for an application that mounts the
    /// [endpoint](crate::Endpoint) in a server of its own. `user` is the claim `sub`; [`with_claim`](Self::with_claim)
    /// adds more.
    ///
    /// The application has checked the session, for example by a signed cookie. It inserts the claims into the extensions of
    /// the request, and the endpoint requires them with [`AuthMode::Authorizer`](super::AuthMode::Authorizer). An empty
    /// `user` proves nothing. Approvals are bound to the user, so `user` must be an id that is never given to another one.
    ///
    /// ```
    /// use ag_ui_lambda::Claims;
    ///
    /// let mut request = http::Request::new(());
    /// request.extensions_mut().insert(Claims::from_session("u-17").with_claim("plan", "pro"));
    /// ```
    pub fn from_session(user: impl Into<String>) -> Self {
        Self::new(ClaimSource::Session, JsonObject::new()).with_claim(claim_names::SUBJECT, user.into())
    }

    /// Adds a claim, or replaces the one of this name. As in [`new`](Self::new), the code that calls this function must
    /// have checked it.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.insert(name.into(), value.into());
        self
    }

    /// Creates the empty claims of an anonymous caller.
    pub fn anonymous() -> Self {
        Self::new(ClaimSource::None, JsonObject::new())
    }

    /// Returns all claims by name. Only hints for developers list them.
    pub(crate) fn values(&self) -> &JsonObject {
        &self.values
    }

    /// Whether the caller has no claims. This is so for every anonymous caller.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the source of the claims: who has proven them.
    pub fn source(&self) -> ClaimSource {
        self.source
    }

    /// Returns the claim `name` with its JSON type; `None` if there is no such claim. Most authorizers write numbers
    /// and booleans as strings, so a claim of an authorizer may be a string where the token had a number.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Returns the claim `name` if it is a string and not empty; `None` for any other value and for a missing claim.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Returns the elements of the claim `name`, which is a list, such as permissions. Empty if there is no such
    /// claim.
    ///
    /// All forms that authorizers write are read: a JSON array, the text of one (`["a","b"]`), `[a b]`, `a,b` and
    /// `a b`. Text that begins like an array of strings but is malformed is an empty list. An element of an array that
    /// contains white space or a comma is left out: in the other forms it would be several elements, and a name must
    /// not grant what only its parts would grant.
    pub fn list(&self, name: &str) -> Vec<String> {
        let is_separator = |c: char| c.is_whitespace() || c == ',';
        let value = self.values.get(name);
        let array = value.and_then(Value::as_str).and_then(parse_array_text);
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

    /// Returns the subject, which identifies the user: the claim `sub`, or else the claim in which the authorizer
    /// names the caller. `None` if the caller has neither.
    pub fn subject(&self) -> Option<&str> {
        let caller = || match self.source {
            ClaimSource::Authorizer { caller_claim: Some(name), .. } => self.text(name),
            _ => None,
        };
        self.text(claim_names::SUBJECT).or_else(caller)
    }

    /// Returns the name of the signer of the request. `None` if the claims do not come from a signed request, or do
    /// not name a signer.
    pub(crate) fn signer(&self) -> Option<&str> {
        match self.source {
            ClaimSource::SignedRequest { signer_claim, .. } => self.text(signer_claim),
            _ => None,
        }
    }

    /// Combines these claims, which came with the request, with the claims of the user's verified `token`. If an
    /// authorizer has proven these claims, its value counts where both have a claim. Otherwise the result has only
    /// the claims of the token.
    ///
    /// `None` if the token and the authorizer name different issuers or subjects. The claims of a signed request are
    /// replaced, because the signer is a server that only passes on the user's token.
    pub(crate) fn with_user_token(self, token: JsonObject) -> Option<Self> {
        let user = Self::new(ClaimSource::UserToken, token);
        if matches!(self.source, ClaimSource::None | ClaimSource::SignedRequest { .. }) {
            return Some(user);
        }
        let conflict = |a: Option<&str>, b: Option<&str>| a.is_some() && a != b;
        let issuer = claim_names::ISSUER;
        if conflict(self.text(issuer), user.text(issuer)) || conflict(self.subject(), user.subject()) {
            return None;
        }
        let mut values = user.values;
        values.extend(self.values);
        Some(Self { source: self.source, values })
    }
}

/// Parses a claim that is the text of a JSON array of strings, as some authorizers write lists. `None` if the text
/// does not begin with `["`, and [`Value::Null`] if it does but is malformed.
fn parse_array_text(text: &str) -> Option<Value> {
    let text = text.trim();
    let is_array = text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with('"'));
    is_array.then(|| json::read_unrepaired(text.as_bytes()).unwrap_or(Value::Null))
}

/// Prints names without values, because claims are personal data.
impl fmt::Debug for Claims {
    /// Prints the source and the names of the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.keys().collect();
        f.debug_struct("Claims").field("source", &self.source).field("names", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
