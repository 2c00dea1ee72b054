//! A strict reader of JSON text, for texts that come from a peer.
//!
//! It refuses two things that serde_json accepts. An object with two members of one name: serde_json takes the last one and
//! other programs the first, so one program could check a value and another use a different one. And an object with a member
//! that serde_json reserves for itself: serde_json would read its text as the value, past every check of names and depth.
//!
//! A byte order mark before the text is skipped, and half of a surrogate pair is read as U+FFFD; see [`surrogates`].

pub(crate) mod check;
pub mod fragment_repairer;
mod length;
pub mod surrogate_joiner;
pub mod surrogates;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

pub use self::check::{check, depth};
pub use self::length::text_length;

/// The error of [`read`]: what is wrong with a JSON text, and where.
///
/// It quotes nothing of the text but the name of a duplicate member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}, at line {line}, column {column}")]
#[non_exhaustive]
pub struct ReadError {
    /// What is wrong.
    pub problem: ReadProblem,
    /// The line of the text, counted from 1.
    pub line: usize,
    /// The column of the line in bytes, counted from 1.
    pub column: usize,
}

/// What is wrong with a JSON text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadProblem {
    /// The text is not one JSON value.
    #[error("the text is not valid JSON")]
    InvalidJson,
    /// An object has two members of this name. Programs disagree on which of them counts.
    #[error("the member {0:?} is named twice")]
    DuplicateMember(String),
    /// The text has more values than [`read_limited`] was allowed to build, by the rules by which it counts them.
    #[error("the text has more than {max_values} values")]
    TooManyValues {
        /// How many it may have.
        max_values: usize,
    },
}

impl ReadError {
    /// Creates the error of a text that serde_json has refused, or that was refused for `problem`.
    fn new(problem: Option<ReadProblem>, error: &serde_json::Error) -> Self {
        let problem = problem.unwrap_or(ReadProblem::InvalidJson);
        Self { problem, line: error.line(), column: error.column() }
    }
}

/// How the names of members begin that serde_json reserves for itself.
const RESERVED: &str = "$serde_json::private::";

/// Prepares JSON text for serde_json: removes a byte order mark, and replaces by U+FFFD each half of a surrogate pair that
/// stands alone, which serde_json would refuse. The text is copied only if it has such a half.
pub fn normalize(text: &[u8]) -> Cow<'_, [u8]> {
    surrogates::repair(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
}

/// Reads JSON text of any peer, after [`normalize`] has repaired the text.
///
/// # Errors
/// [`ReadError`] if the text is not one JSON value, if an object has two members of one name, or if the name of a member is
/// one that serde_json reserves.
pub fn read(text: &[u8]) -> Result<Value, ReadError> {
    read_unrepaired(&normalize(text))
}

/// How many values a string counts as. Values are counted by the memory that they take: a count of 1 is about 32 bytes.
const STRING_COUNT: usize = 2;
/// How many values an array counts as, beside its elements.
const ARRAY_COUNT: usize = 4;
/// How many values an object counts as, beside the names and values of its members.
const OBJECT_COUNT: usize = 20;

/// Reads JSON text as [`read`] does, if it has at most `max_values` values, at any depth. Values take memory, which can be a
/// hundred times as much as their text, and count by it: a string or the name of a member as 2, an array as 4, an object as
/// 20, and any other value as 1.
///
/// # Errors
/// Those of [`read`], and [`ReadProblem::TooManyValues`].
pub fn read_limited(text: &[u8], max_values: usize) -> Result<Value, ReadError> {
    read_counted(&normalize(text), &Cell::new(max_values)).map_err(|error| match error.problem {
        ReadProblem::TooManyValues { .. } => {
            ReadError { problem: ReadProblem::TooManyValues { max_values }, ..error }
        }
        _ => error,
    })
}

/// Counts a value as [`read_limited`] counts the value that it builds of this text.
pub fn count_values(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::String(_) => STRING_COUNT,
        Value::Array(elements) => ARRAY_COUNT + elements.iter().map(count_values).sum::<usize>(),
        Value::Object(members) => {
            OBJECT_COUNT + members.values().map(|value| STRING_COUNT + count_values(value)).sum::<usize>()
        }
    }
}

/// Reads JSON text as [`read`] does, but without repairing the text first. This is for texts that prove something, such
/// as a token, because the repair would make different strings equal.
///
/// # Errors
/// As [`read`], and also if the text has a byte order mark or half of a surrogate pair.
pub fn read_unrepaired(text: &[u8]) -> Result<Value, ReadError> {
    read_counted(text, &Cell::new(usize::MAX))
}

/// Reads JSON text as [`read_unrepaired`] does, and subtracts the number of its values from `values_left`, counted as by
/// [`read_limited`]. So several texts can have one limit together.
///
/// # Errors
/// Those of [`read_unrepaired`], and [`ReadProblem::TooManyValues`] if not as many values are left.
pub fn read_counted(text: &[u8], values_left: &Cell<usize>) -> Result<Value, ReadError> {
    let problem = RefCell::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = StrictValue { problem: &problem, values_left }.deserialize(&mut json);
    let value = value.and_then(|value| json.end().map(|()| value));
    value.map_err(|error| ReadError::new(problem.take(), &error))
}

/// Deserializes any JSON value, and refuses duplicate and reserved members and too many values.
#[derive(Clone, Copy)]
struct StrictValue<'a> {
    /// Receives what serde_json does not know of, since its error can carry only a text.
    problem: &'a RefCell<Option<ReadProblem>>,
    /// How many values may still be read.
    values_left: &'a Cell<usize>,
}

impl StrictValue<'_> {
    /// Counts a value as this many; an error if not as many are left.
    fn count<E: Error>(self, values: usize) -> Result<(), E> {
        match self.values_left.get().checked_sub(values) {
            Some(left) => {
                self.values_left.set(left);
                Ok(())
            }
            None => {
                self.problem.replace(Some(ReadProblem::TooManyValues { max_values: 0 }));
                Err(E::custom("there are too many values"))
            }
        }
    }

    /// Returns a value that counts as one.
    fn single<E: Error>(self, value: impl Into<Value>) -> Result<Value, E> {
        self.count(1)?;
        Ok(value.into())
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    /// Reads one value, as strictly as the value that holds it.
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    /// Names what was expected, for the errors of serde.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    /// Returns JSON's null.
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.single(Value::Null)
    }

    /// Returns a JSON boolean.
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.single(value)
    }

    /// Returns a JSON number that is a whole number from 0 on.
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.single(value)
    }

    /// Returns a JSON number that is a negative whole number.
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.single(value)
    }

    /// Returns a JSON number with a fraction or an exponent.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.single(value)
    }

    /// Returns a JSON string.
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.count(STRING_COUNT)?;
        Ok(value.into())
    }

    /// Reads a JSON array, each element as strictly as the array.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.count(ARRAY_COUNT)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    /// Reads a JSON object. A member whose name is reserved or was read before is an error.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        self.count(OBJECT_COUNT)?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            self.count(STRING_COUNT)?;
            if name.starts_with(RESERVED) {
                return Err(A::Error::custom("a member has a reserved name"));
            }
            let value = members.next_value_seed(self)?;
            match object.entry(name) {
                Entry::Vacant(place) => drop(place.insert(value)),
                Entry::Occupied(member) => {
                    self.problem.replace(Some(ReadProblem::DuplicateMember(member.key().clone())));
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
    fn reads_what_serde_json_reads() {
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
    fn byte_order_mark_is_skipped_and_half_a_pair_is_repaired() {
        let text = "\u{feff}{\"a\":\"x\\ud83d\"}";
        assert_eq!(read(text.as_bytes()).unwrap(), serde_json::json!({ "a": "x\u{fffd}" }));
        assert!(read_unrepaired(text.as_bytes()).is_err());
        assert!(read_unrepaired(br#""\ud83d""#).is_err());
        assert!(read(b"\"\xed\xa0\xbd\"").is_err(), "not UTF-8");
        let error = read(br#"{"\ud83d":1,"\ud83e":1}"#).unwrap_err();
        assert_eq!(error.problem, ReadProblem::DuplicateMember("\u{fffd}".into()));
    }

    #[test]
    fn duplicate_member_is_refused() {
        let error = read(br#"{"b":{"a":1,"a":1}}"#).unwrap_err();
        assert_eq!(
            error,
            ReadError { problem: ReadProblem::DuplicateMember("a".into()), line: 1, column: 18 }
        );
        assert_eq!(error.to_string(), "the member \"a\" is named twice, at line 1, column 18");
        let error = read(b"{").unwrap_err();
        assert_eq!(error, ReadError { problem: ReadProblem::InvalidJson, line: 1, column: 1 });
        assert_eq!(error.to_string(), "the text is not valid JSON, at line 1, column 1");
    }

    #[test]
    fn values_are_counted_at_every_depth_by_their_memory() {
        let text = br#"[1,{"a":"b","c":[]},null]"#;
        let (array, object, texts) = (4, 20, 3 * 2);
        let count = array + 1 + object + texts + array + 1;
        assert!(read_limited(text, count).is_ok());
        let error = read_limited(text, count - 1).unwrap_err();
        assert_eq!(error.problem, ReadProblem::TooManyValues { max_values: 35 });
        assert_eq!(error.problem.to_string(), "the text has more than 35 values");
    }

    #[test]
    fn members_reserved_by_serde_json_are_refused() {
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
