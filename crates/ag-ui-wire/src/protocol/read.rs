//! Reads JSON member by member, with a JSON Pointer for every error.
//!
//! serde's derive loses the path inside tagged enums and refuses what a newer peer adds. Both matter to a server whose
//! clients are written by others. The members of an object are slices of its text and are read when they are asked for, so
//! what nobody asks for costs nothing.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::JsonObject;
use super::input_error::{InputError, InputProblem};
use super::input_limits::ElementKind;
use super::json_slices::{Members, for_each_element};
use super::reading::Reading;

/// The member of `metadata` that servers built on this crate write, and the only one that they read.
const OWN_METADATA: &str = "ag_ui_lambda";
/// The only member of it that servers read: the signature of a result, as text.
const SIGNATURE: &str = "signature";
/// Each signature is longer than this many bytes. A shorter text is not kept: what is kept of a message takes up to a kilobyte
/// beside the text, so that many short messages would take much more memory than they have bytes.
const MIN_SIGNATURE_BYTES: usize = 64;

/// A JSON object whose members are taken out one by one.
pub(super) struct ObjectReader<'a> {
    members: Members<'a>,
    /// The JSON Pointer of the object.
    path: String,
}

impl<'a> ObjectReader<'a> {
    /// Starts to read the members of the object whose text is `text` and whose JSON Pointer is `path`; an error if it is
    /// the text of another value.
    pub(super) fn new(text: &'a str, path: String) -> Result<Self, InputError> {
        match Members::of(text) {
            Some(members) => Ok(Self { members, path }),
            None => Err(InputError { path, problem: InputProblem::NotAnObject }),
        }
    }

    /// Returns the text of the member `key`, null included; `None` if it is absent. The member stays.
    pub(super) fn member(&self, key: &str) -> Option<&'a str> {
        self.members.get(key).map(RawValue::get)
    }

    /// Removes and returns the text of the member `key`; `None` if it is absent or null.
    pub(super) fn optional_text(&mut self, key: &'static str) -> Option<&'a str> {
        self.members.remove(key).map(RawValue::get).filter(|text| *text != "null")
    }

    /// Removes the member `key` of any JSON type and builds its value; `None` if it is absent or null, an error if the input
    /// has too many values.
    pub(super) fn optional(
        &mut self,
        key: &'static str,
        reading: &Reading,
    ) -> Result<Option<Value>, InputError> {
        let Some(text) = self.optional_text(key) else { return Ok(None) };
        reading.build(text).map(Some).map_err(|problem| self.error(key, problem))
    }

    /// Removes and returns the member `key`; `None` if it is absent or null, an error if it is not a string.
    pub(super) fn optional_string(&mut self, key: &'static str) -> Result<Option<String>, InputError> {
        let Some(text) = self.optional_text(key) else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|_| self.error(key, InputProblem::NotAString))
    }

    /// Removes and returns the member `key`; an error if it is absent, null or not a string.
    pub(super) fn string(&mut self, key: &'static str) -> Result<String, InputError> {
        self.optional_string(key)?.ok_or_else(|| self.missing(key))
    }

    /// Removes the member `key` and builds it; `None` if it is absent or null, an error if it is not an object or if the
    /// input has too many values.
    fn optional_object(
        &mut self,
        key: &'static str,
        reading: &Reading,
    ) -> Result<Option<JsonObject>, InputError> {
        let Some(text) = self.optional_text(key) else { return Ok(None) };
        if !text.starts_with('{') {
            return Err(self.error(key, InputProblem::NotAnObject));
        }
        match reading.build(text) {
            Ok(Value::Object(object)) => Ok(Some(object)),
            Ok(_) => Err(self.error(key, InputProblem::NotAnObject)),
            Err(problem) => Err(self.error(key, problem)),
        }
    }

    /// Removes the member `metadata` and reads what is kept of it: everything, or for a server only the signature in its own
    /// member, which does not count as a JSON value. `None` if there is nothing to keep, an error if it is not an object.
    pub(super) fn metadata(&mut self, reading: &Reading) -> Result<Option<JsonObject>, InputError> {
        if reading.keeps_unread_data {
            return self.optional_object("metadata", reading);
        }
        let Some(text) = self.optional_text("metadata") else { return Ok(None) };
        let members = Members::of(text).ok_or_else(|| self.error("metadata", InputProblem::NotAnObject))?;
        let Some(own) = members.get(OWN_METADATA).and_then(|own| Members::of(own.get())) else {
            return Ok(None);
        };
        let signature = own.get(SIGNATURE).filter(|text| text.get().len() > MIN_SIGNATURE_BYTES);
        let signature = signature.and_then(|text| serde_json::from_str::<String>(text.get()).ok());
        let keep = |text| JsonObject::from_iter([(OWN_METADATA.to_owned(), json!({ SIGNATURE: text }))]);
        Ok(signature.map(keep))
    }

    /// Removes the member `forwardedProps` and reads what is kept of it: everything, or for a server nothing, since no server
    /// reads it.
    pub(super) fn forwarded_props(&mut self, reading: &Reading) -> Result<Option<Value>, InputError> {
        match reading.keeps_unread_data {
            true => self.optional("forwardedProps", reading),
            false => Ok(self.optional_text("forwardedProps").and(None)),
        }
    }

    /// Removes the content of an activity message and reads what is kept of it: everything, or for a server an empty object,
    /// since no server reads it. An error if it is absent, null or not an object.
    pub(super) fn activity_content(&mut self, reading: &Reading) -> Result<JsonObject, InputError> {
        if !reading.keeps_unread_data {
            return self.object("content").map(|_| JsonObject::new());
        }
        self.optional_object("content", reading)?.ok_or_else(|| self.missing("content"))
    }

    /// Removes the member `state` and builds it; `None` if it is absent or null, an error if it is larger than the limits
    /// allow.
    pub(super) fn state(&mut self, reading: &Reading) -> Result<Option<Value>, InputError> {
        let Some(text) = self.optional_text("state") else { return Ok(None) };
        reading.build_state(text).map(Some).map_err(|problem| self.error("state", problem))
    }

    /// Removes the member `parameters` of a tool and builds it; `None` if it is absent or null, an error if it is larger
    /// than the limits allow.
    pub(super) fn parameters(&mut self, reading: &mut Reading) -> Result<Option<Value>, InputError> {
        let Some(text) = self.optional_text("parameters") else { return Ok(None) };
        reading.build_schema(text).map(Some).map_err(|problem| self.error("parameters", problem))
    }

    /// Removes the member `key` and returns a reader of its members; an error if it is absent, null or not an object.
    pub(super) fn object(&mut self, key: &'static str) -> Result<ObjectReader<'a>, InputError> {
        let text = self.optional_text(key).ok_or_else(|| self.missing(key))?;
        ObjectReader::new(text, self.pointer(key))
    }

    /// Removes the array `key` and reads each of its objects with `read`; `None` if the array is absent or null. The elements
    /// count as elements of `kind`.
    ///
    /// An element for which `read` returns `None` is left out, and its JSON Pointer is added to what `reading` has dropped.
    pub(super) fn list<T>(
        &mut self,
        (key, kind): (&'static str, ElementKind),
        reading: &mut Reading,
        read: impl Fn(ObjectReader<'a>, &mut Reading) -> Result<Option<T>, InputError>,
    ) -> Result<Option<Vec<T>>, InputError> {
        let Some(text) = self.optional_text(key) else { return Ok(None) };
        let (mut list, mut index, mut error) = (Vec::new(), 0, None);
        let mut read_element = |element: &'a RawValue| {
            reading.count(kind).map_err(|problem| self.error(key, problem))?;
            let path = format!("{}/{key}/{index}", self.path);
            index += 1;
            match read(ObjectReader::new(element.get(), path.clone())?, reading)? {
                Some(item) => list.push(item),
                None => reading.dropped.push(path),
            }
            Ok(())
        };
        let is_array = for_each_element(text, |element| {
            error = read_element(element).err();
            error.is_none()
        });
        match error {
            Some(error) => Err(error),
            None if !is_array => Err(self.error(key, InputProblem::NotAnArray)),
            None => Ok(Some(list)),
        }
    }

    /// Whether the object has the member `key` and the member is a string. The content of a message is a string or an
    /// array, and this decides which of them is read.
    pub(super) fn has_string(&self, key: &str) -> bool {
        self.members.get(key).is_some_and(|value| value.get().starts_with('"'))
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
    read: impl FnOnce(ObjectReader<'_>, &mut Reading) -> Result<Option<T>, InputError>,
) -> Result<T, D::Error> {
    use serde::de::Error as _;

    // Other deserializers than that of JSON text have no slices of a text.
    let text = Value::deserialize(deserializer)?.to_string();
    ObjectReader::new(&text, String::new())
        .and_then(|object| read(object, &mut Reading::of_everything()))
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
