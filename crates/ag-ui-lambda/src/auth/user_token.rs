//! The end user's token: a JWT of the configured issuer, verified with the issuer's published keys.
//!
//! The configuration decides which algorithms, issuer and audience count, and where the keys come from. The header of a token
//! only chooses among them. What the claims mean is not decided here. Nothing of a token is logged: a refusal has one of a
//! few fixed reasons.

mod algorithm;
mod claims;
mod config;
mod header;
mod issuer;
mod key_set;
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

use super::verify_user::UserTokenError::{self, Refused};
use super::verify_user::VerifyUser;
use crate::json;
use crate::protocol::JsonObject;
use crate::secrets::cache::{CachePolicy, Cached, Fetch, UnavailableError};
use header::Header;
use issuer::Issuer;
use key_set::KeySet;

pub use algorithm::{Algorithm, UnknownAlgorithmError};
pub use config::UserTokenConfig;
pub use issuer::UserTokenConfigError;

/// The longest token that is looked at. It is more than entry points let through in a header.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Returns the policy for the cache of the issuer's keys: they are used for up to a day while the issuer cannot be
/// reached, and a refresh is forced at most once a minute. The issuer is asked at most every 10 s, whatever happens, because
/// anybody can send a token that names a key.
fn cache_policy() -> CachePolicy {
    CachePolicy {
        max_stale: Duration::from_secs(24 * 3600),
        min_interval: Some(Duration::from_secs(10)),
        min_refresh_interval: Duration::from_secs(60),
        fetch_timeout: issuer::FETCH_TIMEOUT,
        ..CachePolicy::default()
    }
}

/// Verifies users' JWTs of one issuer. It is the [`VerifyUser`] for most applications.
///
/// ```
/// use ag_ui_lambda::auth::{Algorithm, UserTokenConfig, UserTokenConfigError, UserTokens};
///
/// let tokens = UserTokens::new(UserTokenConfig {
///     issuer: "https://login.example.com".into(),
///     audiences: vec!["orders-agent".into()],
///     jwks_url: None, // the issuer's discovery document names it
///     algorithms: vec![Algorithm::ES256],
/// })?;
/// # Ok::<(), UserTokenConfigError>(())
/// ```
pub struct UserTokens {
    /// Which tokens count.
    config: UserTokenConfig,
    /// The issuer's published keys.
    keys: Cached<KeySet>,
}

impl VerifyUser for UserTokens {
    /// Calls [`UserTokens::verify`].
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<JsonObject, UserTokenError>> {
        self.verify(token).boxed()
    }

    /// Calls [`UserTokens::warm_up`].
    fn warm_up(&self) -> BoxFuture<'_, ()> {
        self.warm_up().boxed()
    }
}

impl UserTokens {
    /// Creates a verifier for the tokens that `config` describes. Nothing is fetched yet.
    ///
    /// The issuer's keys are used for 300 s, and for up to a day while the issuer cannot be reached. A token with an
    /// unknown key id causes another fetch, at most once a minute. Two fetches begin at least 10 s apart, whatever causes
    /// them; only the first one does not count.
    ///
    /// # Errors
    /// [`UserTokenConfigError`] if the address of the keys is neither `https` nor `http` on this machine, or if no audience is
    /// named.
    pub fn new(config: UserTokenConfig) -> Result<Self, UserTokenConfigError> {
        let source = Issuer::new(&config)?;
        if config.audiences.is_empty() || config.audiences.iter().any(String::is_empty) {
            return Err(UserTokenConfigError::Audience);
        }
        Ok(Self::with_source(config, source))
    }

    /// Fetches the issuer's keys before the first token needs them, unless a fetch has already begun. Poll it to its
    /// end or drop it, because a verification waits for it meanwhile.
    pub async fn warm_up(&self) {
        self.keys.warm_up().await;
    }

    /// Verifies a JWT and returns its claims. Its signature, issuer, audience and times are checked, in this order.
    ///
    /// `exp`, `iss` and `aud` are required, and `nbf` is checked if it is there. Both times have a leeway of 60 s. An
    /// access token that declares itself with `"token_use": "access"` may have no `aud`; then `client_id` has to be
    /// an audience.
    ///
    /// # Errors
    /// [`Expired`](UserTokenError::Expired) or [`NotYetValid`](UserTokenError::NotYetValid) if only the times are
    /// wrong, [`Refused`] if anything else is, and [`KeysUnavailable`](UserTokenError::KeysUnavailable) if the
    /// issuer's keys cannot be fetched.
    ///
    /// Source: RFC 7519 section 7.2, RFC 8725 section 3.
    pub async fn verify(&self, token: &str) -> Result<JsonObject, UserTokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused("it is too long"));
        }
        let parts = CompactToken::split(token).ok_or(Refused("it has not three parts"))?;
        let header = decode_object(parts.header).ok_or(Refused("the header is malformed"))?;
        let header = Header::read(&header, &self.config.algorithms)?;
        let key = self.find_key(&header).await?;
        match crypto::verify(parts.signature, parts.message.as_bytes(), &key, header.algorithm.0) {
            Ok(true) => {}
            Ok(false) => return Err(Refused("the signature is wrong")),
            Err(_) => return Err(Refused("the signature is malformed")),
        }
        let claims = decode_object(parts.payload).ok_or(Refused("the payload is malformed"))?;
        claims::check(&claims, &self.config, get_current_timestamp())?;
        Ok(claims)
    }

    /// Creates a verifier that fetches the keys from `source`. Without configured algorithms, RS256 and ES256 count.
    fn with_source(mut config: UserTokenConfig, source: impl Fetch<KeySet> + 'static) -> Self {
        // The features of a dependency add up over a program. If another crate switches on a second provider, jsonwebtoken
        // (11.1) has no default any more and panics. An error means that a provider is installed already.
        let _ = crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        if config.algorithms.is_empty() {
            config.algorithms = Algorithm::DEFAULT.to_vec();
        }
        Self { config, keys: Cached::new("user token keys", source, cache_policy()) }
    }

    /// Returns the published key whose id the header of a token names. An unknown id causes another fetch of the
    /// keys, because the issuer may have published a new one.
    ///
    /// # Errors
    /// [`Refused`] if the key is not published or does not fit the algorithm,
    /// [`KeysUnavailable`](UserTokenError::KeysUnavailable) if no keys could be fetched.
    async fn find_key(&self, header: &Header) -> Result<DecodingKey, UserTokenError> {
        let mut keys = self.keys.get().await.map_err(|UnavailableError| UserTokenError::KeysUnavailable)?;
        if !keys.contains(&header.kid)
            && let Some(refreshed) = self.keys.refresh_if_same(&keys).await
        {
            keys = refreshed;
        }
        let key = keys.find(&header.kid, header.algorithm.0).ok_or(Refused("no published key fits"))?;
        DecodingKey::from_jwk(key).map_err(|_| Refused("the key is malformed"))
    }
}

/// The parts of a signed token in its compact form. They are still encoded.
struct CompactToken<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// The text that is signed: the header and the payload with the dot between them.
    message: &'a str,
}

impl<'a> CompactToken<'a> {
    /// Splits a JWT at its dots. `None` if it does not have exactly three parts.
    ///
    /// Source: RFC 7515 section 7.1.
    fn split(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        (!payload.contains('.')).then_some(Self { header, payload, signature, message })
    }
}

/// Decodes one part of a JWT, which is a JSON object in Base64url. `None` if it is malformed or has two members of
/// the same name, because another reader could use the other member.
fn decode_object(part: &str) -> Option<JsonObject> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
    match json::read_unrepaired(&text).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

impl fmt::Debug for UserTokens {
    /// Prints the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokens").field("config", &self.config).finish_non_exhaustive()
    }
}
