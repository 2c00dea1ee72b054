//! The port to what makes an approval count once.
//!
//! A proof can be brought again: only something that remembers can tell. A guard is optional, and all that it has to
//! do is one conditional write before a tool runs, one write after, and a read.

use std::sync::Arc;

use futures_util::future::BoxFuture;

/// What a claim of an approval finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody has claimed it before: the tool may run.
    First,
    /// It was claimed before: the tool must not run again.
    Again {
        /// What came of it, once that is known.
        outcome: Option<String>,
    },
}

/// Why an approval could not be claimed or looked up, or its outcome not be stored. It is logged with its causes.
#[derive(Debug, thiserror::Error)]
#[error("the guard of approvals did not answer")]
pub struct GuardError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Remembers which approvals were used.
pub trait Guard: Send + Sync + 'static {
    /// Claims an approval: of all who claim the same one, from however many functions, exactly one is the first.
    ///
    /// `expires` is when the approval is worth nothing any more, in seconds since the Unix epoch: after that it may be
    /// forgotten.
    ///
    /// # Errors
    /// [`GuardError`] when it is not known whether the claim was made.
    fn claim<'a>(&'a self, approval: &'a str, expires: u64) -> BoxFuture<'a, Result<Claim, GuardError>>;

    /// What a claim of an approval would find, without making one.
    ///
    /// # Errors
    /// [`GuardError`] when it is not known.
    fn look_up<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Claim, GuardError>>;

    /// Stores what came of a claimed approval, for those who claim it again.
    ///
    /// # Errors
    /// [`GuardError`] when it is not known whether it was stored.
    fn store<'a>(&'a self, approval: &'a str, outcome: &'a str) -> BoxFuture<'a, Result<(), GuardError>>;
}

impl<G: Guard + ?Sized> Guard for Arc<G> {
    fn claim<'a>(&'a self, approval: &'a str, expires: u64) -> BoxFuture<'a, Result<Claim, GuardError>> {
        (**self).claim(approval, expires)
    }

    fn look_up<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Claim, GuardError>> {
        (**self).look_up(approval)
    }

    fn store<'a>(&'a self, approval: &'a str, outcome: &'a str) -> BoxFuture<'a, Result<(), GuardError>> {
        (**self).store(approval, outcome)
    }
}
