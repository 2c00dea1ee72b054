//! The messages of an input as the client sent them, for a run that has to send them back.
//!
//! A client drops what a MESSAGES_SNAPSHOT leaves out, so members, roles and parts that this version does not know are sent
//! back too. What the client's own schema would refuse is not sent back, since that would end its run: null in place of an
//! optional member, and for clients before 1.0 what 1.0 added.
//!
//! Source: the message schemas of `@ag-ui/core` 0.0.59 and 1.0.0.

use std::collections::HashSet;

use serde_json::Value;

use super::JsonObject;

/// The messages of an input, as the client sent them.
///
/// [`RunAgentInput::messages_without`](super::RunAgentInput::messages_without) sends them back.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginalMessages {
    messages: Vec<Value>,
    /// For each message that was read, its index among `messages`.
    indices: Vec<usize>,
}

impl OriginalMessages {
    /// Copies the messages from the JSON of an input that answers interrupts; `None` for any other input.
    ///
    /// Only a run that answers interrupts may have to remove a message from the client's list.
    pub(super) fn copy_from(input: &Value) -> Option<Vec<Value>> {
        input["resume"].as_array().filter(|answers| !answers.is_empty())?;
        input["messages"].as_array().cloned()
    }

    /// Stores the messages of an input and notes which of them were read. `dropped` has the JSON Pointers of all elements
    /// of the input that were left out.
    pub(super) fn new(messages: Vec<Value>, dropped: &[String]) -> Self {
        let dropped: HashSet<usize> =
            dropped.iter().filter_map(|path| path.strip_prefix("/messages/")?.parse().ok()).collect();
        let indices = (0..messages.len()).filter(|index| !dropped.contains(index)).collect();
        Self { messages, indices }
    }

    /// Returns all messages except those in `left_out`, which has indices among the messages that were read.
    pub(super) fn without(&self, left_out: &[usize]) -> Vec<Value> {
        let left_out = left_out.iter().map(|index| self.indices[*index]);
        without(self.messages.clone(), left_out)
    }
}

/// Returns `messages` except those at the indices in `left_out`.
pub(super) fn without(messages: Vec<Value>, left_out: impl Iterator<Item = usize>) -> Vec<Value> {
    let left_out: HashSet<usize> = left_out.collect();
    let kept = messages.into_iter().enumerate().filter(|(index, _)| !left_out.contains(index));
    kept.map(|(_, message)| message).collect()
}

/// Prepares a message of the input to be sent back to the client: removes the members, calls and parts that the client
/// would refuse. `knows_1_0` is whether the client speaks 1.0. Returns `None` if it does not and the role is unknown, since
/// the client would refuse the complete message.
pub(super) fn for_client(mut message: Value, knows_1_0: bool) -> Option<Value> {
    const ROLES: [&str; 7] = ["developer", "system", "assistant", "user", "tool", "reasoning", "activity"];
    let role = message["role"].as_str().unwrap_or_default().to_owned();
    let Some(members) = message.as_object_mut().filter(|_| ROLES.contains(&role.as_str())) else {
        return knows_1_0.then_some(message);
    };
    remove_nulls(members);
    if let Some(Value::Array(calls)) = members.get_mut("toolCalls") {
        calls.iter_mut().filter_map(Value::as_object_mut).for_each(remove_nulls);
        // Both versions refuse calls of a type that they do not know.
        calls.retain(|call| call["type"] == "function");
    }
    if let Some(Value::Array(parts)) = members.get_mut("content") {
        for part in parts.iter_mut().filter_map(Value::as_object_mut).filter(|part| is_known(part)) {
            remove_nulls(part);
            part.get_mut("source").and_then(Value::as_object_mut).into_iter().for_each(remove_nulls);
        }
        if !knows_1_0 {
            parts.retain(is_read_before_1_0);
            if role == "tool" {
                let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
                let text = texts.join("\n");
                members.insert("content".into(), text.into());
            }
        }
    }
    Some(message)
}

/// Removes the members that are null. The official clients write null for an absent member, but refuse null in what they
/// read.
fn remove_nulls(members: &mut JsonObject) {
    members.retain(|_, value| !value.is_null());
}

/// Whether a part has a type that this version of the protocol knows (`binary` included), so that its nulls can be removed.
fn is_known(part: &JsonObject) -> bool {
    const KINDS: [&str; 6] = ["text", "image", "audio", "video", "document", "binary"];
    part.get("type").and_then(Value::as_str).is_some_and(|kind| KINDS.contains(&kind))
}

/// Whether a client before 1.0 can read the part. Such a client knows neither sources of the type `file` nor the types of
/// parts that 1.0 added.
fn is_read_before_1_0(part: &Value) -> bool {
    match part["type"].as_str() {
        Some("text") => part["text"].is_string(),
        Some("binary") => {
            let has = |member: &str| part[member].as_str().is_some_and(|text| !text.is_empty());
            let is_text = |member: &str| part.get(member).is_none_or(Value::is_string);
            part["mimeType"].is_string()
                && ["id", "url", "data"].into_iter().any(has)
                && ["id", "url", "data", "filename"].into_iter().all(is_text)
        }
        Some("image" | "audio" | "video" | "document") => {
            matches!(part["source"]["type"].as_str(), Some("data" | "url"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::RunAgentInput;

    /// Returns what a client gets back after it has sent these messages in an input that answers an interrupt.
    fn sent_back(messages: Value, knows_1_0: bool) -> Value {
        let resume = json!([{"interruptId": "i", "status": "postponed"}]);
        let json = json!({"threadId": "t", "runId": "r", "messages": messages, "resume": resume});
        RunAgentInput::read(json).unwrap().input.messages_without(&[], knows_1_0).into()
    }

    /// Returns a list with one user message that has these parts.
    fn user(parts: Value) -> Value {
        json!([{"id": "u", "role": "user", "content": parts}])
    }

    #[test]
    fn input_with_an_answer_of_unknown_status_answers_interrupts() {
        let input = |resume: Value| {
            let json = json!({"threadId": "t", "runId": "r", "messages": [], "resume": resume});
            RunAgentInput::read(json).unwrap().input
        };

        assert!(input(json!([{"interruptId": "i", "status": "postponed"}])).answers_interrupts());
        assert!(!input(json!([])).answers_interrupts());
        assert!(!input(Value::Null).answers_interrupts());
    }

    #[test]
    fn client_of_1_0_gets_messages_back_without_nulls() {
        for (why, message, expected) in [
            (
                "members of a message and of a call",
                json!({"id": "a", "role": "assistant", "content": null, "name": null, "mood": null, "toolCalls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "metadata": null}]}),
                json!({"id": "a", "role": "assistant", "toolCalls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
            ),
            (
                "members of parts and their sources, but not of application data",
                json!({"id": "u", "role": "user", "metadata": {"com.acme": null}, "content": [
                    {"type": "image", "id": null, "source": {"type": "url", "value": "x", "mimeType": null}},
                    {"type": "binary", "mimeType": "image/png", "data": "AAAA", "url": null, "filename": null},
                    {"type": "hologram", "beam": null}]}),
                json!({"id": "u", "role": "user", "metadata": {"com.acme": null}, "content": [
                    {"type": "image", "source": {"type": "url", "value": "x"}},
                    {"type": "binary", "mimeType": "image/png", "data": "AAAA"},
                    {"type": "hologram", "beam": null}]}),
            ),
            (
                "an unknown role",
                json!({"id": "w", "role": "wizard", "content": null}),
                json!({"id": "w", "role": "wizard", "content": null}),
            ),
        ] {
            assert_eq!(sent_back(json!([message]), true), json!([expected]), "{why}");
        }
    }

    #[test]
    fn client_before_1_0_gets_back_what_its_schema_allows() {
        let text = json!({"type": "text", "text": "hi"});
        for (why, messages, expected) in [
            ("an unknown role", json!([{"id": "w", "role": "wizard"}]), json!([])),
            ("an unknown part", user(json!([text, {"type": "hologram"}])), user(json!([text]))),
            (
                "a provider's file",
                user(json!([{"type": "image", "source": {"type": "file", "value": "f"}}, text])),
                user(json!([text])),
            ),
            (
                "a binary part without bytes",
                user(json!([{"type": "binary", "mimeType": "image/png", "data": null}, text])),
                user(json!([text])),
            ),
            (
                "a result in parts",
                json!([{"id": "x", "role": "tool", "toolCallId": "c", "content": [text, {"type": "hologram"}, text]}]),
                json!([{"id": "x", "role": "tool", "toolCallId": "c", "content": "hi\nhi"}]),
            ),
            (
                "a binary part with a number in place of a string",
                user(json!([{"type": "binary", "mimeType": "image/png", "data": "AAAA", "url": 5}, text])),
                user(json!([text])),
            ),
            (
                "what it knows",
                user(json!([{"type": "binary", "mimeType": "image/png", "id": "1"}, text])),
                user(json!([{"type": "binary", "mimeType": "image/png", "id": "1"}, text])),
            ),
        ] {
            assert_eq!(sent_back(messages, false), expected, "{why}");
        }
    }
}
