//! The data types of AG-UI 1.0, as they are written and read.
//!
//! Nothing here orders events, performs I/O or knows a model. What is written is exact: an optional member is absent, never
//! null. Reading is tolerant where the protocol asks for it: what a newer peer adds is left out, what is malformed is
//! refused, and null on an optional member counts as absent.
//!
//! What is written is read back equal, by serde's `Deserialize`. A server reads what a client sends with
//! [`RunAgentInput::read`], which reports what it left out, and a client reads a stream with [`sse::Decoder`].
//!
//! Structs that mirror a protocol object can be built with a literal, so they are exhaustive: their members are those of
//! AG-UI 1.0, and a new member means a new version of this crate. Enums whose variants a later protocol may add to are
//! `#[non_exhaustive]`.
//!
//! Source: the AG-UI 1.0 specification and its JSON Schema (repository ag-ui-protocol/ag-ui).

#![expect(clippy::exhaustive_structs, reason = "programs build protocol objects with literals, see above")]

#[cfg(any(test, feature = "generators"))]
#[doc(hidden)]
pub mod any;
mod binary;
mod capabilities;
mod content;
mod custom;
mod diff;
mod event;
mod id;
mod input;
mod input_error;
mod input_limits;
mod json_slices;
mod json_text;
mod message;
mod original_messages;
mod outcome;
mod patch;
mod read;
mod reading;
pub mod sse;
#[cfg(test)]
mod tests;

pub use capabilities::{
    AgentCapabilities, Execution, HumanInTheLoop, Identity, Modalities, MultiAgent, Multimodal, Output,
    Reasoning, StateSupport, Subagent, ToolSupport, Transport,
};
pub use content::{Content, ContentPart, PartKind, Source};
pub use custom::{CustomName, CustomNameError, Prediction};
pub use diff::{diff, diff_objects};
pub use event::{EncryptedSubtype, Event, EventError, EventKind, ReasoningRole, TextRole, ToolRole};
pub use id::{InterruptId, MessageId, RunId, SubagentRunId, ThreadId, ToolCallId};
pub use input::{Context, ReadInputError, ReceivedInput, ResumeEntry, ResumeStatus, RunAgentInput, Tool};
pub use input_error::{InputError, InputProblem};
pub use input_limits::InputLimits;
pub use json_text::JsonText;
pub use message::{FunctionCall, Message, MessageBody, ToolCall};
pub use original_messages::OriginalMessages;
pub use outcome::{Interrupt, RunOutcome, SubagentOutcome, TokenUsage};
pub use patch::{JsonPatch, PatchError, PatchOperation, apply_patch};

/// The version of the protocol that this crate writes, as `MAJOR.MINOR`.
pub const PROTOCOL_VERSION: &str = "1.0";

/// A JSON object whose keys the protocol does not define.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
