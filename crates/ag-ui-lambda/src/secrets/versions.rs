//! Reads the versions of a secret that its user accepts, and parses each of them.

use std::error::Error;
use std::time::SystemTime;

use secrecy::SecretString;
use tracing::warn;

use super::cache::FetchError;
use super::{SecretError, SecretSource, Stage};

/// The versions of a secret that are accepted.
pub(crate) struct Versions<T> {
    /// What the version in force holds.
    pub(crate) current: T,
    /// What the version before it holds; `None` if it is not accepted, does not exist or is unusable.
    pub(crate) previous: Option<T>,
    /// When the version in force was created.
    pub(crate) created: SystemTime,
}

/// Reads the current version of a secret, and its previous version if that is still accepted, and parses each with
/// `parse`.
///
/// `accepts_previous` gets the time at which the current version was created, and decides whether the previous
/// version is read. A previous version that is not text or cannot be parsed is left out, and `warning` is logged,
/// because the current version can be used without it. The shared token and the keys of approvals are read with it.
///
/// # Errors
/// If the store fails, or if the current version is missing or cannot be parsed.
pub(crate) async fn read_versions<T, E>(
    source: &dyn SecretSource,
    parse: fn(&SecretString) -> Result<T, E>,
    accepts_previous: impl FnOnce(SystemTime) -> bool,
    warning: &'static str,
) -> Result<Versions<T>, FetchError>
where
    E: Error + Send + Sync + 'static,
{
    let version = source.fetch(Stage::Current).await?.ok_or(SecretError::Absent)?;
    let (current, created) = (parse(&version.value)?, version.created);
    if !accepts_previous(created) {
        return Ok(Versions { current, previous: None, created });
    }
    let previous = match source.fetch(Stage::Previous).await {
        Ok(None) => None,
        Ok(Some(version)) => parse(&version.value).inspect_err(|fault| warn!(%fault, "{warning}")).ok(),
        Err(fault @ SecretError::NotText) => {
            warn!(%fault, "{warning}");
            None
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Versions { current, previous, created })
}
