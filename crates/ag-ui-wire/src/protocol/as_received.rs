//! The messages of an input as the client sent them, for a run that has to send them back.
//!
//! A client drops what a snapshot of its messages leaves out, so what this version does not know is repeated: unknown
//! roles, parts and members. What the client's own schema would refuse is not, since that ends its run: null in place of
//! an optional member, and for clients before 1.0 what 1.0 added.
//!
//! Source: the message schemas of `@ag-ui/core` 0.0.59 and 1.0.0.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{JsonObject, RunAgentInput};

/// Messages as a client sent them.
#[derive(Debug, Clone, PartialEq)]
pub struct AsReceived {
    messages: Vec<Value>,
    /// Where each message that was read stands among them.
    places: Vec<usize>,
}

impl AsReceived {
    /// The messages of an input that answers interrupts; `None` of any other. Only such an input may hold a message that
    /// has to be taken from the client's list.
    pub(super) fn of(json: &Value) -> Option<Vec<Value>> {
        json["resume"].as_array().filter(|answers| !answers.is_empty())?;
        json["messages"].as_array().cloned()
    }

    /// `dropped` has the JSON Pointers of what was left out when the messages were read.
    pub(super) fn new(messages: Vec<Value>, dropped: &[String]) -> Self {
        let dropped: HashSet<usize> =
            dropped.iter().filter_map(|path| path.strip_prefix("/messages/")?.parse().ok()).collect();
        let places = (0..messages.len()).filter(|place| !dropped.contains(place)).collect();
        Self { messages, places }
    }
}

impl RunAgentInput {
    /// Whether the client sent answers to interrupts, among them those of a status that this version does not know.
    pub fn answers_interrupts(&self) -> bool {
        self.as_received.is_some() || !self.resume.is_empty()
    }

    /// The messages as JSON, without those at these places among `messages`, in a shape that the client reads.
    pub fn messages_without(&self, left_out: &[usize], knows_1_0: bool) -> Vec<Value> {
        let (messages, left_out): (Vec<Value>, HashSet<usize>) = match &self.as_received {
            Some(AsReceived { messages, places }) => {
                (messages.clone(), left_out.iter().map(|place| places[*place]).collect())
            }
            None => {
                let messages = self.messages.iter().map(|message| json!(message)).collect();
                (messages, left_out.iter().copied().collect())
            }
        };
        let kept = messages.into_iter().enumerate().filter(|(place, _)| !left_out.contains(place));
        kept.filter_map(|(_, message)| readable(message, knows_1_0)).collect()
    }
}

/// A message as a client reads it; `None` if a client before 1.0 would refuse all of it.
fn readable(mut message: Value, knows_1_0: bool) -> Option<Value> {
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

/// Clients read null as absent, and refuse to be sent it.
fn remove_nulls(members: &mut JsonObject) {
    members.retain(|_, value| !value.is_null());
}

fn is_known(part: &JsonObject) -> bool {
    const KINDS: [&str; 6] = ["text", "image", "audio", "video", "document", "binary"];
    part.get("type").and_then(Value::as_str).is_some_and(|kind| KINDS.contains(&kind))
}

/// Whether a client before 1.0 takes the part: it knows no provider's files, and no kinds that came later.
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
    use super::*;

    fn sent_back(messages: Value, knows_1_0: bool) -> Value {
        let resume = json!([{"interruptId": "i", "status": "postponed"}]);
        let json = json!({"threadId": "t", "runId": "r", "messages": messages, "resume": resume});
        RunAgentInput::read(json).unwrap().input.messages_without(&[], knows_1_0).into()
    }

    fn user(parts: Value) -> Value {
        json!([{"id": "u", "role": "user", "content": parts}])
    }

    #[test]
    fn an_answer_of_an_unknown_status_is_an_answer() {
        let input = |resume: Value| {
            let json = json!({"threadId": "t", "runId": "r", "messages": [], "resume": resume});
            RunAgentInput::read(json).unwrap().input
        };

        assert!(input(json!([{"interruptId": "i", "status": "postponed"}])).answers_interrupts());
        assert!(!input(json!([])).answers_interrupts());
        assert!(!input(Value::Null).answers_interrupts());
    }

    #[test]
    fn nulls_of_known_messages_are_left_out_and_nothing_else_for_a_client_of_1_0() {
        for (why, message, expected) in [
            (
                "members of a message and of a call",
                json!({"id": "a", "role": "assistant", "content": null, "name": null, "mood": null, "toolCalls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "metadata": null}]}),
                json!({"id": "a", "role": "assistant", "toolCalls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
            ),
            (
                "members of parts and their sources, and none of what is an application's own",
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
    fn a_client_before_1_0_is_sent_back_what_its_own_schema_takes() {
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
                "a binary part of nothing",
                user(json!([{"type": "binary", "mimeType": "image/png", "data": null}, text])),
                user(json!([text])),
            ),
            (
                "a result in parts",
                json!([{"id": "x", "role": "tool", "toolCallId": "c", "content": [text, {"type": "hologram"}, text]}]),
                json!([{"id": "x", "role": "tool", "toolCallId": "c", "content": "hi\nhi"}]),
            ),
            (
                "a binary part with a number for a text",
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
