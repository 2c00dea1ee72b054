//! The providers' API keys, all in one secret: JSON keyed by the names of the providers' own variables.
//!
//! How often the store is asked is `cached`'s. No message and no log line holds any of a key.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use crate::cached::{Cached, FetchError, Policy, Source};
use crate::model::{ApiKeys, ModelError, ModelErrorKind};
use crate::secret::{SecretError, SecretSource, Stage};

/// A secret with API keys, such as `{"OPENAI_API_KEY": "..."}`. Cheap to clone.
#[derive(Clone)]
pub struct SecretKeys {
    keys: Arc<Cached<Keys>>,
}

type Keys = HashMap<String, SecretString>;

impl SecretKeys {
    /// The keys in a store of secrets. Nothing is fetched yet.
    #[must_use]
    pub fn new(source: impl SecretSource) -> Self {
        let source = Current { source: Box::new(source) };
        Self { keys: Arc::new(Cached::new("providers' keys", source, Policy::default())) }
    }

    /// The key under the name of a provider's variable.
    #[must_use]
    pub fn named(&self, variable: &'static str) -> Arc<dyn ApiKeys> {
        Arc::new(Named { keys: Arc::clone(&self.keys), variable })
    }
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKeys([redacted])")
    }
}

/// One key of the secret.
struct Named {
    keys: Arc<Cached<Keys>>,
    variable: &'static str,
}

impl ApiKeys for Named {
    fn key(&self) -> BoxFuture<'_, Result<SecretString, ModelError>> {
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

    fn newer_than<'a>(&'a self, seen: &'a SecretString) -> BoxFuture<'a, Option<SecretString>> {
        async {
            let other = |keys: &Keys| {
                let key = keys.get(self.variable)?;
                (key.expose_secret() != seen.expose_secret()).then(|| key.clone())
            };
            let keys = self.keys.get().await.ok()?;
            match other(&keys) {
                Some(key) => Some(key),
                None => other(&*self.keys.newer_than(&keys).await?),
            }
        }
        .boxed()
    }
}

/// The version in force. A key that was replaced is of no use: the provider refuses it.
struct Current {
    source: Box<dyn SecretSource>,
}

impl Source<Keys> for Current {
    fn fetch(&self) -> BoxFuture<'_, Result<Keys, FetchError>> {
        async {
            let version = self.source.fetch(Stage::Current).await?.ok_or(SecretError::Absent)?;
            let keys: HashMap<String, String> = serde_json::from_str(version.value.expose_secret())
                .map_err(|_| "the secret of the providers' keys is no JSON object of strings")?;
            Ok(keys.into_iter().map(|(name, key)| (name, key.trim().into())).collect())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::causes::causes;
    use crate::secret::FakeSecret;

    fn text(key: Option<SecretString>) -> Option<String> {
        key.map(|key| key.expose_secret().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_read_once_and_by_name() {
        let secret = FakeSecret::new(r#"{"A_API_KEY":" a1\n","B_API_KEY":"b1"}"#, SystemTime::now());
        let keys = SecretKeys::new(secret.clone());

        for (variable, expected) in [("A_API_KEY", "a1"), ("B_API_KEY", "b1")] {
            assert_eq!(text(keys.named(variable).key().await.ok()).as_deref(), Some(expected));
        }
        assert_eq!(secret.calls(), [Stage::Current]);
        assert!(!format!("{keys:?}").contains("a1"));
    }

    #[tokio::test(start_paused = true)]
    async fn given_a_refused_key_when_it_was_replaced_then_the_newer_one_is_read() {
        let secret = FakeSecret::new(r#"{"A_API_KEY":"a1"}"#, SystemTime::now());
        let key = SecretKeys::new(secret.clone()).named("A_API_KEY");
        let first = key.key().await.unwrap();

        assert_eq!(text(key.newer_than(&first).await), None, "it is still the one in force");
        tokio::time::advance(std::time::Duration::from_secs(10)).await;
        secret.rotate(r#"{"A_API_KEY":"a2"}"#, SystemTime::now());
        assert_eq!(text(key.newer_than(&first).await).as_deref(), Some("a2"));
        assert_eq!(text(key.newer_than(&first).await).as_deref(), Some("a2"), "without another fetch");
        assert_eq!(secret.calls().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_is_told_without_the_secrets_text() {
        for (value, kind) in [
            (r#"{"B_API_KEY":"hunter2"}"#, ModelErrorKind::Misconfigured),
            ("hunter2", ModelErrorKind::Unavailable),
            (r#"{"A_API_KEY":{"hunter2":1}}"#, ModelErrorKind::Unavailable),
        ] {
            let keys = SecretKeys::new(FakeSecret::new(value, SystemTime::now()));
            let error = keys.named("A_API_KEY").key().await.unwrap_err();
            assert_eq!(error.kind, kind, "{value}");
            assert!(!format!("{error:?} {}", causes(&error)).contains("hunter2"), "{error:?}");
        }
    }
}
