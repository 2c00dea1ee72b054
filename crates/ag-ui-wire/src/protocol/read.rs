//! Reading JSON member by member, with a JSON Pointer for every fault.
//!
//! serde's derive loses the path inside tagged enums and refuses what a newer peer adds; both matter at a
//! public front door. Members are taken out of the value, so long texts are never copied.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::JsonObject;

/// A member of the input that is missing or has the wrong shape.
///
/// It names the place and the shape that was expected, never what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {problem}", path = if path.is_empty() { "the body" } else { path })]
pub struct BadInput {
    /// JSON Pointer (RFC 6901) of the member.
    pub path: String,
    /// What is wrong, as the rest of a sentence that starts with the path.
    pub problem: &'static str,
}

impl BadInput {
    /// The same fault with another sentence, if it is about the member itself being no array.
    pub(super) fn or(self, problem: &'static str) -> Self {
        if self.problem == NOT_AN_ARRAY { Self { problem, ..self } } else { self }
    }
}

const NOT_AN_ARRAY: &str = "must be an array";

/// What was left out because this version of the protocol does not know it.
#[derive(Debug, Default)]
pub(super) struct Tolerance {
    /// JSON Pointers of the elements, in order.
    pub(super) dropped: Vec<String>,
}

/// An object whose members are taken out one by one.
pub(super) struct Object {
    members: JsonObject,
    path: String,
}

impl Object {
    /// The object at the root of a text.
    pub(super) fn of(members: JsonObject) -> Self {
        Self { members, path: String::new() }
    }

    pub(super) fn new(value: Value, path: String) -> Result<Self, BadInput> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ => Err(BadInput { path, problem: "must be an object" }),
        }
    }

    /// Takes a member; null counts as absent.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Value> {
        self.members.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn optional_string(&mut self, key: &'static str) -> Result<Option<String>, BadInput> {
        match self.optional(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(key, "must be a string")),
        }
    }

    pub(super) fn string(&mut self, key: &'static str) -> Result<String, BadInput> {
        self.optional_string(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn optional_object(&mut self, key: &'static str) -> Result<Option<JsonObject>, BadInput> {
        match self.optional(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.fault(key, "must be an object")),
        }
    }

    pub(super) fn object(&mut self, key: &'static str) -> Result<Object, BadInput> {
        let value = self.optional(key).ok_or_else(|| self.missing(key))?;
        Object::new(value, self.pointer(key))
    }

    /// Reads an array of objects; `read` answers `None` for an element to leave out.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        tolerance: &mut Tolerance,
        read: impl Fn(Object, &mut Tolerance) -> Result<Option<T>, BadInput>,
    ) -> Result<Option<Vec<T>>, BadInput> {
        let elements = match self.optional(key) {
            None => return Ok(None),
            Some(Value::Array(elements)) => elements,
            Some(_) => return Err(self.fault(key, NOT_AN_ARRAY)),
        };
        let mut list = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let path = format!("{}/{key}/{index}", self.path);
            match read(Object::new(element, path.clone())?, tolerance)? {
                Some(item) => list.push(item),
                None => tolerance.dropped.push(path),
            }
        }
        Ok(Some(list))
    }

    pub(super) fn holds_string(&self, key: &str) -> bool {
        self.members.get(key).is_some_and(Value::is_string)
    }

    pub(super) fn missing(&self, key: &'static str) -> BadInput {
        self.fault(key, "is missing")
    }

    /// How many members nobody took.
    pub(super) fn left_over(&self) -> usize {
        self.members.len()
    }

    pub(super) fn fault(&self, key: &'static str, problem: &'static str) -> BadInput {
        BadInput { path: self.pointer(key), problem }
    }

    fn pointer(&self, key: &'static str) -> String {
        format!("{}/{key}", self.path)
    }
}

/// Reads one value with the function that reads it as a part of an input. A kind that this version does not know is an
/// error here, since nothing is left if it is left out.
pub(super) fn deserialize<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    what: &str,
    read: impl FnOnce(Object, &mut Tolerance) -> Result<Option<T>, BadInput>,
) -> Result<T, D::Error> {
    let object = Object::of(JsonObject::deserialize(deserializer)?);
    read(object, &mut Tolerance::default())
        .map_err(D::Error::custom)?
        .ok_or_else(|| D::Error::custom(format_args!("a {what} of a kind that is not known")))
}

/// Implements `Deserialize` by the type's own `read`.
macro_rules! deserialize_by_reading {
    ($($name:ident)+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::protocol::read::deserialize(deserializer, stringify!($name), Self::read)
            }
        }
    )+};
}
pub(super) use deserialize_by_reading;

/// Reads a list that is absent where it is empty. Null counts as absent.
pub(super) fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
