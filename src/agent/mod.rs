//! The agent: a model, tools, instructions and limits; and the loop that makes a run of them.
//!
//! `turns` decides and `run` does; `attempts` decides and `turn` asks the model; `resume` decides and `call` runs a tool
//! or lets it wait, as `waiting` puts it; `authorization` says who may call it; `signed` signs what comes of it. `history`
//! reads what came before, `seal` keeps a provider's own apart, `listener` hears what tools say, `stream` lets a reader
//! pull, `account` tells the log, `spans` who listens to traces.

mod account;
mod attempts;
mod authorization;
mod call;
mod capabilities;
mod history;
mod listener;
mod resume;
mod run;
mod seal;
mod signed;
mod spans;
mod stream;
mod turn;
mod turns;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::{Instrument as _, warn};

use crate::approval::{Approvals, Identity, Pseudonyms};
use crate::model::{Model, ModelSettings};
use crate::protocol::{self, Prediction, RunAgentInput, RunId, ThreadId};
use crate::tool::{Tool, Toolbox, ToolboxError};
use crate::transcript::{Clock, Stamps};

#[cfg(feature = "aws")]
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
}

/// The models to ask, in order; never none.
type Models = Vec<Arc<dyn Model>>;

/// A frontend tool of the input bears a name that is taken, by a backend tool or by another frontend tool.
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
    /// A call that may wait for a person has neither a result nor an answer that counts.
    #[error(
        "a call waits for a person: answer its interrupt in `resume`, or give the call a result in a tool message"
    )]
    InterruptOpen,
    /// An answer or a result can't be checked: the key of approvals can't be had.
    #[error("what this server has signed cannot be checked right now")]
    ApprovalKeyUnavailable,
    /// A backend tool's result is not as this server has told it, and the agent requires that.
    #[error("/messages/{index} must be a result that this server has signed in this conversation")]
    UnsignedResult {
        /// The message's place among those that were read.
        index: usize,
    },
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
        }
    }

    /// Begins a run for a caller.
    ///
    /// `identity` is whose approvals count, as the edge has proven it; with none, tools whose calls may wait for a
    /// person are closed. `deadline` is when the run must have ended at the latest; the run's own time limit holds
    /// beside it.
    ///
    /// # Errors
    /// [`Refusal::NameTaken`] if a frontend tool bears the name of a backend tool, hidden ones included, or of another
    /// frontend tool. Identical duplicates merge. [`Refusal::InterruptOpen`] if a call waits for a person who has not
    /// answered; [`Refusal::ApprovalKeyUnavailable`] if an answer or a result can't be checked;
    /// [`Refusal::UnsignedResult`] where results must be signed and one is not.
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
        let frontend = self.frontend_tools(&input.tools)?;
        signed::check(self, identity.as_ref(), &input).await?;
        let resumed = resume::read(self, &caller, identity.as_ref(), &input).await?;
        Ok(run::Ask { caller, identity, input, frontend, resumed, deadline })
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

    fn frontend_tools(&self, tools: &[protocol::Tool]) -> Result<Vec<protocol::Tool>, NameTaken> {
        let mut merged: Vec<protocol::Tool> = Vec::with_capacity(tools.len());
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(tools.len());
        for (index, tool) in tools.iter().enumerate() {
            if self.inner.toolbox.has(&tool.name) {
                return Err(NameTaken { index });
            }
            match places.get(tool.name.as_str()) {
                Some(&place) if merged[place] == *tool => {}
                Some(_) => return Err(NameTaken { index }),
                None => {
                    places.insert(&tool.name, merged.len());
                    merged.push(tool.clone());
                }
            }
        }
        Ok(merged)
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

    /// Refuses histories in which a backend tool's result is not signed by this server, for this caller and thread.
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
        let waiting: Vec<&str> = toolbox.waiting_names().collect();
        if approvals.is_none() && !waiting.is_empty() {
            warn!(
                tools = waiting.join(" "),
                "tools that need approval are closed: there is no key for approvals"
            );
        }
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
        };
        Ok(Agent { inner: Arc::new(inner) })
    }
}

impl<C> std::fmt::Debug for AgentBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
