//! Messages of a conversation and what they are made of.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::binary::{self, ReadPart};
use super::read::{BadInput, Object, Tolerance, deserialize_by_reading};
use super::{JsonObject, MessageId, SubagentRunId, ToolCallId};

/// One message of the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Unique in the thread.
    pub id: MessageId,
    /// Who speaks, and what.
    #[serde(flatten)]
    pub body: MessageBody,
    /// Name of the speaker. Not for tool, reasoning and activity messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A provider's opaque value, kept for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_value: Option<String>,
    /// Data beside the protocol, open by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// The subagent it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent_run_id: Option<SubagentRunId>,
}

/// Who speaks, and what.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "role", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum MessageBody {
    /// Instructions of a developer. From a client they never reach a model.
    Developer {
        /// The text.
        content: String,
    },
    /// Instructions of a system. From a client they never reach a model.
    System {
        /// The text.
        content: String,
    },
    /// What the agent said and called.
    Assistant {
        /// The text.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        /// The calls, in the order they were made.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    /// What the user said.
    User {
        /// Text or parts.
        content: Content,
    },
    /// The answer to a tool call.
    Tool {
        /// The call it answers.
        tool_call_id: ToolCallId,
        /// Text or parts.
        content: Content,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// What the model reasoned.
    Reasoning {
        /// The text.
        content: String,
    },
    /// A widget of the user interface.
    #[serde(rename_all = "camelCase")]
    Activity {
        /// What kind of activity.
        activity_type: String,
        /// Its content.
        content: JsonObject,
    },
}

/// Text, or parts of several kinds. The protocol has these two, so the enum is exhaustive.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Parts, in order.
    Parts(Vec<ContentPart>),
}

/// One part of a content.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContentPart {
    /// What it is.
    #[serde(flatten)]
    pub kind: PartKind,
    /// Names the part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Data beside the protocol; never `Some(Value::Null)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum PartKind {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Where its bytes are.
        source: Source,
    },
    /// A sound.
    Audio {
        /// Where its bytes are.
        source: Source,
    },
    /// A film.
    Video {
        /// Where its bytes are.
        source: Source,
    },
    /// A document.
    Document {
        /// Where its bytes are.
        source: Source,
    },
}

/// Where the bytes of a part are. Nothing here is ever fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Source {
    /// In the message.
    Data {
        /// Base64.
        value: String,
        /// Media type.
        mime_type: String,
    },
    /// Behind an address.
    Url {
        /// The address.
        value: String,
        /// Media type.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
    /// At a provider.
    File {
        /// The provider's opaque handle.
        value: String,
        /// Name of the provider.
        #[serde(skip_serializing_if = "Option::is_none")]
        provider: Option<String>,
        /// Media type.
        #[serde(skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
}

/// A call that the model made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename = "function", rename_all = "camelCase")]
pub struct ToolCall {
    /// Unique in the thread.
    pub id: ToolCallId,
    /// What is called.
    pub function: FunctionCall,
    /// A provider's opaque value, kept for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_value: Option<String>,
    /// Data beside the protocol, open by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
}

/// A tool's name and its arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The tool's name.
    pub name: String,
    /// JSON text as the model wrote it; it may be broken.
    pub arguments: String,
}

impl Message {
    /// A message with nothing beside what it says.
    pub fn new(id: impl Into<MessageId>, body: MessageBody) -> Self {
        Self { id: id.into(), body, name: None, encrypted_value: None, metadata: None, subagent_run_id: None }
    }

    /// Reads a message; `None` when its role is unknown.
    pub(super) fn read(mut object: Object, tolerance: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        let Some(body) = MessageBody::take(&mut object, tolerance)? else { return Ok(None) };
        Ok(Some(Self {
            id: object.string("id")?.into(),
            body,
            name: object.optional_string("name")?,
            encrypted_value: object.optional_string("encryptedValue")?,
            metadata: object.optional_object("metadata")?,
            subagent_run_id: object.optional_string("subagentRunId")?.map(Into::into),
        }))
    }
}

impl MessageBody {
    fn read(mut object: Object, tolerance: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        Self::take(&mut object, tolerance)
    }

    /// Takes the members of a body out of a message; `None` when its role is unknown.
    fn take(object: &mut Object, tolerance: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        let role = object.string("role")?;
        Ok(Some(match role.as_str() {
            "developer" => Self::Developer { content: object.string("content")? },
            "system" => Self::System { content: object.string("content")? },
            "assistant" => Self::Assistant {
                content: object.optional_string("content")?,
                tool_calls: object.list("toolCalls", tolerance, ToolCall::read)?.unwrap_or_default(),
            },
            "user" => Self::User { content: Content::read(object, tolerance)? },
            "tool" => Self::Tool {
                tool_call_id: object.string("toolCallId")?.into(),
                content: Content::read(object, tolerance)?,
                error: object.optional_string("error")?,
            },
            "reasoning" => Self::Reasoning { content: object.string("content")? },
            "activity" => Self::Activity {
                activity_type: object.string("activityType")?,
                content: object.optional_object("content")?.ok_or_else(|| object.missing("content"))?,
            },
            _ => return Ok(None),
        }))
    }
}

deserialize_by_reading! { Message MessageBody ToolCall ContentPart PartKind Source }

impl ToolCall {
    fn read(mut object: Object, _: &mut Tolerance) -> Result<Option<Self>, BadInput> {
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
            metadata: object.optional_object("metadata")?,
        }))
    }
}

impl Content {
    fn read(object: &mut Object, tolerance: &mut Tolerance) -> Result<Self, BadInput> {
        if object.holds_string("content") {
            return Ok(Self::Text(object.string("content")?));
        }
        object
            .list("content", tolerance, ReadPart::read)
            .map_err(|fault| fault.or("must be a string or an array of parts"))?
            .map(|parts| Self::Parts(binary::without_repeated(parts)))
            .ok_or_else(|| object.missing("content"))
    }

    /// The text of it; other parts are passed over, and several texts are joined by a line break.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => {
                let texts = parts.iter().filter_map(|part| match &part.kind {
                    PartKind::Text { text } => Some(text.as_str()),
                    _ => None,
                });
                texts.collect::<Vec<_>>().join("\n")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = JsonObject::from_iter([("content".to_owned(), Value::deserialize(deserializer)?)]);
        let mut object = Object::of(members);
        Self::read(&mut object, &mut Tolerance::default()).map_err(D::Error::custom)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<PartKind> for ContentPart {
    fn from(kind: PartKind) -> Self {
        Self { kind, id: None, metadata: None }
    }
}

impl ContentPart {
    fn read(object: Object, tolerance: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        Ok(ReadPart::read(object, tolerance)?.map(|read| read.part))
    }
}

impl ReadPart {
    fn read(mut object: Object, _: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        let kind = object.string("type")?;
        if kind == "binary" {
            return Ok(binary::read(object).map(|part| Self { part, is_binary: true }));
        }
        let Some(kind) = PartKind::take(&kind, &mut object)? else { return Ok(None) };
        let (id, metadata) = (object.optional_string("id")?, object.optional("metadata"));
        Ok(Some(Self { part: ContentPart { kind, id, metadata }, is_binary: false }))
    }
}

impl PartKind {
    fn read(mut object: Object, _: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        let kind = object.string("type")?;
        Self::take(&kind, &mut object)
    }

    /// Takes the members of a kind out of a part; `None` when the kind or that of its source is unknown.
    fn take(kind: &str, object: &mut Object) -> Result<Option<Self>, BadInput> {
        let of_source: fn(Source) -> Self = match kind {
            "text" => return Ok(Some(Self::Text { text: object.string("text")? })),
            "image" => |source| Self::Image { source },
            "audio" => |source| Self::Audio { source },
            "video" => |source| Self::Video { source },
            "document" => |source| Self::Document { source },
            _ => return Ok(None),
        };
        Ok(Source::read(object.object("source")?, &mut Tolerance::default())?.map(of_source))
    }
}

impl Source {
    /// Bytes in the message.
    pub fn bytes(bytes: impl AsRef<[u8]>, mime_type: impl Into<String>) -> Self {
        Self::Data { value: BASE64_STANDARD.encode(bytes), mime_type: mime_type.into() }
    }

    /// Bytes behind an address.
    pub fn url(address: impl Into<String>) -> Self {
        Self::Url { value: address.into(), mime_type: None }
    }

    fn read(mut object: Object, _: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        let kind = object.string("type")?;
        Ok(Some(match kind.as_str() {
            "data" => Self::Data { value: object.string("value")?, mime_type: object.string("mimeType")? },
            "url" => {
                Self::Url { value: object.string("value")?, mime_type: object.optional_string("mimeType")? }
            }
            "file" => Self::File {
                value: object.string("value")?,
                provider: object.optional_string("provider")?,
                mime_type: object.optional_string("mimeType")?,
            },
            _ => return Ok(None),
        }))
    }
}
