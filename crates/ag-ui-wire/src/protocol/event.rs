//! The 31 events of AG-UI 1.0.
//!
//! A new event belongs here. Only [`transcript`](crate::transcript) decides when it may be sent.

mod read;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::read::EventError;
use super::read::null_as_empty;
use super::{
    Content, JsonObject, JsonPatch, JsonText, MessageId, RunAgentInput, RunId, RunOutcome, SubagentOutcome,
    SubagentRunId, ThreadId, TokenUsage, ToolCallId,
};

/// One event that a client receives: its kind, and the members that every event may have. `Event::from(kind)` creates it
/// without these members.
///
/// Source: `BaseEventSchema` and its heirs, AG-UI 1.0.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What happened, written as `type` and the members of that type.
    #[serde(flatten)]
    pub kind: EventKind,
    /// When it happened, in milliseconds since the Unix epoch. Clients do not order events by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// The model provider's own event, unchanged. It is never `Some(Value::Null)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_event: Option<Value>,
    /// Data that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// The invocation of a subagent that the event comes from. It is absent for the agent itself, and in RUN_*,
    /// MESSAGES_SNAPSHOT and SUBAGENT_* events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent_run_id: Option<SubagentRunId>,
}

impl From<EventKind> for Event {
    /// Creates an event without a timestamp and without the other members that every event may have.
    fn from(kind: EventKind) -> Self {
        Self { kind, timestamp: None, raw_event: None, metadata: None, subagent_run_id: None }
    }
}

/// Says who wrote a text message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TextRole {
    /// A developer wrote the message.
    Developer,
    /// The system wrote the message.
    System,
    /// The agent wrote the message.
    Assistant,
    /// The user wrote the message.
    User,
}

/// The role that the message of a tool result has.
#[expect(clippy::exhaustive_enums, reason = "the protocol has this one role")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolRole {
    /// The message is a tool result.
    Tool,
}

/// The role that a reasoning message has. Clients fail a run without it.
#[expect(clippy::exhaustive_enums, reason = "the protocol has this one role")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningRole {
    /// The message is reasoning.
    Reasoning,
}

/// What a provider's encrypted value is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EncryptedSubtype {
    /// It is attached to a message.
    Message,
    /// It is attached to a tool call.
    ToolCall,
}

/// Says what happened, with the members of its type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum EventKind {
    /// The run has begun.
    RunStarted {
        /// The id of the thread, as in the input.
        thread_id: ThreadId,
        /// The id of the run, as in the input.
        run_id: RunId,
        /// The protocol version of the server.
        #[serde(skip_serializing_if = "Option::is_none")]
        protocol_version: Option<String>,
        /// The run that started this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_run_id: Option<RunId>,
        /// The input of the run, in a recorded stream.
        #[serde(skip_serializing_if = "Option::is_none")]
        input: Option<Box<RunAgentInput>>,
    },
    /// The run has ended without an error.
    RunFinished {
        /// The id of the thread, as in RUN_STARTED.
        thread_id: ThreadId,
        /// The id of the run, as in RUN_STARTED.
        run_id: RunId,
        /// The result of the run. It is never `Some(Value::Null)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// How the run ended. If it is absent, the run succeeded.
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<RunOutcome>,
        /// The tokens that the run used, one entry for each provider and model.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_as_empty")]
        usage: Vec<TokenUsage>,
    },
    /// The run has failed.
    RunError {
        /// A sentence that the user may read.
        message: String,
        /// A stable code of the error.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The tokens that the run used before it failed.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_as_empty")]
        usage: Vec<TokenUsage>,
    },
    /// A step has begun.
    StepStarted {
        /// The name of the step, unique among the open steps of the agent or subagent.
        step_name: String,
    },
    /// A step has ended.
    StepFinished {
        /// The name of the step, as in STEP_STARTED.
        step_name: String,
    },
    /// A text message begins.
    TextMessageStart {
        /// The id of the message.
        message_id: MessageId,
        /// The role of the author. If it is absent, the agent wrote the message.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<TextRole>,
        /// The name of the author.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A text message goes on.
    TextMessageContent {
        /// The id of the message.
        message_id: MessageId,
        /// The text to append.
        delta: String,
    },
    /// A text message ends.
    TextMessageEnd {
        /// The id of the message.
        message_id: MessageId,
    },
    /// A text message begins, goes on or ends, in one event. A client expands it to the three events above.
    TextMessageChunk {
        /// The id of the message.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        /// The role of the author.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<TextRole>,
        /// The text to append.
        #[serde(skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
        /// The name of the author.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// A tool call begins.
    ToolCallStart {
        /// The id of the call.
        tool_call_id: ToolCallId,
        /// The name of the tool.
        tool_call_name: String,
        /// The id of the assistant message that holds the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<MessageId>,
    },
    /// The arguments of a tool call go on.
    ToolCallArgs {
        /// The id of the call.
        tool_call_id: ToolCallId,
        /// The JSON text to append.
        delta: String,
    },
    /// The arguments of a tool call are complete.
    ToolCallEnd {
        /// The id of the call.
        tool_call_id: ToolCallId,
    },
    /// A tool call begins, goes on or ends, in one event. A client expands it to the three events above.
    ToolCallChunk {
        /// The id of the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_id: Option<ToolCallId>,
        /// The name of the tool.
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_name: Option<String>,
        /// The id of the assistant message that holds the call.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<MessageId>,
        /// The JSON text to append.
        #[serde(skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
    },
    /// A tool call has a result.
    ToolCallResult {
        /// The id of the tool message that holds the result.
        message_id: MessageId,
        /// The id of the call.
        tool_call_id: ToolCallId,
        /// The result.
        content: Content,
        /// The role of the message, which is always `tool`.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<ToolRole>,
    },
    /// A span of reasoning begins.
    ReasoningStart {
        /// The id of the span.
        message_id: MessageId,
    },
    /// A reasoning message begins.
    ReasoningMessageStart {
        /// The id of the message.
        message_id: MessageId,
        /// The role of the message, which is always `reasoning`.
        role: ReasoningRole,
    },
    /// A reasoning message goes on.
    ReasoningMessageContent {
        /// The id of the message.
        message_id: MessageId,
        /// The text to append.
        delta: String,
    },
    /// A reasoning message ends.
    ReasoningMessageEnd {
        /// The id of the message.
        message_id: MessageId,
    },
    /// A reasoning message begins, goes on or ends, in one event. A client expands it to the three events above.
    ReasoningMessageChunk {
        /// The id of the message.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        /// The text to append.
        #[serde(skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
    },
    /// A span of reasoning ends.
    ReasoningEnd {
        /// The id of the span.
        message_id: MessageId,
    },
    /// A message or a tool call gets an opaque value of the model provider, for the client to store and send back.
    ReasoningEncryptedValue {
        /// Whether `entity_id` is the id of a message or of a call.
        subtype: EncryptedSubtype,
        /// The id of the message or the call.
        entity_id: String,
        /// The opaque value.
        encrypted_value: String,
    },
    /// The shared state has this value.
    StateSnapshot {
        /// The complete state, which may be null.
        snapshot: Value,
    },
    /// The shared state has changed.
    StateDelta {
        /// The operations that lead from the old state to the new one.
        delta: JsonPatch,
    },
    /// The conversation has these messages.
    MessagesSnapshot {
        /// All messages, in order. They are JSON, since those that a client sent are sent back with members that this version
        /// does not know.
        messages: Vec<JsonText>,
    },
    /// An activity message is created or replaced.
    ActivitySnapshot {
        /// The id of the message.
        message_id: MessageId,
        /// The type of the activity, which names the widget that shows it.
        activity_type: String,
        /// The content of the activity.
        content: JsonObject,
        /// If this is `false`, an activity message that exists is not replaced.
        #[serde(skip_serializing_if = "Option::is_none")]
        replace: Option<bool>,
    },
    /// The content of an activity message has changed.
    ActivityDelta {
        /// The id of the message.
        message_id: MessageId,
        /// The type of the activity, which names the widget that shows it.
        activity_type: String,
        /// The operations that lead from the old content to the new one.
        patch: JsonPatch,
    },
    /// The invocation of a subagent has begun.
    SubagentStarted {
        /// The id of the invocation.
        subagent_run_id: SubagentRunId,
        /// The name of the subagent.
        name: String,
        /// What the subagent is for.
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        /// The invocation that started this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_subagent_run_id: Option<SubagentRunId>,
        /// The tool call that started it.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_tool_call_id: Option<ToolCallId>,
        /// The message that started it.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<MessageId>,
    },
    /// The invocation of a subagent has ended without an error.
    SubagentFinished {
        /// The id of the invocation.
        subagent_run_id: SubagentRunId,
        /// The result of the invocation. It is never `Some(Value::Null)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// How the invocation ended.
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<SubagentOutcome>,
    },
    /// The invocation of a subagent has failed. The run goes on.
    SubagentError {
        /// The id of the invocation.
        subagent_run_id: SubagentRunId,
        /// A sentence that the user may read.
        message: String,
        /// A stable code of the error.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// An event of another system is passed on unchanged.
    Raw {
        /// The event, which may be null.
        event: Value,
        /// The system that it comes from.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// Something happened that the protocol has no event for.
    Custom {
        /// The name of the event. Applications use a prefix, such as `com.acme.x`.
        name: String,
        /// The value of the event: any JSON.
        value: Value,
    },
}
