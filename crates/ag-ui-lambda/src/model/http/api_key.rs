//! API keys: where they come from, and what happens when a provider refuses one.
//!
//! Keys are rotated while functions run. So the key is fetched for each turn, and if the provider refuses it, the
//! [`ApiKeyProvider`] is asked once for a newer one.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::model::ModelError;

/// Provides one API key and may renew it, for example from a secret store.
pub trait ApiKeyProvider: Send + Sync {
    /// Returns the current key. The model calls this for each turn, so an implementation should cache the key.
    ///
    /// # Errors
    /// The error with which the turn fails. Its cause is logged and must not contain a secret.
    fn api_key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>>;

    /// Provides another key after the provider has refused the key `seen`, usually by fetching the key again. Returns
    /// `None` if there is no other key. The model then fails the turn; with another key it sends the request once more.
    fn refresh_if_same<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>>;
}

/// Says which key an [`HttpModel`](super::HttpModel) sends to its provider.
#[expect(clippy::exhaustive_enums, reason = "there are no other kinds")]
#[derive(Clone)]
pub enum Credentials {
    /// The provider needs no key.
    None,
    /// The key is this one and never changes.
    Fixed(SecretString),
    /// The [`ApiKeyProvider`] fetches the key for each turn and may renew it.
    Provider(Arc<dyn ApiKeyProvider>),
}

impl Credentials {
    /// Returns the API key for a turn; `None` if the provider needs no key.
    ///
    /// # Errors
    /// The error of the [`ApiKeyProvider`], if it can't provide a key.
    pub(super) async fn get(&self) -> Result<Option<SecretString>, ModelError> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(key) => Ok(Some(key.clone())),
            Self::Provider(source) => source.api_key().await.map(Some),
        }
    }

    /// Asks the [`ApiKeyProvider`] for another key, after the model's provider has refused the key `seen`. Returns
    /// `None` if there is no other key, and always for a fixed key.
    pub(super) async fn refresh_if_same(&self, seen: Option<&SecretString>) -> Option<SecretString> {
        match (self, seen) {
            (Self::Provider(source), Some(seen)) => source.refresh_if_same(seen).await,
            _ => None,
        }
    }
}

impl From<SecretString> for Credentials {
    /// Uses this key for every turn.
    fn from(key: SecretString) -> Self {
        Self::Fixed(key)
    }
}

impl From<Option<SecretString>> for Credentials {
    /// Uses this key for every turn, or no key if it is `None`.
    fn from(key: Option<SecretString>) -> Self {
        key.map_or(Self::None, Self::Fixed)
    }
}

impl From<Arc<dyn ApiKeyProvider>> for Credentials {
    /// Asks this key provider for the key of each turn.
    fn from(source: Arc<dyn ApiKeyProvider>) -> Self {
        Self::Provider(source)
    }
}
