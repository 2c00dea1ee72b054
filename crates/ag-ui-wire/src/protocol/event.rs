//! The 31 events.
//!
//! A new event belongs here; when it may be sent is decided in [`transcript`](crate::transcript) alone.

mod read;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::read::EventError;
use super::read::null_is_empty;
use super::{
    Content, JsonObject, JsonPatch, MessageId, RunAgentInput, RunId, RunOutcome, SubagentOutcome,
    SubagentRunId, ThreadId, TokenUsage, ToolCallId,
};

/// One event: what happened, and the fields that every event may carry.
///
/// Source: `BaseEventSchema` and its heirs, AG-UI 1.0.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened; written as `type` and the fields of that type.
    #[serde(flatten)]
    pub kind: EventKind,
    /// Milliseconds since the Unix epoch. Informational, never used for order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// The provider's own event, verbatim. Never `Some(Value::Null)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_event: Option<Value>,
    /// Data beside the protocol, open by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// The subagent it comes from; absent means the agent itself. Not for RUN_*, MESSAGES_SNAPSHOT and
    /// SUBAGENT_*.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent_run_id: Option<SubagentRunId>,
}

impl From<EventKind> for Event {
    fn from(kind: EventKind) -> Self {
        Self { kind, timestamp: None, raw_event: None, metadata: None, subagent_run_id: None }
    }
}

/// Who speaks in a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TextRole {
    /// `"developer"`
    Developer,
    /// `"system"`
    System,
    /// `"assistant"`
    Assistant,
    /// `"user"`
    User,
}

/// The role of a tool's result: a literal of the protocol, so exhaustive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolRole {
    /// `"tool"`
    Tool,
}

/// The role of a reasoning message, without which a client fails the run: a literal of the protocol, so exhaustive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningRole {
    /// `"reasoning"`
    Reasoning,
}

/// What an encrypted value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EncryptedSubtype {
    /// A message, named by its id.
    Message,
    /// A tool call, named by its id.
    ToolCall,
}

/// The kinds of event and their fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum EventKind {
    /// Opens a run.
    RunStarted {
        /// Echo of the input.
        thread_id: ThreadId,
        /// Echo of the input.
        run_id: RunId,
        /// The producer's own version.
        #[serde(skip_serializing_if = "Option::is_none")]
        protocol_version: Option<String>,
        /// The run that spawned this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_run_id: Option<RunId>,
        /// The input, for recorded streams.
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<Box<RunAgentInput>>,
    },
    /// Ends a run that did not fail.
    RunFinished {
        /// As in RUN_STARTED.
        thread_id: ThreadId,
        /// As in RUN_STARTED.
        run_id: RunId,
        /// The run's result; never null.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// How it ended; absent means success.
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<RunOutcome>,
        /// Tokens, one entry for each provider and model.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_empty")]
        usage: Vec<TokenUsage>,
    },
    /// Ends a run that failed.
    RunError {
        /// A sentence for the user; nothing internal.
        message: String,
        /// A stable code.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Tokens used until then.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_empty")]
        usage: Vec<TokenUsage>,
    },
    /// Opens a step.
    StepStarted {
        /// Name, unique among the open steps of its owner.
        step_name: String,
    },
    /// Closes a step.
    StepFinished {
        /// Name it was opened with.
        step_name: String,
    },
    /// Opens a text message.
    TextMessageStart {
        /// The message.
        message_id: MessageId,
        /// Who speaks; absent means the assistant.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<TextRole>,
        /// Name of the speaker.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Appends to a text message.
    TextMessageContent {
        /// The message.
        message_id: MessageId,
        /// Text to append.
        delta: String,
    },
    /// Closes a text message.
    TextMessageEnd {
        /// The message.
        message_id: MessageId,
    },
    /// Shorthand for start, content and end.
    TextMessageChunk {
        /// The message.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        /// Who speaks.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<TextRole>,
        /// Text to append.
        #[serde(skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
        /// Name of the speaker.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Opens a tool call.
    ToolCallStart {
        /// The call.
        tool_call_id: ToolCallId,
        /// The tool's name.
        tool_call_name: String,
        /// The assistant message that holds the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<MessageId>,
    },
    /// Appends to a call's arguments.
    ToolCallArgs {
        /// The call.
        tool_call_id: ToolCallId,
        /// Piece of the JSON text.
        delta: String,
    },
    /// Says that a call's arguments are complete.
    ToolCallEnd {
        /// The call.
        tool_call_id: ToolCallId,
    },
    /// Shorthand for start, args and end.
    ToolCallChunk {
        /// The call.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_id: Option<ToolCallId>,
        /// The tool's name.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_name: Option<String>,
        /// The assistant message that holds the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<MessageId>,
        /// Piece of the JSON text.
        #[serde(skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
    },
    /// Answers a tool call.
    ToolCallResult {
        /// The tool message this makes.
        message_id: MessageId,
        /// The call.
        tool_call_id: ToolCallId,
        /// What the tool returned.
        content: Content,
        /// Always `tool`.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<ToolRole>,
    },
    /// Opens a span of reasoning.
    ReasoningStart {
        /// The span.
        message_id: MessageId,
    },
    /// Opens a reasoning message.
    ReasoningMessageStart {
        /// The message.
        message_id: MessageId,
        /// Always `reasoning`; required.
        role: ReasoningRole,
    },
    /// Appends to a reasoning message.
    ReasoningMessageContent {
        /// The message.
        message_id: MessageId,
        /// Text to append.
        delta: String,
    },
    /// Closes a reasoning message.
    ReasoningMessageEnd {
        /// The message.
        message_id: MessageId,
    },
    /// Shorthand for start, content and end.
    ReasoningMessageChunk {
        /// The message.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        /// Text to append.
        #[serde(skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
    },
    /// Closes a span of reasoning.
    ReasoningEnd {
        /// The span.
        message_id: MessageId,
    },
    /// Attaches a provider's opaque value to a message or a call.
    ReasoningEncryptedValue {
        /// What `entity_id` names.
        subtype: EncryptedSubtype,
        /// Id of the message or call.
        entity_id: String,
        /// The opaque value.
        encrypted_value: String,
    },
    /// Replaces the shared state.
    StateSnapshot {
        /// The whole state; may be null.
        snapshot: Value,
    },
    /// Changes the shared state.
    StateDelta {
        /// RFC 6902 operations, applied together or not at all.
        delta: JsonPatch,
    },
    /// Restates the whole conversation.
    MessagesSnapshot {
        /// All messages, in order. They are JSON, since those that a client sent are repeated with what this version
        /// does not know.
        messages: Vec<Value>,
    },
    /// Creates or replaces an activity message.
    ActivitySnapshot {
        /// The message.
        message_id: MessageId,
        /// What kind of activity.
        activity_type: String,
        /// Its content.
        content: JsonObject,
        /// `false`: only create it if it is missing.
        #[serde(skip_serializing_if = "Option::is_none")]
        replace: Option<bool>,
    },
    /// Changes an activity message.
    ActivityDelta {
        /// The message.
        message_id: MessageId,
        /// What kind of activity.
        activity_type: String,
        /// RFC 6902 operations on its content.
        patch: JsonPatch,
    },
    /// Opens a subagent's invocation.
    SubagentStarted {
        /// The invocation.
        subagent_run_id: SubagentRunId,
        /// The subagent's name.
        name: String,
        /// What it is for.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The subagent that started it.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_subagent_run_id: Option<SubagentRunId>,
        /// The call that started it.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_tool_call_id: Option<ToolCallId>,
        /// The message that started it.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<MessageId>,
    },
    /// Ends a subagent's invocation.
    SubagentFinished {
        /// The invocation.
        subagent_run_id: SubagentRunId,
        /// Its result; never null.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// How it ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<SubagentOutcome>,
    },
    /// Ends a subagent's invocation that failed; the run goes on.
    SubagentError {
        /// The invocation.
        subagent_run_id: SubagentRunId,
        /// A sentence for the user.
        message: String,
        /// A stable code.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Passes a foreign event through.
    Raw {
        /// The event; may be null.
        event: Value,
        /// Where it comes from.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// Carries what the protocol has no event for.
    Custom {
        /// Name with a prefix, such as `com.acme.x`.
        name: String,
        /// Any JSON; may be null.
        value: Value,
    },
}
