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
    /// Returns the current key. It is called for each turn, so an implementation should cache the key.
    ///
    /// # Errors
    /// The failure that the turn ends with; its cause must not contain a secret.
    fn api_key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>>;

    /// Returns another key than `seen`, which the provider refused; `None` if there is no other key.
    fn refresh_if_same<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>>;
}

/// The credentials of an [`HttpModel`](super::HttpModel). There are no other kinds, so the enum is exhaustive.
#[derive(Clone)]
pub enum Credentials {
    /// The provider needs no key.
    None,
    /// A key that never changes.
    Fixed(SecretString),
    /// A key that the provider may renew.
    Provider(Arc<dyn ApiKeyProvider>),
}

impl Credentials {
    /// Returns the key for a turn; `None` if the provider needs none.
    pub(super) async fn get(&self) -> Result<Option<SecretString>, ModelError> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(key) => Ok(Some(key.clone())),
            Self::Provider(source) => source.api_key().await.map(Some),
        }
    }

    /// Returns another key than `seen`, which the provider refused; `None` if there is no other key.
    pub(super) async fn refresh_if_same(&self, seen: Option<&SecretString>) -> Option<SecretString> {
        match (self, seen) {
            (Self::Provider(source), Some(seen)) => source.refresh_if_same(seen).await,
            _ => None,
        }
    }
}

impl From<SecretString> for Credentials {
    fn from(key: SecretString) -> Self {
        Self::Fixed(key)
    }
}

impl From<Option<SecretString>> for Credentials {
    fn from(key: Option<SecretString>) -> Self {
        key.map_or(Self::None, Self::Fixed)
    }
}

impl From<Arc<dyn ApiKeyProvider>> for Credentials {
    fn from(source: Arc<dyn ApiKeyProvider>) -> Self {
        Self::Provider(source)
    }
}
