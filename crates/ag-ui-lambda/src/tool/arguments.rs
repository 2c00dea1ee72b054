//! The text of arguments as one value.
//!
//! A member that is named twice is refused: a person might approve the other one.

use serde_json::Value;

use crate::json;

/// The most characters of a member's name in a sentence.
const NAME_LENGTH: usize = 64;

/// Reads the text that a model wrote; no text at all, and `null`, is an empty object. An error is a sentence for the model.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let text = if matches!(text.trim(), "" | "null") { "{}" } else { text };
    json::read(text.as_bytes()).map_err(|fault| {
        let place = format!("line {}, column {}", fault.line, fault.column);
        match fault.twice {
            Some(name) => {
                let name: String = name.chars().take(NAME_LENGTH).collect();
                format!("The arguments name the member {name:?} twice: {place}.")
            }
            None => format!("The arguments are not valid JSON: {place}."),
        }
    })
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
        for text in [" ", "null", "\nnull "] {
            assert_eq!(parse(text), Ok(serde_json::json!({})), "{text}");
        }
        assert_eq!(parse(r#"{"a":"b\ud83d"}"#), Ok(serde_json::json!({ "a": "b\u{fffd}" })), "half a pair");
    }

    #[test]
    fn a_member_that_is_named_twice_is_refused_however_it_is_written() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":[{"c":{"d":1,"d":2}}]}"#] {
            assert!(parse(text).unwrap_err().contains("twice"), "{text}");
        }
        assert_eq!(
            parse(r#"{"place":{"city":1,"city":2}}"#).unwrap_err(),
            "The arguments name the member \"city\" twice: line 1, column 28."
        );
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
