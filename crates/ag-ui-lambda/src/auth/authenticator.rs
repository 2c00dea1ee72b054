//! Authenticates the caller of a request with the proofs in its head: the shared token, the authorizer's claims and the
//! user's token.
//!
//! Nothing here looks at the body of a request or builds a response.

use http::header::HeaderName;
use http::request::Parts;

use super::claim_source::ClaimSource;
use super::claims::{CallerClaims, Claims};
use super::presented::{Credential, HeaderError};
use super::shared_token::SharedToken;
use super::verify_user::{UserTokenError, VerifyUser};

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
    /// The user's token, by itself: the bearer token of `Authorization`, if it has the three parts of a JWT, or the header
    /// `x-agui-user-token`. It has to name a subject. There is no shared token, so a request that sends one is refused.
    Jwt,
    /// The shared token, or the user's token as with [`Jwt`](Self::Jwt). A caller with the shared token alone is anonymous.
    TokenOrJwt,
}

impl AuthMode {
    /// Whether a request can or must carry the shared token.
    pub(crate) fn uses_shared_token(self) -> bool {
        matches!(self, Self::Token | Self::Both | Self::TokenOrJwt)
    }

    /// Whether the user's token admits a request by itself.
    pub(crate) fn admits_user_token(self) -> bool {
        matches!(self, Self::Jwt | Self::TokenOrJwt)
    }
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
    /// The request carries a shared token, and the endpoint has none.
    #[error("this endpoint has no shared token")]
    TokenNotUsed,
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
    /// The shared token, if requests have to carry it, or may where `user_token_admits` is set.
    pub(crate) token: Option<SharedToken>,
    /// The header that carries the shared token.
    pub(crate) token_header: HeaderName,
    /// Whether a request needs the proof of an authorizer or of a trusted signer.
    pub(crate) needs_authorizer: bool,
    /// Patterns of the signers whose signature counts as an authorizer's proof.
    pub(crate) trusted_signers: Vec<String>,
    /// What verifies the user's token, if requests have to carry one, or may beside the shared token where
    /// `user_token_admits` is set.
    pub(crate) user: Option<Box<dyn VerifyUser>>,
    /// Whether the user's token admits a request by itself. It may then be the bearer token, and has to name a subject.
    pub(crate) user_token_admits: bool,
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

    /// Whether a caller can be served about whom nothing is proven.
    pub(crate) fn serves_anonymous_callers(&self) -> bool {
        let needs_user_token = self.user.is_some() && !(self.user_token_admits && self.token.is_some());
        !self.needs_authorizer && !needs_user_token
    }

    /// Checks all proofs that the endpoint requires, in the headers and the extensions of `head`, and returns the
    /// claims that they prove: those of the user's token if the request has to carry one or does, or else those of the
    /// authorizer. The claims are empty for an anonymous caller. The endpoint calls it before it reads the body of a run, and
    /// for `/capabilities`, but not for `/health`.
    ///
    /// # Errors
    /// [`AuthError`]. A missing or wrong proof is reported before an unavailable secret or key set, so a wrong
    /// request is refused even while one of them cannot be read.
    pub(crate) async fn authenticate(&self, head: &Parts) -> Result<Authenticated, AuthError> {
        let credential = self.read_credential(head)?;
        let mut unavailable = match self.check_token(credential).await {
            Err(AuthError::TokenUnavailable) => Some(AuthError::TokenUnavailable),
            checked => checked.map(|()| None)?,
        };
        let proven = head.extensions.get::<Claims>().cloned().unwrap_or_else(Claims::anonymous);
        if self.needs_authorizer && !self.is_proof(&proven) {
            return Err(AuthError::NoAuthorizer);
        }
        let claims = match &self.user {
            None => Some(proven),
            Some(user) => match Credential::user_token(credential, &head.headers)? {
                // The credential is the shared token, which was checked.
                None if self.user_token_admits && credential.is_some() => Some(proven),
                None => return Err(AuthError::UserTokenMissing),
                Some(token) => match self.verify_user_token(&**user, token).await {
                    Ok(verified) => {
                        Some(verified).filter(|token| !proven.contradicts(token, &self.caller_claims))
                    }
                    Err(UserTokenError::KeysUnavailable) => {
                        unavailable.get_or_insert(UserTokenError::KeysUnavailable.into());
                        None
                    }
                    Err(error) => return Err(error.into()),
                },
            },
        };
        match unavailable {
            Some(error) => Err(error),
            None => Ok(Authenticated { claims }),
        }
    }

    /// Returns what a request presents as its token. `None` if the endpoint reads no such token, or if the request has none
    /// and the user's token may be elsewhere.
    ///
    /// # Errors
    /// [`AuthError`] if the shared token is required and missing, or if a header with a token cannot be read.
    fn read_credential<'a>(&self, head: &'a Parts) -> Result<Option<Credential<'a>>, AuthError> {
        if self.token.is_none() && !self.user_token_admits {
            return Ok(None);
        }
        match Credential::read(&head.headers, &self.token_header, self.user_token_admits) {
            Ok(None) if !self.user_token_admits => Err(AuthError::TokenMissing),
            Ok(credential) => Ok(credential),
            Err(HeaderError::Repeated) => Err(AuthError::TokenRepeated),
            Err(HeaderError::NotAscii) => Err(AuthError::TokenMismatch),
        }
    }

    /// Checks what a request presents as the shared token, if it does.
    ///
    /// # Errors
    /// [`AuthError`] if it is not the token, if the endpoint has no token, or if the secret cannot be read.
    async fn check_token(&self, credential: Option<Credential<'_>>) -> Result<(), AuthError> {
        let Some(Credential::SharedToken(presented)) = credential else { return Ok(()) };
        let token = self.token.as_ref().ok_or(AuthError::TokenNotUsed)?;
        match token.accepts(presented).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(AuthError::TokenMismatch),
            Err(_) => Err(AuthError::TokenUnavailable),
        }
    }

    /// Verifies the user's token and returns its claims. If the token admits the request by itself, it has to name a subject.
    async fn verify_user_token(&self, user: &dyn VerifyUser, token: &str) -> Result<Claims, UserTokenError> {
        let claims = Claims::new(ClaimSource::UserToken, user.verify(token).await?);
        match self.user_token_admits && claims.subject().is_none() {
            true => Err(UserTokenError::Refused("it names no subject")),
            false => Ok(claims),
        }
    }

    /// Whether the claims that came in the extensions of a request count as an authorizer's proof. Claims of a signed
    /// request count only if the signer matches one of the trusted patterns.
    fn is_proof(&self, claims: &Claims) -> bool {
        match claims.source() {
            ClaimSource::None | ClaimSource::UserToken => false,
            ClaimSource::Session => claims.subject().is_some(),
            ClaimSource::Authorizer { caller_claim: None, .. } => !claims.is_empty(),
            ClaimSource::Authorizer { caller_claim: Some(name), .. } => claims.identifier(name).is_some(),
            ClaimSource::SignedRequest { .. } => claims.signer().is_some_and(|signer| {
                self.trusted_signers.iter().any(|pattern| segments_match(pattern, signer))
            }),
        }
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
