//! Backend tools: functions that the model may call and that run in this process.
//!
//! A tool gets two kinds of input, which are never mixed: its arguments, which the model wrote, and its
//! [`ToolContext`], which the application created from proven claims. A tool does not produce AG-UI events. It returns a
//! result, and meanwhile it may change the [`SharedState`] and show its [`Progress`]; the agent loop turns both into
//! events.
//!
//! Most tools are functions, see [`tool_fn`]. [`DynTool`] is for a tool whose schema is known only at run time. A tool that owns a client or a pool implements [`Tool`].
//!
//! - `function`: [`tool_fn`]. `dynamic`: [`DynTool`]. `rules`: what both can require. `context`: [`ToolContext`]. `state`, `progress`: what a tool shows while it runs.
//! - `authorization`: who may use a tool. `interrupts`: what a call may wait for.
//! - `arguments`, `schema`: from the model's text to the type that a tool takes. `output`, `error`: what a tool returns.
//! - `registry`: the tools of an agent. `erased_tool`: how one call runs.
//! - `events`: the channel from a running tool to the agent loop.

mod arguments;
mod authorization;
mod context;
mod dynamic;
mod erased_tool;
mod error;
mod events;
mod function;
mod interrupts;
mod output;
mod progress;
mod registry;
mod rules;
mod schema;
mod signature;
mod state;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use arguments::{parse_arguments, unify_integers};
pub use authorization::{Decision, Grants, IntoDecision, MissingGrant};
pub use context::{RunInfo, ToolContext};
pub use dynamic::DynTool;
pub(crate) use erased_tool::{ErasedTool, ToolCallOutcome, error_result};
pub use error::ToolError;
pub(crate) use events::{Envelope, ToolEvent, ToolEventReceiver, ToolEventSender, tool_event_channel};
pub use function::{FnTool, tool_fn};
pub use interrupts::{Interrupts, Question};
pub(crate) use interrupts::{UserAnswer, approval_schema};
pub use output::{Parts, ToolOutput};
pub use progress::{Activity, Progress, ProgressError, Step};
pub use registry::RegisterToolError;
pub(crate) use registry::ToolRegistry;
pub use state::{SharedState, StateError};

/// A function of the backend that a model may call, for callers of the type `C`.
///
/// A plain function becomes a tool with [`tool_fn`]. A type that owns a client or a pool implements this trait:
///
/// ```
/// use ag_ui_lambda::tool::{Decision, Interrupts, Tool, ToolContext, ToolError};
///
/// struct Caller {
///     limit: f64,
/// }
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct RefundArgs {
///     order: String,
///     amount: f64,
/// }
///
/// struct Refund {
///     shop: String,
/// }
///
/// impl Tool<Caller> for Refund {
///     type Args = RefundArgs;
///     type Output = String;
///
///     fn name(&self) -> &str {
///         "refund"
///     }
///
///     fn description(&self) -> &str {
///         "Refunds an order."
///     }
///
///     fn interrupts(&self) -> Interrupts {
///         Interrupts::default().approval(true)
///     }
///
///     fn authorize(&self, caller: &Caller, args: &RefundArgs) -> Decision {
///         match args.amount {
///             amount if amount > caller.limit => Decision::Deny("This is beyond your limit.".into()),
///             amount if amount > 100.0 => Decision::RequireApproval,
///             _ => Decision::Allow,
///         }
///     }
///
///     async fn call(&self, _: ToolContext<Caller>, args: RefundArgs) -> Result<String, ToolError> {
///         Ok(format!("{} refunds {} for {}.", self.shop, args.amount, args.order))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool of an agent for callers of the type `{C}`",
    label = "the agent needs a tool for callers of the type `{C}`",
    note = "if this is a function, `tool_fn(\"find_order\", \"Looks an order up.\", find_order)` makes a tool of it",
    note = "if this is a tool already, its function reads another caller type: the context has to be `ToolContext<{C}>`, because all tools of an agent have one caller type"
)]
pub trait Tool<C>: Send + Sync + 'static {
    /// The type of the arguments. The model reads its JSON Schema, and calls are validated against that schema before
    /// serde reads them. Without the feature `validate` only serde checks them: the tool itself then has to check what
    /// only the schema says, such as a range, a pattern or a length.
    type Args: DeserializeOwned + JsonSchema + Send;

    /// The type of the result. The model gets a string as it is, [`Parts`] as parts, and any other type as JSON.
    type Output: ToolOutput + Send;

    /// Returns the name by which the model calls the tool: 1 to 64 ASCII letters, digits, `_` and `-`.
    fn name(&self) -> &str;

    /// Returns the description of what the tool does, for the model.
    fn description(&self) -> &str;

    /// Returns the JSON Schema of the arguments, which has to be one of an object. By default it is generated from
    /// [`Args`](Self::Args). It is read once, when the tool is added to an agent.
    fn parameters(&self) -> Value {
        schema::schema_for::<Self::Args>()
    }

    /// Decides whether this caller may use the tool. By default every caller may.
    ///
    /// The tool is never offered to a caller who may not use it, and a call of it gets the same result as a call of a tool
    /// that does not exist. A panic counts as a denial.
    ///
    /// # Errors
    /// The kind of grant that the caller lacks, for the log.
    fn authorize_caller(&self, _caller: &C) -> Result<(), MissingGrant> {
        Ok(())
    }

    /// Whether the tool has a rule about its callers, such as the one in [`authorize_caller`](Self::authorize_caller). By
    /// default it has none.
    ///
    /// An agent that [denies by default](crate::agent::AgentBuilder::deny_by_default) offers a tool without such a rule to
    /// nobody. Other agents do not ask.
    fn has_caller_rule(&self) -> bool {
        false
    }

    /// Explains to a developer why this caller may not use the tool. The sentence is shown in local mode only; a client
    /// of a deployed function never reads it. By default there is no explanation, and the developer sees a sentence for
    /// the error of [`authorize_caller`](Self::authorize_caller).
    fn explain_denial(&self, _caller: &C) -> Option<String> {
        None
    }

    /// Returns what the calls of the tool may wait for. A tool whose calls may wait is offered only if the agent has
    /// [`Approvals`](crate::approval::Approvals). By default calls never wait.
    fn interrupts(&self) -> Interrupts {
        Interrupts::default()
    }

    /// Decides whether a call runs at once, waits until a person approves it, or does not run. By default it runs at
    /// once.
    ///
    /// The tool decides when the model makes the call, and again after a person has approved or answered it, with the
    /// arguments as the person may have edited them. A panic counts as a denial. A call fails if the tool returns
    /// [`Decision::RequireApproval`] and its [`interrupts`](Self::interrupts) do not include approvals.
    fn authorize(&self, _caller: &C, _args: &Self::Args) -> Decision {
        Decision::Allow
    }

    /// Returns the question that a person reads before approving a call. By default it names the tool:
    /// `Allow "refund order" with these arguments?` A panic leads to the default question.
    ///
    /// At most 2,000 characters are sent, the last one `…` if there are more. Control characters except for line breaks become
    /// spaces, and characters that change the order in which a text is displayed are left out.
    fn approval_message(&self, _caller: &C, _args: &Self::Args) -> String {
        interrupts::default_approval_message(self.name())
    }

    /// Runs the tool. The future is dropped at the [deadline](ToolContext::deadline), and the model then reads that the
    /// tool did not finish in time.
    ///
    /// # Errors
    /// [`ToolError::Refused`] for what the model can correct, [`ToolError::NeedsAnswer`] for a question to the user,
    /// and [`ToolError::Failed`] for everything else.
    fn call(
        &self,
        context: ToolContext<C>,
        args: Self::Args,
    ) -> impl Future<Output = Result<Self::Output, ToolError>> + Send;
}

/// The arguments of a tool that takes no arguments. A call with any argument is rejected.
#[expect(clippy::exhaustive_structs, reason = "it never has a field")]
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
// The model reads this text, so it is apart from the documentation.
#[schemars(description = "The arguments of a tool that takes none.")]
pub struct NoArgs {}
