//! The end user's token: a JWT of the configured issuer, checked against the issuer's published keys.
//!
//! The configuration says which algorithms, issuer and audience count; a token's header only chooses among
//! them, and never brings a key. What the claims mean is not decided here. Nothing of a token is logged: a
//! refusal has a fixed reason.

mod algorithm;
mod keys;
#[cfg(test)]
#[cfg(feature = "dev")]
mod tests;

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

use super::auth::UserTokenError::{self, Refused};
use super::auth::VerifyUser;
use crate::cached::{Cached, Policy, Source, Unavailable};
use crate::protocol::JsonObject;
use keys::{Jwks, Keys};

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use keys::InvalidJwksUrl;

/// Clock difference, in seconds, that is forgiven between the issuer and this machine.
const LEEWAY_S: u64 = 60;

/// Which user tokens count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTokenConfig {
    /// The `iss` claim, exactly.
    pub issuer: String,
    /// The `aud` claim, or one of its entries.
    pub audience: String,
    /// Where the issuer publishes its keys: `https`, or `http` on this machine.
    pub jwks_url: String,
    /// The algorithms that count; empty means RS256 and ES256.
    pub algorithms: Vec<Algorithm>,
}

/// Verifies the tokens of one issuer.
pub struct UserTokens {
    /// What counts.
    config: UserTokenConfig,
    /// The issuer's keys.
    keys: Cached<Keys>,
}

impl VerifyUser for UserTokens {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>> {
        self.verify(token).boxed()
    }

    fn warm(&self) -> BoxFuture<'_, ()> {
        self.warm().boxed()
    }
}

impl UserTokens {
    /// A verifier for `config`. Fetches nothing yet.
    ///
    /// The keys are kept for 300 s, and for up to an hour while the issuer cannot be reached; an unknown
    /// key id reads them again, at most every 10 s.
    ///
    /// # Errors
    /// [`InvalidJwksUrl`] when `jwks_url` is none or not safe to trust keys from.
    pub fn new(config: UserTokenConfig) -> Result<Self, InvalidJwksUrl> {
        let source = Jwks::new(&config.jwks_url)?;
        Ok(Self::with_source(config, source))
    }

    /// Fetches the keys, if nobody has begun to. Poll it to its end or drop it.
    pub async fn warm(&self) {
        self.keys.warm().await;
    }

    /// The claims of `token`, once its signature, issuer, audience and times are checked.
    ///
    /// `exp`, `iss` and `aud` are required, `nbf` is checked where present, both times with 60 s of leeway.
    /// A Cognito access token has no `aud`: there `client_id` has to be the audience.
    ///
    /// # Errors
    /// [`UserTokenError::Refused`] with a reason for the log; [`UserTokenError::KeysUnavailable`] when it
    /// cannot be decided.
    ///
    /// Source: RFC 7519 section 7.2, RFC 8725 section 3, and Amazon Cognito's "Verifying JSON web tokens".
    pub async fn verify(&self, token: &str) -> Result<JsonObject, UserTokenError> {
        let header = decode_header(token).map_err(|_| Refused("the header is malformed"))?;
        if !self.config.algorithms.contains(&Algorithm(header.alg)) {
            return Err(Refused("the algorithm is not configured"));
        }
        if header.crit.is_some() {
            return Err(Refused("the header has critical extensions"));
        }
        let key = self.key(&header).await?;
        let claims = decode(token, &key, &self.validation(&header)).map_err(|error| reason(error.kind()))?;
        self.check(claims.claims)
    }

    fn with_source(mut config: UserTokenConfig, source: impl Source<Keys> + 'static) -> Self {
        // Features of a dependency add up over a program: with a second provider switched on elsewhere,
        // jsonwebtoken (11.1) knows no default any more and panics. Err means that one is installed.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        if config.algorithms.is_empty() {
            config.algorithms = vec![Algorithm::RS256, Algorithm::ES256];
        }
        Self { config, keys: Cached::new("user token keys", source, Policy::default()) }
    }

    async fn key(&self, header: &Header) -> Result<DecodingKey, UserTokenError> {
        let kid = header.kid.as_deref().ok_or(Refused("the header has no key id"))?;
        let mut keys = self.keys.get().await.map_err(|Unavailable| UserTokenError::KeysUnavailable)?;
        if !keys.knows(kid)
            && let Some(newer) = self.keys.newer_than(&keys).await
        {
            keys = newer;
        }
        let key = keys.find(kid, header.alg).ok_or(Refused("no published key fits"))?;
        DecodingKey::from_jwk(key).map_err(|_| Refused("the key is malformed"))
    }

    fn validation(&self, header: &Header) -> Validation {
        // One algorithm, since jsonwebtoken refuses a list of several families; it is a configured one.
        let mut validation = Validation::new(header.alg);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.set_issuer(&[&self.config.issuer]);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        // `check` does it, because of the tokens that have none.
        validation.validate_aud = false;
        validation
    }

    fn check(&self, claims: JsonObject) -> Result<JsonObject, UserTokenError> {
        let is = |name: &str, expected: &str| claims.get(name).and_then(Value::as_str) == Some(expected);
        // jsonwebtoken lets a list of issuers pass; the claim is one string.
        if !is("iss", &self.config.issuer) {
            return Err(Refused("the issuer is another"));
        }
        let is_for_us = match claims.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().any(|one| *one == *self.config.audience),
            Some(audience) => *audience == *self.config.audience,
            None => is("token_use", "access") && is("client_id", &self.config.audience),
        };
        if is_for_us { Ok(claims) } else { Err(Refused("the audience is another")) }
    }
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokens").field("config", &self.config).finish_non_exhaustive()
    }
}

fn reason(kind: &ErrorKind) -> UserTokenError {
    Refused(match kind {
        ErrorKind::InvalidSignature => "the signature is wrong",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "the issuer is another",
        ErrorKind::MissingRequiredClaim(_) => "it has no usable `exp` or `iss`",
        ErrorKind::InvalidClaimFormat(_) => "a time is malformed",
        _ => "it is malformed",
    })
}
