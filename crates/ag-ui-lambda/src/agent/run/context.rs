//! What is fixed during a run.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use crate::agent::authorize::{Denial, ToolOffers};
use crate::agent::definition::AgentDefinition;
use crate::agent::interrupt::signer::RunSigner;
use crate::agent::observe::audit::{Audit, log_withheld_tools};
use crate::agent::observe::recorder::RunRecorder;
use crate::auth::Principal;
use crate::model::ToolChoice;
use crate::protocol::{Prediction, RunAgentInput, Tool};
use crate::tool::{ErasedTool, RunInfo, ToolEventSender};

/// The caller of a run, and what the agent lets this caller do.
pub(crate) struct CallerAccess<C> {
    pub(crate) agent: Arc<AgentDefinition<C>>,
    pub(crate) caller: Arc<C>,
    principal: Option<Principal>,
    /// Signs for this caller in this run. `None` if approvals are not configured or the caller is not identified.
    pub(crate) signer: Option<RunSigner>,
}

impl<C: Send + Sync + 'static> CallerAccess<C> {
    /// Collects what the run of this input may do for the caller. Interrupts and results can be signed only if
    /// approvals are configured and `principal` identifies the caller.
    pub(crate) fn new(
        agent: Arc<AgentDefinition<C>>,
        caller: Arc<C>,
        principal: Option<Principal>,
        input: &RunAgentInput,
    ) -> Self {
        let signer = agent
            .approvals
            .clone()
            .zip(principal.clone())
            .map(|(approvals, principal)| RunSigner::new(approvals, principal, input));
        Self { agent, caller, principal, signer }
    }

    /// Sets the path of the agent, if an endpoint serves it beside its first agent. Signatures are bound to the path.
    pub(crate) fn agent_path(self, agent_path: Option<Arc<str>>) -> Self {
        Self { signer: self.signer.map(|signer| signer.agent_path(agent_path)), ..self }
    }

    /// Passes the caller to `replace`, and continues with the caller that it returns. It is called before the run has
    /// started, so nothing else holds the caller. This method is used only if the application admits runs.
    ///
    /// # Errors
    /// The error of `replace`.
    pub(super) async fn replace_caller<E, F>(self, replace: impl FnOnce(C) -> F) -> Result<Self, E>
    where
        F: Future<Output = Result<C, E>>,
    {
        let caller =
            Arc::into_inner(self.caller).expect("a run that has not started shares its caller with nobody");
        Ok(Self { caller: Arc::new(replace(caller).await?), ..self })
    }

    /// Whether a call can wait for a person on behalf of this caller.
    pub(crate) fn can_interrupt(&self) -> bool {
        self.agent.can_interrupt(self.principal.as_ref())
    }

    /// Returns the tool of this name if the caller may use it; the error is why the caller may not, or that no tool has
    /// the name.
    pub(crate) fn tool(&self, name: &str) -> Result<&Arc<dyn ErasedTool<C>>, Denial> {
        self.agent.authorized_tool(name, &self.caller, self.can_interrupt())
    }

    /// Sorts the tools of the agent into those that the caller may use and those that are withheld.
    pub(crate) fn tool_offers(&self) -> ToolOffers<'_, C> {
        self.agent.tool_offers(&self.caller, self.can_interrupt())
    }

    /// Creates the audit log for this caller. It waits if the key for the caller's pseudonym has to be fetched. This
    /// method is called for each call that is decided about, and for each answer of a person.
    pub(crate) async fn audit(&self) -> Audit {
        Audit::new(&self.agent, self.principal.as_ref()).await
    }
}

/// What does not change between the first event of a run and its last. What changes is in [`RunIo`](super::io::RunIo).
pub(crate) struct RunContext<'a, C> {
    pub(crate) access: &'a CallerAccess<C>,
    /// The ids of the run, as tools get them.
    pub(crate) ids: Arc<RunInfo>,
    pub(crate) offers: ToolOffers<'a, C>,
    /// The tools that the model is offered: the backend tools for this caller, then those of the client. All names differ.
    pub(crate) tools: Arc<[Tool]>,
    /// The index of the client's first tool.
    pub(crate) frontend_start: usize,
    /// When the run is cancelled if it has not ended.
    pub(crate) ends_at: Instant,
    /// Where tools emit their events.
    pub(crate) tool_events: ToolEventSender,
    /// The state that the client sent, if the model reads it.
    pub(crate) exposed_state: Option<Arc<Value>>,
    pub(crate) recorder: RunRecorder,
}

impl<C: Send + Sync + 'static> RunContext<'_, C> {
    /// Returns the definition of the agent that runs.
    pub(crate) fn agent(&self) -> &AgentDefinition<C> {
        &self.access.agent
    }

    /// Returns the tools of the client that the model is offered.
    pub(crate) fn frontend_tools(&self) -> &[Tool] {
        &self.tools[self.frontend_start..]
    }

    /// Lists the state predictions that the client is sent. Those from tools that are not offered in this run are left
    /// out. The driver calls it once, when the run begins.
    pub(crate) fn predictions(&self) -> Vec<Prediction> {
        let is_offered =
            |prediction: &&Prediction| self.tools.iter().any(|tool| tool.name == prediction.tool);
        self.agent().predictions.iter().filter(is_offered).cloned().collect()
    }

    /// Whether the model may call tools at all, by the tool choice of the settings. It is checked for each call,
    /// because some providers cannot keep their model from calling tools.
    pub(crate) fn may_call_tools(&self) -> bool {
        self.agent().settings.tool_choice != ToolChoice::None
    }

    /// Logs, at level DEBUG, which tools are withheld from the caller and why. This method is called once in a run,
    /// before the model is asked for the first time.
    pub(crate) async fn log_withheld_tools(&self) {
        log_withheld_tools(self.agent(), self.access.principal.as_ref(), &self.offers).await;
    }
}
