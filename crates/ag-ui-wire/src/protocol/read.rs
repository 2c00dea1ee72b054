//! Reads JSON member by member, with a JSON Pointer for every error.
//!
//! serde's derive loses the path inside tagged enums and refuses what a newer peer adds. Both matter to a server whose
//! clients are written by others. Members are taken out of the value, so long texts are not copied.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::JsonObject;

/// The error of [`RunAgentInput::read`](super::RunAgentInput::read): a member of the input is missing or malformed.
///
/// It names the member and what was expected of it, and never quotes what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {problem}", path = if path.is_empty() { "the body" } else { path })]
pub struct InputError {
    /// The JSON Pointer (RFC 6901) of the member. It is empty if the complete input is wrong.
    pub path: String,
    /// What is wrong with the member.
    pub problem: InputProblem,
}

/// What is wrong with a member of an input. Its text is the rest of a sentence that starts with the member's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// A required member is absent or null.
    #[error("is missing")]
    Missing,
    /// The member is not a string.
    #[error("must be a string")]
    NotAString,
    /// The member is not an object.
    #[error("must be an object")]
    NotAnObject,
    /// The member is not an array.
    #[error("must be an array")]
    NotAnArray,
    /// The content of a message is neither a string nor an array.
    #[error("must be a string or an array of parts")]
    NotContent,
    /// The id of a thread or a run is too long.
    #[error("must be at most {max_bytes} bytes")]
    TooLong {
        /// How many bytes it may have.
        max_bytes: usize,
    },
}

/// The elements of lists that were left out because this version of the protocol does not know their kind.
#[derive(Debug, Default)]
pub(super) struct DroppedElements {
    /// The JSON Pointers of the elements, in order.
    pub(super) paths: Vec<String>,
}

/// A JSON object whose members are taken out one by one.
pub(super) struct ObjectReader {
    members: JsonObject,
    /// The JSON Pointer of the object.
    path: String,
}

impl ObjectReader {
    /// Starts to read the members of the object at the root of a JSON value, whose JSON Pointer is empty.
    pub(super) fn of(members: JsonObject) -> Self {
        Self { members, path: String::new() }
    }

    /// Starts to read the members of a value whose JSON Pointer is `path`; an error if the value is not an object.
    pub(super) fn new(value: Value, path: String) -> Result<Self, InputError> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ => Err(InputError { path, problem: InputProblem::NotAnObject }),
        }
    }

    /// Removes and returns the member `key` of any JSON type; `None` if it is absent or null.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Value> {
        self.members.remove(key).filter(|value| !value.is_null())
    }

    /// Removes and returns the member `key`; `None` if it is absent or null, an error if it is not a string.
    pub(super) fn optional_string(&mut self, key: &'static str) -> Result<Option<String>, InputError> {
        match self.optional(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(key, InputProblem::NotAString)),
        }
    }

    /// Removes and returns the member `key`; an error if it is absent, null or not a string.
    pub(super) fn string(&mut self, key: &'static str) -> Result<String, InputError> {
        self.optional_string(key)?.ok_or_else(|| self.missing(key))
    }

    /// Removes and returns the member `key`; `None` if it is absent or null, an error if it is not an object.
    pub(super) fn optional_object(&mut self, key: &'static str) -> Result<Option<JsonObject>, InputError> {
        match self.optional(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.error(key, InputProblem::NotAnObject)),
        }
    }

    /// Removes the member `key` and returns a reader of its members; an error if it is absent, null or not an object.
    pub(super) fn object(&mut self, key: &'static str) -> Result<ObjectReader, InputError> {
        let value = self.optional(key).ok_or_else(|| self.missing(key))?;
        ObjectReader::new(value, self.pointer(key))
    }

    /// Removes the array `key` and reads each of its objects with `read`; `None` if the array is absent or null.
    ///
    /// An element for which `read` returns `None` is left out, and its JSON Pointer is added to `dropped`. `read` gets
    /// `dropped` too, for elements of inner lists.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        dropped: &mut DroppedElements,
        read: impl Fn(ObjectReader, &mut DroppedElements) -> Result<Option<T>, InputError>,
    ) -> Result<Option<Vec<T>>, InputError> {
        let elements = match self.optional(key) {
            None => return Ok(None),
            Some(Value::Array(elements)) => elements,
            Some(_) => return Err(self.error(key, InputProblem::NotAnArray)),
        };
        let mut list = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let path = format!("{}/{key}/{index}", self.path);
            match read(ObjectReader::new(element, path.clone())?, dropped)? {
                Some(item) => list.push(item),
                None => dropped.paths.push(path),
            }
        }
        Ok(Some(list))
    }

    /// Whether the object has the member `key` and the member is a string. The content of a message is a string or an
    /// array, and this decides which of them is read.
    pub(super) fn has_string(&self, key: &str) -> bool {
        self.members.get(key).is_some_and(Value::is_string)
    }

    /// Creates the error for the required member `key`, which is absent or null.
    pub(super) fn missing(&self, key: &'static str) -> InputError {
        self.error(key, InputProblem::Missing)
    }

    /// Returns the number of members that no other method has removed, which are those that this version does not know.
    /// Reading an input reports this number in its result.
    pub(super) fn remaining_members(&self) -> usize {
        self.members.len()
    }

    /// Creates the error for the member `key` of this object, with its JSON Pointer.
    pub(super) fn error(&self, key: &'static str, problem: InputProblem) -> InputError {
        InputError { path: self.pointer(key), problem }
    }

    /// Returns the JSON Pointer of the member `key` of this object.
    fn pointer(&self, key: &'static str) -> String {
        format!("{}/{key}", self.path)
    }
}

/// Deserializes one value with `read`, the function that reads such a value as an element of an input.
///
/// If `read` returns `None` because the type is unknown, an input leaves the element out of its list. Here this is an
/// error, which names `type_name`.
pub(super) fn deserialize<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    type_name: &str,
    read: impl FnOnce(ObjectReader, &mut DroppedElements) -> Result<Option<T>, InputError>,
) -> Result<T, D::Error> {
    let object = ObjectReader::of(JsonObject::deserialize(deserializer)?);
    read(object, &mut DroppedElements::default())
        .map_err(D::Error::custom)?
        .ok_or_else(|| D::Error::custom(format_args!("a {type_name} of a kind that is not known")))
}

/// Implements `Deserialize` with the type's own `read`.
macro_rules! deserialize_by_reading {
    ($($name:ident)+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            /// Deserializes one value with the `read` of its type; a value of an unknown type is an error.
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::protocol::read::deserialize(deserializer, stringify!($name), Self::read)
            }
        }
    )+};
}
pub(super) use deserialize_by_reading;

/// Deserializes a list for serde's `deserialize_with`. Null becomes an empty list.
pub(super) fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
