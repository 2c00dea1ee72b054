//! Reads events, and knows their types by name.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Event, EventKind};
use crate::protocol::{JsonObject, SubagentRunId};

/// The error of [`Event::read`]: why a JSON value is not an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The type is not one of [`EventKind::TYPES`]; it may be that of a newer version. A client skips such an event.
    #[error("the event type {0:?} is unknown")]
    UnknownType(String),
    /// A member of a known event is missing or has the wrong shape.
    #[error("the event can't be read")]
    Malformed(#[from] serde_json::Error),
}

/// The members beside `type` that every event may have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Base {
    timestamp: Option<i64>,
    raw_event: Option<Value>,
    metadata: Option<JsonObject>,
    subagent_run_id: Option<SubagentRunId>,
}

impl Event {
    /// Reads an event from parsed JSON, as a client does. [`sse::Decoder`](crate::protocol::sse::Decoder) calls this.
    ///
    /// Unknown members are left out, and null on an optional member counts as absent.
    ///
    /// # Errors
    /// [`EventError`] if the type is unknown, or if a known member is missing or malformed.
    pub fn read(json: Value) -> Result<Self, EventError> {
        let mut members = JsonObject::deserialize(json)?;
        let name = members.get("type").and_then(Value::as_str).unwrap_or_default();
        if !name.is_empty() && !EventKind::TYPES.contains(&name) {
            return Err(EventError::UnknownType(name.to_owned()));
        }
        // In SUBAGENT_* events the id names the subagent that they are about, so it belongs to the kind.
        let base: &[&str] = match name.starts_with("SUBAGENT_") {
            true => &["timestamp", "rawEvent", "metadata"],
            false => &["timestamp", "rawEvent", "metadata", "subagentRunId"],
        };
        let base: JsonObject = base.iter().filter_map(|name| members.remove_entry(*name)).collect();
        let Base { timestamp, raw_event, metadata, subagent_run_id } =
            Base::deserialize(Value::Object(base))?;
        let kind = EventKind::deserialize(Value::Object(members))?;
        Ok(Self { kind, timestamp, raw_event, metadata, subagent_run_id })
    }
}

impl<'de> Deserialize<'de> for Event {
    /// Deserializes an event as [`Event::read`] does.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?).map_err(|error| match error {
            EventError::Malformed(error) => D::Error::custom(error),
            error => D::Error::custom(error),
        })
    }
}

/// Defines the names of the event types, and which variant has which.
macro_rules! types {
    ($($variant:ident $name:literal)+) => {
        impl EventKind {
            /// The names of all event types, as JSON has them.
            pub const TYPES: [&str; 31] = [$($name),+];

            /// Returns the name of the event's type as JSON has it, such as `RUN_STARTED`.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
            }
        }
    };
}

types! {
    RunStarted "RUN_STARTED"
    RunFinished "RUN_FINISHED"
    RunError "RUN_ERROR"
    StepStarted "STEP_STARTED"
    StepFinished "STEP_FINISHED"
    TextMessageStart "TEXT_MESSAGE_START"
    TextMessageContent "TEXT_MESSAGE_CONTENT"
    TextMessageEnd "TEXT_MESSAGE_END"
    TextMessageChunk "TEXT_MESSAGE_CHUNK"
    ToolCallStart "TOOL_CALL_START"
    ToolCallArgs "TOOL_CALL_ARGS"
    ToolCallEnd "TOOL_CALL_END"
    ToolCallChunk "TOOL_CALL_CHUNK"
    ToolCallResult "TOOL_CALL_RESULT"
    ReasoningStart "REASONING_START"
    ReasoningMessageStart "REASONING_MESSAGE_START"
    ReasoningMessageContent "REASONING_MESSAGE_CONTENT"
    ReasoningMessageEnd "REASONING_MESSAGE_END"
    ReasoningMessageChunk "REASONING_MESSAGE_CHUNK"
    ReasoningEnd "REASONING_END"
    ReasoningEncryptedValue "REASONING_ENCRYPTED_VALUE"
    StateSnapshot "STATE_SNAPSHOT"
    StateDelta "STATE_DELTA"
    MessagesSnapshot "MESSAGES_SNAPSHOT"
    ActivitySnapshot "ACTIVITY_SNAPSHOT"
    ActivityDelta "ACTIVITY_DELTA"
    SubagentStarted "SUBAGENT_STARTED"
    SubagentFinished "SUBAGENT_FINISHED"
    SubagentError "SUBAGENT_ERROR"
    Raw "RAW"
    Custom "CUSTOM"
}
