//! JSON objects and arrays as slices of their text, for reading and rewriting without building values.
//!
//! The texts have been checked before: they are valid JSON without duplicate names.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::check::Name;

/// The members of an object as slices of its text.
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Splits the text of an object into its members; `None` if it is the text of another value.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the member `key` of any type, null included; `None` if it is absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// Removes and returns the member `key` of any type, null included; `None` if it is absent. The last member takes its
    /// place.
    pub(super) fn remove(&mut self, key: &str) -> Option<&'a RawValue> {
        let index = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Returns the string `key`, borrowed unless it has an escape; `None` if the member is absent or not a string.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(text)
    }

    /// Removes the members that are null.
    pub(super) fn remove_nulls(&mut self) {
        self.0.retain(|(_, value)| value.get() != "null");
    }

    /// Writes the object.
    pub(super) fn write(&self) -> String {
        self.write_with("", |_| None)
    }

    /// Writes the object. The member `key` gets the JSON text that `replace` returns for its value, if it returns
    /// one.
    pub(super) fn write_with(&self, key: &str, replace: impl Fn(&'a RawValue) -> Option<String>) -> String {
        let mut object = String::from("{");
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                object.push(',');
            }
            object.push_str(&Value::from(&**name).to_string());
            object.push(':');
            match (name == key).then(|| replace(value)).flatten() {
                Some(text) => object.push_str(&text),
                None => object.push_str(value.get()),
            }
        }
        object.push('}');
        object
    }

    /// Returns the number of members.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    /// Splits an object into its members.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            /// Names what was expected, for the errors of serde.
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            /// Collects the members.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Returns the text of a JSON string, borrowed unless it has an escape; `None` for any other value.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok().map(|Name(text)| text)
}

/// Passes the elements of an array to a function, until it returns `false`.
struct Elements<F>(F);

impl<'de, F: FnMut(&'de RawValue) -> bool> DeserializeSeed<'de> for Elements<F> {
    type Value = ();

    /// Reads an array.
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&'de RawValue) -> bool> Visitor<'de> for Elements<F> {
    type Value = ();

    /// Names what was expected, for the errors of serde.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    /// Passes on the elements.
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            if !(self.0)(element) {
                return Err(A::Error::custom("the other elements are not read"));
            }
        }
        Ok(())
    }
}

/// Calls `each` with the elements of an array, one after another, until it returns `false`. Returns whether the text is that
/// of an array.
pub(super) fn for_each_element<'a>(text: &'a str, each: impl FnMut(&'a RawValue) -> bool) -> bool {
    let is_array = text.starts_with('[');
    if is_array {
        // The only error of a text that was checked is that `each` has returned `false`.
        let _ = Elements(each).deserialize(&mut serde_json::Deserializer::from_str(text));
    }
    is_array
}
