//! The messages of an input as the client sent them, for a run that has to send them back.
//!
//! A client drops what a MESSAGES_SNAPSHOT leaves out, so members, roles and parts that this version does not know are sent
//! back too. What the client's own schema would refuse is not sent back, since that would end its run: null in place of an
//! optional member, and for clients before 1.0 what 1.0 added.
//!
//! Source: the message schemas of `@ag-ui/core` 0.0.59 and 1.0.0.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use super::JsonText;
use super::json_slices::{Members, for_each_element};

/// The roles that both versions know.
const ROLES: [&str; 7] = ["developer", "system", "assistant", "user", "tool", "reasoning", "activity"];

/// The messages of an input, as the client sent them. They share the memory of the input's text.
///
/// [`RunAgentInput::messages_without`](super::RunAgentInput::messages_without) sends them back.
#[derive(Debug, Clone, PartialEq)]
pub struct OriginalMessages {
    /// The JSON text of the array.
    text: Bytes,
    /// The indices of the messages that were not read, in order.
    dropped: Vec<usize>,
    /// Whether the input answers interrupts, be it with answers of an unknown status.
    pub(super) answers_interrupts: bool,
}

impl OriginalMessages {
    /// Keeps the messages of an input, whose JSON text is `text`. `dropped` has the JSON Pointers of all elements of the
    /// input that were left out.
    pub(super) fn new(text: Bytes, dropped: &[String], answers_interrupts: bool) -> Self {
        let index = |path: &String| path.strip_prefix("/messages/")?.parse().ok();
        Self { text, dropped: dropped.iter().filter_map(index).collect(), answers_interrupts }
    }

    /// Returns the messages except those in `left_out`, which has indices among the messages that were read, each as
    /// [`for_client`] prepares it.
    pub(super) fn without(&self, left_out: &[usize], knows_1_0: bool) -> Vec<JsonText> {
        let left_out: HashSet<usize> = left_out.iter().copied().collect();
        let mut dropped = self.dropped.iter().peekable();
        let (mut messages, mut index, mut read) = (Vec::new(), 0, 0);
        let text = std::str::from_utf8(&self.text).unwrap_or_default();
        for_each_element(text, |message| {
            let is_read = dropped.next_if(|dropped| **dropped == index).is_none();
            if !(is_read && left_out.contains(&read)) {
                messages.extend(for_client(message, knows_1_0));
            }
            read += usize::from(is_read);
            index += 1;
            true
        });
        messages
    }
}

/// Prepares a message of the input to be sent back to the client: removes the members, calls and parts that the client
/// would refuse. `knows_1_0` is whether the client speaks 1.0. Returns `None` if it does not and the role is unknown, since
/// the client would refuse the complete message.
pub(super) fn for_client(message: &RawValue, knows_1_0: bool) -> Option<JsonText> {
    let members = Members::of(message.get());
    let role = members.as_ref().and_then(|members| members.text("role")).unwrap_or_default();
    let Some(mut members) = members.filter(|_| ROLES.contains(&&*role)) else {
        return knows_1_0.then(|| message.into());
    };
    members.remove_nulls();
    let is_array = |value: &RawValue| value.get().starts_with('[');
    if members.get("toolCalls").is_some_and(is_array) {
        let calls = members.write_with("toolCalls", |calls| Some(list_of(calls, call_for_client)));
        return with_content(Members::of(&calls)?, &role, knows_1_0);
    }
    with_content(members, &role, knows_1_0)
}

/// Returns a message whose `content` has only the parts that the client can read, without nulls. For a client before 1.0 the
/// content of a tool message is text.
fn with_content(members: Members<'_>, role: &str, knows_1_0: bool) -> Option<JsonText> {
    let message = members.write_with("content", |content| {
        if !content.get().starts_with('[') {
            return None;
        }
        if !knows_1_0 && role == "tool" {
            return Some(Value::from(joined_texts(content)).to_string());
        }
        Some(list_of(content, |part| part_for_client(part, knows_1_0)))
    });
    Some(JsonText::from_json(message))
}

/// Writes an array of what `element` returns for each element of `list`.
fn list_of<'a>(list: &'a RawValue, element: impl Fn(&'a RawValue) -> Option<String>) -> String {
    let mut elements = Vec::new();
    for_each_element(list.get(), |value| {
        elements.extend(element(value));
        true
    });
    format!("[{}]", elements.join(","))
}

/// Returns a tool call without nulls; `None` for a type other than `function`, which both versions refuse.
fn call_for_client(call: &RawValue) -> Option<String> {
    let mut members = Members::of(call.get())?;
    members.remove_nulls();
    (members.text("type")? == "function").then(|| members.write())
}

/// Returns a part without nulls if its type is known; `None` if the client cannot read the part.
fn part_for_client(part: &RawValue, knows_1_0: bool) -> Option<String> {
    let Some(mut members) = Members::of(part.get()).filter(is_known) else {
        return knows_1_0.then(|| part.get().to_owned());
    };
    members.remove_nulls();
    if !knows_1_0 && !is_read_before_1_0(&members) {
        return None;
    }
    Some(members.write_with("source", |source| {
        let mut source = Members::of(source.get())?;
        source.remove_nulls();
        Some(source.write())
    }))
}

/// Returns the texts of the parts of a content, joined by line breaks.
fn joined_texts(content: &RawValue) -> String {
    let mut texts = Vec::new();
    for_each_element(content.get(), |part| {
        let members = Members::of(part.get());
        texts.extend(
            members
                .filter(|part| part.text("type").is_some_and(|kind| kind == "text"))
                .and_then(|part| part.text("text")),
        );
        true
    });
    texts.join("\n")
}

/// Whether a part has a type that this version of the protocol knows (`binary` included), so that its nulls can be removed.
fn is_known(part: &Members<'_>) -> bool {
    const KINDS: [&str; 6] = ["text", "image", "audio", "video", "document", "binary"];
    part.text("type").is_some_and(|kind| KINDS.contains(&&*kind))
}

/// Whether a client before 1.0 can read the part. Such a client knows neither sources of the type `file` nor the types of
/// parts that 1.0 added.
fn is_read_before_1_0(part: &Members<'_>) -> bool {
    match part.text("type").as_deref() {
        Some("text") => part.text("text").is_some(),
        Some("binary") => {
            let has = |member: &str| part.text(member).is_some_and(|text| !text.is_empty());
            let is_text = |member: &str| part.get(member).is_none() || part.text(member).is_some();
            part.text("mimeType").is_some()
                && ["id", "url", "data"].into_iter().any(has)
                && ["id", "url", "data", "filename"].into_iter().all(is_text)
        }
        Some("image" | "audio" | "video" | "document") => {
            let source = part.get("source").and_then(|source| Members::of(source.get()));
            let kind = source.and_then(|source| source.text("type"));
            matches!(kind.as_deref(), Some("data" | "url"))
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
        json!(RunAgentInput::read(json).unwrap().input.messages_without(&[], knows_1_0))
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
