//! The messages that a client holds, built from events by the rules of the official client, independently of this crate's
//! code.
//!
//! Source: `defaultApplyEvents` of `@ag-ui/client` 1.0.0. Activities are handled by `event_order`.

use serde_json::{Value, json};

/// The messages, in the client's order.
#[derive(Default)]
pub struct Conversation(pub Vec<Value>);

impl Conversation {
    /// Updates the messages by one event, as the official client does.
    pub fn apply(&mut self, event: &Value) {
        let messages = &mut self.0;
        match event["type"].as_str().unwrap() {
            "TEXT_MESSAGE_START" => {
                messages.push(json!({"id": event["messageId"], "role": "assistant", "content": ""}));
            }
            "REASONING_MESSAGE_START" => {
                messages.push(json!({"id": event["messageId"], "role": "reasoning", "content": ""}));
            }
            "TEXT_MESSAGE_CONTENT" | "REASONING_MESSAGE_CONTENT" => {
                append(&mut self.message(&event["messageId"])["content"], &event["delta"]);
            }
            "TOOL_CALL_START" => {
                let parent = &event["parentMessageId"];
                if !messages.iter().any(|message| message["id"] == *parent) {
                    messages.push(json!({"id": parent, "role": "assistant"}));
                }
                let function = json!({"name": event["toolCallName"], "arguments": ""});
                let call = json!({"id": event["toolCallId"], "type": "function", "function": function});
                let calls = &mut self.message(parent)["toolCalls"];
                if calls.is_null() {
                    *calls = json!([]);
                }
                calls.as_array_mut().unwrap().push(call);
            }
            "TOOL_CALL_ARGS" => {
                append(&mut self.call(&event["toolCallId"])["function"]["arguments"], &event["delta"]);
            }
            "TOOL_CALL_RESULT" => {
                let call = &event["toolCallId"];
                let mut result = json!({
                    "id": event["messageId"], "role": "tool", "toolCallId": call, "content": event["content"],
                });
                if let Some(metadata) = event.get("metadata") {
                    result["metadata"] = metadata.clone();
                }
                let owner =
                    messages.iter().position(|message| calls(message).any(|known| known["id"] == *call));
                let mut place = owner.map_or(messages.len(), |owner| owner + 1);
                while messages.get(place).is_some_and(|message| message["role"] == "tool") {
                    place += 1;
                }
                messages.insert(place, result);
            }
            "REASONING_ENCRYPTED_VALUE" => {
                let entity = match event["subtype"].as_str() {
                    Some("tool-call") => self.call(&event["entityId"]),
                    _ => self.message(&event["entityId"]),
                };
                entity["encryptedValue"] = event["encryptedValue"].clone();
            }
            _ => {}
        }
    }

    /// Returns the message with this id, which must exist.
    fn message(&mut self, id: &Value) -> &mut Value {
        self.0.iter_mut().find(|message| message["id"] == *id).unwrap()
    }

    /// Returns the tool call with this id, which must exist.
    fn call(&mut self, id: &Value) -> &mut Value {
        let calls = self.0.iter_mut().filter_map(|message| message.get_mut("toolCalls")?.as_array_mut());
        calls.flatten().find(|call| call["id"] == *id).unwrap()
    }
}

/// Returns the tool calls of a message.
fn calls(message: &Value) -> impl Iterator<Item = &Value> {
    message["toolCalls"].as_array().into_iter().flatten()
}

/// Appends the string `delta` to the string `text`.
fn append(text: &mut Value, delta: &Value) {
    *text = format!("{}{}", text.as_str().unwrap(), delta.as_str().unwrap()).into();
}
