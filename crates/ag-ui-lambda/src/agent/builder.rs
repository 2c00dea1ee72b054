//! Collects what an agent is made of, and checks it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tracing::warn;

use super::Agent;
use super::definition::AgentDefinition;
use super::error::BuildAgentError;
use super::instructions::Instructions;
use super::result_type::{RESULT_TOOL, ResultType};
use super::run::client_input::{ClientCompat, ClientSettings, FrontendTools};
use super::run::limits::Limits;
use crate::approval::{Approvals, Pseudonyms, WhoKey};
use crate::model::{Model, ModelSettings};
use crate::protocol::Prediction;
use crate::tool::{Tool, ToolRegistry};

/// Builds an [`Agent`]. [`Agent::builder`] creates it.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::model::{ModelSettings, demo};
/// use ag_ui_lambda::{Agent, Limits, NoArgs, ToolContext, ToolError, tool_fn};
///
/// struct Caller {
///     plan: String,
/// }
///
/// async fn get_plan(context: ToolContext<Caller>, _: NoArgs) -> Result<String, ToolError> {
///     Ok(context.caller().plan.clone())
/// }
///
/// let agent = Agent::builder(demo(Duration::ZERO))
///     .instructions("You help the customers of a shop.")
///     .settings(ModelSettings { max_tokens: Some(1000), ..ModelSettings::default() })
///     .limits(Limits { turns: 5, ..Limits::default() })
///     .tool(tool_fn("get_plan", "The caller's plan.", get_plan))
///     .build()?;
/// # Ok::<(), ag_ui_lambda::agent::BuildAgentError>(())
/// ```
#[must_use]
pub struct AgentBuilder<C> {
    definition: AgentDefinition<C>,
    /// The error of the first tool or result type that cannot be used. `build` returns it, so that calls can be chained.
    error: Option<BuildAgentError>,
}

impl<C: Send + Sync + 'static> Agent<C> {
    /// Starts to build an agent whose first model is `model`. Everything else has a default.
    pub fn builder(model: impl Model) -> AgentBuilder<C> {
        let definition = AgentDefinition {
            models: vec![Arc::new(model)],
            settings: ModelSettings::default(),
            instructions: Instructions::new(),
            tools: ToolRegistry::new(),
            result_type: None,
            deny_by_default: false,
            approvals: None,
            pseudonyms: Pseudonyms::new(),
            limits: Limits::default(),
            anonymous_approvals: false,
            require_signed_results: false,
            emit_messages_snapshot: false,
            expose_state: false,
            predictions: Vec::new(),
            emit_predict_state: false,
            client: ClientSettings::default(),
        };
        AgentBuilder { definition, error: None }
    }
}

impl<C: Send + Sync + 'static> AgentBuilder<C> {
    /// Adds a fallback model, which is asked for a turn when the models before it have failed to begin one. The order
    /// is the one in which the models were added, except that the model of a run's previous turn is asked first.
    pub fn fallback(mut self, model: impl Model) -> Self {
        self.definition.models.push(Arc::new(model));
        self
    }

    /// Sets what every request to a model asks for: temperature, token limits, tool choice and so on. A second call
    /// replaces the settings of the first.
    pub fn settings(mut self, settings: ModelSettings) -> Self {
        self.definition.settings = settings;
        self
    }

    /// Sets the system prompt, or its first part if [`instructions_for`](Self::instructions_for) sets a second. Only the
    /// server writes it: system messages of a client are left out. A second call replaces the text of the first.
    pub fn instructions(mut self, text: impl Into<Arc<str>>) -> Self {
        self.definition.instructions.set_fixed(text.into());
        self
    }

    /// Sets the part of the system prompt that depends on the caller. `write` is called once in each run that asks a model.
    ///
    /// The model reads the fixed [`instructions`](Self::instructions), an empty line, and then this text. The fixed text is
    /// first, because providers cache the beginning of a prompt. An empty text is left out. Of the caller and its claims the
    /// model reads nothing but this text, so do not put anything into it that the user must not read: a user can make a model
    /// repeat its instructions. A claim whose value its user has chosen, such as a display name, is text of that user.
    ///
    /// A second call replaces the function of the first. If `write` panics, the run ends with `RUN_ERROR` and the code
    /// `INTERNAL`.
    ///
    /// ```
    /// # use ag_ui_lambda::{Agent, demo};
    /// struct Caller {
    ///     plan: &'static str,
    /// }
    ///
    /// let agent = Agent::builder(demo(std::time::Duration::ZERO))
    ///     .instructions("You look after the orders of a shop.")
    ///     .instructions_for(|caller: &Caller| format!("The caller's plan is {}.", caller.plan))
    ///     .build()?;
    /// # let _ = (agent, Caller { plan: "pro" }.plan);
    /// # Ok::<(), ag_ui_lambda::agent::BuildAgentError>(())
    /// ```
    pub fn instructions_for<S: Into<String>>(
        mut self,
        write: impl Fn(&C) -> S + Send + Sync + 'static,
    ) -> Self {
        self.definition.instructions.set_for_caller(move |caller| write(caller).into());
        self
    }

    /// Adds a backend tool, which the model may call. If the tool cannot be used, [`build`](Self::build) returns the
    /// error.
    pub fn tool(mut self, tool: impl Tool<C>) -> Self {
        if let Err(error) = self.definition.tools.add(tool) {
            self.error.get_or_insert(error.into());
        }
        self
    }

    /// Makes a `T` the result of each run: the member `result` of `RUN_FINISHED`, for a client that is a program.
    ///
    /// After its last answer the model is asked for a value by the JSON Schema of `T`, with the doc comments of `T` as
    /// descriptions. The client receives the answer as usual and nothing of this exchange. The value is checked against the
    /// schema, and serde has to be able to read a `T` from it. If it does not fit, the model reads why and is asked again, at
    /// most twice. After that the run ends with `RUN_ERROR` and the code `RESULT_INVALID`.
    ///
    /// Each question is a turn of the model, which takes time and counts towards the [limits](Self::limits). A run that
    /// waits for the client or for a person has no result, and so has a run that is cancelled or fails. A second call
    /// replaces the type of the first.
    ///
    /// ```
    /// # use ag_ui_lambda::{Agent, demo};
    /// /// What the user wants from the support team.
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// # #[allow(dead_code)]
    /// struct Ticket {
    ///     /// In at most ten words.
    ///     title: String,
    ///     is_urgent: bool,
    /// }
    ///
    /// let agent = Agent::<()>::builder(demo(std::time::Duration::ZERO)).result::<Ticket>().build()?;
    /// # let _ = agent;
    /// # Ok::<(), ag_ui_lambda::agent::BuildAgentError>(())
    /// ```
    pub fn result<T: JsonSchema + DeserializeOwned + Send + 'static>(mut self) -> Self {
        match ResultType::of::<T>() {
            Ok(result_type) => self.definition.result_type = Some(result_type),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// Sets whether a tool without any rule about its callers is offered to nobody. The default is `false`: such a tool is
    /// offered to every caller that the endpoint serves.
    ///
    /// Rules about callers are those of [`needs_permission`](crate::tool::FnTool::needs_permission),
    /// [`needs_scope`](crate::tool::FnTool::needs_scope), [`needs_group`](crate::tool::FnTool::needs_group),
    /// [`available_if`](crate::tool::FnTool::available_if) and
    /// [`for_everybody`](crate::tool::FnTool::for_everybody), which opens one tool to all. A type that implements [`Tool`]
    /// has a rule if its [`has_caller_rule`](Tool::has_caller_rule) returns `true`. [`build`](Self::build) logs a warning
    /// that names the tools without a rule.
    ///
    /// ```
    /// # use ag_ui_lambda::{Agent, NoArgs, ToolContext, ToolError, demo, tool_fn};
    /// # async fn opening_hours(_: ToolContext<()>, _: NoArgs) -> Result<&'static str, ToolError> { Ok("9 to 5") }
    /// let agent = Agent::builder(demo(std::time::Duration::ZERO))
    ///     .deny_by_default(true)
    ///     .tool(tool_fn("opening_hours", "When the shop is open.", opening_hours).for_everybody())
    ///     .build()?;
    /// # let _ = agent;
    /// # Ok::<(), ag_ui_lambda::agent::BuildAgentError>(())
    /// ```
    pub fn deny_by_default(mut self, is_denied: bool) -> Self {
        self.definition.deny_by_default = is_denied;
        self
    }

    /// Sets the [`Approvals`] that sign and verify interrupts and results. Without them, tools whose calls may wait for
    /// a person are not offered.
    pub fn approvals(mut self, approvals: Approvals) -> Self {
        self.definition.approvals = Some(approvals);
        self
    }

    /// Sets the limits of each run: turns, tool calls, time, tokens and the size of a request to a model. Durations above
    /// a year are shortened to a year.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.definition.limits = limits.with_capped_durations();
        self
    }

    /// Sets whether each run ends with a `MESSAGES_SNAPSHOT` event that holds the complete conversation. The default is
    /// `false`.
    ///
    /// The snapshot is for a reader that records runs or joins late. The client that started the run has received all
    /// messages before and receives them once more.
    pub fn emit_messages_snapshot(mut self, is_emitted: bool) -> Self {
        self.definition.emit_messages_snapshot = is_emitted;
        self
    }

    /// Sets whether the model reads the state that the client sends. The state is marked as data from the client that
    /// proves nothing. The default is `false`.
    ///
    /// Tools read and change the state in both cases: [`ToolContext::state`](crate::tool::ToolContext::state).
    pub fn expose_state(mut self, is_exposed: bool) -> Self {
        self.definition.expose_state = is_exposed;
        self
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
        self.definition.predictions.push(Prediction { state_key, tool, tool_argument });
        self
    }

    /// Sets whether the custom event `PredictState` is sent before each call of a tool that
    /// [`predict_state`](Self::predict_state) names. The default is `false`.
    ///
    /// CopilotKit's version 1 reads the event and makes the same predictions by itself. Since this server then does not
    /// know the client's copy of the state, it sends each prediction as a snapshot of the complete state.
    pub fn emit_predict_state(mut self, is_emitted: bool) -> Self {
        self.definition.emit_predict_state = is_emitted;
        self
    }

    /// Builds the agent.
    ///
    /// # Errors
    /// [`BuildAgentError`] for the first tool or result type whose name or schema cannot be used; for a prediction from an
    /// argument that the tool does not have; for a tool with the name `final_result` in an agent with a
    /// [`result`](Self::result); and if results must be signed and there is no key.
    pub fn build(self) -> Result<Agent<C>, BuildAgentError> {
        let Self { definition, error } = self;
        if let Some(error) = error {
            return Err(error);
        }
        for Prediction { tool, tool_argument, .. } in &definition.predictions {
            if definition.tools.has_argument(tool, tool_argument) == Some(false) {
                return Err(BuildAgentError::UnknownArgument {
                    tool: tool.clone(),
                    argument: tool_argument.clone(),
                });
            }
        }
        if definition.result_type.is_some() && definition.tools.contains(RESULT_TOOL) {
            return Err(BuildAgentError::ResultNameTaken(RESULT_TOOL.to_owned()));
        }
        if definition.require_signed_results && definition.approvals.is_none() {
            return Err(BuildAgentError::MissingApprovalKey);
        }
        if definition.deny_by_default {
            warn_of_missing_rules(&definition.tools);
        }
        warn_of_approvals(&definition.tools, definition.approvals.as_ref());
        definition.client.log();
        Ok(Agent { definition: Arc::new(definition), path: None })
    }
}

impl<C> AgentBuilder<C> {
    /// Sets which version of the protocol the events of a run have. The default is [`ClientCompat::Auto`].
    pub fn client_compat(mut self, compat: ClientCompat) -> Self {
        self.definition.client.compat = compat;
        self
    }

    /// Sets which frontend tools a client may offer to the model. The default is [`FrontendTools::Any`].
    ///
    /// A tool that is not allowed is left out, as if the client had not sent it: its name is not compared with other names.
    pub fn frontend_tools(mut self, tools: FrontendTools) -> Self {
        self.definition.client.frontend_tools = tools;
        self
    }

    /// Sets whether the model reads the `context` entries that a client sends. The default is `true`.
    pub fn client_context(mut self, is_read: bool) -> Self {
        self.definition.client.context = is_read;
        self
    }

    /// Sets whether the model reads pictures, sounds, videos and documents that a client sends. The default is `true`.
    ///
    /// With `false` they are left out of user messages and of the results of frontend tools. A message that claims to be the
    /// result of a backend tool keeps its media, unless
    /// [`require_signed_results`](Self::require_signed_results) is set.
    pub fn client_media(mut self, is_read: bool) -> Self {
        self.definition.client.media = is_read;
        self
    }

    /// Sets the key of the names that the log has for callers, the field `who`. It also makes the idempotency keys of approved
    /// calls unpredictable.
    ///
    /// Without it the names are computed with the key of [`approvals`](Self::approvals), and change when that key is rotated.
    /// Without either, each process has names of its own.
    pub fn who_key(mut self, key: WhoKey) -> Self {
        self.definition.pseudonyms.set_key(key);
        self
    }

    /// Sets whether anonymous callers, about whom nothing is proven, may approve calls and answer questions. The default is
    /// `false`: tools whose calls may wait for a person are not offered to them.
    ///
    /// All anonymous callers are one and the same to this server. Whoever gets the id of an interrupt and its call can give
    /// the answer, and no record can say who did. It is for development, and for a server in front that knows its users and
    /// keeps their threads apart.
    pub fn anonymous_approvals(mut self, is_allowed: bool) -> Self {
        self.definition.anonymous_approvals = is_allowed;
        self
    }

    /// Sets whether the model reads only those results of backend tools that this server has signed for this caller and
    /// thread. The default is `false`.
    ///
    /// In place of any other result the model reads a fixed sentence, and the thread goes on. Results are signed with the key
    /// of approvals, so [`approvals`](Self::approvals) must be set, too.
    pub fn require_signed_results(mut self, is_required: bool) -> Self {
        self.definition.require_signed_results = is_required;
        self
    }

    /// Sets whether interrupts carry `expiresAt`. The default is `false`.
    ///
    /// `@ag-ui/client` 0.0.59 refuses to send anything more in a thread after that time. An approval expires at the
    /// same time in both cases, and an answer that arrives later gets the result `expired`.
    pub fn send_expires_at(mut self, is_sent: bool) -> Self {
        self.definition.client.send_expires_at = is_sent;
        self
    }
}

/// Logs a warning if any of these tools has no rule about its callers. [`AgentBuilder::build`] calls it for an agent that
/// denies by default, which offers these tools to nobody.
fn warn_of_missing_rules<C: Send + Sync + 'static>(tools: &ToolRegistry<C>) {
    let without_rule = tools.iter().filter(|tool| !tool.has_caller_rule());
    let names: Vec<&str> = without_rule.map(|tool| tool.spec().name.as_str()).collect();
    if !names.is_empty() {
        warn!(tools = names.join(" "), "tools without a rule about their callers are offered to nobody");
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
        f.debug_struct("AgentBuilder").field("limits", &self.definition.limits).finish_non_exhaustive()
    }
}
