//! The whole conversation as the client holds it, told once more when the run ends.
//!
//! It is put together from the run's own events, as clients do it, so that its ids are those that were streamed. A client
//! drops what a snapshot leaves out; activities are left out nevertheless, since it keeps its own as long as a
//! snapshot has none, and never sends them.
//!
//! Source: `defaultApplyEvents` of `@ag-ui/client` 1.0.0.

use super::{Stamps, Transcript};
use crate::protocol::{
    EncryptedSubtype, Event, EventKind, FunctionCall, Message, MessageBody, MessageId, ToolCall, ToolCallId,
};

/// The messages of a thread, its last run included.
#[derive(Debug)]
pub(super) struct Conversation(Vec<Message>);

impl<S: Stamps> Transcript<S> {
    /// Tells the whole conversation before the run ends: these messages, which the client has sent, and those of the run.
    pub fn with_messages(self, messages: Vec<Message>) -> Self {
        let messages =
            messages.into_iter().filter(|message| !matches!(message.body, MessageBody::Activity { .. }));
        Self { conversation: Some(Conversation(messages.collect())), ..self }
    }

    /// Tells the conversation, if it is to be told and there is one.
    pub(super) fn restate(&mut self) {
        if let Some(Conversation(messages)) = self.conversation.take()
            && !messages.is_empty()
        {
            self.put(EventKind::MessagesSnapshot { messages });
        }
    }
}

impl Conversation {
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
                self.0.insert(place, message);
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
        self.0.push(Message::new(id.clone(), body));
    }

    /// The message of that id, looked for from the end, where the run is.
    fn message(&mut self, id: &str) -> Option<&mut Message> {
        self.0.iter_mut().rev().find(|message| message.id.as_str() == id)
    }

    fn body(&mut self, id: &MessageId) -> Option<&mut MessageBody> {
        self.message(id.as_str()).map(|message| &mut message.body)
    }

    fn call(&mut self, id: &ToolCallId) -> Option<&mut ToolCall> {
        let calls = self.0.iter_mut().rev().filter_map(|message| match &mut message.body {
            MessageBody::Assistant { tool_calls, .. } => Some(tool_calls),
            _ => None,
        });
        calls.flatten().find(|call| call.id == *id)
    }

    /// Where a result belongs: behind the message with its call, and behind the results that are there.
    fn behind(&self, id: &ToolCallId) -> usize {
        let holds = |message: &Message| match &message.body {
            MessageBody::Assistant { tool_calls, .. } => tool_calls.iter().any(|call| call.id == *id),
            _ => false,
        };
        let Some(owner) = self.0.iter().position(holds) else { return self.0.len() };
        let results = self.0[owner + 1..].iter();
        let count = results.take_while(|message| matches!(message.body, MessageBody::Tool { .. })).count();
        owner + 1 + count
    }
}
