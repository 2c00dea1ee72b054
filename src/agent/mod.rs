//! The agent: a model, tools, instructions and limits; and the loop that makes a run of them.
//!
//! `turns` decides and `run` does; `attempts` decides and `turn` asks the model. `history` reads what came before,
//! `seal` keeps a provider's own apart, `listener` hears what tools say, `stream` lets a reader pull.

mod attempts;
mod capabilities;
mod history;
mod listener;
mod run;
mod seal;
mod stream;
mod turn;
mod turns;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::model::{Model, ModelSettings};
use crate::protocol::{self, Prediction, RunAgentInput};
use crate::tool::{Tool, Toolbox, ToolboxError};
use crate::transcript::{Clock, Stamps};

pub use stream::{RunStream, Stopper};
pub(crate) use turns::LONGEST;
pub use turns::Limits;

/// An agent for callers of the type `C`. Cheap to clone.
pub struct Agent<C> {
    inner: Arc<Inner<C>>,
}

struct Inner<C> {
    models: Models,
    settings: ModelSettings,
    instructions: Option<Arc<str>>,
    toolbox: Toolbox<C>,
    limits: Limits,
    /// Whether the model reads the client's state.
    shows_state: bool,
    /// What of the state clients may show while an argument streams.
    predictions: Vec<Prediction>,
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

impl<C: Send + Sync + 'static> Agent<C> {
    /// Starts from a model; everything else has a default.
    pub fn builder(model: impl Model) -> AgentBuilder<C> {
        AgentBuilder {
            models: vec![Arc::new(model)],
            settings: ModelSettings::default(),
            instructions: None,
            toolbox: Toolbox::new(),
            fault: None,
            limits: Limits::default(),
            shows_state: false,
            predictions: Vec::new(),
        }
    }

    /// Begins a run for a caller.
    ///
    /// `deadline` is when the run must have ended at the latest; the run's own time limit holds beside it.
    ///
    /// # Errors
    /// [`NameTaken`] if a frontend tool bears the name of a backend tool, hidden ones included, or of another
    /// frontend tool. Identical duplicates merge.
    pub fn run(
        &self,
        caller: C,
        input: RunAgentInput,
        deadline: Option<Instant>,
    ) -> Result<RunStream, NameTaken> {
        self.run_stamped(caller, input, deadline, Clock)
    }

    /// Begins a run whose ids and times come from `stamps`, for tests. See [`run`](Self::run).
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_stamped(
        &self,
        caller: C,
        input: RunAgentInput,
        deadline: Option<Instant>,
        stamps: impl Stamps + 'static,
    ) -> Result<RunStream, NameTaken> {
        let frontend = self.frontend_tools(&input.tools)?;
        let agent = Self { inner: Arc::clone(&self.inner) };
        Ok(RunStream::new(|outbox| run::drive(agent, caller, input, frontend, deadline, stamps, outbox)))
    }

    /// Gets its first model ready while the function starts. A failure waits for the first run.
    pub async fn warm(&self) {
        if let Some(model) = self.inner.models.first() {
            model.warm().await;
        }
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
    /// The first tool that could not be added; told at the end, so that calls chain.
    fault: Option<ToolboxError>,
    limits: Limits,
    shows_state: bool,
    predictions: Vec<Prediction>,
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

    /// What a run may use up.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits: limits.countable(), ..self }
    }

    /// Shows the model the state that the client sends, marked as data that proves nothing.
    ///
    /// Tools read and change the state either way: [`ToolContext::state`](crate::tool::ToolContext::state).
    pub fn shows_state(self) -> Self {
        Self { shows_state: true, ..self }
    }

    /// Has front ends show an argument of a tool as a member of the shared state while the model still writes it.
    ///
    /// The tool may be the front end's. One of the server's makes the prediction true by setting the state; if it
    /// does not, the client gets the state as it is before the call's result.
    pub fn predicts(mut self, state_key: &str, tool: &str, argument: &str) -> Self {
        let [state_key, tool, tool_argument] = [state_key, tool, argument].map(ToOwned::to_owned);
        self.predictions.push(Prediction { state_key, tool, tool_argument });
        self
    }

    /// Makes the agent.
    ///
    /// # Errors
    /// [`ToolboxError`] for the first tool whose name or schema is unusable, or from which state is predicted that
    /// it has no argument for.
    pub fn build(self) -> Result<Agent<C>, ToolboxError> {
        let Self { models, settings, instructions, toolbox, fault, limits, shows_state, predictions } = self;
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
        let inner = Inner { models, settings, instructions, toolbox, limits, shows_state, predictions };
        Ok(Agent { inner: Arc::new(inner) })
    }
}

impl<C> std::fmt::Debug for AgentBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
