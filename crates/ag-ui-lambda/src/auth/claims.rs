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

/// The longest identifier, in bytes. It is longer than any name of a signer that an entry point writes, and than the 255
/// characters that OpenID Connect allows for `sub`.
const MAX_IDENTIFIER_BYTES: usize = 1024;

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
    /// the request, and the endpoint requires them with [`AuthMode::Authorizer`](super::AuthMode::Authorizer). A `user` that
    /// is no [`identifier`](Self::identifier), such as an empty text, proves nothing. Approvals are bound to the user, so
    /// `user` must be an id that is never given to another one.
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

    /// Returns the claim `name` if it is a string that is not blank; `None` for any other value and for a missing claim. A
    /// text of spaces, or of other characters that nobody can see, is blank.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str().filter(|text| !is_blank(text))
    }

    /// Returns the claim `name` if it can identify somebody, such as a user or an organisation: if it is a
    /// [`text`](Self::text) of at most 1024 bytes without control characters. `None` for any other value and for a missing
    /// claim.
    ///
    /// [`subject`](Self::subject) and [`user`](Self::user) follow the same rule.
    pub fn identifier(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| is_identifier(text))
    }

    /// Returns the elements of the claim `name`, which is a list, such as permissions. Empty if there is no such
    /// claim.
    ///
    /// These forms are read: a JSON array, the text of one (`["a","b"]`), `[a b]` and `a b`. Text that begins like an array
    /// of strings but is malformed is an empty list.
    ///
    /// An element with a comma is left out, and so is an element of an array with white space. A comma separates nothing,
    /// because `a,b` may be one name or two: some authorizers join the names of a list by commas, and a name that contains
    /// one must not grant what only its parts would grant.
    pub fn list(&self, name: &str) -> Vec<String> {
        let value = self.values.get(name);
        let array = value.and_then(Value::as_str).and_then(parse_array_text);
        let elements: Vec<&str> = match array.as_ref().or(value) {
            Some(Value::String(text)) => {
                let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
                inner.split_whitespace().collect()
            }
            Some(Value::Array(elements)) => elements.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is_one_name =
            |name: &&str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == ',');
        elements.into_iter().filter(is_one_name).map(ToOwned::to_owned).collect()
    }

    /// Returns the subject, which identifies the user: the claim `sub`, or else the claim in which the authorizer
    /// names the caller. `None` if the caller has neither.
    pub fn subject(&self) -> Option<&str> {
        let caller = || match self.source {
            ClaimSource::Authorizer { caller_claim: Some(name), .. } => self.identifier(name),
            _ => None,
        };
        self.identifier(claim_names::SUBJECT).or_else(caller)
    }

    /// Returns the user: the first of the claims `names` that is an [`identifier`](Self::identifier). `None` if none of them
    /// is, and if the claims are those of a token whose `sub` is not one, which names no user, whatever its other claims are.
    pub fn user(&self, names: &[String]) -> Option<&str> {
        let is_token = matches!(
            self.source,
            ClaimSource::UserToken | ClaimSource::Authorizer { caller_claim: None, .. }
        );
        if is_token && self.identifier(claim_names::SUBJECT).is_none() {
            return None;
        }
        names.iter().find_map(|name| self.identifier(name))
    }

    /// Returns the name of the signer of the request. `None` if the claims do not come from a signed request, or do
    /// not name a signer.
    pub(crate) fn signer(&self) -> Option<&str> {
        match self.source {
            ClaimSource::SignedRequest { signer_claim, .. } => self.identifier(signer_claim),
            _ => None,
        }
    }

    /// Whether an authorizer has proven with these claims something else about the caller than the verified `token` of the
    /// user has: another issuer, another subject, or another value of a claim that fills the caller, which `names` lists.
    ///
    /// A claim that the authorizer does not have contradicts nothing, and neither does a signed request, because its signer
    /// is a server that only passes on the user's token.
    pub(crate) fn contradicts(&self, token: &Self, names: &CallerClaims) -> bool {
        if matches!(self.source, ClaimSource::None | ClaimSource::SignedRequest { .. }) {
            return false;
        }
        let differs = |own: Option<&str>, of_token: Option<&str>| own.is_some() && own != of_token;
        let differs_in = |name: &String| {
            let own = self.values.get(name).filter(|value| !is_empty_claim(value));
            own.is_some_and(|own| !token.values.get(name).is_some_and(|of_token| is_form_of(own, of_token)))
        };
        differs(self.text(claim_names::ISSUER), token.text(claim_names::ISSUER))
            || differs(self.subject(), token.subject())
            || differs(self.user(&names.user), token.user(&names.user))
            || names.others.iter().any(differs_in)
    }
}

/// The names of the claims that fill the caller. Two proofs of one caller must not differ in them.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallerClaims {
    /// The user is in the first of these that is present.
    pub(crate) user: Vec<String>,
    /// The claims of everything else, such as the organisation and the permissions.
    pub(crate) others: Vec<String>,
}

/// Whether nobody can see anything of a text: it is empty, or has only white space, control characters and characters
/// without a width.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    })
}

/// Whether a text can identify somebody.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() <= MAX_IDENTIFIER_BYTES && !is_blank(text) && !text.contains(char::is_control)
}

/// Whether a claim is present but proves nothing: null, a blank text or an empty list.
fn is_empty_claim(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => is_blank(text) || text == "[]",
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

/// Whether `authorizers` is the claim `tokens` as an authorizer writes it: unchanged, or as a text. The elements of a list
/// are then separated by commas or spaces, with or without brackets, or the text is JSON.
fn is_form_of(authorizers: &Value, tokens: &Value) -> bool {
    let (Value::String(text), false) = (authorizers, tokens.is_string()) else {
        return authorizers == tokens;
    };
    let element = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let joined = tokens.as_array().is_some_and(|elements| {
        let elements: Vec<String> = elements.iter().map(element).collect();
        let [commas, spaces] = [",", " "].map(|separator| elements.join(separator));
        *text == commas || *text == spaces || *text == format!("[{spaces}]")
    });
    joined || json::read_unrepaired(text.as_bytes()).is_ok_and(|value| value == *tokens)
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
