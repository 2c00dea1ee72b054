//! Collects what an agent is made of, and checks it.

use std::sync::Arc;

use tracing::warn;

use super::Agent;
use super::definition::{AgentDefinition, Models};
use super::error::BuildAgentError;
use super::run::client_input::{ClientCompat, ClientSettings, FrontendTools};
use super::run::limits::Limits;
use crate::approval::{Approvals, Pseudonyms};
use crate::model::{Model, ModelSettings};
use crate::protocol::Prediction;
use crate::tool::{RegisterToolError, Tool, ToolRegistry};

/// Builds an [`Agent`]. [`Agent::builder`] creates it.
#[must_use]
pub struct AgentBuilder<C> {
    models: Models,
    settings: ModelSettings,
    instructions: Option<Arc<str>>,
    tools: ToolRegistry<C>,
    approvals: Option<Approvals>,
    /// The error of the first tool that could not be added. `build` returns it, so that calls can be chained.
    error: Option<RegisterToolError>,
    limits: Limits,
    require_signed_results: bool,
    emit_messages_snapshot: bool,
    expose_state: bool,
    predictions: Vec<Prediction>,
    emit_predict_state: bool,
    client: ClientSettings,
}

impl<C: Send + Sync + 'static> Agent<C> {
    /// Starts to build an agent whose first model is `model`. Everything else has a default.
    pub fn builder(model: impl Model) -> AgentBuilder<C> {
        AgentBuilder {
            models: vec![Arc::new(model)],
            settings: ModelSettings::default(),
            instructions: None,
            tools: ToolRegistry::new(),
            approvals: None,
            error: None,
            limits: Limits::default(),
            require_signed_results: false,
            emit_messages_snapshot: false,
            expose_state: false,
            predictions: Vec::new(),
            emit_predict_state: false,
            client: ClientSettings::default(),
        }
    }
}

impl<C: Send + Sync + 'static> AgentBuilder<C> {
    /// Adds a fallback model, which is asked for a turn when the models before it have failed to begin one. The order
    /// is the one in which the models were added, except that the model of a run's previous turn is asked first.
    pub fn fallback(mut self, model: impl Model) -> Self {
        self.models.push(Arc::new(model));
        self
    }

    /// Sets what every request to a model asks for: temperature, token limits, tool choice and so on. A second call
    /// replaces the settings of the first.
    pub fn settings(self, settings: ModelSettings) -> Self {
        Self { settings, ..self }
    }

    /// Sets the system prompt. Only the server writes it: system messages of a client are left out.
    pub fn instructions(self, text: impl Into<Arc<str>>) -> Self {
        Self { instructions: Some(text.into()), ..self }
    }

    /// Adds a backend tool, which the model may call. If the tool cannot be used, [`build`](Self::build) returns the
    /// error.
    pub fn tool(mut self, tool: impl Tool<C>) -> Self {
        if let Err(error) = self.tools.add(tool) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Sets the [`Approvals`] that sign and verify interrupts and results. Without them, tools whose calls may wait for
    /// a person are not offered.
    pub fn approvals(self, approvals: Approvals) -> Self {
        Self { approvals: Some(approvals), ..self }
    }

    /// Sets whether the model reads only those results of backend tools that this server has signed for this caller and
    /// thread. The default is `false`.
    ///
    /// In place of any other result the model reads a fixed sentence, and the thread goes on. Results are signed with the key
    /// of approvals, so [`approvals`](Self::approvals) must be set, too.
    pub fn require_signed_results(self, is_required: bool) -> Self {
        Self { require_signed_results: is_required, ..self }
    }

    /// Sets the limits of each run: turns, tool calls, time and tokens. Durations above a year are shortened to a year.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits: limits.with_capped_durations(), ..self }
    }

    /// Sets whether each run ends with a `MESSAGES_SNAPSHOT` event that holds the complete conversation. The default is
    /// `false`.
    ///
    /// The snapshot is for a reader that records runs or joins late. The client that started the run has received all
    /// messages before and receives them once more.
    pub fn emit_messages_snapshot(self, is_emitted: bool) -> Self {
        Self { emit_messages_snapshot: is_emitted, ..self }
    }

    /// Sets whether the model reads the state that the client sends. The state is marked as data from the client that
    /// proves nothing. The default is `false`.
    ///
    /// Tools read and change the state in both cases: [`ToolContext::state`](crate::tool::ToolContext::state).
    pub fn expose_state(self, is_exposed: bool) -> Self {
        Self { expose_state: is_exposed, ..self }
    }

    /// Shows the argument `argument` of the tool `tool` in the shared state, under the key `state_key`, while the model
    /// still writes the argument.
    ///
    /// While the arguments of a call stream, the client is sent state events that hold the part of the argument that
    /// has arrived: a string up to its last character, an object or an array with the elements that have arrived. A
    /// client that shows the state shows the prediction. The state that tools read is not changed.
    ///
    /// A backend tool confirms the prediction when it sets the state. If it does not, the client is sent the actual
    /// state before the result of the call. The prediction stays if the tool is a frontend tool, and while the call
    /// waits for a person.
    pub fn predict_state(mut self, state_key: &str, tool: &str, argument: &str) -> Self {
        let [state_key, tool, tool_argument] = [state_key, tool, argument].map(ToOwned::to_owned);
        self.predictions.push(Prediction { state_key, tool, tool_argument });
        self
    }

    /// Sets whether the custom event `PredictState` is sent before each call of a tool that
    /// [`predict_state`](Self::predict_state) names. The default is `false`.
    ///
    /// CopilotKit's version 1 reads the event and makes the same predictions by itself. Since this server then does not
    /// know the client's copy of the state, it sends each prediction as a snapshot of the complete state.
    pub fn emit_predict_state(self, is_emitted: bool) -> Self {
        Self { emit_predict_state: is_emitted, ..self }
    }

    /// Builds the agent.
    ///
    /// # Errors
    /// [`BuildAgentError`] for the first tool whose name or schema cannot be used; for a prediction from an argument that the
    /// tool does not have; and if results must be signed and there is no key.
    pub fn build(self) -> Result<Agent<C>, BuildAgentError> {
        let Self {
            models,
            settings,
            instructions,
            tools,
            approvals,
            error,
            limits,
            require_signed_results,
            emit_messages_snapshot,
            expose_state,
            predictions,
            emit_predict_state,
            client,
        } = self;
        if let Some(error) = error {
            return Err(error.into());
        }
        for Prediction { tool, tool_argument, .. } in &predictions {
            if tools.has_argument(tool, tool_argument) == Some(false) {
                return Err(BuildAgentError::UnknownArgument {
                    tool: tool.clone(),
                    argument: tool_argument.clone(),
                });
            }
        }
        if require_signed_results && approvals.is_none() {
            return Err(BuildAgentError::MissingApprovalKey);
        }
        warn_of_approvals(&tools, approvals.as_ref());
        client.log();
        let definition = AgentDefinition {
            models,
            settings,
            instructions,
            tools,
            approvals,
            pseudonyms: Pseudonyms::new(),
            limits,
            require_signed_results,
            emit_messages_snapshot,
            expose_state,
            predictions,
            emit_predict_state,
            client,
        };
        Ok(Agent { definition: Arc::new(definition) })
    }
}

impl<C> AgentBuilder<C> {
    /// Sets which version of the protocol the events of a run have. The default is [`ClientCompat::Auto`].
    pub fn client_compat(mut self, compat: ClientCompat) -> Self {
        self.client.compat = compat;
        self
    }

    /// Sets which frontend tools a client may offer to the model. The default is [`FrontendTools::Any`].
    ///
    /// A tool that is not allowed is left out, as if the client had not sent it: its name is not compared with other names.
    pub fn frontend_tools(mut self, tools: FrontendTools) -> Self {
        self.client.frontend_tools = tools;
        self
    }

    /// Sets whether the model reads the `context` entries that a client sends. The default is `true`.
    pub fn client_context(mut self, is_read: bool) -> Self {
        self.client.context = is_read;
        self
    }

    /// Sets whether the model reads pictures, sounds, videos and documents that a client sends. The default is `true`.
    ///
    /// With `false` they are left out of user messages and of the results of frontend tools. A message that claims to be the
    /// result of a backend tool keeps its media, unless
    /// [`require_signed_results`](Self::require_signed_results) is set.
    pub fn client_media(mut self, is_read: bool) -> Self {
        self.client.media = is_read;
        self
    }

    /// Sets whether interrupts carry `expiresAt`. The default is `false`.
    ///
    /// `@ag-ui/client` 0.0.59 refuses to send anything more in a thread after that time. An approval expires at the
    /// same time in both cases, and an answer that arrives later gets the result `expired`.
    pub fn send_expires_at(mut self, is_sent: bool) -> Self {
        self.client.send_expires_at = is_sent;
        self
    }
}

/// Logs a warning if calls of any of these tools may wait for a person, and either no approvals are configured, so that
/// the tools are not offered, or no replay store is configured, so that one approval can run a call more than once.
/// [`AgentBuilder::build`] calls it.
fn warn_of_approvals<C: Send + Sync + 'static>(tools: &ToolRegistry<C>, approvals: Option<&Approvals>) {
    let waiting = tools.interruptible_names().collect::<Vec<&str>>().join(" ");
    match approvals {
        _ if waiting.is_empty() => {}
        None => warn!(tools = waiting, "tools that need approval are closed: there is no key for approvals"),
        Some(approvals) if approvals.configured_replay_store().is_none() => warn!(
            tools = waiting,
            "an approved call of these tools runs again if its approval is sent again: no store remembers which approvals were used"
        ),
        Some(_) => {}
    }
}

impl<C> std::fmt::Debug for AgentBuilder<C> {
    /// Shows the limits, and none of the other settings.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
