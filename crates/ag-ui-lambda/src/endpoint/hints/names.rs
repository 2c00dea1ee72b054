//! Suggests known names for members and values that AG-UI does not know.

use serde_json::Value;

use super::input::MAX_VALUES;
use crate::json;
use crate::suggest::nearest;

/// The most suggestions for one input.
const MAX_SUGGESTIONS: usize = 8;

/// The members of the input of a run.
pub(super) const INPUT_MEMBERS: &[&str] = &[
    "threadId",
    "runId",
    "protocolVersion",
    "parentRunId",
    "state",
    "messages",
    "tools",
    "context",
    "forwardedProps",
    "resume",
];
/// The members of messages, of whatever role.
pub(super) const MESSAGE_MEMBERS: &[&str] = &[
    "id",
    "role",
    "content",
    "name",
    "toolCalls",
    "toolCallId",
    "error",
    "encryptedValue",
    "metadata",
    "subagentRunId",
    "activityType",
];
/// The roles of messages.
pub(super) const ROLES: &[&str] =
    &["developer", "system", "assistant", "user", "tool", "reasoning", "activity"];
/// The types of a part of a message.
pub(super) const PART_TYPES: &[&str] = &["text", "image", "audio", "video", "document", "binary"];
/// The types of the source of a part.
pub(super) const SOURCE_TYPES: &[&str] = &["data", "url", "file"];
/// The statuses of an answer to an interrupt.
pub(super) const RESUME_STATUSES: &[&str] = &["resolved", "cancelled"];

/// Finds names of members and values in the input of a run that AG-UI does not know but that are similar to a known
/// name. Returns for each of them a question with the known name and the place. `None` if nothing similar was found.
///
/// The text repeats nothing of the input, so it may be logged.
pub(in super::super) fn misspelt_names(body: &[u8]) -> Option<String> {
    let value = json::read_limited(body, MAX_VALUES).ok()?;
    let mut suggestions = Vec::new();
    check_members(&value, "", INPUT_MEMBERS, &mut suggestions);
    for (index, message) in array_elements(&value["messages"]) {
        let path = format!("/messages/{index}");
        check_members(message, &path, MESSAGE_MEMBERS, &mut suggestions);
        check_value(&message["role"], &format!("{path}/role"), ROLES, &mut suggestions);
        for (index, part) in array_elements(&message["content"]) {
            let path = format!("{path}/content/{index}");
            check_value(&part["type"], &format!("{path}/type"), PART_TYPES, &mut suggestions);
            check_value(
                &part["source"]["type"],
                &format!("{path}/source/type"),
                SOURCE_TYPES,
                &mut suggestions,
            );
        }
    }
    for (index, entry) in array_elements(&value["resume"]) {
        check_value(&entry["status"], &format!("/resume/{index}/status"), RESUME_STATUSES, &mut suggestions);
    }
    suggestions.truncate(MAX_SUGGESTIONS);
    (!suggestions.is_empty()).then(|| suggestions.join(" "))
}

/// Returns the elements of an array with their indices. Empty if the value is not an array.
fn array_elements(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

/// Adds to `suggestions` one question for each member of the object `value` whose name is not `known` but similar to
/// a known name. `path` is the JSON Pointer to the object, for the question. Does nothing if `value` is not an
/// object.
fn check_members(value: &Value, path: &str, known: &[&str], suggestions: &mut Vec<String>) {
    let place = if path.is_empty() { "in the body".to_owned() } else { format!("in {path}") };
    let unknown = value.as_object().into_iter().flat_map(|members| members.keys());
    for name in unknown.filter(|name| !known.contains(&name.as_str())) {
        if let Some(near) = nearest(name, known.iter().copied()) {
            suggestions.push(format!("Did you mean the member `{near}` {place}?"));
        }
    }
}

/// Adds a question to `suggestions` if the string `value` is not `known` but similar to a known one. `path` is the
/// JSON Pointer to the string, for the question. Does nothing if `value` is not a string.
fn check_value(value: &Value, path: &str, known: &[&str], suggestions: &mut Vec<String>) {
    let Some(text) = value.as_str().filter(|text| !known.contains(text)) else { return };
    if let Some(near) = nearest(text, known.iter().copied()) {
        suggestions.push(format!("Did you mean `{near}` at {path}?"));
    }
}
