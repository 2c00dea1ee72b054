//! `scripted/demo`: a deterministic script for trying things offline. It is not a language model.
//!
//! The user's last message decides what happens. The first of these rules that applies is used:
//! 1. `/name {json}` calls a tool with the given arguments ([`command`]).
//! 2. A fixed phrase calls the tool that belongs to it, if the tool is on offer ([`phrases`]).
//! 3. The name of a tool on offer, in words, calls the tool with arguments made from its schema ([`naming`],
//!    [`arguments`]).
//! 4. A few words get an answer in text; any other message is repeated ([`answers`]).
//!
//! A turn that follows no new message calls the tool that the settings require, if there is one. A tool that is not on offer
//! is never called.

mod answers;
mod arguments;
mod candidates;
mod command;
mod format;
mod json_text;
mod keywords;
mod naming;
mod pattern;
mod phrases;
mod results;
mod sample;
mod schema;
mod surfaces;
mod texts;
mod values;

use std::time::Duration;

use serde_json::Value;

use super::{Call, CallResult, Request, Script, Scripted, ToolChoice, Turn, UserPart};
use crate::protocol::Tool;
use command::Command;
use phrases::PhraseMatch;
use sample::SampleError;
use texts::DISCLAIMER;

/// Returns the demo model `scripted/demo`, which answers by fixed rules and needs no network. It waits for `delay`
/// before each delta.
pub fn demo(delay: Duration) -> Scripted {
    Scripted::new(next_turn).with_name("scripted/demo").with_delay(delay)
}

/// Writes the demo model's turn: describes results if calls have just been answered, and otherwise reacts to the user's
/// last message.
fn next_turn(request: &Request) -> Script {
    match request.history.as_slice() {
        [.., Turn::Assistant { calls, .. }, Turn::Results(results)] => {
            describe_results(calls, results).words(DISCLAIMER)
        }
        [.., Turn::User(parts)] if parts.iter().all(|part| !matches!(part, UserPart::Content(_))) => {
            answer_without_new_input(request)
        }
        _ => answer_user(request),
    }
}

/// Writes the turn for a new message of the user: a call of a tool, or an answer in text. The rules in the module's
/// documentation decide.
fn answer_user(request: &Request) -> Script {
    let text = request.last_user_text();
    match command::parse(&text, &request.tools) {
        Some(Command::Call(tool, arguments)) => {
            return call_tool(request, tool, [arguments], ArgumentPacing::Halves);
        }
        Some(Command::CallWithSample(tool, rest)) => return call_with_sampled_arguments(request, tool, rest),
        Some(Command::Invalid(sentence)) => return Script::new().words(&sentence).words(DISCLAIMER),
        None => {}
    }
    let phrase = phrases::find_phrase(request, &text);
    if let Some(phrase) = &phrase
        && let Some(tool) = phrase.tools.iter().find_map(|name| find_tool(request, name))
    {
        return call_for_phrase(request, tool, phrase);
    }
    if let Some((tool, place)) = naming::find_tool_in(&text, &request.tools) {
        let rest = format!("{} {}", &text[..place.start], &text[place.end..]);
        return call_with_sampled_arguments(request, tool, &rest);
    }
    match phrase {
        Some(PhraseMatch { tools: [name, ..], .. }) => report_missing_tool(name),
        _ => answers::answer_in_text(request, &text),
    }
}

/// Writes the turn for a conversation that continues without a new message of the user. It calls the tool that must be
/// called, if there is one, and otherwise describes the results of the last calls, if there are any.
fn answer_without_new_input(request: &Request) -> Script {
    if let ToolChoice::Tool(name) = &request.settings.tool_choice
        && let Some(tool) = find_tool(request, name)
    {
        return call_with_sampled_arguments(request, tool, "");
    }
    let last = request.history.windows(2).rev().find_map(|turns| match turns {
        [Turn::Assistant { calls, .. }, Turn::Results(results)] => Some((calls, results)),
        _ => None,
    });
    let script = match last {
        Some((calls, results)) => describe_results(calls, results),
        None => Script::new().words("I find nothing to answer. "),
    };
    script.words(DISCLAIMER)
}

/// In which pieces the arguments of a call are written.
#[derive(Clone, Copy)]
enum ArgumentPacing {
    /// The arguments are written in two halves.
    Halves,
    /// The arguments are written a few letters at a time.
    Letters,
}

/// Returns the tool with this name; `None` if the request does not offer it.
fn find_tool<'a>(request: &'a Request, name: &str) -> Option<&'a Tool> {
    request.tools.iter().find(|tool| tool.name == name)
}

/// Writes the turn that calls `tool` as a phrase demands: with the reasoning and arguments of the phrase, as far as the
/// tool's schema accepts them. If no arguments can be made, the turn explains why.
fn call_for_phrase(request: &Request, tool: &Tool, phrase: &PhraseMatch) -> Script {
    let arguments = phrase.calls.iter().map(|preferred| arguments::fit_to_schema(tool, preferred));
    let arguments: Result<Vec<Value>, SampleError> = arguments.collect();
    let pace = if phrase.is_slow { ArgumentPacing::Letters } else { ArgumentPacing::Halves };
    match arguments {
        Ok(arguments) => {
            append_calls(reasoning_script(phrase.reasoning), tool, numbered_calls(request, arguments), pace)
        }
        Err(unmet) => report_sample_error(tool, &unmet),
    }
}

/// Creates a script that begins with this reasoning, or an empty script if `text` is empty.
fn reasoning_script(text: &str) -> Script {
    if text.is_empty() { Script::new() } else { Script::new().reasoning(text) }
}

/// Writes the turn that calls `tool` with values from the message and, where it has none, with values made from the
/// tool's schema. `rest` is the message without the tool's name. If no arguments can be made, the turn explains why.
fn call_with_sampled_arguments(request: &Request, tool: &Tool, rest: &str) -> Script {
    match arguments::from_message(tool, rest) {
        Ok(arguments) => call_tool(request, tool, [arguments], ArgumentPacing::Halves),
        Err(unmet) => report_sample_error(tool, &unmet),
    }
}

/// Writes a turn that explains why no arguments could be made for `tool`, and that the user can write them in a
/// command.
fn report_sample_error(tool: &Tool, SampleError { path, reason }: &SampleError) -> Script {
    let name = &tool.name;
    let place = if path.is_empty() { String::new() } else { format!(" at {path}") };
    Script::new()
        .words(&format!(
            "I cannot make the arguments of {name}{place}: {reason} Write them yourself: /{name} {{...}}. "
        ))
        .words(DISCLAIMER)
}

/// Writes a turn that calls `tool` once for each of these arguments. `pace` is how the arguments are cut into deltas.
fn call_tool(
    request: &Request,
    tool: &Tool,
    arguments: impl IntoIterator<Item = Value>,
    pace: ArgumentPacing,
) -> Script {
    append_calls(Script::new(), tool, numbered_calls(request, arguments), pace)
}

/// Appends calls of `tool` to a script. Each entry of `calls` is the call's id and its arguments; `pace` is how the
/// arguments are cut into deltas.
fn append_calls(
    script: Script,
    tool: &Tool,
    calls: impl Iterator<Item = (String, Value)>,
    pace: ArgumentPacing,
) -> Script {
    calls.fold(script, |script, (id, arguments)| match pace {
        ArgumentPacing::Halves => script.call(&id, &tool.name, &arguments),
        ArgumentPacing::Letters => {
            let letters: Vec<char> = write_required_first(tool, &arguments).chars().collect();
            let pieces: Vec<String> = letters.chunks(12).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            script.call_in_pieces(&id, &tool.name, &pieces)
        }
    })
}

/// Writes arguments as JSON with the required members first, in the order in which the tool's schema lists them. A page
/// that renders a call while it is written, such as a surface of A2UI, needs this order.
fn write_required_first(tool: &Tool, arguments: &Value) -> String {
    let required = tool.parameters.as_ref().and_then(|schema| schema["required"].as_array());
    let (Some(members), Some(required)) = (arguments.as_object(), required) else {
        return arguments.to_string();
    };
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    members
        .sort_by_key(|(name, _)| required.iter().position(|first| first == *name).unwrap_or(required.len()));
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    format!("{{{}}}", members.join(","))
}

/// Pairs the arguments of each call with a new id, such as `call_3`, that continues the numbering of the conversation.
fn numbered_calls(
    request: &Request,
    arguments: impl IntoIterator<Item = Value>,
) -> impl Iterator<Item = (String, Value)> {
    let numbers = next_call_number(request)..;
    numbers.map(|number| format!("call_{number}")).zip(arguments)
}

/// Writes a turn that names the tool which a phrase would call, because the request does not offer this tool.
fn report_missing_tool(tool: &str) -> Script {
    Script::new().words("I would call ").text(tool).words(", which is not on offer here. ").words(DISCLAIMER)
}

/// Returns the number of calls in the history plus one, from which the id of the next call is made.
fn next_call_number(request: &Request) -> usize {
    let calls: usize = request
        .history
        .iter()
        .map(|turn| match turn {
            Turn::Assistant { calls, .. } => calls.len(),
            _ => 0,
        })
        .sum();
    calls + 1
}

/// Starts a turn that describes the result of each call in a sentence. `results` are in the order of `calls`.
fn describe_results(calls: &[Call], results: &[CallResult]) -> Script {
    let pairs = calls.iter().zip(results);
    let answers = pairs.map(|(call, result)| results::describe(&call.name, &result.content.text()));
    answers.fold(Script::new(), |script, answer| script.words(&answer))
}

#[cfg(test)]
mod tests;
