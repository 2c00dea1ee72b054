//! Hints about the body of a request: what it contains at the place that is wrong, and what was probably meant.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::quote::quoted;
use crate::json;
use crate::protocol::InputError;
use crate::suggest::nearest;

/// The most members of an object that a hint lists.
const MAX_MEMBERS: usize = 10;
/// How many JSON values a body may have that a hint is looked for in, counted as by [`json::read_limited`]. A larger body gets no
/// hint, since a value in memory can be a hundred times as large as its text.
pub(super) const MAX_VALUES: usize = 20_000;
/// The most characters that a hint repeats on each side of a position.
const MAX_CONTEXT_CHARS: usize = 30;

/// Returns the value at a JSON Pointer of a body. `None` if the body is not JSON or has no value at that pointer.
pub(super) fn value_at(body: &[u8], pointer: &str) -> Option<Value> {
    json::read_limited(body, MAX_VALUES).ok()?.pointer(pointer).cloned()
}

/// Returns the hint for a body that is empty or not JSON: the text before and after the position at which parsing
/// failed. `line` and `column` are those of the error of serde_json. `None` if the body has no such line.
pub(super) fn describe_position(body: &[u8], line: usize, column: usize) -> Option<String> {
    if body.is_empty() {
        return Some("The body is empty.".into());
    }
    let normalized = json::normalize(body);
    let text = normalized.split(|byte| *byte == b'\n').nth(line.saturating_sub(1))?;
    let is_cut = serde_json::from_slice::<IgnoredAny>(&normalized).is_err_and(|error| error.is_eof());
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

/// Returns the hint for JSON that is not a valid input: describes the value at the path of `error`. If that member is
/// missing, names a member with a similar name, or lists the members that are there. `None` if the body is not JSON
/// or lacks the object that should have the member.
pub(super) fn describe_fault(body: &[u8], error: &InputError) -> Option<String> {
    let value = json::read_limited(body, MAX_VALUES).ok()?;
    let Some((parent, name)) = error.path.rsplit_once('/') else { return Some(describe(&value)) };
    // Null counts as absent.
    let found = value.pointer(&error.path);
    match (found.filter(|found| !found.is_null()), value.pointer(parent)?) {
        (Some(found), _) => Some(describe(found)),
        (None, Value::Object(members)) => {
            let place = if parent.is_empty() { "The body" } else { parent };
            let others = members.keys().map(String::as_str).filter(|other| *other != name);
            Some(match nearest(name, others) {
                Some(near) => format!("{place} has a member {}: did you mean `{name}`?", quoted(near)),
                None if found.is_some() => describe(&Value::Null),
                None if members.is_empty() => format!("{place} has no members."),
                None => {
                    let names: Vec<String> =
                        members.keys().take(MAX_MEMBERS).map(|name| quoted(name)).collect();
                    format!("{place} has the members {}.", names.join(", "))
                }
            })
        }
        (None, other) => Some(describe(other)),
    }
}

/// Describes a value in a sentence: null, booleans, numbers and strings with their content, arrays with their length,
/// objects by their type only.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "It is null.".into(),
        Value::Bool(_) | Value::Number(_) => format!("It is {value}."),
        Value::String(text) => format!("It is the string {}.", quoted(text)),
        Value::Array(items) => format!("It is an array of {} items.", items.len()),
        Value::Object(_) => "It is an object.".into(),
    }
}
