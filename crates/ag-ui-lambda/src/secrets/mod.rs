//! Secrets: the port to a store of secrets with versions, and what reads through it.
//!
//! [`SecretSource`] is the port. It names no vendor, and it only fetches: `cache` decides when a secret is read again,
//! `versions` decides which versions are read, and `value` decides how a value is parsed. `api_keys` holds the providers' API
//! keys. The shared token (`auth`) and the keys of approvals (`approval`) decide what their secret means and which version is
//! accepted.

#[cfg(feature = "http-models")]
mod api_keys;
pub(crate) mod cache;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod value;
pub(crate) mod versions;

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

#[cfg(feature = "http-models")]
pub use api_keys::ApiKeySecret;
pub use cache::UnavailableError;
#[cfg(test)]
pub(crate) use fake::FakeSecret;

/// Which version of a secret is meant.
#[expect(
    clippy::exhaustive_enums,
    reason = "a version that is only pending must never be accepted, so there is no third one"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The version that is in force.
    Current,
    /// The version that was in force before the current one.
    Previous,
}

/// One version of a secret, as a [`SecretSource`] returns it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "sources outside of this crate create it")]
pub struct SecretVersion {
    /// The value of the secret. `Debug` does not print it.
    pub value: SecretString,
    /// When this version was created. The grace period of the version before it begins then.
    pub created: SystemTime,
}

/// Why a secret could not be read.
///
/// The error is logged with its sources, so neither may hold the value of a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The store does not have the secret, or no current version of it.
    #[error("the secret is absent")]
    Absent,
    /// The value of the secret is bytes where text is expected.
    #[error("the secret is not text")]
    NotText,
    /// The store refused the read or could not be reached.
    #[error("the secret could not be read")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Reads one secret from a store of secrets. Implement it to read secrets from a store of your own.
///
/// ```
/// use std::path::PathBuf;
///
/// use ag_ui_lambda::reexports::BoxFuture;
/// use ag_ui_lambda::secrets::{SecretError, SecretSource, SecretVersion, Stage};
///
/// /// A secret in a file, which has no previous version.
/// struct SecretFile(PathBuf);
///
/// impl SecretFile {
///     async fn read(&self) -> Result<SecretVersion, std::io::Error> {
///         let created = tokio::fs::metadata(&self.0).await?.modified()?;
///         Ok(SecretVersion { value: tokio::fs::read_to_string(&self.0).await?.into(), created })
///     }
/// }
///
/// impl SecretSource for SecretFile {
///     fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
///         Box::pin(async move {
///             match stage {
///                 Stage::Current => Ok(Some(self.read().await.map_err(|error| SecretError::Failed(error.into()))?)),
///                 Stage::Previous => Ok(None),
///             }
///         })
///     }
/// }
/// ```
pub trait SecretSource: Send + Sync + 'static {
    /// Reads the version at `stage` of the secret from the store, without a cache.
    ///
    /// `Ok(None)` if the secret has no version at that stage. This is usual for [`Stage::Previous`] before the first
    /// rotation.
    ///
    /// # Errors
    /// [`SecretError`] if the secret is absent, the store does not answer, or the value is not text.
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>>;
}

impl<S: SecretSource + ?Sized> SecretSource for Arc<S> {
    /// Reads from the source that the `Arc` shares.
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        (**self).fetch(stage)
    }
}
