//! What a client sends to start a run.
//!
//! Everything in it is untrusted: it may steer the conversation, never the caller's identity or rights.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::read::{BadInput, Object, Tolerance, deserialize_by_reading};
use super::{AsReceived, InterruptId, JsonObject, Message, PROTOCOL_VERSION, RunId, ThreadId};

/// The input of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunAgentInput {
    /// The conversation; echoed.
    pub thread_id: ThreadId,
    /// The run; echoed.
    pub run_id: RunId,
    /// The client's version, as it wrote it; absent before 1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// The run that spawned this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<RunId>,
    /// The client's copy of the shared state; absent counts as `{}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
    /// The whole history.
    pub messages: Vec<Message>,
    /// Tools that the client runs.
    pub tools: Vec<Tool>,
    /// What the application says about itself.
    pub context: Vec<Context>,
    /// Passed through, opaque.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded_props: Option<Value>,
    /// Answers to interrupts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resume: Vec<ResumeEntry>,
    /// The messages as they came, where the run may have to send them back. What is not [read](Self::read) has none.
    #[serde(skip)]
    pub as_received: Option<AsReceived>,
}

/// A tool that the client offers and runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tool {
    /// Name that the model calls.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments; absent means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Data beside the protocol, open by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
}

/// Something the application says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    /// What the value is.
    pub description: String,
    /// The value.
    pub value: String,
}

/// The answer to one interrupt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResumeEntry {
    /// The interrupt.
    pub interrupt_id: InterruptId,
    /// Answered or not.
    pub status: ResumeStatus,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// Data beside the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
}

/// Whether an interrupt was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResumeStatus {
    /// The payload is the answer.
    Resolved,
    /// Nobody answered.
    Cancelled,
}

/// An input, and what of it this version does not know.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The input.
    pub input: RunAgentInput,
    /// JSON Pointers of the elements that were left out: unknown roles, parts, sources, statuses.
    pub dropped: Vec<String>,
    /// How many members of the input itself were left out.
    pub unknown_members: usize,
}

impl RunAgentInput {
    /// An input with these messages and nothing else, from a client of this version.
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
            as_received: None,
        }
    }

    /// Reads an input from parsed JSON, as a server does.
    ///
    /// Null on an optional member reads as absent; unknown members, roles, part kinds, source kinds and
    /// resume statuses are left out; identifiers are opaque.
    ///
    /// # Errors
    /// [`BadInput`] with the JSON Pointer of the first known member that is missing or malformed, or of an id of the
    /// thread or the run that has more than 1024 bytes.
    ///
    /// Source: AG-UI 1.0, "run input" and "processing".
    pub fn read(json: Value) -> Result<Received, BadInput> {
        let as_received = AsReceived::of(&json);
        let mut received = Self::read_object(Object::new(json, String::new())?, LONGEST_ID)?;
        received.input.as_received = as_received.map(|messages| AsReceived::new(messages, &received.dropped));
        Ok(received)
    }

    fn read_object(mut object: Object, longest_id: usize) -> Result<Received, BadInput> {
        let mut tolerance = Tolerance::default();
        let input = Self {
            thread_id: id(&mut object, "threadId", longest_id)?.into(),
            run_id: id(&mut object, "runId", longest_id)?.into(),
            protocol_version: object.optional_string("protocolVersion")?,
            parent_run_id: object.optional_string("parentRunId")?.map(Into::into),
            state: object.optional("state"),
            messages: object
                .list("messages", &mut tolerance, Message::read)?
                .ok_or_else(|| object.missing("messages"))?,
            tools: object.list("tools", &mut tolerance, Tool::read)?.unwrap_or_default(),
            context: object.list("context", &mut tolerance, Context::read)?.unwrap_or_default(),
            forwarded_props: object.optional("forwardedProps"),
            resume: object.list("resume", &mut tolerance, ResumeEntry::read)?.unwrap_or_default(),
            as_received: None,
        };
        Ok(Received { input, dropped: tolerance.dropped, unknown_members: object.left_over() })
    }

    /// Whether the client speaks a major version other than 1.
    ///
    /// What cannot be interpreted counts as newer and is served.
    pub fn is_other_major(&self) -> bool {
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match self.protocol_version.as_deref().and_then(|version| version.split_once('.')) {
            Some((major, minor)) if numeric(major) && numeric(minor) => major.trim_start_matches('0') != "1",
            _ => false,
        }
    }
}

/// Reads the input of an event. [`read`](RunAgentInput::read) is for servers: it says what was left out, keeps the messages
/// as they came, and limits ids.
impl<'de> Deserialize<'de> for RunAgentInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Object::of(JsonObject::deserialize(deserializer)?);
        Self::read_object(object, usize::MAX).map(|received| received.input).map_err(de::Error::custom)
    }
}

deserialize_by_reading! { Tool Context ResumeEntry }

/// The most bytes of a thread's or a run's id that a server takes. It comes back in each interrupt, so a long one would come
/// back many times.
const LONGEST_ID: usize = 1024;

/// An id of the client's.
fn id(object: &mut Object, key: &'static str, longest: usize) -> Result<String, BadInput> {
    let id = object.string(key)?;
    if id.len() > longest {
        return Err(object.fault(key, "must be at most 1024 bytes"));
    }
    Ok(id)
}

impl Tool {
    fn read(mut object: Object, _: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        Ok(Some(Self {
            name: object.string("name")?,
            description: object.string("description")?,
            parameters: object.optional("parameters"),
            metadata: object.optional_object("metadata")?,
        }))
    }
}

impl Context {
    fn read(mut object: Object, _: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        Ok(Some(Self { description: object.string("description")?, value: object.string("value")? }))
    }
}

impl ResumeEntry {
    fn read(mut object: Object, _: &mut Tolerance) -> Result<Option<Self>, BadInput> {
        let status = match object.string("status")?.as_str() {
            "resolved" => ResumeStatus::Resolved,
            "cancelled" => ResumeStatus::Cancelled,
            _ => return Ok(None),
        };
        Ok(Some(Self {
            interrupt_id: object.string("interruptId")?.into(),
            status,
            payload: object.optional("payload"),
            metadata: object.optional_object("metadata")?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::{Content, MessageBody};

    fn read(json: Value) -> Result<Received, BadInput> {
        RunAgentInput::read(json)
    }

    #[test]
    fn an_id_has_at_most_1024_bytes() {
        for (key, length, fits) in [
            ("threadId", 1024, true),
            ("threadId", 1025, false),
            ("runId", 1024, true),
            ("runId", 1025, false),
        ] {
            let mut input = json!({"threadId": "t", "runId": "r", "messages": []});
            input[key] = "x".repeat(length).into();

            let fault = read(input).err().map(|fault| fault.to_string());

            let expected = (!fits).then(|| format!("/{key} must be at most 1024 bytes"));
            assert_eq!(fault, expected, "{key} of {length} bytes");
        }
    }

    #[test]
    fn given_only_the_required_members_when_read_then_the_rest_is_empty() {
        let input = read(json!({"threadId": "", "runId": "not-a-uuid", "messages": []})).unwrap().input;

        assert_eq!(input.thread_id.as_str(), "");
        assert!(input.messages.is_empty() && input.tools.is_empty() && input.context.is_empty());
        assert!(input.state.is_none() && input.forwarded_props.is_none() && input.resume.is_empty());
    }

    #[test]
    fn null_on_an_optional_member_reads_as_absent() {
        let received = read(json!({
            "threadId": "t", "runId": "r", "state": null, "tools": null, "context": null,
            "forwardedProps": null, "resume": null, "parentRunId": null, "protocolVersion": null,
            "messages": [{"id": "m", "role": "assistant", "content": null, "toolCalls": null, "name": null}],
        }));

        let input = received.unwrap().input;
        assert_eq!(input.messages[0].body, MessageBody::Assistant { content: None, tool_calls: vec![] });
        assert_eq!(
            serde_json::to_value(&input).unwrap()["messages"][0],
            json!({"id": "m", "role": "assistant"})
        );
    }

    #[test]
    fn what_a_newer_peer_adds_is_left_out_and_reported() {
        let received = read(json!({
            "threadId": "t", "runId": "r", "sessionTicket": 1,
            "messages": [
                {"id": "m1", "role": "wizard", "content": "hocus"},
                {"id": "m2", "role": "user", "content": [
                    {"type": "hologram", "beam": 1},
                    {"type": "image", "source": {"type": "telepathy", "value": "x"}},
                    {"type": "text", "text": "hello"},
                ]},
            ],
            "resume": [{"interruptId": "i", "status": "postponed"}],
        }))
        .unwrap();

        assert_eq!(
            received.dropped,
            ["/messages/0", "/messages/1/content/0", "/messages/1/content/1", "/resume/0"]
        );
        assert_eq!(received.unknown_members, 1);
        let MessageBody::User { content } = &received.input.messages[0].body else {
            panic!("the user's message")
        };
        assert_eq!(content.text(), "hello");
        assert!(matches!(content, Content::Parts(parts) if parts.len() == 1));
    }

    #[test]
    fn a_malformed_member_is_refused_with_its_pointer() {
        let message = |message: Value| json!({"threadId": "t", "runId": "r", "messages": [message]});
        for (why, json, expected) in [
            ("not an object", json!([]), "the body must be an object"),
            ("no thread", json!({"runId": "r", "messages": []}), "/threadId is missing"),
            (
                "null is absent",
                json!({"threadId": null, "runId": "r", "messages": []}),
                "/threadId is missing",
            ),
            (
                "thread is a number",
                json!({"threadId": 1, "runId": "r", "messages": []}),
                "/threadId must be a string",
            ),
            ("no messages", json!({"threadId": "t", "runId": "r"}), "/messages is missing"),
            (
                "messages is a map",
                json!({"threadId": "t", "runId": "r", "messages": {}}),
                "/messages must be an array",
            ),
            ("message is text", message(json!("hi")), "/messages/0 must be an object"),
            ("no role", message(json!({"id": "m"})), "/messages/0/role is missing"),
            ("no id", message(json!({"role": "user", "content": ""})), "/messages/0/id is missing"),
            ("no content", message(json!({"id": "m", "role": "user"})), "/messages/0/content is missing"),
            (
                "content is a number",
                message(json!({"id": "m", "role": "user", "content": 7})),
                "/messages/0/content must be a string or an array of parts",
            ),
            (
                "part without text",
                message(json!({"id": "m", "role": "user", "content": [{"type": "text"}]})),
                "/messages/0/content/0/text is missing",
            ),
            (
                "call without arguments",
                message(json!({"id": "m", "role": "assistant", "toolCalls":
                    [{"id": "c", "type": "function", "function": {"name": "f"}}]})),
                "/messages/0/toolCalls/0/function/arguments is missing",
            ),
            (
                "metadata is a list",
                message(json!({"id": "m", "role": "user", "content": "", "metadata": []})),
                "/messages/0/metadata must be an object",
            ),
            (
                "tool without description",
                json!({"threadId": "t", "runId": "r", "messages": [], "tools": [{"name": "f"}]}),
                "/tools/0/description is missing",
            ),
        ] {
            assert_eq!(read(json).unwrap_err().to_string(), expected, "{why}");
        }
    }

    #[test]
    fn only_an_interpretable_other_major_is_foreign() {
        for (version, foreign) in [
            (None, false),
            (Some("1.0"), false),
            (Some("1.99"), false),
            (Some("01.0"), false),
            (Some("2.0"), true),
            (Some("10.0"), true),
            (Some("0.1"), true),
            (Some("two"), false),
            (Some("2"), false),
            (Some("1.0-rc1"), false),
        ] {
            let mut input = read(json!({"threadId": "t", "runId": "r", "messages": []})).unwrap().input;
            input.protocol_version = version.map(Into::into);
            assert_eq!(input.is_other_major(), foreign, "{version:?}");
        }
    }
}
