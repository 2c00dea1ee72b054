//! The arguments of a call, from the text that the model wrote to the type that the tool takes.

use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use super::schema::{MismatchError, truncate};
use crate::json::{self, ReadProblem};

/// How many characters of a member's name an error may quote.
const MAX_NAME_CHARS: usize = 64;

/// How many JSON values the arguments of a call may have, counted by their memory as [`json::read_limited`] does: about 2 MB.
/// A value in memory can be a hundred times as large as its text, and a client can write the arguments of a call in the
/// history.
const MAX_VALUES: usize = 64_000;

/// The arguments of a call cannot be used. The model reads the message, so that it can correct the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ArgumentsError {
    /// The text is not one JSON value.
    #[error("The arguments are not valid JSON: line {line}, column {column}.")]
    InvalidJson { line: usize, column: usize },
    /// An object has two members of one name. A person might approve one, and the tool get the other.
    #[error("The arguments name the member {name:?} twice: line {line}, column {column}.")]
    DuplicateMember { name: String, line: usize, column: usize },
    /// The value does not match the JSON Schema of the arguments.
    #[error("The arguments do not fit the schema: {0}.")]
    SchemaMismatch(#[from] MismatchError),
    /// serde cannot read the type of the arguments from the value. The text is serde's reason.
    #[error("The arguments do not fit: {0}.")]
    Unreadable(String),
    /// The arguments have more JSON values than memory should hold.
    #[error("The arguments have more than {max_values} values.")]
    TooManyValues { max_values: usize },
    /// The tool is at fault: its own code panicked or contradicts itself. The cause is in the log.
    #[error("The tool failed.")]
    ToolFailed,
}

/// Parses the JSON text of the arguments that a model wrote. Empty text and `null` count as an empty object.
///
/// # Errors
/// [`ArgumentsError::InvalidJson`], or [`ArgumentsError::DuplicateMember`] if an object has two members of one name;
/// both hold the line and column of the fault.
pub(crate) fn parse_arguments(text: &str) -> Result<Value, ArgumentsError> {
    let text = if matches!(text.trim(), "" | "null") { "{}" } else { text };
    json::read_limited(text.as_bytes(), MAX_VALUES).map_err(|error| {
        let (line, column) = (error.line, error.column);
        match error.problem {
            ReadProblem::DuplicateMember(name) => {
                let name = name.chars().take(MAX_NAME_CHARS).collect();
                ArgumentsError::DuplicateMember { name, line, column }
            }
            ReadProblem::TooManyValues { max_values } => ArgumentsError::TooManyValues { max_values },
            _ => ArgumentsError::InvalidJson { line, column },
        }
    })
}

/// Converts the arguments of a call to `A`, the type that the tool takes. The rules of a tool, its question before an approval
/// and its function all get their arguments from here.
///
/// A number without a fraction is an integer, however the model has written it: `500.0` and `5e2` are read as `500`. JSON
/// Schema and the signatures of approvals make no difference between them either, but serde does: it reads no integer from
/// `500.0`, and `Value::as_u64` returns `None`, so that a rule of a tool could miss the number.
///
/// # Errors
/// [`ArgumentsError::Unreadable`] if serde cannot read an `A` from the arguments.
pub(super) fn deserialize_arguments<A: DeserializeOwned>(mut arguments: Value) -> Result<A, ArgumentsError> {
    unify_integers(&mut arguments);
    serde_json::from_value(arguments)
        .map_err(|error| ArgumentsError::Unreadable(truncate(&error.to_string())))
}

/// Replaces each number without a fraction by the integer that it is. Integers beyond 64 bits stay as they are.
pub(crate) fn unify_integers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(integer) = integer(number) {
                *number = integer;
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(unify_integers),
        Value::Object(members) => members.values_mut().for_each(unify_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Returns the integer that a floating-point number is; `None` for an integer, a number with a fraction, and one beyond 64 bits.
fn integer(number: &Number) -> Option<Number> {
    let value = number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0)?;
    // The text of a float without a fraction has all its digits, and no exponent.
    let text = format!("{value:.0}");
    text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{deserialize_arguments, parse_arguments};

    #[test]
    fn parses_the_same_values_as_serde() {
        for text in ["{}", r#"{"a":[1,-2,2.5,"é",null,true,{"b":{}}]}"#, "7", " [ ] ", "18446744073709551615"]
        {
            assert_eq!(parse_arguments(text), Ok(serde_json::from_str(text).unwrap()), "{text}");
        }
        for text in [" ", "null", "\nnull "] {
            assert_eq!(parse_arguments(text), Ok(serde_json::json!({})), "{text}");
        }
        let half_a_pair = parse_arguments(r#"{"a":"b\ud83d"}"#);
        assert_eq!(half_a_pair, Ok(serde_json::json!({ "a": "b\u{fffd}" })));
    }

    #[test]
    fn rejects_duplicate_members_however_they_are_escaped() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":[{"c":{"d":1,"d":2}}]}"#] {
            assert!(parse_arguments(text).unwrap_err().to_string().contains("twice"), "{text}");
        }
        assert_eq!(
            parse_arguments(r#"{"place":{"city":1,"city":2}}"#).unwrap_err().to_string(),
            "The arguments name the member \"city\" twice: line 1, column 28."
        );
    }

    #[test]
    fn number_without_a_fraction_is_an_integer() {
        for (written, expected) in [
            ("500.0", json!(500)),
            ("5e2", json!(500)),
            ("-7.0", json!(-7)),
            ("-0.0", json!(0)),
            ("1e18", json!(1_000_000_000_000_000_000_u64)),
            ("500", json!(500)),
            ("18446744073709551615", json!(u64::MAX)),
            ("2.5", json!(2.5)),
            ("1e300", json!(1e300)),
            (r#"[{"amount": 3.0}, "3.0"]"#, json!([{ "amount": 3 }, "3.0"])),
        ] {
            let arguments = parse_arguments(&format!(r#"{{"value": {written}}}"#)).unwrap();
            let read: Value = deserialize_arguments(arguments.clone()).unwrap();
            assert_eq!(read["value"], expected, "{written}");
        }
        let read: Result<Vec<u8>, _> = deserialize_arguments(json!([7.0]));
        assert_eq!(read, Ok(vec![7]));
        let read: Result<Vec<f32>, _> = deserialize_arguments(json!([7.0, 7]));
        assert_eq!(read, Ok(vec![7.0, 7.0]));
    }

    #[test]
    fn reports_where_json_is_invalid() {
        for (text, expected) in [
            ("{\"loc", "The arguments are not valid JSON: line 1, column 5."),
            ("{} {}", "The arguments are not valid JSON: line 1, column 4."),
        ] {
            assert_eq!(parse_arguments(text).unwrap_err().to_string(), expected, "{text}");
        }
        assert!(parse_arguments(&"[".repeat(1000)).is_err(), "too deep");
        let objects = |count: usize| format!(r#"{{"a":[{}]}}"#, vec![r#"{"":0}"#; count].join(","));
        assert!(parse_arguments(&objects(2_500)).is_ok());
        assert_eq!(
            parse_arguments(&objects(3_000)).unwrap_err().to_string(),
            "The arguments have more than 64000 values."
        );
    }
}
