//! The input of a run, which a client sends to start it.
//!
//! Everything in it is untrusted: it may steer the conversation, but it proves neither who the caller is nor what the caller
//! may do.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::input_error::{InputError, InputProblem};
use super::input_limits::{ElementKind, InputLimits};
use super::json_slices::for_each_element;
use super::original_messages::for_client;
use super::read::{ObjectReader, deserialize_by_reading};
use super::reading::Reading;
use super::{
    InterruptId, JsonObject, JsonText, Message, OriginalMessages, PROTOCOL_VERSION, RunId, ThreadId,
};
use crate::json::{self, ReadError};

/// The input of a run: the conversation, the client's tools, and its copy of the shared state.
///
/// A client creates it with [`new`](Self::new); a server reads it with [`read_body`](Self::read_body).
///
/// ```
/// use ag_ui_wire::bytes::Bytes;
/// use ag_ui_wire::protocol::{InputLimits, RunAgentInput};
///
/// let body = Bytes::from_static(
///     br#"{
///         "threadId": "thread-1",
///         "runId": "run-1",
///         "state": {},
///         "messages": [{ "id": "message-1", "role": "user", "content": "Hi" }],
///         "tools": [],
///         "context": [],
///         "forwardedProps": {}
///     }"#,
/// );
/// let limits = InputLimits::default();
/// let input = RunAgentInput::read_body(&body, &limits)?.input;
/// assert_eq!((input.thread_id.as_str(), input.messages.len()), ("thread-1", 1));
///
/// let error = RunAgentInput::read_body(&Bytes::from_static(br#"{"threadId":1}"#), &limits).unwrap_err();
/// assert!(error.to_string().contains("/threadId"));
/// # Ok::<(), ag_ui_wire::protocol::ReadInputError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunAgentInput {
    /// The id of the conversation, which the events of the run repeat.
    pub thread_id: ThreadId,
    /// The id of the run, which its events repeat.
    pub run_id: RunId,
    /// The protocol version of the client, as the client wrote it. Clients before 1.0 send none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// The run that started this one, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<RunId>,
    /// The client's copy of the shared state. If it is absent, the state is `{}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
    /// All messages of the conversation, in order.
    pub messages: Vec<Message>,
    /// The tools that the client runs.
    pub tools: Vec<Tool>,
    /// Facts about the application that the model reads.
    pub context: Vec<Context>,
    /// Data that the client passes through, which the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_props: Option<Value>,
    /// The answers to interrupts of earlier runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resume: Vec<ResumeEntry>,
    /// The messages as the client sent them, for a run that sends them back. Only [`read`](Self::read) and
    /// [`read_body`](Self::read_body) set it.
    #[serde(skip)]
    pub original_messages: Option<OriginalMessages>,
}

/// A tool that the client offers to the model and runs itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tool {
    /// The name by which the model calls the tool.
    pub name: String,
    /// What the tool does, for the model.
    pub description: String,
    /// The JSON Schema of the arguments. If it is absent, the tool takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Data that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
}

/// One fact about the application that the model reads, such as the page that the user sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    /// What the value means, for the model.
    pub description: String,
    /// The value that the description explains.
    pub value: String,
}

/// Holds the answer to one interrupt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResumeEntry {
    /// The id of the interrupt that is answered.
    pub interrupt_id: InterruptId,
    /// Whether the interrupt was answered.
    pub status: ResumeStatus,
    /// What the user answered. The interrupt's `response_schema` describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// Data that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
}

/// Says whether an interrupt was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResumeStatus {
    /// It was answered, and the payload is the answer.
    Resolved,
    /// It was dismissed without an answer.
    Cancelled,
}

/// The error of [`RunAgentInput::read_body`]: why a text is not the input of a run.
#[expect(clippy::exhaustive_enums, reason = "a text is either no JSON or no input")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadInputError {
    /// The text is not JSON.
    #[error(transparent)]
    Json(#[from] ReadError),
    /// The text is JSON, but not the input of a run, or larger than the limits allow.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// An input as a server has read it, with what was left out because this version of the protocol does not know it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedInput {
    /// The input without what was left out.
    pub input: RunAgentInput,
    /// The JSON Pointers of the elements that were left out: messages, parts, tool calls and answers of an unknown kind.
    pub dropped: Vec<String>,
    /// How many unknown members the top level of the input had.
    pub unknown_members: usize,
}

impl RunAgentInput {
    /// Creates the input with which a client starts a run. Its protocol version is [`PROTOCOL_VERSION`], and its other
    /// optional members are absent.
    pub fn new(thread_id: impl Into<ThreadId>, run_id: impl Into<RunId>, messages: Vec<Message>) -> Self {
        Self {
            thread_id: thread_id.into(),
            run_id: run_id.into(),
            protocol_version: Some(PROTOCOL_VERSION.to_owned()),
            parent_run_id: None,
            state: None,
            messages,
            tools: Vec::new(),
            context: Vec::new(),
            forwarded_props: None,
            resume: Vec::new(),
            original_messages: None,
        }
    }

    /// Reads an input from parsed JSON, as a server does, without limits. It is for inputs that come from the program itself;
    /// [`read_body`](Self::read_body) reads what a client sends.
    ///
    /// # Errors
    /// [`InputError`], as for [`read_body`](Self::read_body).
    pub fn read(json: Value) -> Result<ReceivedInput, InputError> {
        Self::read_text(&Bytes::from(json.to_string()), InputLimits::unlimited())
    }

    /// Reads an input from the JSON text that a client has sent.
    ///
    /// Null on an optional member counts as absent. Unknown members are left out, and so are messages, parts, sources, tool
    /// calls and answers whose role, type or status is unknown; the result reports both. Ids are opaque.
    ///
    /// What no server reads is not kept: `forwardedProps`, the contents of activities, and `metadata` except for the member
    /// that this crate writes. The messages as the client sent them are kept as a part of `body`, without a copy.
    ///
    /// # Errors
    /// [`ReadInputError::Json`] if `body` is not JSON that [`json::read`](crate::json::read) accepts.
    /// [`ReadInputError::Input`] with the JSON Pointer of the first known member that is missing or malformed, of an id of
    /// the thread or the run that has more than 1024 bytes, or of what exceeds `limits`.
    ///
    /// Source: AG-UI 1.0, "run input" and "processing".
    pub fn read_body(body: &Bytes, limits: &InputLimits) -> Result<ReceivedInput, ReadInputError> {
        let text = match json::normalize(body) {
            Cow::Borrowed(text) => body.slice_ref(text),
            Cow::Owned(repaired) => repaired.into(),
        };
        json::check(&text)?;
        Ok(Self::read_text(&text, *limits)?)
    }

    /// Reads an input from a JSON text that was checked.
    fn read_text(text: &Bytes, limits: InputLimits) -> Result<ReceivedInput, InputError> {
        let object = ObjectReader::new(std::str::from_utf8(text).unwrap_or_default(), String::new())?;
        let messages = object.member("messages").map(|messages| text.slice_ref(messages.as_bytes()));
        let answers = object.member("resume").unwrap_or_default();
        let mut has_answers = false;
        for_each_element(answers, |_| {
            has_answers = true;
            false
        });
        let mut received = Self::read_object(object, MAX_ID_BYTES, Reading::of_server(limits))?;
        let messages = messages.unwrap_or_default();
        received.input.original_messages =
            Some(OriginalMessages::new(messages, &received.dropped, has_answers));
        Ok(received)
    }

    /// Reads an input whose thread and run have ids of at most `max_id_bytes` bytes. It does not keep the original
    /// messages.
    fn read_object(
        mut object: ObjectReader<'_>,
        max_id_bytes: usize,
        mut reading: Reading,
    ) -> Result<ReceivedInput, InputError> {
        let reading = &mut reading;
        let input = Self {
            thread_id: id(&mut object, "threadId", max_id_bytes)?.into(),
            run_id: id(&mut object, "runId", max_id_bytes)?.into(),
            protocol_version: object.optional_string("protocolVersion")?,
            parent_run_id: object.optional_string("parentRunId")?.map(Into::into),
            state: object.state(reading)?,
            messages: object
                .list(("messages", ElementKind::Message), reading, Message::read)?
                .ok_or_else(|| object.missing("messages"))?,
            tools: object.list(("tools", ElementKind::Tool), reading, Tool::read)?.unwrap_or_default(),
            context: object
                .list(("context", ElementKind::Context), reading, Context::read)?
                .unwrap_or_default(),
            forwarded_props: object.forwarded_props(reading)?,
            resume: object
                .list(("resume", ElementKind::Answer), reading, ResumeEntry::read)?
                .unwrap_or_default(),
            original_messages: None,
        };
        let dropped = std::mem::take(&mut reading.dropped);
        Ok(ReceivedInput { input, dropped, unknown_members: object.remaining_members() })
    }

    /// Whether the client uses a version of the protocol whose major number is not 1, which a server of 1.0 cannot
    /// serve. The endpoint rejects the request of such a client.
    ///
    /// Returns false if the client sent no version, or one that is not two numbers: such a client is served.
    pub fn is_other_major(&self) -> bool {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        match self.protocol_version.as_deref().and_then(|version| version.split_once('.')) {
            Some((major, minor)) if is_number(major) && is_number(minor) => {
                major.trim_start_matches('0') != "1"
            }
            _ => false,
        }
    }

    /// Whether the input has answers to interrupts of earlier runs. For an input that [`read_body`](Self::read_body) has
    /// returned, answers of an unknown status count too.
    pub fn answers_interrupts(&self) -> bool {
        !self.resume.is_empty()
            || self.original_messages.as_ref().is_some_and(|messages| messages.answers_interrupts)
    }

    /// Returns the messages of this input as JSON, for a MESSAGES_SNAPSHOT, except those whose indices in `messages` are in
    /// `left_out`.
    ///
    /// If a server has read the input, the messages are as the client sent them, with members that this version does not
    /// know. What the client itself would refuse is removed; `knows_1_0` is whether the client speaks 1.0.
    pub fn messages_without(&self, left_out: &[usize], knows_1_0: bool) -> Vec<JsonText> {
        if let Some(messages) = &self.original_messages {
            return messages.without(left_out, knows_1_0);
        }
        let kept = self.messages.iter().enumerate().filter(|(index, _)| !left_out.contains(index));
        kept.filter_map(|(_, message)| for_client(&to_raw_value(message).ok()?, knows_1_0)).collect()
    }
}

impl<'de> Deserialize<'de> for RunAgentInput {
    /// Reads the input that a RUN_STARTED event holds. [`read_body`](RunAgentInput::read_body) is for servers: it also reports what
    /// was left out, keeps the messages as the client sent them, and limits the length of ids.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Value::Object(JsonObject::deserialize(deserializer)?).to_string();
        ObjectReader::new(&text, String::new())
            .and_then(|object| Self::read_object(object, usize::MAX, Reading::of_everything()))
            .map(|received| received.input)
            .map_err(de::Error::custom)
    }
}

deserialize_by_reading! { Tool Context ResumeEntry }

/// The most bytes of the id of a thread or a run that a server takes. Each interrupt repeats these ids, so a long one would
/// be sent many times.
const MAX_ID_BYTES: usize = 1024;

/// Removes the required id `key` from an input and returns it; an error if it has more than `max_bytes` bytes.
fn id(object: &mut ObjectReader<'_>, key: &'static str, max_bytes: usize) -> Result<String, InputError> {
    let id = object.string(key)?;
    if id.len() > max_bytes {
        return Err(object.error(key, InputProblem::TooLong { max_bytes }));
    }
    Ok(id)
}

impl Tool {
    /// Reads a tool for [`ObjectReader::list`]. It never returns `None`, so no tool is left out.
    fn read(mut object: ObjectReader<'_>, reading: &mut Reading) -> Result<Option<Self>, InputError> {
        Ok(Some(Self {
            name: object.string("name")?,
            description: object.string("description")?,
            parameters: object.parameters(reading)?,
            metadata: object.metadata(reading)?,
        }))
    }
}

impl Context {
    /// Reads a context entry for [`ObjectReader::list`]. It never returns `None`, so no entry is left out.
    fn read(mut object: ObjectReader<'_>, _: &mut Reading) -> Result<Option<Self>, InputError> {
        Ok(Some(Self { description: object.string("description")?, value: object.string("value")? }))
    }
}

impl ResumeEntry {
    /// Reads the answer to an interrupt for [`ObjectReader::list`]. Returns `None`, so that the answer is left out, if its
    /// status is unknown.
    fn read(mut object: ObjectReader<'_>, reading: &mut Reading) -> Result<Option<Self>, InputError> {
        let status = match object.string("status")?.as_str() {
            "resolved" => ResumeStatus::Resolved,
            "cancelled" => ResumeStatus::Cancelled,
            _ => return Ok(None),
        };
        Ok(Some(Self {
            interrupt_id: object.string("interruptId")?.into(),
            status,
            payload: object.optional("payload", reading)?,
            metadata: object.metadata(reading)?,
        }))
    }
}
