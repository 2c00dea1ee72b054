//! API keys: where they come from, and what happens when a provider refuses one.
//!
//! Keys are rotated while functions run. So a key is asked for at each turn, and when the provider refuses it
//! the source is asked once for a newer one.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::model::ModelError;

/// A source of one API key.
pub trait ApiKeys: Send + Sync {
    /// The key, from a cache if there is one: it is asked for at each turn.
    ///
    /// # Errors
    /// The failure that the turn ends with; its cause must hold no secret.
    fn key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>>;

    /// Another key than `seen`, which the provider refused; None if there is none.
    fn newer_than<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>>;
}

/// Where the API key of a model comes from. There are these three, so the enum is exhaustive.
#[derive(Clone)]
pub enum ApiKey {
    /// The provider takes none.
    None,
    /// One key for good.
    Fixed(SecretString),
    /// A source that may renew it.
    Source(Arc<dyn ApiKeys>),
}

impl ApiKey {
    pub(super) async fn get(&self) -> Result<Option<SecretString>, ModelError> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(key) => Ok(Some(key.clone())),
            Self::Source(source) => source.key().await.map(Some),
        }
    }

    pub(super) async fn newer_than(&self, seen: Option<&SecretString>) -> Option<SecretString> {
        match (self, seen) {
            (Self::Source(source), Some(seen)) => source.newer_than(seen).await,
            _ => None,
        }
    }
}

impl From<SecretString> for ApiKey {
    fn from(key: SecretString) -> Self {
        Self::Fixed(key)
    }
}

impl From<Option<SecretString>> for ApiKey {
    fn from(key: Option<SecretString>) -> Self {
        key.map_or(Self::None, Self::Fixed)
    }
}

impl From<Arc<dyn ApiKeys>> for ApiKey {
    fn from(source: Arc<dyn ApiKeys>) -> Self {
        Self::Source(source)
    }
}
