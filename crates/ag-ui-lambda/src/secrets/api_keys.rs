//! The providers' API keys, all in one secret: a JSON object whose members have the names of the providers' variables.
//!
//! [`Cached`] decides how often the secret is read. Neither an error nor a log line holds anything of a key.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use super::cache::{CachePolicy, Cached, Fetch, FetchError};
use super::value::{SecretObject, SecretValue};
use super::{SecretError, SecretSource, Stage};
use crate::model::{ApiKeyProvider, ModelError, ModelErrorKind};

/// A secret that holds API keys of model providers, such as `{"OPENAI_API_KEY": "..."}`. Cheap to clone.
///
/// ```
/// use ag_ui_lambda::model::{HttpModel, Provider};
/// use ag_ui_lambda::secrets::{ApiKeySecret, SecretSource};
///
/// /// Builds a model whose key is the member `OPENAI_API_KEY` of the secret.
/// fn model(secret: impl SecretSource) -> Option<HttpModel> {
///     let keys = ApiKeySecret::new(secret);
///     Some(HttpModel::new(Provider::named("openai")?, "gpt-5-mini", keys.key_for("OPENAI_API_KEY")))
/// }
/// ```
#[derive(Clone)]
pub struct ApiKeySecret {
    /// The keys that were read last.
    keys: Arc<Cached<ApiKeys>>,
}

/// The keys by the names of the providers' variables.
type ApiKeys = HashMap<String, SecretString>;

impl ApiKeySecret {
    /// Creates the shared cache of one secret with API keys. Nothing is fetched yet: the first key that is needed
    /// reads the secret.
    #[must_use]
    pub fn new(source: impl SecretSource) -> Self {
        let source = ApiKeyFetch { source: Box::new(source) };
        Self { keys: Arc::new(Cached::new("providers' keys", source, CachePolicy::default())) }
    }

    /// Returns a provider of the key that the secret holds under the name `variable`, such as `OPENAI_API_KEY`. All
    /// providers of one `ApiKeySecret` share its cache.
    ///
    /// If the secret has no such key, [`ApiKeyProvider::api_key`] fails with [`ModelErrorKind::Misconfigured`].
    #[must_use]
    pub fn key_for(&self, variable: &'static str) -> Arc<dyn ApiKeyProvider> {
        Arc::new(NamedKey { keys: Arc::clone(&self.keys), variable })
    }
}

impl fmt::Debug for ApiKeySecret {
    /// Prints nothing of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret([redacted])")
    }
}

/// One of the keys in the secret.
struct NamedKey {
    /// All keys of the secret.
    keys: Arc<Cached<ApiKeys>>,
    /// The name of the key.
    variable: &'static str,
}

impl ApiKeyProvider for NamedKey {
    /// Returns the key from the cached secret.
    ///
    /// # Errors
    /// [`ModelErrorKind::Unavailable`] if the secret cannot be read, [`ModelErrorKind::Misconfigured`] if it lacks
    /// the key.
    fn api_key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>> {
        async {
            let keys = self.keys.get().await;
            let keys =
                keys.map_err(|unavailable| ModelError::new(ModelErrorKind::Unavailable, unavailable))?;
            let absent = || {
                let cause = format!("the secret of the providers' keys has no {}", self.variable);
                ModelError::new(ModelErrorKind::Misconfigured, cause)
            };
            keys.get(self.variable).cloned().ok_or_else(absent)
        }
        .boxed()
    }

    /// Returns the key if it differs from `seen`, which the provider refused. If it does not, reads the secret again,
    /// at most every 10 s. `None` if there is no other key.
    fn refresh_if_same<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>> {
        async {
            let other_key = |keys: &ApiKeys| {
                let key = keys.get(self.variable)?;
                (key.expose_secret() != seen.expose_secret()).then(|| key.clone())
            };
            let keys = self.keys.get().await.ok()?;
            match other_key(&keys) {
                Some(key) => Some(key),
                None => other_key(&*self.keys.refresh_if_same(&keys).await?),
            }
        }
        .boxed()
    }
}

/// Reads the current version of the secret. The previous one is of no use, because providers refuse a key that was replaced.
struct ApiKeyFetch {
    /// The secret.
    source: Box<dyn SecretSource>,
}

impl Fetch<ApiKeys> for ApiKeyFetch {
    /// Reads the current version of the secret and returns its keys, without white space around them.
    ///
    /// # Errors
    /// If the secret cannot be read or is not a JSON object of strings.
    fn fetch(&self) -> BoxFuture<'_, Result<ApiKeys, FetchError>> {
        async {
            let version = self.source.fetch(Stage::Current).await?.ok_or(SecretError::Absent)?;
            let keys = SecretValue::read(&version.value).into_object().and_then(SecretObject::into_texts);
            let keys = keys.ok_or("the secret of the providers' keys is not a JSON object of strings")?;
            Ok(keys.into_iter().map(|(name, key)| (name, key.expose_secret().trim().into())).collect())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::error_chain::error_chain;
    use crate::secrets::FakeSecret;

    /// The text of a key, for comparisons.
    fn text(key: Option<SecretString>) -> Option<String> {
        key.map(|key| key.expose_secret().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_read_by_name_in_one_fetch() {
        let secret = FakeSecret::new(r#"{"A_API_KEY":" a1\n","B_API_KEY":"b1"}"#, SystemTime::now());
        let keys = ApiKeySecret::new(secret.clone());

        for (variable, expected) in [("A_API_KEY", "a1"), ("B_API_KEY", "b1")] {
            assert_eq!(text(keys.key_for(variable).api_key().await.ok()).as_deref(), Some(expected));
        }
        assert_eq!(secret.calls(), [Stage::Current]);
        assert!(!format!("{keys:?}").contains("a1"));
    }

    #[tokio::test(start_paused = true)]
    async fn refused_key_is_replaced_by_a_newer_one() {
        let secret = FakeSecret::new(r#"{"A_API_KEY":"a1"}"#, SystemTime::now());
        let key = ApiKeySecret::new(secret.clone()).key_for("A_API_KEY");
        let first = key.api_key().await.unwrap();

        assert_eq!(text(key.refresh_if_same(&first).await), None, "it is still the one in force");
        tokio::time::advance(std::time::Duration::from_secs(10)).await;
        secret.rotate(r#"{"A_API_KEY":"a2"}"#, SystemTime::now());
        assert_eq!(text(key.refresh_if_same(&first).await).as_deref(), Some("a2"));
        assert_eq!(text(key.refresh_if_same(&first).await).as_deref(), Some("a2"), "without another fetch");
        assert_eq!(secret.calls().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn unusable_secret_is_reported_without_its_text() {
        for (value, kind) in [
            (r#"{"B_API_KEY":"hunter2"}"#, ModelErrorKind::Misconfigured),
            ("hunter2", ModelErrorKind::Unavailable),
            (r#"{"A_API_KEY":{"hunter2":1}}"#, ModelErrorKind::Unavailable),
        ] {
            let keys = ApiKeySecret::new(FakeSecret::new(value, SystemTime::now()));
            let error = keys.key_for("A_API_KEY").api_key().await.unwrap_err();
            assert_eq!(error.kind, kind, "{value}");
            assert!(!format!("{error:?} {}", error_chain(&error)).contains("hunter2"), "{error:?}");
        }
    }
}
