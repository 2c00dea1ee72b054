//! What a run is asked for.

use std::sync::Arc;

use tokio::time::Instant;

use crate::auth::Principal;
use crate::protocol::RunAgentInput;
use crate::transcript::{IdSource, RandomIds};

/// One request to [`Agent::run`](crate::Agent::run): who asks, and for what.
///
/// ```
/// # use ag_ui_lambda::agent::RunRequest;
/// # use ag_ui_lambda::protocol::RunAgentInput;
/// # let input = RunAgentInput::new("thread-1", "run-1", Vec::new());
/// let request = RunRequest::new((), input);
/// # let _ = request;
/// ```
#[derive(Debug)]
#[must_use]
pub struct RunRequest<C, I = RandomIds> {
    pub(crate) caller: Arc<C>,
    pub(crate) principal: Option<Principal>,
    pub(crate) input: RunAgentInput,
    pub(crate) deadline: Option<Instant>,
    pub(crate) received_at: Instant,
    pub(crate) ids: I,
}

impl<C> RunRequest<C> {
    /// Creates a request of this caller, with the input that the client sent. The request has no principal and no
    /// deadline, and counts as received now.
    pub fn new(caller: C, input: RunAgentInput) -> Self {
        Self::of_shared_caller(Arc::new(caller), input)
    }

    /// Creates a request as [`new`](Self::new) does, for a caller that the test kit keeps for further runs.
    pub(crate) fn of_shared_caller(caller: Arc<C>, input: RunAgentInput) -> Self {
        let received_at = Instant::now();
        Self { caller, principal: None, input, deadline: None, received_at, ids: RandomIds }
    }
}

impl<C, I> RunRequest<C, I> {
    /// Sets the proven identity of the caller, which approvals are bound to. Without one, tools whose calls may wait
    /// for a person are not offered.
    pub fn principal(self, principal: impl Into<Option<Principal>>) -> Self {
        Self { principal: principal.into(), ..self }
    }

    /// Sets the time at which the run must have ended; the run is cancelled two seconds before. The time limit of the
    /// agent applies, too.
    pub fn deadline(self, deadline: impl Into<Option<Instant>>) -> Self {
        Self { deadline: deadline.into(), ..self }
    }

    /// Sets the time at which the request was received. The durations in the log count from it.
    pub fn received_at(self, received_at: Instant) -> Self {
        Self { received_at, ..self }
    }

    /// Sets the source of the ids and times of events. Tests set a source that always gives the same values.
    pub fn ids<J: IdSource>(self, ids: J) -> RunRequest<C, J> {
        let Self { caller, principal, input, deadline, received_at, ids: _ } = self;
        RunRequest { caller, principal, input, deadline, received_at, ids }
    }
}
