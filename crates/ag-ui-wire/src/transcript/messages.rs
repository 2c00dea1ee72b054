//! The conversation as the client holds it, sent whole: once more when the run ends, or without what does not belong
//! there when it begins.
//!
//! It is put together from the messages of the input, as they came, and from the run's own events, as clients do it, so
//! that its ids are those that were streamed. A client drops what a snapshot leaves out.
//!
//! Source: `defaultApplyEvents` of `@ag-ui/client` 1.0.0.

use serde_json::{Value, json};

use super::{Stamps, Transcript};
use crate::protocol::{
    EncryptedSubtype, Event, EventKind, FunctionCall, Message, MessageBody, MessageId, ToolCall, ToolCallId,
};

/// The messages of a thread, its last run included.
#[derive(Debug)]
pub(super) struct Conversation(Vec<Entry>);

#[derive(Debug)]
enum Entry {
    /// A message of the input.
    Received(Value),
    /// A message of this run.
    Made(Message),
}

impl<S: Stamps> Transcript<S> {
    /// Tells the whole conversation before the run ends: these messages, which the client has sent, and those of the run.
    pub fn with_messages(self, messages: Vec<Value>) -> Self {
        Self { conversation: Some(Conversation::of(messages)), ..self }
    }

    /// Has the client hold these messages in place of those that it sent: MESSAGES_SNAPSHOT.
    pub fn replace_messages(&mut self, messages: Vec<Value>) {
        self.hush();
        if self.conversation.is_some() {
            self.conversation = Some(Conversation::of(messages.clone()));
        }
        self.put(EventKind::MessagesSnapshot { messages });
    }

    /// Tells the conversation, if it is to be told and there is one.
    pub(super) fn restate(&mut self) {
        if let Some(Conversation(messages)) = self.conversation.take()
            && !messages.is_empty()
        {
            let messages = messages.into_iter().map(Entry::into_json).collect();
            self.put(EventKind::MessagesSnapshot { messages });
        }
    }
}

impl Entry {
    fn into_json(self) -> Value {
        match self {
            Self::Received(message) => message,
            Self::Made(message) => json!(message),
        }
    }

    fn is_tool(&self) -> bool {
        match self {
            Self::Received(message) => message["role"] == "tool",
            Self::Made(message) => matches!(message.body, MessageBody::Tool { .. }),
        }
    }

    fn has_call(&self, id: &ToolCallId) -> bool {
        match self {
            Self::Received(message) => {
                let calls = message["toolCalls"].as_array().map_or(&[][..], Vec::as_slice);
                message["role"] == "assistant" && calls.iter().any(|call| call["id"] == id.as_str())
            }
            Self::Made(message) => match &message.body {
                MessageBody::Assistant { tool_calls, .. } => tool_calls.iter().any(|call| call.id == *id),
                _ => false,
            },
        }
    }
}

impl Conversation {
    /// Activities are left out: clients keep their own as long as a snapshot has none, and never send them.
    fn of(messages: Vec<Value>) -> Self {
        let is_kept = |message: &Value| message["role"] != "activity";
        Self(messages.into_iter().filter(is_kept).map(Entry::Received).collect())
    }

    /// Does what a client does that reads the event.
    pub(super) fn see(&mut self, event: &Event) {
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
                let place = self.behind(&tool_call_id);
                let body = MessageBody::Tool { tool_call_id, content, error: None };
                let message =
                    Message { metadata: event.metadata.clone(), ..Message::new(message_id.clone(), body) };
                self.0.insert(place, Entry::Made(message));
            }
            EventKind::ReasoningEncryptedValue { subtype, entity_id, encrypted_value } => {
                let place = match subtype {
                    EncryptedSubtype::Message => {
                        self.message(entity_id).map(|message| &mut message.encrypted_value)
                    }
                    EncryptedSubtype::ToolCall => {
                        self.call(&entity_id.as_str().into()).map(|call| &mut call.encrypted_value)
                    }
                };
                if let Some(place) = place {
                    *place = Some(encrypted_value.clone());
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, id: &MessageId, body: MessageBody) {
        self.0.push(Entry::Made(Message::new(id.clone(), body)));
    }

    /// The messages of this run, from the last one on.
    fn made(&mut self) -> impl Iterator<Item = &mut Message> {
        self.0.iter_mut().rev().filter_map(|entry| match entry {
            Entry::Made(message) => Some(message),
            Entry::Received(_) => None,
        })
    }

    fn message(&mut self, id: &str) -> Option<&mut Message> {
        self.made().find(|message| message.id.as_str() == id)
    }

    fn body(&mut self, id: &MessageId) -> Option<&mut MessageBody> {
        self.message(id.as_str()).map(|message| &mut message.body)
    }

    fn call(&mut self, id: &ToolCallId) -> Option<&mut ToolCall> {
        let calls = self.made().filter_map(|message| match &mut message.body {
            MessageBody::Assistant { tool_calls, .. } => Some(tool_calls),
            _ => None,
        });
        calls.flatten().find(|call| call.id == *id)
    }

    /// Where a result belongs: behind the message with its call, and behind the results that are there.
    fn behind(&self, id: &ToolCallId) -> usize {
        let Some(owner) = self.0.iter().position(|entry| entry.has_call(id)) else { return self.0.len() };
        let results = self.0[owner + 1..].iter();
        owner + 1 + results.take_while(|entry| entry.is_tool()).count()
    }
}
