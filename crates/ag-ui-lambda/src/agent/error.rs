//! Why an agent cannot be built, and why a run cannot start.

use crate::tool::RegisterToolError;

/// Why [`AgentBuilder::build`](super::AgentBuilder::build) returns no agent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildAgentError {
    /// A tool cannot be added.
    #[error(transparent)]
    Tool(#[from] RegisterToolError),
    /// [`predict_state`](super::AgentBuilder::predict_state) names an argument that the tool does not have.
    #[error("tool {tool:?} has no argument {argument:?} to predict state from")]
    UnknownArgument {
        /// The name of the tool.
        tool: String,
        /// The name of the missing argument.
        argument: String,
    },
    /// The schema of the type of [`result`](super::AgentBuilder::result) cannot be used.
    #[error("the type of the result has no usable schema: {0}")]
    InvalidResultSchema(String),
    /// A tool has the name of the one whose arguments are the [`result`](super::AgentBuilder::result) of a run.
    #[error(
        "no tool can be named {0:?} in an agent with a result: the model gives the result as the arguments of a tool of that name"
    )]
    ResultNameTaken(String),
    /// Results must be signed, and no approvals are configured whose key could sign them.
    #[error("results of tools must be signed, and there is no key for approvals to sign them with")]
    MissingApprovalKey,
}

/// Why [`Agent::run`](super::Agent::run) returns no stream of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartRunError {
    /// A frontend tool of the input has the name of another tool: of a backend tool, of another frontend tool, or of the tool
    /// whose arguments are the [`result`](super::AgentBuilder::result) of a run.
    ///
    /// Names that differ in ASCII case only count as the same name, because a client could otherwise offer a tool that a person
    /// or a model confuses with one of the server's.
    #[error("/tools/{index}/name is taken by another tool")]
    ToolNameTaken {
        /// The index of the frontend tool in `tools` of the input.
        index: usize,
    },
    /// An answer or a result of the input cannot be checked, because the key of approvals cannot be fetched.
    #[error("what this server has signed cannot be checked right now")]
    ApprovalKeyUnavailable,
}
