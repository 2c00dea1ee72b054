//! Who calls: the shared token, the authorizer's proof, the user's token. Nothing here looks at the body.

use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;
use tracing::warn;

use super::claims::{ClaimSource, Claims};
use super::reject::{BadUserToken, ForbiddenBy, Reject, Unproven};
use super::token::SharedToken;
use crate::protocol::JsonObject;

/// Header of the end user's token.
pub(super) const USER_TOKEN: HeaderName = HeaderName::from_static("x-agui-user-token");

/// What a request must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthMode {
    /// The shared token.
    Token,
    /// An authorizer's proof.
    Authorizer,
    /// Both.
    Both,
}

/// Verifies the end user's token. A port: the endpoint knows no keys and no algorithms.
pub trait VerifyUser: Send + Sync + 'static {
    /// The claims of a token that is genuine, in force and meant for this service.
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>>;

    /// Begins to fetch what the first verification will need.
    fn warm(&self) -> BoxFuture<'_, ()>;
}

/// Why a user's token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserTokenError {
    /// It is genuine and meant for this service, and no longer in force.
    #[error("the user's token has expired")]
    Expired,
    /// It is genuine and meant for this service, and not yet in force.
    #[error("the user's token is not valid yet")]
    NotYetValid,
    /// It is not genuine or not meant for this service. The reason is for the log: it tells nothing of the token, and the
    /// client does not read it.
    #[error("the user's token is refused: {0}")]
    Refused(&'static str),
    /// The issuer's keys can't be had.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable,
}

/// The checks of an endpoint. With none of the first two, everyone may call.
pub(super) struct Auth {
    pub(super) token: Option<SharedToken>,
    pub(super) token_header: HeaderName,
    pub(super) needs_authorizer: bool,
    pub(super) principals: Vec<String>,
    pub(super) user: Option<Box<dyn VerifyUser>>,
}

/// A caller who passed: only [`Auth::check`] makes one.
pub(super) struct Authenticated {
    /// `None` where the user's token and the authorizer speak of different callers.
    claims: Option<Claims>,
}

impl Authenticated {
    /// What is proven. Two proofs that disagree are no missing proof: this is asked when 403 has its turn.
    pub(super) fn claims(&self) -> Result<&Claims, Reject> {
        self.claims.as_ref().ok_or_else(|| {
            warn!("the user's token and the authorizer speak of different callers");
            Reject::Forbidden(ForbiddenBy::Proofs)
        })
    }
}

impl Auth {
    pub(super) async fn warm(&self) {
        let token = async {
            if let Some(token) = &self.token {
                token.warm().await;
            }
        };
        let user = async {
            if let Some(user) = &self.user {
                user.warm().await;
            }
        };
        tokio::join!(token, user);
    }

    /// Who calls. What cannot be checked right now is told only when nothing is surely wrong.
    pub(super) async fn check(&self, head: &Parts) -> Result<Authenticated, Reject> {
        let mut unavailable = None;
        if let Some(token) = &self.token {
            match token.admits(self.presented(&head.headers)?).await {
                Ok(true) => {}
                Ok(false) => return Err(Reject::Unauthenticated(Unproven::WrongToken)),
                Err(_) => unavailable = Some(Reject::SecretUnavailable),
            }
        }
        let proven = head.extensions.get::<Claims>().cloned().unwrap_or_else(Claims::anonymous);
        if self.needs_authorizer && !self.is_proof(&proven) {
            return Err(Reject::Unauthenticated(Unproven::NoAuthorizer));
        }
        let claims = match &self.user {
            None => Some(proven),
            Some(user) => {
                let token = single(&head.headers, &USER_TOKEN).map_err(BadUserToken::Invalid)?;
                match user.verify(token.ok_or(BadUserToken::Missing)?).await {
                    Ok(verified) => proven.with_user_token(verified),
                    Err(UserTokenError::Expired) => return Err(BadUserToken::Expired.into()),
                    Err(UserTokenError::NotYetValid) => return Err(BadUserToken::NotYetValid.into()),
                    Err(UserTokenError::Refused(why)) => return Err(BadUserToken::Invalid(why).into()),
                    Err(UserTokenError::KeysUnavailable) => {
                        unavailable.get_or_insert(Reject::KeysUnavailable);
                        None
                    }
                }
            }
        };
        match unavailable {
            Some(reject) => Err(reject),
            None => Ok(Authenticated { claims }),
        }
    }

    /// The token that the request shows: its own header if there is one, and then that alone counts.
    fn presented<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, Reject> {
        let single = |name: &HeaderName| {
            single(headers, name).map_err(|_| {
                let is_repeated = headers.get_all(name).iter().nth(1).is_some();
                let unproven = if is_repeated { Unproven::TokenTwice } else { Unproven::WrongToken };
                Reject::Unauthenticated(unproven)
            })
        };
        if let Some(token) = single(&self.token_header)? {
            return Ok(token);
        }
        let credentials = single(&AUTHORIZATION)?.and_then(|value| value.split_once(' '));
        match credentials {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
            _ => Err(Reject::Unauthenticated(Unproven::NoToken)),
        }
    }

    fn is_proof(&self, claims: &Claims) -> bool {
        match claims.source() {
            ClaimSource::JwtAuthorizer | ClaimSource::CognitoAuthorizer => !claims.is_empty(),
            ClaimSource::LambdaAuthorizer => claims.text("principalId").is_some(),
            ClaimSource::Iam => {
                let arn = claims.text("userArn");
                arn.is_some_and(|arn| self.principals.iter().any(|pattern| matches(pattern, arn)))
            }
            ClaimSource::None | ClaimSource::UserToken => false,
        }
    }
}

/// A header that is there once; twice is refused, since proxies disagree on which one counts.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| "it is no ASCII"),
        (Some(_), Some(_)) => Err("it was sent twice"),
    }
}

/// Whether a text fits a pattern in which `*` stands for any number of characters.
fn matches(pattern: &str, text: &str) -> bool {
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
    use super::matches;

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        let arn = "arn:aws:sts::123456789012:assumed-role/web/session-1";
        for (pattern, fits) in [
            (arn, true),
            ("*", true),
            ("arn:aws:sts::123456789012:assumed-role/web/*", true),
            ("arn:aws:sts::*:assumed-role/*/session-1", true),
            ("arn:aws:sts::123456789012:assumed-role/web", false),
            ("arn:aws:sts::999999999999:*", false),
            ("*session-2", false),
            ("", false),
            ("arn*1*1*1*1*1*1*1*1", false),
        ] {
            assert_eq!(matches(pattern, arn), fits, "{pattern}");
        }
    }
}
