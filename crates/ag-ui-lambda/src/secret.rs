//! The port to a store of secrets with versions: what this crate needs of one, and nothing of any vendor.
//!
//! The shared token reads through it. What is cached, accepted or compared is decided by its users; a
//! source only fetches.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use secrecy::SecretString;

/// Which version of a secret.
///
/// Exhaustive: a version that is only pending must never be accepted, so there is no third one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The version in force.
    Current,
    /// The version that was in force before.
    Previous,
}

/// One version of a secret.
#[derive(Debug)]
pub struct SecretVersion {
    /// The value, which `Debug` does not print.
    pub value: SecretString,
    /// When this version was written; a grace for the previous one is counted from it.
    pub created: SystemTime,
}

/// Why a secret could not be read.
///
/// It is logged with its causes, so neither message nor causes may hold a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The store has no such secret, or no current version of it.
    #[error("the secret is absent")]
    Absent,
    /// The secret has bytes where text is expected.
    #[error("the secret is not text")]
    NotText,
    /// The store refused or could not be reached.
    #[error("the secret could not be read")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One secret in a store.
pub trait SecretSource: Send + Sync + 'static {
    /// Reads the version at `stage`, without any cache; None where there is none, which is usual for
    /// [`Stage::Previous`].
    ///
    /// # Errors
    /// [`SecretError`] when the store does not answer, or not with text.
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>>;
}

impl<S: SecretSource + ?Sized> SecretSource for Arc<S> {
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        (**self).fetch(stage)
    }
}

#[cfg(test)]
pub(crate) use double::FakeSecret;

#[cfg(test)]
mod double {
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use super::*;

    /// A secret in memory that counts calls, and rotates, fails and hangs on demand.
    #[derive(Default)]
    pub(crate) struct FakeSecret(Mutex<Fake>);

    #[derive(Default)]
    struct Fake {
        current: Option<(String, SystemTime)>,
        previous: Option<(String, SystemTime)>,
        is_failing: bool,
        latency: Duration,
        calls: Vec<Stage>,
    }

    impl FakeSecret {
        pub(crate) fn new(value: &str, created: SystemTime) -> Arc<Self> {
            let secret = Arc::new(Self::default());
            secret.rotate(value, created);
            secret
        }

        pub(crate) fn rotate(&self, value: &str, created: SystemTime) {
            let mut fake = self.fake();
            fake.previous = fake.current.take();
            fake.current = Some((value.to_owned(), created));
        }

        pub(crate) fn fail(&self, is_failing: bool) {
            self.fake().is_failing = is_failing;
        }

        pub(crate) fn set_latency(&self, latency: Duration) {
            self.fake().latency = latency;
        }

        pub(crate) fn calls(&self) -> Vec<Stage> {
            self.fake().calls.clone()
        }

        fn fake(&self) -> std::sync::MutexGuard<'_, Fake> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl SecretSource for FakeSecret {
        fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
            let mut fake = self.fake();
            fake.calls.push(stage);
            let found = match stage {
                Stage::Current => fake.current.clone(),
                Stage::Previous => fake.previous.clone(),
            };
            let answer = match found {
                _ if fake.is_failing => Err(SecretError::Failed("down".into())),
                found => Ok(found.map(|(value, created)| SecretVersion { value: value.into(), created })),
            };
            let latency = fake.latency;
            Box::pin(async move {
                tokio::time::sleep(latency).await;
                answer
            })
        }
    }
}
