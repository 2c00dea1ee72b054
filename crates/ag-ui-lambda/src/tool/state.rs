//! The state that a run shares with its client.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::events::ToolEventSender;
use crate::json::{count_values, text_length};
use crate::protocol::{InputLimits, JsonObject};

/// The shared state of AG-UI: a JSON document that the client sends with a run, and that tools read and change.
///
/// It comes from the client and goes to the client. So nothing in it is proven, and it must not contain secrets. Each
/// change is sent immediately as a delta, in the order in which the tools of a turn make the changes. It is cheap to
/// clone.
///
/// ```
/// use ag_ui_lambda::{NoArgs, ToolContext, ToolError};
/// use serde_json::json;
///
/// async fn bake(context: ToolContext<()>, _: NoArgs) -> Result<&'static str, ToolError> {
///     let state = context.state();
///     let minutes: u64 = state.get("/oven/minutes")?.unwrap_or(30);
///     state.set("/oven", json!({ "minutes": minutes, "is_on": true })).await?;
///     state.update(|state| state["oven"]["is_on"] = false.into()).await;
///     Ok("It is baked.")
/// }
/// ```
#[derive(Clone)]
pub struct SharedState {
    events: ToolEventSender,
}

/// A value in the shared state, or in the content of an activity, cannot be read or set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The path is not a JSON Pointer: it is neither empty nor begins with `/`.
    #[error("{0:?} is not a JSON Pointer")]
    InvalidPointer(String),
    /// The pointer leads through a value that is neither an object nor a list, or past the end of a list.
    #[error("no value can be placed at {0:?}")]
    Unreachable(String),
    /// The value would nest too deeply: the client sends the state back with its next request, whose nesting is limited.
    #[error("the value for {pointer:?} would make it more than {limit} levels deep")]
    TooDeep {
        /// The pointer at which the value was to be placed.
        pointer: String,
        /// How many levels are allowed.
        limit: usize,
    },
    /// The state would be too large: the client sends it back with its next request, whose state is
    /// [limited](crate::protocol::InputLimits::state_bytes).
    #[error("the value for {pointer:?} would make the state more than {limit} bytes long")]
    TooLarge {
        /// The pointer at which the value was to be placed.
        pointer: String,
        /// How many bytes the JSON text of the state may have.
        limit: usize,
    },
    /// The state would have too many values: the client sends it back with its next request, whose values are
    /// [limited](crate::protocol::InputLimits::json_values). The state may have three quarters of them, since the schemas of
    /// tools and the answers of people count, too.
    #[error("the value for {pointer:?} would make the state more than {limit} JSON values")]
    TooManyValues {
        /// The pointer at which the value was to be placed.
        pointer: String,
        /// How many values the state may have, counted as by [`read_limited`](crate::json::read_limited).
        limit: usize,
    },
    /// The value has another type than the tool expects. The error does not contain the value, since it would end up in
    /// the log.
    #[error("the value at {0:?} has an unexpected type")]
    UnexpectedType(String),
    /// The value cannot be converted to JSON.
    #[error("the value for {pointer:?} is not JSON")]
    NotJson {
        /// The pointer at which the value was to be placed.
        pointer: String,
        /// The reason that serde gives.
        source: serde_json::Error,
    },
}

impl SharedState {
    /// Creates the handle with which a tool reads and changes the shared state; `events` is the channel to the run.
    pub(super) fn new(events: ToolEventSender) -> Self {
        Self { events }
    }

    /// Returns the complete state as it is now.
    pub fn value(&self) -> Arc<Value> {
        self.events.state()
    }

    /// Reads the value at a JSON Pointer (RFC 6901; `""` is the complete state). `None` if there is no value or it is
    /// `null`.
    ///
    /// # Errors
    /// [`StateError::UnexpectedType`] if serde cannot read a `T` from the value, which the client may have sent;
    /// [`StateError::InvalidPointer`] if the path is neither empty nor begins with `/`.
    pub fn get<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>, StateError> {
        check_pointer(pointer)?;
        let state = self.events.state();
        match state.pointer(pointer) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let read =
                    T::deserialize(value).map_err(|_| StateError::UnexpectedType(pointer.to_owned()))?;
                Ok(Some(read))
            }
        }
    }

    /// Sets the value at a JSON Pointer, and waits until the client can read the change.
    ///
    /// What is missing on the way is created: a list where the path goes on with `-`, an object otherwise. In a list, the
    /// index `-` and the index that equals the length append a value.
    ///
    /// # Errors
    /// [`StateError`] if the value cannot be placed there or cannot be converted to JSON, or if the client could not send
    /// the new state back. The state stays as it was.
    pub async fn set(&self, pointer: &str, value: impl Serialize + Send) -> Result<(), StateError> {
        let value = to_json(pointer, value)?;
        let limits = self.events.input_limits();
        let change = |state: &mut Value| {
            let values = count_values(state);
            set_at(state, pointer, value)?;
            check_size(state, values, pointer, limits)
        };
        let ((), delivery) = self.events.update_state(change)?;
        delivery.delivered().await;
        Ok(())
    }

    /// Changes the state with `change`, and waits until the client can read the new state. Returns what `change`
    /// returns. No other tool can change the state while `change` runs, so use this method to write what depends on
    /// what was read.
    ///
    /// The new state is not checked. If it is nested more than 100 levels deep, is larger than
    /// [`InputLimits::state_bytes`](crate::protocol::InputLimits::state_bytes), or has more than three quarters of
    /// [`InputLimits::json_values`](crate::protocol::InputLimits::json_values), the client may not be able to send it back.
    pub async fn update<T: Send>(&self, change: impl FnOnce(&mut Value) -> T + Send) -> T {
        let changed = self.events.update_state(|state| Ok::<_, std::convert::Infallible>(change(state)));
        let Ok((output, delivery)) = changed;
        delivery.delivered().await;
        output
    }
}

impl fmt::Debug for SharedState {
    /// Shows only the name of the type, because the state is data of the client.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedState").finish_non_exhaustive()
    }
}

/// Checks that a client can send the state back, which was changed at `pointer`: its next request has `limits`. `values` is how
/// many values the state had before: a change that adds none is allowed, since the client has sent as many.
fn check_size(state: &Value, values: usize, pointer: &str, limits: InputLimits) -> Result<(), StateError> {
    let limit = limits.state_bytes;
    if text_length(state, limit.saturating_add(1)) > limit {
        return Err(StateError::TooLarge { pointer: pointer.to_owned(), limit });
    }
    let limit = limits.json_values / 4 * 3;
    match count_values(state) > limit.max(values) {
        true => Err(StateError::TooManyValues { pointer: pointer.to_owned(), limit }),
        false => Ok(()),
    }
}

/// Converts a value that will be placed at `pointer` to JSON. The error is [`StateError::NotJson`], which names the
/// pointer.
pub(super) fn to_json(pointer: &str, value: impl Serialize) -> Result<Value, StateError> {
    serde_json::to_value(value).map_err(|source| StateError::NotJson { pointer: pointer.to_owned(), source })
}

/// How many levels a value may have, those of its pointer included. The client sends the value back in a request, which
/// may have 127 levels.
const MAX_DEPTH: usize = 100;

/// Checks that a path is empty or begins with `/`, as a JSON Pointer must. The error is [`StateError::InvalidPointer`].
fn check_pointer(pointer: &str) -> Result<(), StateError> {
    match pointer.is_empty() || pointer.starts_with('/') {
        true => Ok(()),
        false => Err(StateError::InvalidPointer(pointer.to_owned())),
    }
}

/// Parses the index of a list element; `None` if the text is not an index in the form of RFC 6901, which allows no
/// leading zero.
fn parse_index(token: &str) -> Option<usize> {
    token.parse().ok().filter(|index: &usize| index.to_string() == token)
}

/// Whether a value has more than `levels` levels of objects and lists.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|item| is_deeper(item, levels - 1)),
        _ => false,
    }
}

/// Sets the value at a JSON Pointer within `root`, by the rules of [`SharedState::set`]. After an error a part of the
/// path may have been created, so callers pass a copy as `root`.
pub(super) fn set_at(root: &mut Value, pointer: &str, value: Value) -> Result<(), StateError> {
    check_pointer(pointer)?;
    let left = MAX_DEPTH.checked_sub(pointer.matches('/').count());
    if left.is_none_or(|left| is_deeper(&value, left)) {
        return Err(StateError::TooDeep { pointer: pointer.to_owned(), limit: MAX_DEPTH });
    }
    let unreachable = || StateError::Unreachable(pointer.to_owned());
    let mut target = root;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if target.is_null() {
            *target = if token == "-" { Value::Array(Vec::new()) } else { Value::Object(JsonObject::new()) };
        }
        target = match target {
            Value::Object(members) => members.entry(token).or_insert(Value::Null),
            Value::Array(items) => {
                let index =
                    if token == "-" { items.len() } else { parse_index(&token).ok_or_else(unreachable)? };
                if index == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(index).ok_or_else(unreachable)?
            }
            _ => return Err(unreachable()),
        };
    }
    *target = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn set_at_follows_rfc_6901_pointers() {
        for (why, before, pointer, after) in [
            ("the complete value", json!({"a": 1}), "", Ok(json!("new"))),
            ("a member", json!({"a": 1}), "/a", Ok(json!({"a": "new"}))),
            ("objects on the way", json!({}), "/a/b", Ok(json!({"a": {"b": "new"}}))),
            ("null on the way", json!({"a": null}), "/a/b", Ok(json!({"a": {"b": "new"}}))),
            ("nothing at all", json!(null), "/a", Ok(json!({"a": "new"}))),
            ("a dash without a list", json!({}), "/a/-", Ok(json!({"a": ["new"]}))),
            ("a dash at nothing at all", json!(null), "/-", Ok(json!(["new"]))),
            ("an object below a new list", json!({"a": null}), "/a/-/b", Ok(json!({"a": [{"b": "new"}]}))),
            ("a member that is named as a dash", json!({"a": 1}), "/-", Ok(json!({"a": 1, "-": "new"}))),
            ("an element", json!([1, 2]), "/1", Ok(json!([1, "new"]))),
            ("behind the last", json!([1]), "/1", Ok(json!([1, "new"]))),
            ("a dash", json!([1]), "/-", Ok(json!([1, "new"]))),
            ("into a new element", json!([]), "/-/a", Ok(json!([{"a": "new"}]))),
            ("escaped characters", json!({}), "/a~1b~0", Ok(json!({"a/b~": "new"}))),
            ("an empty name", json!({}), "/", Ok(json!({"": "new"}))),
            ("too far behind", json!([1]), "/3", Err("no value can be placed at \"/3\"")),
            ("an index with a zero before it", json!([1]), "/00", Err("no value can be placed at \"/00\"")),
            ("not an index", json!([1]), "/one", Err("no value can be placed at \"/one\"")),
            ("through a text", json!({"a": "b"}), "/a/c", Err("no value can be placed at \"/a/c\"")),
            ("not a pointer", json!({}), "a", Err("\"a\" is not a JSON Pointer")),
        ] {
            let mut state = before;
            let placed = set_at(&mut state, pointer, json!("new"));
            assert_eq!(
                placed.map(|()| state).map_err(|error| error.to_string()),
                after.map_err(String::from),
                "{why}"
            );
        }
    }

    #[test]
    fn set_at_limits_the_depth() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
        for (why, pointer, levels, fits) in [
            ("as deep as may be", 100, 0, true),
            ("a pointer too deep", 101, 0, false),
            ("far too deep", 1_000_000, 0, false),
            ("a value as deep as may be", 0, 100, true),
            ("a value too deep", 0, 101, false),
            ("both together as deep as may be", 60, 40, true),
            ("both together too deep", 60, 41, false),
        ] {
            let mut state = json!({});
            let placed = set_at(&mut state, &"/a".repeat(pointer), nested(levels));
            assert_eq!(placed.is_ok(), fits, "{why}");
            assert!(fits || state == json!({}), "{why}: nothing has changed");
        }
        let error = set_at(&mut json!({}), "/a", nested(100)).unwrap_err().to_string();
        assert_eq!(error, r#"the value for "/a" would make it more than 100 levels deep"#);
    }

    #[test]
    fn deepest_state_fits_into_a_request() {
        let mut state = json!({});
        set_at(&mut state, &"/a".repeat(MAX_DEPTH), json!("new")).unwrap();
        let body =
            json!({ "state": state, "messages": [{ "content": [{ "metadata": state }] }] }).to_string();

        assert!(crate::json::read(body.as_bytes()).is_ok());
    }
}
