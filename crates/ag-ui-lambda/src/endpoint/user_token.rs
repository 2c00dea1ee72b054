//! The end user's token: a JWT of the configured issuer, checked against the issuer's published keys.
//!
//! The configuration says which algorithms, issuer and audience count, and where keys come from; a token's header
//! only chooses among them. What the claims mean is not decided here. Nothing of a token is logged: a refusal
//! has a fixed reason.

mod algorithm;
mod claims;
mod config;
mod header;
mod issuer;
mod keys;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jsonwebtoken::{DecodingKey, crypto, get_current_timestamp};
use serde_json::Value;

use super::auth::UserTokenError::{self, Refused};
use super::auth::VerifyUser;
use crate::cached::{Cached, Policy, Source, Unavailable};
use crate::json;
use crate::protocol::JsonObject;
use header::Header;
use issuer::Issuer;
use keys::Keys;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use config::UserTokenConfig;
pub use issuer::UnsafeKeys;

/// The longest token that is looked at: more than any front door lets through in a header.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// When the issuer is asked for its keys, and how long they count without it.
fn policy() -> Policy {
    Policy {
        max_stale: Duration::from_secs(24 * 3600),
        refresh_floor: Duration::from_secs(60),
        timeout: issuer::FETCH_TIMEOUT,
        ..Policy::default()
    }
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
    /// The keys are kept for 300 s, and for up to a day while the issuer cannot be reached; an unknown key id reads
    /// them again, at most once a minute.
    ///
    /// # Errors
    /// [`UnsafeKeys`] when keys from where they are would not be safe to trust.
    pub fn new(config: UserTokenConfig) -> Result<Self, UnsafeKeys> {
        let source = Issuer::new(&config)?;
        Ok(Self::with_source(config, source))
    }

    /// Fetches the keys, if nobody has begun to. Poll it to its end or drop it.
    pub async fn warm(&self) {
        self.keys.warm().await;
    }

    /// The claims of `token`, once its signature, issuer, audience and times are checked, in this order.
    ///
    /// `exp`, `iss` and `aud` are required, `nbf` is checked where present, both times with 60 s of leeway.
    /// A Cognito access token has no `aud`: there `client_id` has to be the audience.
    ///
    /// # Errors
    /// [`Expired`](UserTokenError::Expired) and [`NotYetValid`](UserTokenError::NotYetValid) for a token that would
    /// count at another time, [`Refused`] for any other with a reason for the log, and
    /// [`KeysUnavailable`](UserTokenError::KeysUnavailable) when it cannot be decided.
    ///
    /// Source: RFC 7519 section 7.2, RFC 8725 section 3, and Amazon Cognito's "Verifying JSON web tokens".
    pub async fn verify(&self, token: &str) -> Result<JsonObject, UserTokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused("it is too long"));
        }
        let parts = Parts::of(token).ok_or(Refused("it has not three parts"))?;
        let header = object(parts.header).ok_or(Refused("the header is malformed"))?;
        let header = Header::read(&header, &self.config.algorithms)?;
        let key = self.key(&header).await?;
        match crypto::verify(parts.signature, parts.message.as_bytes(), &key, header.algorithm.0) {
            Ok(true) => {}
            Ok(false) => return Err(Refused("the signature is wrong")),
            Err(_) => return Err(Refused("the signature is malformed")),
        }
        let claims = object(parts.payload).ok_or(Refused("the payload is malformed"))?;
        claims::check(&claims, &self.config, get_current_timestamp())?;
        Ok(claims)
    }

    fn with_source(mut config: UserTokenConfig, source: impl Source<Keys> + 'static) -> Self {
        // Features of a dependency add up over a program: with a second provider switched on elsewhere,
        // jsonwebtoken (11.1) knows no default any more and panics. Err means that one is installed.
        let _ = crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        if config.algorithms.is_empty() {
            config.algorithms = vec![Algorithm::RS256, Algorithm::ES256];
        }
        Self { config, keys: Cached::new("user token keys", source, policy()) }
    }

    async fn key(&self, header: &Header) -> Result<DecodingKey, UserTokenError> {
        let mut keys = self.keys.get().await.map_err(|Unavailable| UserTokenError::KeysUnavailable)?;
        if !keys.knows(&header.kid)
            && let Some(newer) = self.keys.newer_than(&keys).await
        {
            keys = newer;
        }
        let key = keys.find(&header.kid, header.algorithm.0).ok_or(Refused("no published key fits"))?;
        DecodingKey::from_jwk(key).map_err(|_| Refused("the key is malformed"))
    }
}

/// The parts of a signed token in its compact form, each still encoded.
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// What is signed: header and payload with the dot between them.
    message: &'a str,
}

impl<'a> Parts<'a> {
    /// Source: RFC 7515 section 7.1.
    fn of(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        (!payload.contains('.')).then_some(Self { header, payload, signature, message })
    }
}

/// The JSON object in a part. A member that is named twice would be read in one way here and in another by others.
fn object(part: &str) -> Option<JsonObject> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    match json::read_unrepaired(&text).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokens").field("config", &self.config).finish_non_exhaustive()
    }
}
