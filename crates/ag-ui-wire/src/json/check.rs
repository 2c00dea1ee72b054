//! Checks a JSON text as strictly as [`read`](super::read) reads it, without building a value.
//!
//! A value in memory can be a hundred times as large as its text. So a server checks a text of a peer first, and builds only
//! the parts of it that it needs.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{RESERVED, ReadError, ReadProblem};

/// The number of members from which on an object keeps its names in a set. Below it, a comparison with each name is faster.
const MANY_MEMBERS: usize = 16;

/// Checks a JSON text that [`normalize`](super::normalize) has repaired, and returns it as a `str`.
///
/// The memory that it uses is that of a digest for each name of one object and of the objects around it.
///
/// # Errors
/// Those of [`read`](super::read).
pub fn check(text: &[u8]) -> Result<&str, ReadError> {
    let problem = RefCell::default();
    let names = Names::default();
    let check = StrictCheck { problem: &problem, names: &names };
    let checked = match std::str::from_utf8(text) {
        Ok(text) => {
            let mut json = serde_json::Deserializer::from_str(text);
            json.deserialize_any(check).and_then(|()| json.end()).map(|()| text)
        }
        // serde_json finds the place.
        Err(_) => {
            let mut json = serde_json::Deserializer::from_slice(text);
            json.deserialize_any(check).and_then(|()| Err(Error::custom("the text is not UTF-8")))
        }
    };
    checked.map_err(|error| ReadError::new(problem.take(), &error))
}

/// Returns how many arrays and objects of a JSON text are in each other at its deepest place. The text must be valid JSON.
pub fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string) = (0_usize, 0, false);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The name of a member, borrowed from the text unless it has an escape.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    /// Reads a string, and copies it only if it has an escape.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            /// Names what was expected, for the errors of serde.
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a member")
            }

            /// Borrows a name that stands in the text as it is.
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(name.into()))
            }

            /// Copies a name that has an escape in the text.
            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(name.to_owned().into()))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// The names of members so far, of which only digests are kept: a name may have an escape and would have to be copied.
///
/// Two names have the same digest once in 2^64 times. The key of the hasher is random, so nobody can choose such names.
#[derive(Default)]
struct Names {
    hasher: RandomState,
    /// The names of all objects around this place that have few members, the innermost last.
    open: RefCell<Vec<u64>>,
}

/// Takes a digest as its own hash.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    /// Takes the first bytes of a digest.
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    }

    /// Takes a digest.
    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }

    /// Returns the hash.
    fn finish(&self) -> u64 {
        self.0
    }
}

/// The names of an object with many members.
type ManyNames = HashSet<u64, BuildHasherDefault<DigestHasher>>;

/// Reads the name of a member of an object.
struct NameCheck<'a> {
    names: &'a Names,
    /// Where the names of the object begin in the list of those of all objects.
    start: usize,
    /// The names of the object if it has many.
    many: &'a mut ManyNames,
}

/// What is wrong with the name of a member.
enum NameProblem {
    /// serde_json reserves the name for itself.
    Reserved,
    /// A member before it has the same name.
    Duplicate(String),
}

impl NameCheck<'_> {
    /// Keeps a name. Returns whether no member before it has it.
    fn insert(&mut self, name: &str) -> bool {
        let digest = self.names.hasher.hash_one(name);
        let mut open = self.names.open.borrow_mut();
        if self.many.is_empty() && open.len() - self.start == MANY_MEMBERS {
            self.many.extend(open.drain(self.start..));
        }
        if !self.many.is_empty() {
            return self.many.insert(digest);
        }
        let is_new = !open[self.start..].contains(&digest);
        open.push(digest);
        is_new
    }
}

impl<'de> DeserializeSeed<'de> for NameCheck<'_> {
    type Value = Option<NameProblem>;

    /// Reads one name.
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameCheck<'_> {
    type Value = Option<NameProblem>;

    /// Names what was expected, for the errors of serde.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    /// Keeps the name, and returns what is wrong with it.
    fn visit_str<E>(mut self, name: &str) -> Result<Self::Value, E> {
        Ok(match name.starts_with(RESERVED) {
            true => Some(NameProblem::Reserved),
            false if self.insert(name) => None,
            false => Some(NameProblem::Duplicate(name.to_owned())),
        })
    }
}

/// Checks any JSON value, and keeps nothing of it.
#[derive(Clone, Copy)]
struct StrictCheck<'a> {
    /// Receives what serde_json does not know of.
    problem: &'a RefCell<Option<ReadProblem>>,
    names: &'a Names,
}

impl<'de> DeserializeSeed<'de> for StrictCheck<'_> {
    type Value = ();

    /// Checks one element or member, as strictly as the value that holds it.
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictCheck<'_> {
    type Value = ();

    /// Names what was expected, for the errors of serde.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    /// Accepts null.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    /// Accepts a boolean.
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    /// Accepts a whole number from 0 on.
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    /// Accepts a negative whole number.
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    /// Accepts a number with a fraction or an exponent.
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    /// Accepts a string.
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    /// Checks an array, each element as strictly as the array.
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    /// Checks an object. A member whose name is reserved or came before is an error.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let start = self.names.open.borrow().len();
        let mut many = ManyNames::default();
        while let Some(problem) =
            members.next_key_seed(NameCheck { names: self.names, start, many: &mut many })?
        {
            if matches!(problem, Some(NameProblem::Reserved)) {
                return Err(A::Error::custom("a member has a reserved name"));
            }
            members.next_value_seed(self)?;
            if let Some(NameProblem::Duplicate(name)) = problem {
                self.problem.replace(Some(ReadProblem::DuplicateMember(name)));
                return Err(A::Error::custom("a member is named twice"));
            }
        }
        self.names.open.borrow_mut().truncate(start);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_unrepaired;

    #[test]
    fn check_refuses_what_read_refuses() {
        let many: String = (0..40).map(|index| format!("\"m{index}\":{{\"a\":{index}}},")).collect();
        let many_and = |name: &str| format!("{{{many}\"{name}\":1}}");
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        for text in [
            "{}".to_owned(),
            r#"{"a":[1,-2,2.5,"é\n",null,true,{"a":{"a":1}}],"b":{}}"#.into(),
            r#"{"a":1,"a":2}"#.into(),
            r#"{"a":1,"\u0061":2}"#.into(),
            r#"[{"b":{"a":1,"c":2,"a":1}}]"#.into(),
            r#"{"$serde_json::private::RawValue":"{}"}"#.into(),
            r#"[{"\u0024serde_json::private::Number":"1"}]"#.into(),
            "{} {}".into(),
            "{\"a".into(),
            String::new(),
            r#""\ud83d""#.into(),
            "1e400".into(),
            many_and("n"),
            many_and("m0"),
            many_and("m16"),
            many_and("m39"),
            nested(127),
            nested(128),
        ] {
            let read = read_unrepaired(text.as_bytes()).map(|_| text.as_str());
            assert_eq!(check(text.as_bytes()), read, "{text}");
        }
        assert!(check(b"\"\xed\xa0\xbd\"").is_err(), "not UTF-8");
        assert!(check(b"\xff").is_err(), "not UTF-8 and no JSON");
    }

    #[test]
    fn depth_counts_arrays_and_objects_outside_of_strings() {
        for (text, expected) in
            [("1", 0), ("[]", 1), (r#"{"a":[1,{"b":2}],"c":{}}"#, 3), (r#"["[[[\"[[",[]]"#, 2)]
        {
            assert_eq!(depth(text), expected, "{text}");
        }
    }
}
