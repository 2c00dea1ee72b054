//! The agent: models, tools, instructions and limits, and the loop that makes runs of them.
//!
//! The modules, in the order in which a run uses them:
//!
//! - `builder` collects what an agent is made of and checks it.
//! - `definition` holds that; it is fixed for the life of an agent.
//! - `error` lists why an agent cannot be built or a run cannot start.
//! - `capabilities` describes an agent to clients, `tool_access` to a developer.
//! - `instructions` writes the system prompt of a run.
//! - `result_type` checks the result of a run.
//! - `authorize` decides which tools a caller may use.
//! - `run` drives a run: it reads the history, asks the model turn by turn and stops at the limits.
//! - `interrupt` runs the calls of tools: at once, or when a person has approved or answered them in a later run.
//! - `observe` records a run: log lines, audit lines and OpenTelemetry spans.

mod authorize;
mod builder;
mod capabilities;
mod definition;
mod error;
mod instructions;
mod interrupt;
mod observe;
mod result_type;
mod run;
mod tool_access;

use std::sync::Arc;

use futures_util::future;
use tracing::Instrument as _;

use crate::approval::Approvals;
use crate::auth::Principal;
use crate::budget::RunBudget;
use crate::protocol::{InputLimits, RunAgentInput};
use crate::transcript::IdSource;

pub use builder::AgentBuilder;
use definition::AgentDefinition;
pub use error::{BuildAgentError, StartRunError};
use interrupt::judge::Judge;
pub use observe::report::{RunOutcome, RunReport, ToolRun};
#[cfg(feature = "lambda")]
pub(crate) use observe::spans::SPAN_TARGET;
pub use run::client_input::{ClientCompat, FrontendTools};
use run::context::CallerAccess;
use run::driver;
pub(crate) use run::driver::{PreparedRun, ReportTo};
pub(crate) use run::end::CancelReason;
use run::history::calls::read_calls;
pub use run::limits::Limits;
pub(crate) use run::limits::MAX_DURATION;
pub use run::request::RunRequest;
pub use run::stream::{CancelHandle, RunStream};

/// An agent that serves callers of the type `C`. It is cheap to clone.
///
/// [`Agent::builder`] starts one, and [`run`](Self::run) answers one request of a client with it.
///
/// ```
/// use ag_ui_lambda::Agent;
/// use ag_ui_lambda::agent::RunRequest;
/// use ag_ui_lambda::model::{Script, Scripted};
/// use ag_ui_lambda::protocol::{Content, Message, MessageBody, RunAgentInput};
/// use futures_util::StreamExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Callers are of the type `()`, and the model plays a script.
/// let agent = Agent::builder(Scripted::new(|_| Script::new().text("Hello!"))).build()?;
///
/// let question = MessageBody::User { content: Content::Text("Hi".into()) };
/// let input = RunAgentInput::new("thread-1", "run-1", vec![Message::new("message-1", question)]);
/// let events: Vec<_> = agent.run(RunRequest::new((), input)).await?.collect().await;
///
/// assert_eq!(events[0].kind.type_name(), "RUN_STARTED");
/// assert_eq!(events[events.len() - 1].kind.type_name(), "RUN_FINISHED");
/// # Ok(())
/// # }
/// ```
pub struct Agent<C> {
    definition: Arc<AgentDefinition<C>>,
    /// The path at which an endpoint serves this agent beside its first one; `None` for any other agent.
    path: Option<Arc<str>>,
}

impl<C: Send + Sync + 'static> Agent<C> {
    /// Starts a run and returns the stream of its events.
    ///
    /// The run moves only while the stream is read. Whatever goes wrong after this call is an event of the stream.
    ///
    /// # Errors
    /// [`StartRunError::ToolNameTaken`] if a frontend tool has the name of another frontend tool or of any backend
    /// tool, even one that the caller may not use, or if it is named `final_result` and the agent has a
    /// [`result`](AgentBuilder::result); names are compared without ASCII case, and identical duplicates merge.
    /// [`StartRunError::ApprovalKeyUnavailable`] if a signature of the input has to be checked, or results have to be signed,
    /// and the key cannot be fetched.
    pub async fn run<I: IdSource + 'static>(
        &self,
        request: RunRequest<C, I>,
    ) -> Result<RunStream, StartRunError> {
        Ok(Self::start(self.prepare(request).await?))
    }

    /// Checks a request and prepares its run, which [`start`](Self::start) then starts. What may refuse the run for a
    /// reason of its own comes between the two.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub(crate) async fn prepare<I: IdSource>(
        &self,
        request: RunRequest<C, I>,
    ) -> Result<PreparedRun<C, I>, StartRunError> {
        let RunRequest { caller, principal, mut input, deadline, received_at, ids } = request;
        let is_reserved = |name: &str| self.definition.has_reserved(name);
        let tools = std::mem::take(&mut input.tools);
        let frontend_tools = self.definition.client.select_frontend_tools(tools, is_reserved)?;
        let access = CallerAccess::new(Arc::clone(&self.definition), caller, principal, &input)
            .agent_path(self.path.clone());
        check_keys(&access, &input).await?;
        let (report_to, day_budget) = (None, RunBudget::default());
        Ok(PreparedRun {
            access,
            input,
            frontend_tools,
            deadline,
            received_at,
            ids,
            report_to,
            day_budget,
            input_limits: InputLimits::default(),
        })
    }

    /// Returns the name that the log has for the caller whom `principal` identifies. It waits if the key of the names has to be
    /// read. The endpoint calls it once for each request of a run.
    pub(crate) async fn name_for_log(&self, principal: Option<&Principal>) -> String {
        self.definition.pseudonyms.pseudonym(principal, self.definition.approvals.as_ref()).await
    }

    /// Starts a run that has passed all checks, and returns the stream of its events. It does not wait.
    pub(crate) fn start<I: IdSource + 'static>(run: PreparedRun<C, I>) -> RunStream {
        let span = observe::spans::invoke_agent(&run.input.thread_id, &run.input.run_id);
        let end_time = run.end_time();
        RunStream::new(end_time.last_read, |events| driver::drive(run, end_time, events).instrument(span))
    }

    /// Sets the approvals of an agent that has none but has tools whose calls may wait for a person, for the test kit.
    /// `None` if such an agent has another handle, so that it cannot be changed.
    pub(crate) fn with_default_approvals(mut self, approvals: Approvals) -> Option<Self> {
        let needs_approvals = self.definition.tools.interruptible_names().next().is_some();
        if needs_approvals && self.definition.approvals.is_none() {
            Arc::get_mut(&mut self.definition)?.approvals = Some(approvals);
        }
        Some(self)
    }

    /// Prepares the first model and fetches the keys of approvals and of the callers' names, while the function starts.
    ///
    /// A failure is not reported here: the first run that needs what is missing tries again. `Endpoint::warm_up` calls
    /// it.
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
        future::join3(model, approvals, self.definition.pseudonyms.prefetch()).await;
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

impl<C> Agent<C> {
    /// Sets the path at which an endpoint serves this agent beside its first one. Its approvals and signed results are
    /// then valid at this path only.
    pub(crate) fn at_path(self, path: &str) -> Self {
        Self { path: Some(path.into()), ..self }
    }
}

impl<C> Clone for Agent<C> {
    /// Returns another handle to the same agent.
    fn clone(&self) -> Self {
        Self { definition: Arc::clone(&self.definition), path: self.path.clone() }
    }
}

impl<C> std::fmt::Debug for Agent<C> {
    /// Shows the names of the models, and nothing else of the agent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let models: Vec<&str> = self.definition.models.iter().map(|model| model.name()).collect();
        f.debug_struct("Agent").field("models", &models).finish_non_exhaustive()
    }
}
