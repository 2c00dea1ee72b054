//! The agent: models, tools, instructions and limits, and the loop that makes runs of them.
//!
//! The modules, in the order in which a run uses them:
//!
//! - `builder` collects what an agent is made of and checks it.
//! - `definition` holds that; it is fixed for the life of an agent.
//! - `error` lists why an agent cannot be built or a run cannot start.
//! - `capabilities` describes an agent to clients, `tool_access` to a developer.
//! - `authorize` decides which tools a caller may use.
//! - `run` drives a run: it reads the history, asks the model turn by turn and stops at the limits.
//! - `interrupt` runs the calls of tools: at once, or when a person has approved or answered them in a later run.
//! - `observe` records a run: log lines, audit lines and OpenTelemetry spans.

mod authorize;
mod builder;
mod capabilities;
mod definition;
mod error;
mod interrupt;
mod observe;
mod run;
mod tool_access;

use std::sync::Arc;

use futures_util::future;
use tracing::Instrument as _;

use crate::protocol::RunAgentInput;
use crate::transcript::IdSource;

pub use builder::AgentBuilder;
use definition::AgentDefinition;
pub use error::{BuildAgentError, StartRunError};
use interrupt::judge::Judge;
#[cfg(feature = "lambda")]
pub(crate) use observe::spans::SPAN_TARGET;
pub use run::client_input::{ClientCompat, FrontendTools};
use run::context::CallerAccess;
use run::driver::{self, PreparedRun};
pub(crate) use run::end::CancelReason;
use run::history::calls::read_calls;
pub use run::limits::Limits;
pub(crate) use run::limits::MAX_DURATION;
pub use run::request::RunRequest;
pub use run::stream::{CancelHandle, RunStream};

/// An agent for callers of the type `C`. It is cheap to clone.
///
/// [`Agent::builder`] starts one, and [`run`](Self::run) answers one request of a client with it.
pub struct Agent<C> {
    definition: Arc<AgentDefinition<C>>,
}

impl<C: Send + Sync + 'static> Agent<C> {
    /// Starts a run and returns the stream of its events.
    ///
    /// The run moves only while the stream is read. Whatever goes wrong after this call is an event of the stream.
    ///
    /// # Errors
    /// [`StartRunError::ToolNameTaken`] if a frontend tool has the name of another frontend tool or of any backend
    /// tool, even one that the caller may not use; names are compared without ASCII case, and identical duplicates
    /// merge. [`StartRunError::ApprovalKeyUnavailable`] if a signature of the input has to be checked, or results have
    /// to be signed, and the key cannot be fetched.
    pub async fn run<I: IdSource + 'static>(
        &self,
        request: RunRequest<C, I>,
    ) -> Result<RunStream, StartRunError> {
        let RunRequest { caller, principal, input, deadline, received_at, ids } = request;
        let is_backend = |name: &str| self.definition.tools.contains(name);
        let frontend_tools = self.definition.client.select_frontend_tools(&input.tools, is_backend)?;
        let access = CallerAccess::new(Arc::clone(&self.definition), caller, principal, &input);
        check_keys(&access, &input).await?;

        let span = observe::spans::invoke_agent(&input.thread_id, &input.run_id);
        let run = PreparedRun { access, input, frontend_tools, deadline, received_at };
        Ok(RunStream::new(|events| driver::drive(run, ids, events).instrument(span)))
    }

    /// Prepares the first model and fetches the keys of approvals, while the function starts.
    ///
    /// A failure is not reported here: the first run that needs what is missing tries again.
    pub async fn warm_up(&self) {
        let model = async {
            if let Some(model) = self.definition.models.first() {
                model.warm_up().await;
            }
        };
        let approvals = async {
            if let Some(approvals) = &self.definition.approvals {
                approvals.prefetch().await;
            }
        };
        future::join(model, approvals).await;
    }
}

/// Fetches the keys of approvals before the run starts, if the input holds a signature to verify or a result may have
/// to be signed.
///
/// The error is [`StartRunError::ApprovalKeyUnavailable`] if the run cannot do without a key that could not be fetched.
/// The response has not started yet, so the client can send the request again. Without approvals nothing happens.
async fn check_keys<C: Send + Sync + 'static>(
    access: &CallerAccess<C>,
    input: &RunAgentInput,
) -> Result<(), StartRunError> {
    let Some(approvals) = &access.agent.approvals else { return Ok(()) };
    let calls = read_calls(&input.messages);
    let judge = Judge::new(access, input, &calls);
    let is_required = access.agent.require_signed_results || judge.needs_key(&calls);
    if is_required || calls.iter().any(|call| judge.is_judged(call)) {
        let key = approvals.ensure_key().await;
        if is_required {
            key.map_err(|_| StartRunError::ApprovalKeyUnavailable)?;
        }
    }
    Ok(())
}

impl<C> Clone for Agent<C> {
    /// Returns another handle to the same agent.
    fn clone(&self) -> Self {
        Self { definition: Arc::clone(&self.definition) }
    }
}

impl<C> std::fmt::Debug for Agent<C> {
    /// Shows the names of the models, and nothing else of the agent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let models: Vec<&str> = self.definition.models.iter().map(|model| model.name()).collect();
        f.debug_struct("Agent").field("models", &models).finish_non_exhaustive()
    }
}
