//! JSON Patches of the shared state: a patch changes a document completely or not at all, and a difference leads from one
//! document to the other.

use ag_ui_wire::protocol::{Event, JsonPatch, PatchOperation, apply_patch, diff};
use serde_json::{Value, json};

use super::Session;
use crate::breakage::{at_any_node, break_value, hostile_value};
use crate::choices::Choices;
use crate::conversations::state;
use crate::responses::Outcome;
use crate::valid::operations;

/// Prepares the target.
pub(super) fn start(seed: u64) -> Session {
    let operations = operations(seed);
    Box::new(move |choices| {
        let document = state(choices);
        let patch = match choices.raw() {
            Some(raw) => serde_json::from_slice(raw).unwrap_or_default(),
            None => patch(choices, &document, &operations),
        };
        choices.show("document", document.to_string().as_bytes());
        choices.show("patch", patch.to_string().as_bytes());
        check_difference(choices, &document)?;
        apply(document, patch)
    })
}

/// Makes a JSON Patch whose pointers lead into the document, most times, and breaks it one time in three.
fn patch(choices: &mut Choices<'_>, document: &Value, operations: &[PatchOperation]) -> Value {
    let mut patch = json!([]);
    for _ in 0..=choices.number(4) {
        let mut operation = json!(choices.one_of(operations));
        for member in ["path", "from"] {
            if operation.get(member).is_some() && choices.number(5) > 0 {
                operation[member] = pointer(choices, document).into();
            }
        }
        patch.as_array_mut().expect("it is an array").push(operation);
    }
    if choices.is_one_in(3) {
        break_value(choices, &mut patch);
    }
    patch
}

/// Makes the pointer of a value in the document, or of a place where none is.
fn pointer(choices: &mut Choices<'_>, document: &Value) -> String {
    let (mut pointer, mut value) = (String::new(), document);
    while choices.number(5) > 0 {
        let (name, next) = match value {
            Value::Array(elements) if !elements.is_empty() => {
                let index = choices.number(elements.len());
                (index.to_string(), &elements[index])
            }
            Value::Object(members) if !members.is_empty() => {
                let (name, next) = members.iter().nth(choices.number(members.len())).expect("it has members");
                (name.replace('~', "~0").replace('/', "~1"), next)
            }
            _ => break,
        };
        pointer = format!("{pointer}/{name}");
        value = next;
    }
    match choices.number(6) {
        0 => pointer + *choices.one_of(&["/-", "/0", "/01", "/99999999999999999999", "/new", "/", "/~", "-"]),
        _ => pointer,
    }
}

/// Applies a patch as a client does that reads STATE_DELTA, and compares with another implementation. That one undoes nothing
/// when it fails, because its way to do so (json-patch 5.0) can panic.
fn apply(document: Value, patch: Value) -> Result<Outcome, String> {
    let event = json!({ "type": "STATE_DELTA", "delta": patch });
    if Event::read(event).is_err() {
        return Ok(Outcome::Refused);
    }
    let operations: JsonPatch = serde_json::from_value(patch.clone()).map_err(|error| error.to_string())?;
    let mut changed = document.clone();
    if apply_patch(&mut changed, &operations).is_err() {
        return match changed == document {
            true => Ok(Outcome::Refused),
            false => Err("a patch that does not fit has changed the document".into()),
        };
    }
    let mut expected = document;
    let other: Result<json_patch::Patch, _> = serde_json::from_value(patch);
    if let Ok(other) = other
        && json_patch::patch_unsafe(&mut expected, &other).is_ok()
        && expected != changed
    {
        return Err(format!("the patch leads to {changed}, and to {expected} by json-patch"));
    }
    Ok(Outcome::Accepted)
}

/// Checks that the difference between two documents leads from one to the other.
fn check_difference(choices: &mut Choices<'_>, before: &Value) -> Result<(), String> {
    let mut after = before.clone();
    for _ in 0..=choices.number(4) {
        at_any_node(choices, &mut after, |choices, node| *node = hostile_value(choices));
    }
    let mut held = before.clone();
    apply_patch(&mut held, &diff(before, &after)).map_err(|error| format!("a difference: {error}"))?;
    match held == after {
        true => Ok(()),
        false => Err(format!("the difference to {after} leads to {held}")),
    }
}
