//! Backend tools: functions that the model may call and that run here.
//!
//! A tool gets two kinds of input, never mixed: its arguments, which the model wrote, and its
//! [`ToolContext`], which the application made from proven claims. It has no way to make events: it returns, and
//! what it says before that, of [`State`] and [`Progress`], the loop tells.

mod arguments;
mod context;
mod error;
mod function;
mod interrupts;
mod output;
mod policy;
mod progress;
mod schema;
mod state;
mod toolbox;
mod voice;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use arguments::parse;
pub use context::{RunInfo, ToolContext};
pub use error::ToolError;
pub use function::{FnTool, tool_fn};
pub(crate) use interrupts::{Answer, approval_schema};
pub use interrupts::{Approval, Interrupts, Question};
pub use output::{Parts, ToolOutput};
pub use policy::{Grants, Lack, Ruling};
pub use progress::{Activity, Progress, ProgressError, Step};
pub use state::{State, StateError};
pub use toolbox::ToolboxError;
pub(crate) use toolbox::{Ending, Entry, Toolbox, refusal};
pub(crate) use voice::{Ear, Said, Voice, Word, channel};

/// A backend tool, for callers of the type `C`.
///
/// A plain function becomes one with [`tool_fn`]; a tool that holds a client or a pool implements this.
pub trait Tool<C>: Send + Sync + 'static {
    /// The arguments. Their JSON Schema is what the model sees and what calls are checked against, before serde reads
    /// them. Without the feature `validate` only serde checks them: what the schema alone says, such as a range, a
    /// pattern or a length, is then for the tool to check.
    type Args: DeserializeOwned + JsonSchema + Send;

    /// The result. A string is given to the model as it is, [`Parts`] as parts, anything else as JSON.
    type Output: ToolOutput + Send;

    /// The name that the model calls: 1 to 64 ASCII letters, digits, `_` and `-`.
    fn name(&self) -> &str;

    /// What the tool does, for the model.
    fn description(&self) -> &str;

    /// Whether this caller may use the tool. One who may not is never shown it, and a call by name is
    /// answered as if there were no such tool. A panic is a no.
    ///
    /// # Errors
    /// What the caller lacks, for the log.
    fn admits(&self, _caller: &C) -> Result<(), Lack> {
        Ok(())
    }

    /// Why this caller may not use the tool, as a sentence for a developer who looks at the agent in local mode; `None`
    /// where [`admits`](Self::admits) says all that there is. No client of a deployed function reads it.
    fn explain_denial(&self, _caller: &C) -> Option<String> {
        None
    }

    /// What its calls may wait for. A tool whose calls may wait is offered only where approvals can be proven.
    fn interrupts(&self) -> Interrupts {
        Interrupts::default()
    }

    /// Whether a call may run: at once, when a person has approved it, or not at all. Asked when the call is made, and
    /// again when it was approved, with the arguments as they were edited. A panic refuses the call.
    ///
    /// A tool that needs one without saying so in [`interrupts`](Self::interrupts) fails.
    fn approval(&self, _caller: &C, _args: &Self::Args) -> Approval {
        Approval::NotNeeded
    }

    /// Runs the tool.
    ///
    /// # Errors
    /// [`ToolError::Refused`] for what the model can put right, [`ToolError::Asked`] for what a person has to answer
    /// first, [`ToolError::Failed`] for the rest.
    fn call(
        &self,
        context: ToolContext<C>,
        args: Self::Args,
    ) -> impl Future<Output = Result<Self::Output, ToolError>> + Send;
}

/// The arguments of a tool that takes none.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoArgs {}
