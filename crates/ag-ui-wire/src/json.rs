//! JSON text as one value, read by the letter.
//!
//! serde_json has names of its own: an object with such a member reads as whatever text stands in it, past every
//! check of names and depth. And of two members of one name the last counts, here; elsewhere the first. What comes from
//! outside is read here, where both are refused.
//!
//! A byte order mark before the text is skipped, and half of a surrogate pair reads as U+FFFD ([`surrogates`]).

pub mod halves;
pub mod pieces;
pub mod surrogates;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Why a text can't be read. It quotes nothing but the name of a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}, at line {line}, column {column}", problem = self.problem())]
pub struct ReadError {
    /// The line of the text, counted from 1.
    pub line: usize,
    /// The column of the line, counted from 1.
    pub column: usize,
    /// The member that is named twice in one object.
    pub twice: Option<String>,
}

impl ReadError {
    fn problem(&self) -> String {
        match &self.twice {
            Some(name) => format!("the member {name:?} is named twice"),
            None => "the text is not valid JSON".to_owned(),
        }
    }
}

/// How serde_json's own names begin.
const RESERVED: &str = "$serde_json::private::";

/// A text as a reader of Rust strings takes it: without a byte order mark, and with U+FFFD for halves of surrogate pairs.
pub fn readable(text: &[u8]) -> Cow<'_, [u8]> {
    surrogates::repaired(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
}

/// Reads text, made [`readable`] before.
///
/// # Errors
/// [`ReadError`] where the text is not one JSON value, or where an object names a member twice.
pub fn read(text: &[u8]) -> Result<Value, ReadError> {
    read_unrepaired(&readable(text))
}

/// Reads text that is a proof, such as a token: what would read as the same name after a repair is refused.
///
/// # Errors
/// As [`read`], and where half of a surrogate pair stands alone.
pub fn read_unrepaired(text: &[u8]) -> Result<Value, ReadError> {
    let twice = RefCell::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = json.deserialize_any(Plain { twice: &twice });
    let value = value.and_then(|value| json.end().map(|()| value));
    value.map_err(|fault| ReadError { line: fault.line(), column: fault.column(), twice: twice.take() })
}

/// Reads any value.
#[derive(Clone, Copy)]
struct Plain<'a> {
    /// The member that was found to be named twice.
    twice: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.starts_with(RESERVED) {
                return Err(A::Error::custom("a member has a reserved name"));
            }
            let value = members.next_value_seed(self)?;
            match object.entry(name) {
                Entry::Vacant(place) => drop(place.insert(value)),
                Entry::Occupied(member) => {
                    self.twice.replace(Some(member.key().clone()));
                    return Err(A::Error::custom("a member is named twice"));
                }
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_serde_reads() {
        for text in ["{}", r#"{"a":[1,-2,2.5,"é",null,true,{"b":{}}]}"#, "7", " [ ] ", "18446744073709551615"]
        {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text}");
        }
        let nested = "[".repeat(1000);
        for text in ["{} {}", "{\"a", "", nested.as_str()] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_half_a_pair_is_read() {
        let text = "\u{feff}{\"a\":\"x\\ud83d\"}";
        assert_eq!(read(text.as_bytes()).unwrap(), serde_json::json!({ "a": "x\u{fffd}" }));
        assert!(read_unrepaired(text.as_bytes()).is_err());
        assert!(read_unrepaired(br#""\ud83d""#).is_err());
        assert!(read(b"\"\xed\xa0\xbd\"").is_err(), "no UTF-8");
        let fault = read(br#"{"\ud83d":1,"\ud83e":1}"#).unwrap_err();
        assert_eq!(fault.twice.as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn a_member_that_is_named_twice_is_refused() {
        let fault = read(br#"{"b":{"a":1,"a":1}}"#).unwrap_err();
        assert_eq!(fault, ReadError { line: 1, column: 18, twice: Some("a".into()) });
        assert_eq!(read(b"{").unwrap_err(), ReadError { line: 1, column: 1, twice: None });
    }

    #[test]
    fn the_names_of_the_reader_itself_are_refused_however_they_are_written() {
        for name in [
            "$serde_json::private::RawValue",
            "\\u0024serde_json::private::RawValue",
            "$serde_json::private::Number",
        ] {
            for text in [format!("{{\"{name}\":\"{{}}\"}}"), format!("[{{\"a\":{{\"{name}\":\"1\"}}}}]")] {
                assert!(read(text.as_bytes()).is_err(), "{text}");
            }
        }
    }
}
