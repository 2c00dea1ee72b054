//! The messages of a conversation.

use serde::{Deserialize, Serialize};

use super::input_error::InputError;
use super::input_limits::ElementKind;
use super::read::{ObjectReader, deserialize_by_reading};
use super::reading::Reading;
use super::{Content, JsonObject, MessageId, SubagentRunId, ToolCallId};

/// Holds one message of a conversation. [`new`](Self::new) creates it without its optional members.
///
/// ```
/// use ag_ui_wire::protocol::{Content, Message, MessageBody};
/// use serde_json::json;
///
/// let message = Message::new("message-1", MessageBody::User { content: Content::Text("Hi".into()) });
/// assert_eq!(json!(message), json!({ "id": "message-1", "role": "user", "content": "Hi" }));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The id of the message, unique in the thread.
    pub id: MessageId,
    /// The role of the message and its content, written as `role` and the members of that role.
    #[serde(flatten)]
    pub body: MessageBody,
    /// The name of the author. Tool, reasoning and activity messages have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An opaque value of a model provider, which is sent back to this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_value: Option<String>,
    /// Data that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// The invocation of a subagent that wrote the message. It is absent for the agent itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent_run_id: Option<SubagentRunId>,
}

/// The role of a message, and the content that a message of this role has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "role", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum MessageBody {
    /// The message has instructions of a developer. Those that a client sends should reach no model.
    Developer {
        /// The text of the instructions.
        content: String,
    },
    /// The message has instructions of the system. Those that a client sends should reach no model.
    System {
        /// The text of the instructions.
        content: String,
    },
    /// The message has what the agent wrote and which tools it called.
    Assistant {
        /// The text, if there is any.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        /// The tool calls, in the order in which they were made.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    /// The message has what the user wrote.
    User {
        /// The text, or parts of several kinds.
        content: Content,
    },
    /// The message has the result of a tool call.
    Tool {
        /// The id of the call.
        tool_call_id: ToolCallId,
        /// The result: text, or parts of several kinds.
        content: Content,
        /// Why the call failed, if it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The message has the model's reasoning.
    Reasoning {
        /// The text of the reasoning.
        content: String,
    },
    /// The message is a widget of the user interface.
    #[serde(rename_all = "camelCase")]
    Activity {
        /// The type of the activity, which names the widget.
        activity_type: String,
        /// The content that the widget shows.
        content: JsonObject,
    },
}

/// A tool call that the model made, as an assistant message holds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "function", rename_all = "camelCase")]
pub struct ToolCall {
    /// The id of the call, unique in the thread.
    pub id: ToolCallId,
    /// Which tool is called, and with which arguments.
    pub function: FunctionCall,
    /// An opaque value of a model provider, which is sent back to this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_value: Option<String>,
    /// Data that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
}

/// The name and the arguments of a tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The name of the tool.
    pub name: String,
    /// The arguments, as the model wrote them. They should be the JSON text of an object, but may be malformed.
    pub arguments: String,
}

impl Message {
    /// Creates a message without its optional members, such as the author's name and metadata.
    pub fn new(id: impl Into<MessageId>, body: MessageBody) -> Self {
        Self { id: id.into(), body, name: None, encrypted_value: None, metadata: None, subagent_run_id: None }
    }

    /// Reads a message for [`ObjectReader::list`]. Returns `None`, so that the message is left out, if its role is unknown.
    /// `reading` gets the JSON Pointers of parts and tool calls in the message that are left out.
    pub(super) fn read(
        mut object: ObjectReader<'_>,
        reading: &mut Reading,
    ) -> Result<Option<Self>, InputError> {
        let Some(body) = MessageBody::take(&mut object, reading)? else { return Ok(None) };
        Ok(Some(Self {
            id: object.string("id")?.into(),
            body,
            name: object.optional_string("name")?,
            encrypted_value: object.optional_string("encryptedValue")?,
            metadata: object.metadata(reading)?,
            subagent_run_id: object.optional_string("subagentRunId")?.map(Into::into),
        }))
    }
}

impl MessageBody {
    /// Reads the role of a message and the members of that role, for `Deserialize`; `None` if the role is unknown.
    fn read(mut object: ObjectReader<'_>, reading: &mut Reading) -> Result<Option<Self>, InputError> {
        Self::take(&mut object, reading)
    }

    /// Removes the role and the members of that role from a message, and reads them; `None` if the role is unknown.
    /// `reading` gets the JSON Pointers of parts and tool calls that are left out.
    fn take(message: &mut ObjectReader<'_>, reading: &mut Reading) -> Result<Option<Self>, InputError> {
        let role = message.string("role")?;
        Ok(Some(match role.as_str() {
            "developer" => Self::Developer { content: message.string("content")? },
            "system" => Self::System { content: message.string("content")? },
            "assistant" => Self::Assistant {
                content: message.optional_string("content")?,
                tool_calls: message
                    .list(("toolCalls", ElementKind::ToolCall), reading, ToolCall::read)?
                    .unwrap_or_default(),
            },
            "user" => Self::User { content: Content::take(message, reading)? },
            "tool" => Self::Tool {
                tool_call_id: message.string("toolCallId")?.into(),
                content: Content::take(message, reading)?,
                error: message.optional_string("error")?,
            },
            "reasoning" => Self::Reasoning { content: message.string("content")? },
            "activity" => Self::Activity {
                activity_type: message.string("activityType")?,
                content: message.activity_content(reading)?,
            },
            _ => return Ok(None),
        }))
    }
}

deserialize_by_reading! { Message MessageBody ToolCall }

impl ToolCall {
    /// Reads a tool call for [`ObjectReader::list`]. Returns `None`, so that the call is left out, if its type is not
    /// `function`.
    fn read(mut object: ObjectReader<'_>, reading: &mut Reading) -> Result<Option<Self>, InputError> {
        if object.string("type")? != "function" {
            return Ok(None);
        }
        let mut function = object.object("function")?;
        Ok(Some(Self {
            id: object.string("id")?.into(),
            function: FunctionCall {
                name: function.string("name")?,
                arguments: function.string("arguments")?,
            },
            encrypted_value: object.optional_string("encryptedValue")?,
            metadata: object.metadata(reading)?,
        }))
    }
}
