//! Fetches an issuer's published keys over HTTP, within limits.
//!
//! The address comes from the configuration or from the discovery document of the configured issuer. A token never chooses
//! one, and no redirect is followed. Nothing is cached here: [`Cached`](crate::secrets::cache::Cached) does that.

use std::sync::OnceLock;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::redirect;
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::UserTokenConfig;
use super::key_set::KeySet;
use crate::secrets::cache::{Fetch, FetchError};

/// The longest document that is read: a discovery document or a key set.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// The longest time of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time of a fetch, which is two requests.
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(4);

/// Why users' tokens cannot be verified with a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserTokenConfigError {
    /// The issuer is not a safe address, but its discovery document has to be found by it.
    #[error(
        "the issuer is neither an https URL nor an http URL of this machine, so its keys can't be found by it"
    )]
    Issuer,
    /// The address of the key set is not a safe one.
    #[error("the key set's address is neither an https URL nor an http URL of this machine")]
    JwksUrl,
    /// There is no audience, or one that is an empty text.
    #[error("no audience is named, or an empty one")]
    Audience,
}

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchKeysError {
    /// The server answered with another status than 200.
    #[error("{0} was answered with status {1}")]
    Status(IssuerDocument, StatusCode),
    /// The document is too long.
    #[error("{0} is over {MAX_DOCUMENT_BYTES} bytes")]
    TooLarge(IssuerDocument),
    /// The discovery document cannot be parsed.
    #[error("the discovery document is malformed")]
    Malformed(#[source] serde_json::Error),
    /// The discovery document names another issuer than the configured one.
    #[error("the discovery document is of another issuer")]
    OtherIssuer,
    /// The discovery document names an address that is not safe.
    #[error("the discovery document names a key set at an address that can't be trusted")]
    UnsafeAddress,
}

/// Which document is fetched.
#[derive(Debug, Clone, Copy)]
enum IssuerDocument {
    Document,
    KeySet,
}

impl std::fmt::Display for IssuerDocument {
    /// Prints the document as the subject of an error message.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Document => "the discovery document",
            Self::KeySet => "the key set",
        })
    }
}

/// The published keys of an issuer.
pub(super) struct Issuer {
    /// Where the keys are published.
    key_set_location: KeySetLocation,
    /// The HTTP client. The first fetch builds it, because that reads the system's certificates.
    client: OnceLock<Client>,
}

/// Where the key set of an issuer is.
enum KeySetLocation {
    /// At the configured address.
    Configured(Url),
    /// At the address in the issuer's discovery document, which is read for each fetch because an issuer may move its keys.
    Discovered {
        /// The issuer that the document has to name.
        issuer: String,
        /// The address of the document.
        document: Url,
    },
}

impl Issuer {
    /// Determines the address of the issuer's keys: the configured one, or else that of the issuer's discovery
    /// document. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`UserTokenConfigError`] if the address is not safe, as [`safe_url`] decides, or if the discovery document has
    /// to be found by an issuer that has a query or a fragment.
    ///
    /// Source: OpenID Connect Discovery 1.0 section 4.
    pub(super) fn new(config: &UserTokenConfig) -> Result<Self, UserTokenConfigError> {
        let place = match &config.jwks_url {
            Some(url) => KeySetLocation::Configured(safe_url(url).ok_or(UserTokenConfigError::JwksUrl)?),
            None => {
                let issuer = safe_url(&config.issuer).ok_or(UserTokenConfigError::Issuer)?;
                if issuer.query().is_some() || issuer.fragment().is_some() {
                    return Err(UserTokenConfigError::Issuer);
                }
                let document = format!(
                    "{}/.well-known/openid-configuration",
                    config.issuer.strip_suffix('/').unwrap_or(&config.issuer)
                );
                let document = safe_url(&document).ok_or(UserTokenConfigError::Issuer)?;
                KeySetLocation::Discovered { issuer: config.issuer.clone(), document }
            }
        };
        Ok(Self { key_set_location: place, client: OnceLock::new() })
    }

    /// Returns the HTTP client. The first call builds it.
    fn client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .redirect(redirect::Policy::none())
            // Minutes lie between two fetches, and perhaps the process is frozen meanwhile. An idle connection is dead by then.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Fetches and parses the issuer's key set. If its address is not configured, the discovery document is fetched
    /// first.
    async fn fetch_keys(&self) -> Result<KeySet, FetchError> {
        let discovered;
        let key_set = match &self.key_set_location {
            KeySetLocation::Configured(url) => url,
            KeySetLocation::Discovered { issuer, document } => {
                discovered = discovered_key_set(
                    &self.fetch_document(IssuerDocument::Document, document).await?,
                    issuer,
                    document,
                )?;
                &discovered
            }
        };
        Ok(KeySet::parse(&self.fetch_document(IssuerDocument::KeySet, key_set).await?)?)
    }

    /// Fetches `url` and returns its body, of at most [`MAX_DOCUMENT_BYTES`]. `document` names the document in
    /// errors.
    ///
    /// # Errors
    /// If the request fails or is redirected, if the status is not 200, or if the body is too long.
    async fn fetch_document(&self, document: IssuerDocument, url: &Url) -> Result<Vec<u8>, FetchError> {
        let mut response = self.client()?.get(url.clone()).send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchKeysError::Status(document, response.status()).into());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                return Err(FetchKeysError::TooLarge(document).into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Fetch<KeySet> for Issuer {
    /// Fetches the issuer's key set, when [`Cached`](crate::secrets::cache::Cached) asks for it.
    fn fetch(&self) -> BoxFuture<'_, Result<KeySet, FetchError>> {
        Box::pin(self.fetch_keys())
    }
}

/// Returns the address of the key set that a discovery document names. `issuer` is the configured issuer, `at` the
/// address from which the document was read.
///
/// The key set may be on another host than the document, as it is for some large issuers. It may be on this machine
/// only if the document is: otherwise a document could make this process call a service on its own machine.
///
/// # Errors
/// [`FetchKeysError`] if the document is malformed, names another issuer, or names an address that is not safe.
fn discovered_key_set(document: &[u8], issuer: &str, at: &Url) -> Result<Url, FetchKeysError> {
    /// The members of a discovery document that are read.
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: String,
    }
    let document: Document = serde_json::from_slice(document).map_err(FetchKeysError::Malformed)?;
    if document.issuer != issuer {
        return Err(FetchKeysError::OtherIssuer);
    }
    let url = safe_url(&document.jwks_uri).filter(|url| !is_loopback(url) || is_loopback(at));
    url.ok_or(FetchKeysError::UnsafeAddress)
}

/// Parses an address if nobody between this process and the server can change what is read from it: `https`, or
/// `http` on this machine. `None` for any other address, and for one that contains a user or a password.
fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    (is_safe && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// Whether the host of an address is this machine.
fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests;
