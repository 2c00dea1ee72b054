//! The agent: a model, tools, instructions and limits; and the loop that makes a run of them.
//!
//! `turns` decides and `run` does; `attempts` decides and `turn` asks the model; `call` runs a tool or lets it wait, as
//! `waiting` puts it; `authorization` says who may call it; `signed` signs what comes of it. `calls` finds the calls of
//! the history and `answers` those to its interrupts, `gated` judges the calls that may wait for a person, `resume` reads
//! an answer that counts, `interrupts` does what they say, and `history` makes of all that what a model reads. `client`
//! leaves out what clients may not bring, `seal` keeps a provider's own apart, `listener` hears what tools say, `stream`
//! lets a reader pull, `account` tells the log, `spans` who listens to traces.

mod account;
mod answers;
mod attempts;
mod authorization;
mod call;
mod calls;
mod capabilities;
mod client;
mod gated;
mod history;
mod interrupts;
mod listener;
mod reduced;
mod resume;
mod run;
mod seal;
mod signed;
mod spans;
mod stream;
mod tool_access;
mod turn;
mod turns;
mod waiting;

use std::sync::Arc;

use tokio::time::Instant;
use tracing::{Instrument as _, warn};

use crate::approval::{Approvals, Identity, Pseudonyms};
use crate::model::{Model, ModelSettings};
use crate::protocol::{Prediction, RunAgentInput, RunId, ThreadId};
use crate::tool::{Tool, Toolbox, ToolboxError};
use crate::transcript::{Clock, Stamps};

use client::ClientSettings;
pub use client::{ClientCompat, FrontendTools};
#[cfg(feature = "lambda")]
pub(crate) use spans::SPANS;
pub use stream::{RunStream, Stopper};
pub(crate) use turns::LONGEST;
pub use turns::Limits;
pub(crate) use turns::Stop;
use waiting::Prover;

/// An agent for callers of the type `C`. Cheap to clone.
pub struct Agent<C> {
    inner: Arc<Inner<C>>,
}

struct Inner<C> {
    models: Models,
    settings: ModelSettings,
    instructions: Option<Arc<str>>,
    toolbox: Toolbox<C>,
    approvals: Option<Approvals>,
    /// What the log calls callers.
    pseudonyms: Pseudonyms,
    limits: Limits,
    /// Whether results of backend tools must be signed to be read.
    requires_signed_results: bool,
    /// Whether a run ends with the whole conversation.
    sends_messages: bool,
    /// Whether the model reads the client's state.
    shows_state: bool,
    /// What of the state clients are shown while an argument streams.
    predictions: Vec<Prediction>,
    /// Whether front ends that predict by themselves are sent `PredictState`, too.
    emits_predict_state: bool,
    /// What clients may do.
    client: ClientSettings,
}

/// The models to ask, in order; never none.
type Models = Vec<Arc<dyn Model>>;

/// A frontend tool of the input has a name that another tool has: a backend tool, or another frontend tool.
///
/// Names that differ in ASCII case only are the same name, since a person or a model may take one for the other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("/tools/{index}/name is taken by another tool")]
pub struct NameTaken {
    /// The tool's place in the input.
    pub index: usize,
}

/// Why a run does not begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The name of a frontend tool is taken.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// An answer or a result can't be checked: the key of approvals can't be had.
    #[error("what this server has signed cannot be checked right now")]
    ApprovalKeyUnavailable,
}

impl<C: Send + Sync + 'static> Agent<C> {
    /// Starts from a model; everything else has a default.
    pub fn builder(model: impl Model) -> AgentBuilder<C> {
        AgentBuilder {
            models: vec![Arc::new(model)],
            settings: ModelSettings::default(),
            instructions: None,
            toolbox: Toolbox::new(),
            approvals: None,
            fault: None,
            limits: Limits::default(),
            requires_signed_results: false,
            sends_messages: false,
            shows_state: false,
            predictions: Vec::new(),
            emits_predict_state: false,
            client: ClientSettings::default(),
        }
    }

    /// Begins a run for a caller.
    ///
    /// `identity` is whose approvals count, as the edge has proven it; with none, tools whose calls may wait for a
    /// person are closed. `deadline` is when the run must have ended at the latest; the run's own time limit holds
    /// beside it.
    ///
    /// # Errors
    /// [`Refusal::NameTaken`] if a frontend tool has the name of a backend tool, hidden ones included, or of another
    /// frontend tool, compared without case. Identical duplicates merge. [`Refusal::ApprovalKeyUnavailable`] if an
    /// answer or a result has to be checked and no key can be had.
    pub async fn run(
        &self,
        caller: C,
        identity: Option<Identity>,
        input: RunAgentInput,
        deadline: Option<Instant>,
    ) -> Result<RunStream, Refusal> {
        self.run_stamped(caller, identity, input, deadline, Clock).await
    }

    /// Begins a run whose ids and times come from `stamps`, for tests. See [`run`](Self::run).
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_stamped(
        &self,
        caller: C,
        identity: Option<Identity>,
        input: RunAgentInput,
        deadline: Option<Instant>,
        stamps: impl Stamps + 'static,
    ) -> Result<RunStream, Refusal> {
        let ask = self.ask(caller, identity, input, deadline).await?;
        Ok(self.begin(ask, Instant::now(), stamps))
    }

    /// Begins a run that was asked for at this time, which the log counts from. See [`run`](Self::run).
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) async fn run_received(
        &self,
        received: Instant,
        caller: C,
        identity: Option<Identity>,
        input: RunAgentInput,
        deadline: Option<Instant>,
    ) -> Result<RunStream, Refusal> {
        let ask = self.ask(caller, identity, input, deadline).await?;
        Ok(self.begin(ask, received, Clock))
    }

    async fn ask(
        &self,
        caller: C,
        identity: Option<Identity>,
        input: RunAgentInput,
        deadline: Option<Instant>,
    ) -> Result<run::Ask<C>, Refusal> {
        let is_backend = |name: &str| self.inner.toolbox.has(name);
        let frontend = self.inner.client.frontend_tools(&input.tools, is_backend)?;
        self.check_keys(&caller, identity.as_ref(), &input).await?;
        Ok(run::Ask { caller, identity, input, frontend, deadline })
    }

    /// Makes sure that there is a key where one is needed: to check what comes back, and to sign results without which
    /// a thread would lose them.
    async fn check_keys(
        &self,
        caller: &C,
        identity: Option<&Identity>,
        input: &RunAgentInput,
    ) -> Result<(), Refusal> {
        let Some(approvals) = &self.inner.approvals else { return Ok(()) };
        let calls = calls::calls(&input.messages);
        let judge = gated::Judge::new(self, caller, identity, input, &calls);
        let is_needed = self.inner.requires_signed_results || judge.needs_key(&calls);
        if is_needed || calls.iter().any(|call| judge.is_judged(call)) {
            let ready = approvals.ready().await;
            if is_needed {
                ready.map_err(|_| Refusal::ApprovalKeyUnavailable)?;
            }
        }
        Ok(())
    }

    fn begin(&self, ask: run::Ask<C>, received: Instant, stamps: impl Stamps + 'static) -> RunStream {
        let agent = Self { inner: Arc::clone(&self.inner) };
        let span = spans::invoke_agent(&ask.input.thread_id, &ask.input.run_id);
        RunStream::new(|outbox| run::drive(agent, ask, received, stamps, outbox).instrument(span))
    }

    /// Gets its first model and the keys of approvals ready while the function starts. A failure waits for the first
    /// run.
    pub async fn warm(&self) {
        let model = async {
            if let Some(model) = self.inner.models.first() {
                model.warm().await;
            }
        };
        let approvals = async {
            if let Some(approvals) = &self.inner.approvals {
                approvals.warm().await;
            }
        };
        futures_util::future::join(model, approvals).await;
    }

    /// What proves for a caller in a run; none where approvals are closed.
    fn prover<'a>(
        &'a self,
        identity: Option<&'a Identity>,
        thread_id: &'a ThreadId,
        run_id: &'a RunId,
    ) -> Option<Prover<'a>> {
        Some(Prover { approvals: self.inner.approvals.as_ref()?, identity: identity?, thread_id, run_id })
    }

    /// Whether a person can be asked for a caller.
    fn is_open(&self, identity: Option<&Identity>) -> bool {
        self.inner.approvals.is_some() && identity.is_some()
    }
}

impl<C> Clone for Agent<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C> std::fmt::Debug for Agent<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let models: Vec<&str> = self.inner.models.iter().map(|model| model.name()).collect();
        f.debug_struct("Agent").field("models", &models).finish_non_exhaustive()
    }
}

/// Builds an [`Agent`].
#[must_use]
pub struct AgentBuilder<C> {
    models: Models,
    settings: ModelSettings,
    instructions: Option<Arc<str>>,
    toolbox: Toolbox<C>,
    approvals: Option<Approvals>,
    /// The first tool that could not be added; told at the end, so that calls chain.
    fault: Option<ToolboxError>,
    limits: Limits,
    requires_signed_results: bool,
    sends_messages: bool,
    shows_state: bool,
    predictions: Vec<Prediction>,
    emits_predict_state: bool,
    client: ClientSettings,
}

impl<C: Send + Sync + 'static> AgentBuilder<C> {
    /// Adds a model that is asked where those before it can't begin a turn.
    pub fn fallback(mut self, model: impl Model) -> Self {
        self.models.push(Arc::new(model));
        self
    }

    /// How the models are asked.
    pub fn settings(self, settings: ModelSettings) -> Self {
        Self { settings, ..self }
    }

    /// The system prompt. It is the server's: what a client sends in the name of the system is left out.
    pub fn instructions(self, text: impl Into<Arc<str>>) -> Self {
        Self { instructions: Some(text.into()), ..self }
    }

    /// Adds a backend tool.
    pub fn tool(mut self, tool: impl Tool<C>) -> Self {
        if let Err(fault) = self.toolbox.add(tool) {
            self.fault.get_or_insert(fault);
        }
        self
    }

    /// What signs and checks approvals. Without it, tools whose calls may wait for a person are offered to nobody.
    pub fn approvals(self, approvals: Approvals) -> Self {
        Self { approvals: Some(approvals), ..self }
    }

    /// Lets the model read only those results of backend tools that this server signed, for this caller and thread. In
    /// place of any other it reads a fixed sentence, and the thread goes on.
    ///
    /// Results are signed with the key of approvals, so there must be one.
    pub fn requires_signed_results(self) -> Self {
        Self { requires_signed_results: true, ..self }
    }

    /// What a run may use up.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits: limits.countable(), ..self }
    }

    /// Ends each run with the whole conversation, as `MESSAGES_SNAPSHOT`: for who records runs or joins late.
    ///
    /// The client that made the run holds all of it and is sent it once more.
    pub fn sends_messages(self) -> Self {
        Self { sends_messages: true, ..self }
    }

    /// Shows the model the state that the client sends, marked as data that proves nothing.
    ///
    /// Tools read and change the state either way: [`ToolContext::state`](crate::tool::ToolContext::state).
    pub fn shows_state(self) -> Self {
        Self { shows_state: true, ..self }
    }

    /// Shows an argument of a tool as a member of the shared state while the model still writes it.
    ///
    /// While the arguments of a call of `tool` stream, the client is sent state events in which the member `state_key`
    /// holds the value of `argument` as far as it has come: a string up to its last character, an object or an array with
    /// the elements that have come. Every client that keeps a state shows it. The state that tools read is not changed.
    ///
    /// One of the server's tools makes the prediction true by setting the state. If it does not, the client is sent the
    /// state as it is before it is sent the call's result. The prediction stays where the tool is the front end's, and
    /// while the call waits for a person.
    pub fn predicts(mut self, state_key: &str, tool: &str, argument: &str) -> Self {
        let [state_key, tool, tool_argument] = [state_key, tool, argument].map(ToOwned::to_owned);
        self.predictions.push(Prediction { state_key, tool, tool_argument });
        self
    }

    /// Sends the custom event `PredictState` before each call that [`predicts`](Self::predicts) names; `false` by default.
    ///
    /// CopilotKit's version 1 reads the event and makes the same predictions by itself. As its copy of the state is then not
    /// known, each prediction is sent as a snapshot of the whole state.
    pub fn emit_predict_state(self, emits: bool) -> Self {
        Self { emits_predict_state: emits, ..self }
    }

    /// Makes the agent.
    ///
    /// # Errors
    /// [`ToolboxError`] for the first tool whose name or schema is unusable, or from which state is predicted that
    /// it has no argument for; and for results that must be signed without a key.
    pub fn build(self) -> Result<Agent<C>, ToolboxError> {
        let Self {
            models,
            settings,
            instructions,
            toolbox,
            approvals,
            fault,
            limits,
            requires_signed_results,
            sends_messages,
            shows_state,
            predictions,
            emits_predict_state,
            client,
        } = self;
        if let Some(fault) = fault {
            return Err(fault);
        }
        for Prediction { tool, tool_argument, .. } in &predictions {
            if toolbox.takes(tool, tool_argument) == Some(false) {
                return Err(ToolboxError::BadPrediction {
                    tool: tool.clone(),
                    argument: tool_argument.clone(),
                });
            }
        }
        if requires_signed_results && approvals.is_none() {
            return Err(ToolboxError::NoKey);
        }
        let waiting = toolbox.waiting_names().collect::<Vec<&str>>().join(" ");
        match &approvals {
            _ if waiting.is_empty() => {}
            None => {
                warn!(tools = waiting, "tools that need approval are closed: there is no key for approvals");
            }
            Some(approvals) if approvals.once().is_none() => warn!(
                tools = waiting,
                "an approved call of these tools runs again if its approval is sent again: no store remembers \
                 which approvals were used"
            ),
            Some(_) => {}
        }
        client.log();
        let inner = Inner {
            models,
            settings,
            instructions,
            toolbox,
            approvals,
            pseudonyms: Pseudonyms::new(),
            limits,
            requires_signed_results,
            sends_messages,
            shows_state,
            predictions,
            emits_predict_state,
            client,
        };
        Ok(Agent { inner: Arc::new(inner) })
    }
}

impl<C> std::fmt::Debug for AgentBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
