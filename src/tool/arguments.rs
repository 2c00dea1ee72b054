//! The text of arguments as one value.
//!
//! A member that is named twice is refused: parsers disagree on which one counts, and a person might approve the other.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

const TWICE: &str = "a member is named twice";

/// Reads the text that a model wrote; no text at all is an empty object. An error is a sentence for the model.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    let mut json = serde_json::Deserializer::from_str(text);
    let value = json.deserialize_any(Strict).and_then(|value| json.end().map(|()| value));
    value.map_err(|fault| {
        let (line, column) = (fault.line(), fault.column());
        if fault.to_string().starts_with(TWICE) {
            format!("The arguments name a member twice: line {line}, column {column}.")
        } else {
            format!("The arguments are not valid JSON: line {line}, column {column}.")
        }
    })
}

/// Reads any value in which no member is named twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
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
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_read_is_what_serde_reads() {
        for text in ["{}", r#"{"a":[1,-2,2.5,"é",null,true,{"b":{}}]}"#, "7", " [ ] ", "18446744073709551615"]
        {
            assert_eq!(parse(text), Ok(serde_json::from_str(text).unwrap()), "{text}");
        }
        assert_eq!(parse(" "), Ok(serde_json::json!({})));
    }

    #[test]
    fn a_member_that_is_named_twice_is_refused_however_it_is_written() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":[{"c":{"d":1,"d":2}}]}"#] {
            assert!(parse(text).unwrap_err().contains("twice"), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        for (text, expected) in [
            ("{\"loc", "The arguments are not valid JSON: line 1, column 5."),
            ("{} {}", "The arguments are not valid JSON: line 1, column 4."),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
        assert!(parse(&"[".repeat(1000)).is_err(), "too deep");
    }
}
