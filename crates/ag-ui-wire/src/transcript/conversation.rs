//! The messages of a thread as the client holds them.
//!
//! They are put together from the messages of the input, as the client sent them, and from the run's own events, as a client
//! does it. So their ids are those that were streamed, and a MESSAGES_SNAPSHOT of them changes nothing at the client.
//!
//! Source: `defaultApplyEvents` of `@ag-ui/client` 1.0.0.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::protocol::{
    EncryptedSubtype, Event, EventKind, FunctionCall, JsonText, Message, MessageBody, MessageId, ToolCall,
    ToolCallId,
};

/// The messages of a thread as a client holds them. The client sends them with its next run.
///
/// Activity messages are left out, and events whose type ends in `CHUNK` change nothing.
///
/// It starts with the messages of an input, and each event of the run is applied to it:
///
/// ```
/// use ag_ui_wire::transcript::{Conversation, SequentialIds, Transcript};
/// use serde_json::json;
///
/// let question = json!({"id": "u1", "role": "user", "content": "What time is it?"});
/// let mut conversation = Conversation::new(vec![question.clone()]);
///
/// let mut run = Transcript::begin("thread-1".into(), "run-1".into(), SequentialIds::default());
/// run.text("It is noon.");
/// run.finish().iter().for_each(|event| conversation.apply(event));
///
/// let answer = json!({"id": "m1", "role": "assistant", "content": "It is noon."});
/// assert_eq!(conversation.into_json(), [question, answer]);
/// ```
#[derive(Debug, Clone)]
pub struct Conversation(Vec<HeldMessage>);

/// A message that the client holds.
#[derive(Debug, Clone)]
enum HeldMessage {
    /// A message of the input.
    FromInput(InputMessage),
    /// A message that this run wrote.
    FromRun(Message),
}

/// A message of the input. It is kept as JSON, with members that this version does not know.
#[derive(Debug, Clone)]
struct InputMessage {
    json: JsonText,
    role: String,
    /// The ids of the calls that an assistant message holds.
    calls: Vec<ToolCallId>,
}

/// What of a message of the input decides where results are put.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    role: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallOutline>>,
}

/// The id of a call.
#[derive(Deserialize)]
struct CallOutline {
    id: Option<ToolCallId>,
}

impl InputMessage {
    /// Reads the role and the calls of a message. A message of another form has neither.
    fn new(json: JsonText) -> Self {
        let outline = serde_json::from_str(json.as_str()).ok();
        let Outline { role, tool_calls } = outline.unwrap_or(Outline { role: None, tool_calls: None });
        let role = role.unwrap_or_default();
        let calls = tool_calls.into_iter().flatten().filter_map(|call| call.id);
        let calls = calls.filter(|_| role == "assistant").collect();
        Self { json, role, calls }
    }
}

impl HeldMessage {
    /// Turns the message into the JSON that a MESSAGES_SNAPSHOT has for it.
    fn into_text(self) -> JsonText {
        match self {
            Self::FromInput(message) => message.json,
            Self::FromRun(message) => json!(message).into(),
        }
    }

    /// Whether this is a tool message, which holds the result of a call.
    fn is_tool(&self) -> bool {
        match self {
            Self::FromInput(message) => message.role == "tool",
            Self::FromRun(message) => matches!(message.body, MessageBody::Tool { .. }),
        }
    }

    /// Whether this is the assistant message that holds the call with this id.
    fn has_call(&self, id: &ToolCallId) -> bool {
        match self {
            Self::FromInput(message) => message.calls.contains(id),
            Self::FromRun(message) => match &message.body {
                MessageBody::Assistant { tool_calls, .. } => tool_calls.iter().any(|call| call.id == *id),
                _ => false,
            },
        }
    }
}

impl Conversation {
    /// Starts with the messages of an input, without its activity messages: clients keep their own activities as long as a
    /// snapshot has none.
    pub fn new(messages: impl IntoIterator<Item = impl Into<JsonText>>) -> Self {
        let messages = messages.into_iter().map(|message| InputMessage::new(message.into()));
        let is_kept = |message: &InputMessage| message.role != "activity";
        Self(messages.filter(is_kept).map(HeldMessage::FromInput).collect())
    }

    /// Whether the thread has no messages, neither of the input nor of the run. No MESSAGES_SNAPSHOT is sent then.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Turns the messages into the JSON that an input has.
    pub fn into_json(self) -> Vec<Value> {
        self.into_texts().iter().map(JsonText::to_value).collect()
    }

    /// Turns the messages into the JSON that a MESSAGES_SNAPSHOT has.
    pub(super) fn into_texts(self) -> Vec<JsonText> {
        self.0.into_iter().map(HeldMessage::into_text).collect()
    }

    /// Changes the messages as a client does when it reads this event. Events that change no message are ignored.
    pub fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::TextMessageStart { message_id, .. } => {
                self.push(
                    message_id,
                    MessageBody::Assistant { content: Some(String::new()), tool_calls: Vec::new() },
                );
            }
            EventKind::ReasoningMessageStart { message_id, .. } => {
                self.push(message_id, MessageBody::Reasoning { content: String::new() });
            }
            EventKind::TextMessageContent { message_id, delta }
            | EventKind::ReasoningMessageContent { message_id, delta } => {
                if let Some(
                    MessageBody::Assistant { content: Some(content), .. }
                    | MessageBody::Reasoning { content },
                ) = self.body(message_id)
                {
                    content.push_str(delta);
                }
            }
            EventKind::ToolCallStart { tool_call_id, tool_call_name, parent_message_id: Some(parent) } => {
                let function = FunctionCall { name: tool_call_name.clone(), arguments: String::new() };
                let call =
                    ToolCall { id: tool_call_id.clone(), function, encrypted_value: None, metadata: None };
                match self.body(parent) {
                    Some(MessageBody::Assistant { tool_calls, .. }) => tool_calls.push(call),
                    _ => self.push(parent, MessageBody::Assistant { content: None, tool_calls: vec![call] }),
                }
            }
            EventKind::ToolCallArgs { tool_call_id, delta } => {
                if let Some(call) = self.call(tool_call_id) {
                    call.function.arguments.push_str(delta);
                }
            }
            EventKind::ToolCallResult { message_id, tool_call_id, content, .. } => {
                let (tool_call_id, content) = (tool_call_id.clone(), content.clone());
                let index = self.result_index(&tool_call_id);
                let body = MessageBody::Tool { tool_call_id, content, error: None };
                let message =
                    Message { metadata: event.metadata.clone(), ..Message::new(message_id.clone(), body) };
                self.0.insert(index, HeldMessage::FromRun(message));
            }
            EventKind::ReasoningEncryptedValue { subtype, entity_id, encrypted_value } => {
                let stored = match subtype {
                    EncryptedSubtype::Message => {
                        self.message(entity_id).map(|message| &mut message.encrypted_value)
                    }
                    EncryptedSubtype::ToolCall => {
                        self.call(&entity_id.as_str().into()).map(|call| &mut call.encrypted_value)
                    }
                };
                if let Some(stored) = stored {
                    *stored = Some(encrypted_value.clone());
                }
            }
            EventKind::MessagesSnapshot { messages } => *self = Self::new(messages.clone()),
            _ => {}
        }
    }

    /// Adds a message of this run at the end.
    fn push(&mut self, id: &MessageId, body: MessageBody) {
        self.0.push(HeldMessage::FromRun(Message::new(id.clone(), body)));
    }

    /// Iterates over the messages that this run wrote, the last one first. Messages of the input are skipped.
    fn run_messages(&mut self) -> impl Iterator<Item = &mut Message> {
        self.0.iter_mut().rev().filter_map(|message| match message {
            HeldMessage::FromRun(message) => Some(message),
            HeldMessage::FromInput(_) => None,
        })
    }

    /// Finds a message of this run by its id; `None` for a message of the input or an unknown id.
    fn message(&mut self, id: &str) -> Option<&mut Message> {
        self.run_messages().find(|message| message.id.as_str() == id)
    }

    /// Finds the body of a message of this run by the message's id; `None` for a message of the input or an unknown id.
    fn body(&mut self, id: &MessageId) -> Option<&mut MessageBody> {
        self.message(id.as_str()).map(|message| &mut message.body)
    }

    /// Finds a tool call in the messages of this run by its id; `None` for a call of the input or an unknown id.
    fn call(&mut self, id: &ToolCallId) -> Option<&mut ToolCall> {
        let calls = self.run_messages().filter_map(|message| match &mut message.body {
            MessageBody::Assistant { tool_calls, .. } => Some(tool_calls),
            _ => None,
        });
        calls.flatten().find(|call| call.id == *id)
    }

    /// Returns the index at which the result of a call is inserted: after the message that holds the call and after the
    /// results that already follow that message; at the end if no message holds the call.
    fn result_index(&self, id: &ToolCallId) -> usize {
        let Some(owner) = self.0.iter().position(|message| message.has_call(id)) else { return self.0.len() };
        let results = self.0[owner + 1..].iter();
        owner + 1 + results.take_while(|message| message.is_tool()).count()
    }
}
