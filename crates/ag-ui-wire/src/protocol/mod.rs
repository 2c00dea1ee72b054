//! AG-UI 1.0 on the wire: plain data.
//!
//! Nothing here orders events, performs I/O or knows a model. Output is exact: an optional field is absent,
//! never null. Input is tolerant where the protocol asks for it: what a newer peer adds is left out,
//! what is malformed is refused, in an input with a JSON Pointer. Null on an optional field reads as absent.
//!
//! What is written is read back equal, by serde's `Deserialize`. A server reads what a client sends with
//! [`RunAgentInput::read`], which says what it left out, and a client reads a stream with [`sse::Decoder`].
//!
//! Source: the AG-UI 1.0 specification and its JSON Schema (repository ag-ui-protocol/ag-ui).

mod as_received;
mod binary;
mod capabilities;
mod custom;
mod diff;
mod event;
mod id;
mod input;
mod message;
mod outcome;
mod patch;
mod read;
pub mod sse;
#[cfg(test)]
mod tests;

pub use as_received::AsReceived;
pub use capabilities::{
    AgentCapabilities, Execution, HumanInTheLoop, Identity, Modalities, MultiAgent, Multimodal, Output,
    Reasoning, StateSupport, Subagent, ToolSupport, Transport,
};
pub use custom::{CustomName, NoPrefix, Prediction};
pub use diff::{diff, diff_objects};
pub use event::{EncryptedSubtype, Event, EventError, EventKind, ReasoningRole, TextRole, ToolRole};
pub use id::{InterruptId, MessageId, RunId, SubagentRunId, ThreadId, ToolCallId};
pub use input::{Context, Received, ResumeEntry, ResumeStatus, RunAgentInput, Tool};
pub use message::{Content, ContentPart, FunctionCall, Message, MessageBody, PartKind, Source, ToolCall};
pub use outcome::{Interrupt, RunOutcome, SubagentOutcome, TokenUsage};
pub use patch::{JsonPatch, PatchOperation};
pub use read::BadInput;

/// The version of the protocol that this crate speaks, as `MAJOR.MINOR`.
pub const PROTOCOL_VERSION: &str = "1.0";

/// A JSON object whose keys are free.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
