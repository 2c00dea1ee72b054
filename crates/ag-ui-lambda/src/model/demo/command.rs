//! `/name {json}`: a call of a tool with arguments that are given.

use serde_json::{Map, Value};

use super::naming::{self, Named};
use crate::protocol::Tool;

/// How many names are listed at most.
const MAX_NAMES: usize = 20;

/// What a command asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Command<'a> {
    /// A call with these arguments, as they are.
    Call(&'a Tool, Value),
    /// A call whose arguments are made from the schema and this rest of the message.
    Make(&'a Tool, &'a str),
    /// Nothing that can be done; the sentence says why.
    Refused(String),
}

/// Reads a message that begins with `/`; `None` if it doesn't.
pub(super) fn read<'a>(message: &'a str, tools: &'a [Tool]) -> Option<Command<'a>> {
    let command = message.trim_start().strip_prefix('/')?;
    Some(match naming::tool_at_start(command, tools) {
        Named::Tool { tool, rest } if rest.trim_start().starts_with(['{', '[']) => {
            let at = message.len() - rest.trim_start().len();
            match given(message, at) {
                Ok(arguments) => Command::Call(tool, Value::Object(arguments)),
                Err(problem) => Command::Refused(format!("{problem} {} was not called. ", tool.name)),
            }
        }
        Named::Tool { tool, rest } => Command::Make(tool, rest),
        Named::Several(names) => Command::Refused(format!("That could be {}. ", listed(&names, " or "))),
        Named::Nothing => Command::Refused(none(tools)),
    })
}

fn none(tools: &[Tool]) -> String {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    match names.as_slice() {
        [] => "No tool is on offer here. ".into(),
        names => format!("No tool on offer has this name. There is {}. ", listed(names, " and ")),
    }
}

fn listed(names: &[&str], last: &str) -> String {
    match names {
        names if names.len() > MAX_NAMES => {
            format!("{} and {} more", names[..MAX_NAMES].join(", "), names.len() - MAX_NAMES)
        }
        [first @ .., name] if !first.is_empty() => format!("{}{last}{name}", first.join(", ")),
        names => names.join(", "),
    }
}

/// The arguments that stand in the message from this place on. An error is a sentence that says what is wrong, and
/// where in the message.
fn given(message: &str, at: usize) -> Result<Map<String, Value>, String> {
    let json = message[at..].trim_end();
    match serde_json::from_str(json) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err("The arguments must be a JSON object, such as {\"name\": \"value\"}.".into()),
        Err(fault) => {
            let (line, column) = place(message, at, fault.line(), fault.column());
            let text = fault.to_string();
            let problem = text.split(" at line ").next().unwrap_or_default();
            Err(format!("The arguments are not valid JSON: {problem} at line {line}, column {column}."))
        }
    }
}

/// The line and the column in the message, in characters, of a place in the JSON that begins at `at`.
fn place(message: &str, at: usize, line: usize, column: usize) -> (usize, usize) {
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
    fn given_arguments_are_taken_as_they_are() {
        let tools = tools();
        for message in [
            r#"/refund {"order_id": "7"}"#,
            r#"  /refund_order{"order_id":"7"}  "#,
            "/Refund order\n{\n \"order_id\": \"7\"\n}",
        ] {
            let arguments = json!({"order_id": "7"});
            assert_eq!(read(message, &tools), Some(Command::Call(&tools[0], arguments)), "{message}");
        }
        assert_eq!(read("/refund order 7", &tools), Some(Command::Make(&tools[0], " 7")));
        assert_eq!(read("refund {}", &tools), None);
    }

    #[test]
    fn what_cannot_be_done_is_answered_in_words() {
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
            assert_eq!(read(message, &tools), Some(Command::Refused(sentence.into())), "{message}");
        }
        assert_eq!(read("/x", &[]), Some(Command::Refused("No tool is on offer here. ".into())));
    }
}
