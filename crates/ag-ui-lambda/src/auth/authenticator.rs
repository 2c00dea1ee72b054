//! Authenticates the caller of a request with the proofs in its head: the shared token, the authorizer's claims and the
//! user's token.
//!
//! Nothing here looks at the body of a request or builds a response.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;

use super::claim_source::ClaimSource;
use super::claims::{CallerClaims, Claims};
use super::shared_token::SharedToken;
use super::verify_user::{UserTokenError, VerifyUser};

/// The header that carries the end user's token.
pub(crate) const USER_TOKEN_HEADER: HeaderName = HeaderName::from_static("x-agui-user-token");

/// Which proof of the caller a request must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMode {
    /// The shared token.
    Token,
    /// The proof of an authorizer in front of this process, the signature of a trusted signer, or the session of the
    /// application that the endpoint is mounted in.
    Authorizer,
    /// Both the shared token and the proof of an authorizer.
    Both,
}

/// Why a caller could not be authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    /// The request carries no shared token.
    #[error("the shared token is missing")]
    TokenMissing,
    /// The request carries the header of the shared token more than once.
    #[error("the shared token was sent more than once")]
    TokenRepeated,
    /// The request carries something that is not the shared token.
    #[error("what was sent is not the shared token")]
    TokenMismatch,
    /// The secret with the shared token cannot be read, so that it cannot be decided whether the token is right.
    #[error("the secret with the shared token is unavailable")]
    TokenUnavailable,
    /// The endpoint requires an authorizer's proof, and the request carries none.
    #[error("no authorizer has proven a caller")]
    NoAuthorizer,
    /// The endpoint requires a user token, and the request carries none.
    #[error("the user's token is missing")]
    UserTokenMissing,
    /// The request carries a user token that does not count.
    #[error(transparent)]
    UserToken(#[from] UserTokenError),
}

/// The user's token and the authorizer's claims contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the user's token and the authorizer differ in the issuer, the subject or a claim that fills the caller"
)]
pub(crate) struct ConflictingProofsError;

/// The checks that a request must pass before its caller is served. Without `token`, `needs_authorizer` and `user`,
/// everyone may call.
pub(crate) struct Authenticator {
    /// The shared token, if requests have to carry it.
    pub(crate) token: Option<SharedToken>,
    /// The header that carries the shared token.
    pub(crate) token_header: HeaderName,
    /// Whether a request needs the proof of an authorizer or of a trusted signer.
    pub(crate) needs_authorizer: bool,
    /// Patterns of the signers whose signature counts as an authorizer's proof.
    pub(crate) trusted_signers: Vec<String>,
    /// What verifies the user's token, if requests have to carry one.
    pub(crate) user: Option<Box<dyn VerifyUser>>,
    /// The claims in which the user's token and the authorizer must not differ, beside the issuer and the subject.
    pub(crate) caller_claims: CallerClaims,
}

/// A caller who has passed [`Authenticator::authenticate`], which is the only way to get one.
#[derive(Debug)]
pub(crate) struct Authenticated {
    /// `None` if the user's token and the authorizer's claims contradict each other.
    claims: Option<Claims>,
}

impl Authenticated {
    /// Returns the claims of the caller.
    ///
    /// # Errors
    /// [`ConflictingProofsError`] if the user's token and the authorizer's claims contradict each other. It is an
    /// error here and not in [`Authenticator::authenticate`], because both proofs are valid: the caller is forbidden,
    /// and not unauthenticated.
    pub(crate) fn claims(&self) -> Result<&Claims, ConflictingProofsError> {
        self.claims.as_ref().ok_or(ConflictingProofsError)
    }
}

impl Authenticator {
    /// Fetches the secret of the shared token and the issuer's keys before the first request needs them. Failures are
    /// not reported. `Endpoint::warm_up` calls it.
    pub(crate) async fn warm_up(&self) {
        let token = async {
            if let Some(token) = &self.token {
                token.warm_up().await;
            }
        };
        let user = async {
            if let Some(user) = &self.user {
                user.warm_up().await;
            }
        };
        tokio::join!(token, user);
    }

    /// Checks all proofs that the endpoint requires, in the headers and the extensions of `head`, and returns the
    /// claims that they prove: those of the user's token if the endpoint requires one, or else those of the authorizer. The
    /// claims are empty for an anonymous caller. The endpoint calls it before it reads the body of a run, and for
    /// `/capabilities`, but not for `/health`.
    ///
    /// # Errors
    /// [`AuthError`]. A missing or wrong proof is reported before an unavailable secret or key set, so a wrong
    /// request is refused even while one of them cannot be read.
    pub(crate) async fn authenticate(&self, head: &Parts) -> Result<Authenticated, AuthError> {
        let mut unavailable = None;
        if let Some(token) = &self.token {
            match token.accepts(self.presented_token(&head.headers)?).await {
                Ok(true) => {}
                Ok(false) => return Err(AuthError::TokenMismatch),
                Err(_) => unavailable = Some(AuthError::TokenUnavailable),
            }
        }
        let proven = head.extensions.get::<Claims>().cloned().unwrap_or_else(Claims::anonymous);
        if self.needs_authorizer && !self.is_proof(&proven) {
            return Err(AuthError::NoAuthorizer);
        }
        let claims = match &self.user {
            None => Some(proven),
            Some(user) => {
                let token = single_header(&head.headers, &USER_TOKEN_HEADER)
                    .map_err(HeaderError::into_user_token_error)?;
                match user.verify(token.ok_or(AuthError::UserTokenMissing)?).await {
                    Ok(verified) => Some(Claims::new(ClaimSource::UserToken, verified))
                        .filter(|token| !proven.contradicts(token, &self.caller_claims)),
                    Err(UserTokenError::KeysUnavailable) => {
                        unavailable.get_or_insert(UserTokenError::KeysUnavailable.into());
                        None
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        match unavailable {
            Some(error) => Err(error),
            None => Ok(Authenticated { claims }),
        }
    }

    /// Returns the token that a request presents as the shared token: the value of
    /// [`token_header`](Self::token_header), or else the bearer token of `Authorization`, which is ignored if the
    /// first header is there.
    ///
    /// # Errors
    /// [`AuthError`] if neither header has a token, if the header is repeated, or if its value is not ASCII.
    fn presented_token<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, AuthError> {
        let single = |name: &HeaderName| {
            single_header(headers, name).map_err(|error| match error {
                HeaderError::Repeated => AuthError::TokenRepeated,
                HeaderError::NotAscii => AuthError::TokenMismatch,
            })
        };
        if let Some(token) = single(&self.token_header)? {
            return Ok(token);
        }
        let credentials = single(&AUTHORIZATION)?.and_then(|value| value.split_once(' '));
        match credentials {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
            _ => Err(AuthError::TokenMissing),
        }
    }

    /// Whether the claims that came in the extensions of a request count as an authorizer's proof. Claims of a signed
    /// request count only if the signer matches one of the trusted patterns.
    fn is_proof(&self, claims: &Claims) -> bool {
        match claims.source() {
            ClaimSource::None | ClaimSource::UserToken => false,
            ClaimSource::Session => claims.subject().is_some(),
            ClaimSource::Authorizer { caller_claim: None, .. } => !claims.is_empty(),
            ClaimSource::Authorizer { caller_claim: Some(name), .. } => claims.text(name).is_some(),
            ClaimSource::SignedRequest { .. } => claims.signer().is_some_and(|signer| {
                self.trusted_signers.iter().any(|pattern| segments_match(pattern, signer))
            }),
        }
    }
}

/// Why a header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderError {
    /// Its value holds other bytes than visible ASCII.
    NotAscii,
    /// The request has it more than once.
    Repeated,
}

impl HeaderError {
    /// Turns the error into the one for a request whose header with the user's token cannot be read.
    fn into_user_token_error(self) -> UserTokenError {
        UserTokenError::Refused(match self {
            Self::NotAscii => "it is not ASCII",
            Self::Repeated => "it was sent twice",
        })
    }
}

/// Returns the value of the header `name`; `None` if the request does not have it.
///
/// # Errors
/// [`HeaderError`] if the header is sent more than once, since proxies disagree on which value counts, or if its
/// value is not ASCII.
fn single_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, HeaderError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| HeaderError::NotAscii),
        (Some(_), Some(_)) => Err(HeaderError::Repeated),
    }
}

/// Whether the name of a signer matches a trusted pattern. `*` stands for any number of characters within one segment: it
/// matches neither `/` nor `:`. A signer may choose the last segment of its name itself, such as the name of a session, so
/// a pattern must not find a trusted name there.
fn segments_match(pattern: &str, signer: &str) -> bool {
    let is_separator = |c: char| matches!(c, '/' | ':');
    let has_same_separators = pattern.matches(is_separator).eq(signer.matches(is_separator));
    let mut segments = pattern.split(is_separator).zip(signer.split(is_separator));
    has_same_separators && segments.all(|(pattern, segment)| glob_match(pattern, segment))
}

/// Whether the complete `text` matches `pattern`, in which `*` stands for any number of characters.
fn glob_match(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::segments_match;

    #[test]
    fn a_star_stands_for_any_number_of_characters_of_a_segment() {
        let arn = "arn:aws:sts::123456789012:assumed-role/web/session-1";
        for (pattern, fits) in [
            (arn, true),
            ("arn:aws:sts::123456789012:assumed-role/web/*", true),
            ("arn:aws:sts::*:assumed-role/*/session-1", true),
            ("arn:aws:sts::*:assumed-role/w*b/s*n*1", true),
            ("arn:*:sts:*:*:assumed-role/web/*", true),
            ("*:*:*:*:*:*/*/*", true),
            ("*", false),
            ("arn:*", false),
            ("arn:aws:sts::123456789012:*", false),
            ("arn:aws:sts::123456789012:assumed-role/*", false),
            ("arn:aws:sts::123456789012:assumed-role/web", false),
            ("arn:aws:sts::123456789012:assumed-role/web/*/*", false),
            ("arn:aws:sts::999999999999:assumed-role/web/*", false),
            ("arn:aws:sts::123456789012/assumed-role/web/*", false),
            ("arn:aws:sts::*:assumed-role/web/s*1*1*1", false),
            ("", false),
        ] {
            assert_eq!(segments_match(pattern, arn), fits, "{pattern}");
        }
        // A role of another name whose session has the trusted name.
        let other = "arn:aws:sts::123456789012:assumed-role/dev/web";
        assert!(!segments_match("arn:aws:sts::123456789012:assumed-role/*web*", other));
        assert!(!segments_match("arn:aws:sts::123456789012:assumed-role/web/*", other));
    }
}
