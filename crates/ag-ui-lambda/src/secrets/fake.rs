//! A secret in memory, for tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;

use super::{SecretError, SecretSource, SecretVersion, Stage};

/// A secret in memory for tests. It records the reads, and rotates, fails and delays on demand.
#[derive(Default)]
pub(crate) struct FakeSecret(Mutex<FakeState>);

/// The state of a [`FakeSecret`].
#[derive(Default)]
struct FakeState {
    current: Option<(String, SystemTime)>,
    previous: Option<(String, SystemTime)>,
    is_failing: bool,
    latency: Duration,
    calls: Vec<Stage>,
}

impl FakeSecret {
    /// Creates a secret whose only version has this value and this time of creation.
    pub(crate) fn new(value: &str, created: SystemTime) -> Arc<Self> {
        let secret = Arc::new(Self::default());
        secret.rotate(value, created);
        secret
    }

    /// Adds a version with this value and this time of creation as the current one. The former current version
    /// becomes the previous one.
    pub(crate) fn rotate(&self, value: &str, created: SystemTime) {
        let mut state = self.state();
        state.previous = state.current.take();
        state.current = Some((value.to_owned(), created));
    }

    /// Sets whether all reads from now on fail.
    pub(crate) fn fail(&self, is_failing: bool) {
        self.state().is_failing = is_failing;
    }

    /// Sets how long each read from now on takes.
    pub(crate) fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// Returns the stages that were read so far, in the order of the reads.
    pub(crate) fn calls(&self) -> Vec<Stage> {
        self.state().calls.clone()
    }

    /// Locks the state of the secret and returns it.
    fn state(&self) -> MutexGuard<'_, FakeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretSource for FakeSecret {
    /// Records the read, waits for the latency, and returns the version at `stage`, or an error while reads fail.
    fn fetch(&self, stage: Stage) -> BoxFuture<'_, Result<Option<SecretVersion>, SecretError>> {
        let mut state = self.state();
        state.calls.push(stage);
        let found = match stage {
            Stage::Current => state.current.clone(),
            Stage::Previous => state.previous.clone(),
        };
        let result = match found {
            _ if state.is_failing => Err(SecretError::Failed("down".into())),
            found => Ok(found.map(|(value, created)| SecretVersion { value: value.into(), created })),
        };
        let latency = state.latency;
        Box::pin(async move {
            tokio::time::sleep(latency).await;
            result
        })
    }
}
