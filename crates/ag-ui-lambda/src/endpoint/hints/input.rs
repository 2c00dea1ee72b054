//! What is wrong with the body of a request, as a developer reads it: what stands at the place, and what was meant.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::quote::quoted;
use crate::json;
use crate::protocol::BadInput;
use crate::suggest::nearest;

/// How many members are listed.
const MAX_MEMBERS: usize = 10;
/// How many misspelt members and values are named.
const MAX_MISSPELT: usize = 8;
/// How many characters stand before and behind a place.
const MAX_CONTEXT_CHARS: usize = 30;

const MEMBERS: &[&str] = &[
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
const MEMBERS_OF_MESSAGES: &[&str] = &[
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
const ROLES: &[&str] = &["developer", "system", "assistant", "user", "tool", "reasoning", "activity"];
const PARTS: &[&str] = &["text", "image", "audio", "video", "document", "binary"];
const SOURCES: &[&str] = &["data", "url", "file"];
const STATUSES: &[&str] = &["resolved", "cancelled"];

/// What stands at a place of a body.
pub(in super::super) fn value_at(body: &[u8], pointer: &str) -> Option<Value> {
    json::read(body).ok()?.pointer(pointer).cloned()
}

/// The text around the place where a body is no JSON.
pub(super) fn around(body: &[u8], line: usize, column: usize) -> Option<String> {
    if body.is_empty() {
        return Some("The body is empty.".into());
    }
    let readable = json::readable(body);
    let text = readable.split(|byte| *byte == b'\n').nth(line.saturating_sub(1))?;
    let is_cut = serde_json::from_slice::<IgnoredAny>(&readable).is_err_and(|fault| fault.is_eof());
    // The column counts bytes, and the byte that is wrong has been read.
    let read = if is_cut { column } else { column.saturating_sub(1) };
    let (before, behind) = text.split_at(read.min(text.len()));
    let (before, behind) = (String::from_utf8_lossy(before), String::from_utf8_lossy(behind));
    let start = before.char_indices().rev().nth(MAX_CONTEXT_CHARS - 1).map_or(0, |(start, _)| start);
    let end = behind.char_indices().nth(MAX_CONTEXT_CHARS).map_or(behind.len(), |(end, _)| end);
    Some(match behind.is_empty() {
        true => format!("It breaks off behind `{}`.", &before[start..]),
        false => format!("Behind `{}` stands `{}`.", &before[start..], &behind[..end]),
    })
}

/// What stands where the body is at fault, or which other name was meant.
pub(super) fn at_fault(body: &[u8], fault: &BadInput) -> Option<String> {
    let value = json::read(body).ok()?;
    let Some((parent, name)) = fault.path.rsplit_once('/') else { return Some(described(&value)) };
    // Null counts as absent.
    let found = value.pointer(&fault.path);
    match (found.filter(|found| !found.is_null()), value.pointer(parent)?) {
        (Some(found), _) => Some(described(found)),
        (None, Value::Object(members)) => {
            let place = if parent.is_empty() { "The body" } else { parent };
            let others = members.keys().map(String::as_str).filter(|other| *other != name);
            Some(match nearest(name, others) {
                Some(near) => format!("{place} has a member {}: did you mean `{name}`?", quoted(near)),
                None if found.is_some() => described(&Value::Null),
                None if members.is_empty() => format!("{place} has no members."),
                None => {
                    let names: Vec<String> =
                        members.keys().take(MAX_MEMBERS).map(|name| quoted(name)).collect();
                    format!("{place} has the members {}.", names.join(", "))
                }
            })
        }
        (None, other) => Some(described(other)),
    }
}

/// What kind of value it is.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Null => "It is null.".into(),
        Value::Bool(_) | Value::Number(_) => format!("It is {value}."),
        Value::String(text) => format!("It is the string {}.", quoted(text)),
        Value::Array(items) => format!("It is an array of {} items.", items.len()),
        Value::Object(_) => "It is an object.".into(),
    }
}

/// The members and values of an input that are not known and near a known one: each with its place, and what was
/// probably meant. It repeats nothing of what was sent, so that the log may have it.
pub(in super::super) fn misspelt(body: &[u8]) -> Option<String> {
    let value = json::read(body).ok()?;
    let mut found = Vec::new();
    members(&value, "", MEMBERS, &mut found);
    for (index, message) in items(&value["messages"]) {
        let path = format!("/messages/{index}");
        members(message, &path, MEMBERS_OF_MESSAGES, &mut found);
        choice(&message["role"], &format!("{path}/role"), ROLES, &mut found);
        for (index, part) in items(&message["content"]) {
            let path = format!("{path}/content/{index}");
            choice(&part["type"], &format!("{path}/type"), PARTS, &mut found);
            choice(&part["source"]["type"], &format!("{path}/source/type"), SOURCES, &mut found);
        }
    }
    for (index, entry) in items(&value["resume"]) {
        choice(&entry["status"], &format!("/resume/{index}/status"), STATUSES, &mut found);
    }
    found.truncate(MAX_MISSPELT);
    (!found.is_empty()).then(|| found.join(" "))
}

fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

fn members(value: &Value, path: &str, known: &[&str], found: &mut Vec<String>) {
    let place = if path.is_empty() { "in the body".to_owned() } else { format!("in {path}") };
    let unknown = value.as_object().into_iter().flat_map(|members| members.keys());
    for name in unknown.filter(|name| !known.contains(&name.as_str())) {
        if let Some(near) = nearest(name, known.iter().copied()) {
            found.push(format!("Did you mean the member `{near}` {place}?"));
        }
    }
}

fn choice(value: &Value, path: &str, known: &[&str], found: &mut Vec<String>) {
    let Some(text) = value.as_str().filter(|text| !known.contains(text)) else { return };
    if let Some(near) = nearest(text, known.iter().copied()) {
        found.push(format!("Did you mean `{near}` at {path}?"));
    }
}
