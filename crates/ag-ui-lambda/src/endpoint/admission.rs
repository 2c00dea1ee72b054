//! Admission: the application's last word before a run starts.
//!
//! The mapping from claims to a caller decides at once and sees nothing of the input. Admission may wait for a store and sees
//! the input, so quotas, plans and spending limits belong here. The messages of its refusals are the application's own, and
//! the client reads them as they are.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tracing::error;

use super::refusal::Refusal;
use super::rejection::Rejection;
use crate::auth::Claims;
use crate::protocol::RunAgentInput;

/// How long the application may take to decide. Its client waits so long for a status, and an entry point may wait only for
/// half a minute.
const ADMISSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The application's function that admits a run or refuses it.
pub(super) type Admit<C> = dyn Fn(Admission<C>) -> BoxFuture<'static, Result<C, Refusal>> + Send + Sync;

/// A run that is about to start: what [`EndpointBuilder::admit`](super::EndpointBuilder::admit) decides about.
///
/// It owns what it holds, so that an `async fn` can take it.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::endpoint::{Admission, Refusal};
///
/// struct Caller {
///     runs_left: u32,
/// }
///
/// async fn admit(admission: Admission<Caller>) -> Result<Caller, Refusal> {
///     if admission.caller().runs_left == 0 {
///         return Err(Refusal::limited("You have used your runs of today.", Duration::from_secs(3600)));
///     }
///     Ok(admission.into_caller())
/// }
/// ```
#[derive(Debug)]
pub struct Admission<C> {
    caller: C,
    claims: Claims,
    input: Arc<RunAgentInput>,
}

impl<C> Admission<C> {
    /// Creates an admission, for tests of the function that decides about it. `input` is what the client sent.
    pub fn new(caller: C, claims: Claims, input: impl Into<Arc<RunAgentInput>>) -> Self {
        Self { caller, claims, input: input.into() }
    }

    /// Returns the caller, as the mapping from claims has built it.
    pub fn caller(&self) -> &C {
        &self.caller
    }

    /// Returns the claims that are proven about the caller.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the input of the run. The client has written it, so nothing in it is proven.
    ///
    /// An input with `resume` answers the interrupts of an earlier run. A refusal keeps these interrupts open: the
    /// client can answer them later.
    pub fn input(&self) -> &RunAgentInput {
        &self.input
    }

    /// Returns the caller, to admit the run with it, unchanged or completed.
    pub fn into_caller(self) -> C {
        self.caller
    }
}

/// Lets the application decide about a run, and returns the caller that the run starts with.
///
/// # Errors
/// [`Rejection::NotAdmitted`] if the application refuses the run. [`Rejection::AdmissionUnavailable`] if it does not decide in
/// time, and [`Rejection::Internal`] if its code panics; an error is logged then.
pub(super) async fn decide<C>(admit: &Admit<C>, admission: Admission<C>) -> Result<C, Rejection> {
    // The call is inside the future, so that a panic of the function itself is caught, too.
    let decision = AssertUnwindSafe(async { admit(admission).await }).catch_unwind();
    match timeout(ADMISSION_TIMEOUT, decision).await {
        Ok(Ok(decision)) => decision.map_err(Rejection::NotAdmitted),
        Err(_elapsed) => {
            error!(
                limit_s = ADMISSION_TIMEOUT.as_secs(),
                "the function that admits runs did not decide in time"
            );
            Err(Rejection::AdmissionUnavailable)
        }
        // The panic hook has written the message of the panic to stderr.
        Ok(Err(_panic)) => {
            error!("the function that admits runs panicked");
            Err(Rejection::Internal)
        }
    }
}
