//! The interface to a store that makes each approval count at most once.
//!
//! A signed token can be sent again, and only a store can notice that. A store is optional: without one, a client that
//! repeats an answer while its token is valid runs the tool again. An implementation needs one conditional write before
//! a tool runs, one write after it, and one read.

use std::sync::Arc;

use futures_util::future::BoxFuture;

/// Says whether an approval was reserved in a [`ReplayStore`] before, and with which outcome.
#[expect(clippy::exhaustive_enums, reason = "a caller has to handle every state before it runs a tool")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// Nobody has reserved the approval before, so the tool may run.
    New,
    /// The approval was reserved before, so the tool must not run again.
    Seen {
        /// The outcome that was stored for it; `None` if the call still runs or its process died before it stored one.
        outcome: Option<String>,
    },
}

/// The store could not reserve or look up an approval, or could not store an outcome. It holds the cause, which is
/// logged.
#[derive(Debug, thiserror::Error)]
#[error("the replay store of approvals did not answer")]
pub struct ReplayStoreError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl ReplayStoreError {
    /// Creates the error of a store that did not answer. `cause` is logged.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// A store that remembers which approvals were used, shared by all processes that serve one agent.
///
/// `approval` is a name of 32 ASCII characters that tells one approval from another and reveals nothing of it. Pass an
/// implementation to [`Approvals::replay_store`](super::Approvals::replay_store).
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use ag_ui_lambda::approval::{ReplayStore, ReplayStoreError, Reservation};
/// use futures_util::FutureExt as _;
/// use futures_util::future::BoxFuture;
///
/// /// Works for one process, and never forgets: enough for a test.
/// #[derive(Default)]
/// struct InMemory(Mutex<HashMap<String, Option<String>>>);
///
/// impl InMemory {
///     fn find(&self, approval: &str) -> Reservation {
///         match self.0.lock().unwrap().get(approval) {
///             Some(outcome) => Reservation::Seen { outcome: outcome.clone() },
///             None => Reservation::New,
///         }
///     }
/// }
///
/// impl ReplayStore for InMemory {
///     fn reserve<'a>(
///         &'a self,
///         approval: &'a str,
///         _expires_at: u64,
///     ) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
///         async move {
///             let found = self.find(approval);
///             self.0.lock().unwrap().entry(approval.to_owned()).or_default();
///             Ok(found)
///         }
///         .boxed()
///     }
///
///     fn lookup<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
///         async move { Ok(self.find(approval)) }.boxed()
///     }
///
///     fn store_outcome<'a>(
///         &'a self,
///         approval: &'a str,
///         outcome: &'a str,
///     ) -> BoxFuture<'a, Result<(), ReplayStoreError>> {
///         async move {
///             self.0.lock().unwrap().insert(approval.to_owned(), Some(outcome.to_owned()));
///             Ok(())
///         }
///         .boxed()
///     }
/// }
/// ```
pub trait ReplayStore: Send + Sync + 'static {
    /// Reserves an approval before its tool runs. If the same approval is reserved several times, by any number of
    /// processes, exactly one of them gets [`Reservation::New`].
    ///
    /// `expires_at` is when the approval expires, in seconds since the Unix epoch. The store may forget the approval
    /// after that.
    ///
    /// # Errors
    /// [`ReplayStoreError`] if the store does not answer, so that it is not known whether the approval is reserved.
    fn reserve<'a>(
        &'a self,
        approval: &'a str,
        expires_at: u64,
    ) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>>;

    /// Looks up whether an approval is reserved, without reserving it: [`Reservation::New`] means that it is not. This
    /// method is called before a person whose answer cannot be used is asked again.
    ///
    /// # Errors
    /// [`ReplayStoreError`] if the store does not answer.
    fn lookup<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>>;

    /// Stores the outcome of a reserved approval, which is JSON text with the result of the tool. A later call of
    /// [`reserve`](Self::reserve) or [`lookup`](Self::lookup) returns the text unchanged.
    ///
    /// # Errors
    /// [`ReplayStoreError`] if the store does not answer, so that it is not known whether the outcome is stored.
    fn store_outcome<'a>(
        &'a self,
        approval: &'a str,
        outcome: &'a str,
    ) -> BoxFuture<'a, Result<(), ReplayStoreError>>;
}

impl<S: ReplayStore + ?Sized> ReplayStore for Arc<S> {
    /// Reserves the approval in the store that the [`Arc`] holds.
    fn reserve<'a>(
        &'a self,
        approval: &'a str,
        expires_at: u64,
    ) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        (**self).reserve(approval, expires_at)
    }

    /// Looks up the approval in the store that the [`Arc`] holds.
    fn lookup<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        (**self).lookup(approval)
    }

    /// Stores the outcome in the store that the [`Arc`] holds.
    fn store_outcome<'a>(
        &'a self,
        approval: &'a str,
        outcome: &'a str,
    ) -> BoxFuture<'a, Result<(), ReplayStoreError>> {
        (**self).store_outcome(approval, outcome)
    }
}
