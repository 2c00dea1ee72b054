//! JSON Patch (RFC 6902), which STATE_DELTA and ACTIVITY_DELTA carry.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A list of operations, which a client applies in order. If one of them fails, none is applied.
pub type JsonPatch = Vec<PatchOperation>;

/// Describes one operation of a JSON Patch. `path` and `from` are JSON Pointers (RFC 6901).
#[expect(clippy::exhaustive_enums, reason = "RFC 6902 has these six operations")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOperation {
    /// Inserts an element into an array, or sets a member of an object.
    Add {
        /// Where the value is or goes.
        path: String,
        /// The value, which may be null.
        value: Value,
    },
    /// Removes the value at `path`.
    Remove {
        /// Where the value is or goes.
        path: String,
    },
    /// Replaces the value at `path`, which must exist.
    Replace {
        /// Where the value is or goes.
        path: String,
        /// The value, which may be null.
        value: Value,
    },
    /// Moves the value at `from` to `path`.
    Move {
        /// Where the value is now.
        from: String,
        /// Where the value goes.
        path: String,
    },
    /// Copies the value at `from` to `path`.
    Copy {
        /// Where the value is now.
        from: String,
        /// Where the value goes.
        path: String,
    },
    /// Fails the patch unless `value` is at `path`.
    Test {
        /// Where the value is or goes.
        path: String,
        /// The value, which may be null.
        value: Value,
    },
}

/// A JSON Patch does not fit the document that it should change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operation {index} of the patch does not fit the document at {pointer:?}")]
#[non_exhaustive]
pub struct PatchError {
    /// The index of the first operation that does not fit.
    pub index: usize,
    /// The JSON Pointer that the operation could not follow or that does not hold the expected value.
    pub pointer: String,
}

/// Changes `document` by a JSON Patch, as a client does when it reads STATE_DELTA.
///
/// ```
/// use ag_ui_wire::protocol::{apply_patch, diff};
/// use serde_json::json;
///
/// let (mut held, now) = (json!({"a": [1, 2]}), json!({"a": [1, 3], "b": null}));
/// let patch = diff(&held, &now);
/// apply_patch(&mut held, &patch)?;
/// assert_eq!(held, now);
/// # Ok::<(), ag_ui_wire::protocol::PatchError>(())
/// ```
///
/// # Errors
/// [`PatchError`] for the first operation that does not fit the document, and for a `copy` with which the copies of the patch
/// would take more than 16 MiB of memory. The document then stays as it was.
pub fn apply_patch(document: &mut Value, patch: &[PatchOperation]) -> Result<(), PatchError> {
    let mut changed = document.clone();
    let mut copies = MAX_COPIED_BYTES;
    for (index, operation) in patch.iter().enumerate() {
        apply(&mut changed, operation, &mut copies)
            .map_err(|pointer| PatchError { index, pointer: pointer.to_owned() })?;
    }
    *document = changed;
    Ok(())
}

/// The most memory that the copies of one patch take. Each copy of the complete document doubles it, so without a limit a short
/// patch could use all memory of a client.
const MAX_COPIED_BYTES: usize = 16 * 1024 * 1024;

/// Applies one operation. `copies` is how many bytes the operations `copy` may still take. The error is the JSON Pointer that
/// does not fit the document.
fn apply<'a>(document: &mut Value, operation: &'a PatchOperation, copies: &mut usize) -> Result<(), &'a str> {
    match operation {
        PatchOperation::Add { path, value } => add(document, path, value.clone()),
        PatchOperation::Remove { path } => remove(document, path).map(drop),
        PatchOperation::Replace { path, value } => {
            *document.pointer_mut(path).ok_or(path.as_str())? = value.clone();
            Ok(())
        }
        PatchOperation::Move { from, path } => {
            // A value cannot be moved into itself, also if another one takes its place in a list.
            if path.strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with('/')) {
                return Err(path);
            }
            let value = remove(document, from)?;
            add(document, path, value)
        }
        PatchOperation::Copy { from, path } => {
            let value = document.pointer(from).ok_or(from.as_str())?;
            *copies = copies.checked_sub(memory_of(value)).ok_or(from.as_str())?;
            let value = value.clone();
            add(document, path, value)
        }
        PatchOperation::Test { path, value } => match document.pointer(path) {
            Some(held) if held == value => Ok(()),
            _ => Err(path),
        },
    }
}

/// Returns about how many bytes of memory a value takes.
fn memory_of(value: &Value) -> usize {
    let content: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(memory_of).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| size_of::<String>() + name.len() + memory_of(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + content
}

/// Inserts a value into an array, sets a member of an object, or replaces the complete document.
fn add<'a>(document: &mut Value, path: &'a str, value: Value) -> Result<(), &'a str> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (parent, token) = parent_of(document, path)?;
    match parent {
        Value::Object(members) => {
            members.insert(token, value);
        }
        Value::Array(items) => {
            let index = if token == "-" { items.len() } else { index_of(&token).ok_or(path)? };
            if index > items.len() {
                return Err(path);
            }
            items.insert(index, value);
        }
        _ => return Err(path),
    }
    Ok(())
}

/// Removes the value at `path`, which must exist, and returns it. The complete document becomes null.
fn remove<'a>(document: &mut Value, path: &'a str) -> Result<Value, &'a str> {
    if path.is_empty() {
        return Ok(document.take());
    }
    let (parent, token) = parent_of(document, path)?;
    let removed = match parent {
        Value::Object(members) => members.remove(&token),
        Value::Array(items) => {
            index_of(&token).filter(|index| *index < items.len()).map(|index| items.remove(index))
        }
        _ => None,
    };
    removed.ok_or(path)
}

/// Finds the object or array that holds the value at `path`, and returns it with the last part of the path, which names a
/// member or an element.
fn parent_of<'a, 'd>(document: &'d mut Value, path: &'a str) -> Result<(&'d mut Value, String), &'a str> {
    let (parent, token) = path.rsplit_once('/').ok_or(path)?;
    let parent = document.pointer_mut(parent).ok_or(path)?;
    Ok((parent, token.replace("~1", "/").replace("~0", "~")))
}

/// Parses the index of an array's element; `None` if it has another form than RFC 6901 allows.
fn index_of(token: &str) -> Option<usize> {
    token.parse().ok().filter(|index: &usize| index.to_string() == token)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The document after the patch, or the pointer that does not fit.
    fn patched(document: Value, patch: Value) -> Result<Value, String> {
        let patch: JsonPatch = serde_json::from_value(patch).unwrap();
        let mut changed = document.clone();
        match apply_patch(&mut changed, &patch) {
            Ok(()) => Ok(changed),
            Err(error) => {
                assert_eq!(changed, document, "a patch that fails changes nothing");
                Err(error.pointer)
            }
        }
    }

    #[test]
    fn copies_that_double_the_document_are_refused() {
        let double = json!({"op": "copy", "from": "", "path": "/a/-"});
        let mut document = json!({"a": ["text"]});
        let before = document.clone();
        let patch = |times| serde_json::from_value::<JsonPatch>(vec![double.clone(); times].into()).unwrap();

        let error = apply_patch(&mut document, &patch(64)).unwrap_err();

        assert_eq!((&document, error.pointer.as_str()), (&before, ""));
        assert!((15..25).contains(&error.index), "{error}");
        assert!(apply_patch(&mut document, &patch(5)).is_ok());
    }

    #[test]
    fn each_operation_changes_the_document_as_rfc_6902_says() {
        for (why, document, operation, expected) in [
            ("a new member", json!({}), json!({"op": "add", "path": "/a", "value": 1}), Ok(json!({"a": 1}))),
            (
                "an element",
                json!([1, 3]),
                json!({"op": "add", "path": "/1", "value": 2}),
                Ok(json!([1, 2, 3])),
            ),
            ("at the end", json!([1]), json!({"op": "add", "path": "/-", "value": 2}), Ok(json!([1, 2]))),
            ("the document", json!([1]), json!({"op": "add", "path": "", "value": 2}), Ok(json!(2))),
            ("past the end", json!([1]), json!({"op": "add", "path": "/2", "value": 2}), Err("/2")),
            ("into a number", json!({"a": 1}), json!({"op": "add", "path": "/a/b", "value": 2}), Err("/a/b")),
            ("remove a member", json!({"a": 1}), json!({"op": "remove", "path": "/a"}), Ok(json!({}))),
            ("remove an element", json!([1, 2]), json!({"op": "remove", "path": "/0"}), Ok(json!([2]))),
            ("remove nothing", json!({}), json!({"op": "remove", "path": "/a"}), Err("/a")),
            ("not an index", json!([1, 2]), json!({"op": "remove", "path": "/00"}), Err("/00")),
            (
                "replace",
                json!({"a": 1}),
                json!({"op": "replace", "path": "/a", "value": null}),
                Ok(json!({"a": null})),
            ),
            ("replace nothing", json!({}), json!({"op": "replace", "path": "/a", "value": 1}), Err("/a")),
            ("move", json!({"a": 1}), json!({"op": "move", "from": "/a", "path": "/b"}), Ok(json!({"b": 1}))),
            (
                "move into itself",
                json!([[], []]),
                json!({"op": "move", "from": "/0", "path": "/0/0"}),
                Err("/0/0"),
            ),
            (
                "copy",
                json!({"a": 1}),
                json!({"op": "copy", "from": "/a", "path": "/b"}),
                Ok(json!({"a": 1, "b": 1})),
            ),
            ("copy nothing", json!({}), json!({"op": "copy", "from": "/a", "path": "/b"}), Err("/a")),
            ("an escaped name", json!({"a/~": 1}), json!({"op": "remove", "path": "/a~1~0"}), Ok(json!({}))),
            (
                "a test that holds",
                json!([1]),
                json!({"op": "test", "path": "/0", "value": 1}),
                Ok(json!([1])),
            ),
            ("a test that fails", json!([1]), json!({"op": "test", "path": "/0", "value": 2}), Err("/0")),
        ] {
            assert_eq!(patched(document, json!([operation])), expected.map_err(String::from), "{why}");
        }
    }

    #[test]
    fn patch_that_fails_in_the_middle_changes_nothing() {
        let patch = json!([{"op": "add", "path": "/a", "value": 1}, {"op": "remove", "path": "/b"}]);

        assert_eq!(patched(json!({}), patch), Err("/b".into()));
    }
}
