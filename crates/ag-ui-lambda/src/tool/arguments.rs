//! The arguments of a call, from the text that the model wrote to the type that the tool takes.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::schema::{MismatchError, truncate};
use crate::json::{self, ReadProblem};

/// How many characters of a member's name an error may quote.
const MAX_NAME_CHARS: usize = 64;

/// How many JSON values the arguments of a call may have, counted by their memory as [`json::read_limited`] does. A value in
/// memory can be a hundred times as large as its text.
const MAX_VALUES: usize = 1_000_000;

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

/// Converts the arguments of a call to `A`, the type that the tool takes.
///
/// # Errors
/// [`ArgumentsError::Unreadable`] if serde cannot read an `A` from the arguments.
pub(super) fn deserialize_arguments<A: DeserializeOwned>(arguments: Value) -> Result<A, ArgumentsError> {
    serde_json::from_value(arguments)
        .map_err(|error| ArgumentsError::Unreadable(truncate(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::parse_arguments;

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
    fn reports_where_json_is_invalid() {
        for (text, expected) in [
            ("{\"loc", "The arguments are not valid JSON: line 1, column 5."),
            ("{} {}", "The arguments are not valid JSON: line 1, column 4."),
        ] {
            assert_eq!(parse_arguments(text).unwrap_err().to_string(), expected, "{text}");
        }
        assert!(parse_arguments(&"[".repeat(1000)).is_err(), "too deep");
    }
}
