//! Opaque values of a model provider, which the client stores and sends back: REASONING_ENCRYPTED_VALUE.
//!
//! Some providers want their reasoning back with the next request, in a form that only they can read.

use super::IdSource;
use super::calls::OpenCall;
use super::writer::{OpenMessage, Transcript};
use crate::protocol::{EncryptedSubtype, EventKind, ToolCallId};

impl<I: IdSource> Transcript<I> {
    /// Attaches a provider's opaque value to the open reasoning message, and ends this message.
    ///
    /// The client stores `value` on the reasoning message. If no reasoning is open, an empty reasoning message is started
    /// for `value`.
    pub fn attach_to_reasoning(&mut self, value: &str) {
        if !matches!(self.open_message, Some(OpenMessage::Reasoning(_))) {
            self.open_reasoning();
        }
        let Some(OpenMessage::Reasoning(message_id)) = self.open_message.take() else { return };
        self.push(EventKind::ReasoningMessageEnd { message_id: message_id.clone() });
        self.push_encrypted_value(EncryptedSubtype::Message, message_id.as_str(), value);
        self.push(EventKind::ReasoningEnd { message_id });
    }

    /// Sends reasoning that only its provider can read: a reasoning message without text that holds `value`.
    ///
    /// The open message is ended first, also if it is a reasoning message.
    pub fn encrypted_reasoning(&mut self, value: &str) {
        self.close_open_message();
        self.attach_to_reasoning(value);
    }

    /// Attaches a provider's opaque value to a tool call that is still open. The client stores `value` on the call.
    pub fn attach_to_call(&mut self, call: &OpenCall, value: &str) {
        self.push_encrypted_value(EncryptedSubtype::ToolCall, call.id.as_str(), value);
    }

    /// Attaches a provider's opaque value to the current turn of the model, and ends the open message.
    ///
    /// The client stores `value` on the call with the id `call`, or, if `call` is `None`, on the turn's message. An earlier
    /// value in the same place is replaced. If `call` is `None` and the turn has neither text nor a call, `value` is not
    /// sent.
    pub fn attach_to_turn(&mut self, call: Option<&ToolCallId>, value: &str) {
        self.close_open_message();
        let (subtype, entity_id) = match (call, &self.turn_message) {
            (Some(call), _) => (EncryptedSubtype::ToolCall, call.as_str().to_owned()),
            (None, Some(message)) => (EncryptedSubtype::Message, message.as_str().to_owned()),
            (None, None) => return,
        };
        self.push_encrypted_value(subtype, &entity_id, value);
    }

    /// Queues REASONING_ENCRYPTED_VALUE for the message or the call, by `subtype`, whose id is `entity_id`.
    fn push_encrypted_value(&mut self, subtype: EncryptedSubtype, entity_id: &str, value: &str) {
        self.push(EventKind::ReasoningEncryptedValue {
            subtype,
            entity_id: entity_id.to_owned(),
            encrypted_value: value.to_owned(),
        });
    }
}
