//! The command `/name {json}`, which calls a tool with given arguments.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::json_text::read_json;
use super::naming::{self, ToolMatch};
use crate::json::ReadProblem;
use crate::protocol::Tool;

/// The maximum number of names in a list.
const MAX_NAMES: usize = 20;

/// What a command asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Command<'a> {
    /// A call with exactly these arguments.
    Call(&'a Tool, Value),
    /// A call whose arguments are made from the schema and this rest of the message.
    CallWithSample(&'a Tool, &'a str),
    /// A command that can't be carried out; the sentence tells the user why.
    Invalid(String),
}

/// Parses a message such as `/refund_order {"order_id": 7}`. Returns `None` if the message does not begin with `/`. An
/// unknown or ambiguous tool, and invalid JSON, give [`Command::Invalid`].
pub(super) fn parse<'a>(message: &'a str, tools: &'a [Tool]) -> Option<Command<'a>> {
    let command = message.trim_start().strip_prefix('/')?;
    Some(match naming::parse_tool_name(command, tools) {
        ToolMatch::Tool { tool, rest } if rest.trim_start().starts_with(['{', '[']) => {
            let at = message.len() - rest.trim_start().len();
            match parse_arguments(message, at) {
                Ok(arguments) => Command::Call(tool, Value::Object(arguments)),
                Err(problem) => Command::Invalid(format!("{problem} {} was not called. ", tool.name)),
            }
        }
        ToolMatch::Tool { tool, rest } => Command::CallWithSample(tool, rest),
        ToolMatch::Ambiguous(names) => {
            Command::Invalid(format!("That could be {}. ", join_names(&names, " or ")))
        }
        ToolMatch::NotFound => Command::Invalid(no_such_tool(tools)),
    })
}

/// Returns the answer to a command whose name no tool has: a sentence that lists the tools on offer.
fn no_such_tool(tools: &[Tool]) -> String {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    match names.as_slice() {
        [] => "No tool is on offer here. ".into(),
        names => format!("No tool on offer has this name. There is {}. ", join_names(names, " and ")),
    }
}

/// Joins names into an enumeration. `last` is the text before the last name, such as ` or `. Of more than [`MAX_NAMES`]
/// names only the first ones are listed, with the number of the others.
fn join_names(names: &[&str], last: &str) -> String {
    match names {
        names if names.len() > MAX_NAMES => {
            format!("{} and {} more", names[..MAX_NAMES].join(", "), names.len() - MAX_NAMES)
        }
        [first @ .., name] if !first.is_empty() => format!("{}{last}{name}", first.join(", ")),
        names => names.join(", "),
    }
}

/// Parses the JSON object in `message` from the byte `at` to the end of the message.
///
/// # Errors
/// A sentence that tells the user what is wrong, and at which line and column of the message.
fn parse_arguments(message: &str, at: usize) -> Result<Map<String, Value>, String> {
    let json = message[at..].trim_end();
    match read_json(json) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err("The arguments must be a JSON object, such as {\"name\": \"value\"}.".into()),
        Err(error) => {
            let (line, column) = position_in_message(message, at, error.line, error.column);
            let problem = match error.problem {
                ReadProblem::InvalidJson => syntax_problem(json),
                problem => problem.to_string(),
            };
            Err(format!("The arguments are not valid JSON: {problem} at line {line}, column {column}."))
        }
    }
}

/// Returns what is wrong with a text that is not JSON, without the place.
fn syntax_problem(text: &str) -> String {
    let error = serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string());
    let error = error.unwrap_or_else(|| ReadProblem::InvalidJson.to_string());
    error.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Converts a position in the JSON text that begins at the byte `at` of `message` into a position in the message.
/// `line` and `column` are those of a JSON error, counted from 1, the column in bytes. The result is line and column,
/// the column in characters.
fn position_in_message(message: &str, at: usize, line: usize, column: usize) -> (usize, usize) {
    let json = &message[at..];
    let start: usize = json.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = json.floor_char_boundary((start + column).min(json.len()));
    let before = &message[..at + end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the tools of a shop, without schemas.
    fn tools() -> Vec<Tool> {
        ["refund_order", "get_weather", "get_account"]
            .map(|name| Tool {
                name: name.into(),
                description: String::new(),
                parameters: None,
                metadata: None,
            })
            .into()
    }

    #[test]
    fn given_arguments_are_used_unchanged() {
        let tools = tools();
        for message in [
            r#"/refund {"order_id": "7"}"#,
            r#"  /refund_order{"order_id":"7"}  "#,
            "/Refund order\n{\n \"order_id\": \"7\"\n}",
        ] {
            let arguments = json!({"order_id": "7"});
            assert_eq!(parse(message, &tools), Some(Command::Call(&tools[0], arguments)), "{message}");
        }
        assert_eq!(parse("/refund order 7", &tools), Some(Command::CallWithSample(&tools[0], " 7")));
        assert_eq!(parse("refund {}", &tools), None);
    }

    #[test]
    fn an_invalid_command_is_answered_with_the_reason() {
        let tools = tools();
        for (message, sentence) in [
            (
                "/nothing",
                "No tool on offer has this name. There is refund_order, get_weather and get_account. ",
            ),
            ("/get {}", "That could be get_weather or get_account. "),
            (
                r#"/refund {"order_id": }"#,
                "The arguments are not valid JSON: expected value at line 1, column 22. refund_order was not called. ",
            ),
            (
                "/refund {\"é\": 1,\n \"ö\"}",
                "The arguments are not valid JSON: expected `:` at line 2, column 5. refund_order was not called. ",
            ),
            (
                "/refund {\"a\": 1",
                "The arguments are not valid JSON: EOF while parsing an object at line 1, column 15. \
                 refund_order was not called. ",
            ),
            (
                "/refund {} please",
                "The arguments are not valid JSON: trailing characters at line 1, column 12. \
                 refund_order was not called. ",
            ),
            (
                "/refund [1]",
                "The arguments must be a JSON object, such as {\"name\": \"value\"}. refund_order was not called. ",
            ),
        ] {
            assert_eq!(parse(message, &tools), Some(Command::Invalid(sentence.into())), "{message}");
        }
        assert_eq!(parse("/x", &[]), Some(Command::Invalid("No tool is on offer here. ".into())));
    }
}
