//! The state that a run shares with its client.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::voice::Voice;
use crate::protocol::JsonObject;

/// The state that the client shows and sends along: a JSON document that the tools of a run read and change.
///
/// It is the client's data, and goes to the client: nothing in it is proven, and nothing secret belongs in it. Each
/// change is sent at once, as little of it as will do, in the order in which the tools of a turn make them.
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
pub struct State {
    voice: Voice,
}

/// A place in the shared state, or in an activity, that can't be read or written as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Paths are empty or begin with `/`.
    #[error("{0:?} is no JSON Pointer")]
    BadPointer(String),
    /// Something else stands on the way, or the list is shorter.
    #[error("nothing can stand at {0:?}")]
    NoPlace(String),
    /// The next request has to bring the state back, and none with more levels can be read.
    #[error("what stands at {pointer:?} would make it more than {limit} levels deep")]
    TooDeep {
        /// Where it was to stand.
        pointer: String,
        /// How many levels there may be.
        limit: usize,
    },
    /// What the client sent, or another tool set, is not what this one expects. What it is instead is not told: it
    /// would end up in the log.
    #[error("what stands at {0:?} has another shape")]
    OtherShape(String),
    /// The value can't be JSON.
    #[error("the value for {pointer:?} is not JSON")]
    NotJson {
        /// Where it was to stand.
        pointer: String,
        /// Why not.
        source: serde_json::Error,
    },
}

impl State {
    pub(super) fn new(voice: Voice) -> Self {
        Self { voice }
    }

    /// The whole state as it is now.
    pub fn value(&self) -> Arc<Value> {
        self.voice.state()
    }

    /// What stands at a JSON Pointer (RFC 6901; `""` is the whole), if anything does; null counts as nothing.
    ///
    /// # Errors
    /// [`StateError::OtherShape`] if it is no `T`: the state is what a client sent. [`StateError::BadPointer`] where
    /// the path does not begin with `/`.
    pub fn get<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>, StateError> {
        check(pointer)?;
        let state = self.voice.state();
        match state.pointer(pointer) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let read = T::deserialize(value).map_err(|_| StateError::OtherShape(pointer.to_owned()))?;
                Ok(Some(read))
            }
        }
    }

    /// Sets what stands at a JSON Pointer.
    ///
    /// Objects on the way are made where there is nothing; in a list, `-` and its length append.
    ///
    /// # Errors
    /// [`StateError`] where nothing can stand there, or the value can't be JSON. The state is as it was.
    pub async fn set(&self, pointer: &str, value: impl Serialize + Send) -> Result<(), StateError> {
        let value = json(pointer, value)?;
        let ((), receipt) = self.voice.change_state(|state| place(state, pointer, value))?;
        receipt.told().await;
        Ok(())
    }

    /// Changes the state in any way. No other change comes between: read and write in one what belongs together.
    ///
    /// Nothing checks what comes of it: a state of more than 100 levels is one that no later request can bring back.
    pub async fn update<T: Send>(&self, change: impl FnOnce(&mut Value) -> T + Send) -> T {
        let changed = self.voice.change_state(|state| Ok::<_, std::convert::Infallible>(change(state)));
        let Ok((made, receipt)) = changed;
        receipt.told().await;
        made
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

/// A value as JSON, for a place.
pub(super) fn json(pointer: &str, value: impl Serialize) -> Result<Value, StateError> {
    serde_json::to_value(value).map_err(|source| StateError::NotJson { pointer: pointer.to_owned(), source })
}

/// How many levels a value with its place may have: the next request has to bring it back, in a body of 127 levels.
const DEEPEST: usize = 100;

fn check(pointer: &str) -> Result<(), StateError> {
    match pointer.is_empty() || pointer.starts_with('/') {
        true => Ok(()),
        false => Err(StateError::BadPointer(pointer.to_owned())),
    }
}

/// The index that a pointer names, written as the RFC wants it.
fn index(token: &str) -> Option<usize> {
    token.parse().ok().filter(|index: &usize| index.to_string() == token)
}

/// Whether a value has more levels of objects and lists than these.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|item| is_deeper(item, levels - 1)),
        _ => false,
    }
}

/// Puts a value where a pointer points.
pub(super) fn place(root: &mut Value, pointer: &str, value: Value) -> Result<(), StateError> {
    check(pointer)?;
    let left = DEEPEST.checked_sub(pointer.matches('/').count());
    if left.is_none_or(|left| is_deeper(&value, left)) {
        return Err(StateError::TooDeep { pointer: pointer.to_owned(), limit: DEEPEST });
    }
    let nowhere = || StateError::NoPlace(pointer.to_owned());
    let mut at = root;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if at.is_null() {
            *at = Value::Object(JsonObject::new());
        }
        at = match at {
            Value::Object(members) => members.entry(token).or_insert(Value::Null),
            Value::Array(items) => {
                let index = if token == "-" { items.len() } else { index(&token).ok_or_else(nowhere)? };
                if index == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(index).ok_or_else(nowhere)?
            }
            _ => return Err(nowhere()),
        };
    }
    *at = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_placed_where_the_pointer_points_or_nowhere() {
        for (why, before, pointer, after) in [
            ("the whole", json!({"a": 1}), "", Ok(json!("new"))),
            ("a member", json!({"a": 1}), "/a", Ok(json!({"a": "new"}))),
            ("objects on the way", json!({}), "/a/b", Ok(json!({"a": {"b": "new"}}))),
            ("null on the way", json!({"a": null}), "/a/b", Ok(json!({"a": {"b": "new"}}))),
            ("nothing at all", json!(null), "/a", Ok(json!({"a": "new"}))),
            ("an element", json!([1, 2]), "/1", Ok(json!([1, "new"]))),
            ("behind the last", json!([1]), "/1", Ok(json!([1, "new"]))),
            ("a dash", json!([1]), "/-", Ok(json!([1, "new"]))),
            ("into a new element", json!([]), "/-/a", Ok(json!([{"a": "new"}]))),
            ("signs of a pointer", json!({}), "/a~1b~0", Ok(json!({"a/b~": "new"}))),
            ("an empty name", json!({}), "/", Ok(json!({"": "new"}))),
            ("too far behind", json!([1]), "/3", Err("nothing can stand at \"/3\"")),
            ("an index with a zero before it", json!([1]), "/00", Err("nothing can stand at \"/00\"")),
            ("no index", json!([1]), "/one", Err("nothing can stand at \"/one\"")),
            ("through a text", json!({"a": "b"}), "/a/c", Err("nothing can stand at \"/a/c\"")),
            ("no pointer", json!({}), "a", Err("\"a\" is no JSON Pointer")),
        ] {
            let mut state = before;
            let placed = place(&mut state, pointer, json!("new"));
            assert_eq!(
                placed.map(|()| state).map_err(|error| error.to_string()),
                after.map_err(String::from),
                "{why}"
            );
        }
    }

    #[test]
    fn what_is_placed_goes_no_deeper_than_a_request_can_carry() {
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
            let placed = place(&mut state, &"/a".repeat(pointer), nested(levels));
            assert_eq!(placed.is_ok(), fits, "{why}");
            assert!(fits || state == json!({}), "{why}: nothing has changed");
        }
        let error = place(&mut json!({}), "/a", nested(100)).unwrap_err().to_string();
        assert_eq!(error, r#"what stands at "/a" would make it more than 100 levels deep"#);
    }

    #[test]
    fn the_deepest_state_that_can_be_set_comes_back_in_a_request() {
        let mut state = json!({});
        place(&mut state, &"/a".repeat(DEEPEST), json!("new")).unwrap();
        let body =
            json!({ "state": state, "messages": [{ "content": [{ "metadata": state }] }] }).to_string();

        assert!(crate::json::read(body.as_bytes()).is_ok());
    }
}
