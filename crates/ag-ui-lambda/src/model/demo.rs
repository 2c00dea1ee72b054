//! `scripted/demo`: a deterministic script for trying things offline. It is not a language model.
//!
//! The user's last message decides what happens. The first of these rules that applies is used:
//! 1. `/name {json}` calls a tool with the given arguments ([`command`]).
//! 2. A fixed phrase calls the tool that belongs to it, if the tool is on offer ([`phrases`]).
//! 3. The name of a tool on offer, in words, calls the tool with arguments made from its schema ([`naming`],
//!    [`arguments`]).
//! 4. A few words get an answer in text; any other message is repeated.
//!
//! A turn that follows no new message calls the tool that the settings require, if there is one. A tool that is not on offer
//! is never called.

mod arguments;
mod candidates;
mod command;
mod format;
mod keywords;
mod naming;
mod pattern;
mod phrases;
mod sample;
mod schema;
mod texts;
mod values;

use std::time::Duration;

use serde_json::Value;

use super::{Call, CallResult, ModelErrorKind, Request, Script, Scripted, ToolChoice, Turn, UserPart};
use crate::protocol::{PartKind, Tool};
use command::Command;
use phrases::{PhraseMatch, has_word};
use sample::SampleError;

/// Ends every answer in text.
const DISCLAIMER: &str = "(I am a demo script, not a language model.)";

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
        _ => answer_in_text(request, &text),
    }
}

/// Writes an answer without calls: a fixed text for a few words, a failure for `fail`, and otherwise the attachments'
/// kinds and a repetition of the message.
fn answer_in_text(request: &Request, text: &str) -> Script {
    let lower = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| has_word(&lower, word));
    if has(&["sonnet"]) {
        return Script::new()
            .reasoning("The user wants a sonnet. I know one.")
            .words(texts::SONNET)
            .words(DISCLAIMER);
    }
    if has(&["think", "explain"]) || lower.contains("the best ") {
        return Script::new()
            .reasoning("The user wants me to think. ")
            .reasoning("A script has little to think about.")
            .words("I have thought about it. ")
            .words(DISCLAIMER);
    }
    if has(&["fail"]) {
        return Script::new().words("Let me try. ").fail(ModelErrorKind::Unavailable);
    }
    let parts = attachments_in(request);
    let received = parts.iter().fold(Script::new(), |script, kind| script.words(&format!("I got {kind}. ")));
    if has(&["image", "photo"]) {
        let sentence = match parts.is_empty() {
            true => "There is no picture in your message. ",
            false => "A script cannot see what is in it. ",
        };
        return received.words(sentence).words(DISCLAIMER);
    }
    received.words("You said: ").words(text).text(" ").words(DISCLAIMER)
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

/// Returns a phrase such as `a picture` for each attachment of the user's last message. The list is empty if the last
/// turn is not the user's.
fn attachments_in(request: &Request) -> Vec<&'static str> {
    let Some(Turn::User(parts)) = request.history.last() else { return Vec::new() };
    let kinds = parts.iter().filter_map(|part| match part {
        UserPart::Content(part) => match part.kind {
            PartKind::Image { .. } => Some("a picture"),
            PartKind::Audio { .. } => Some("a sound"),
            PartKind::Video { .. } => Some("a film"),
            PartKind::Document { .. } => Some("a document"),
            _ => None,
        },
        UserPart::ClientContext(_) | UserPart::Note(_) => None,
    });
    kinds.collect()
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
            let letters: Vec<char> = arguments.to_string().chars().collect();
            let pieces: Vec<String> = letters.chunks(12).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            script.call_in_pieces(&id, &tool.name, &pieces)
        }
    })
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
    let answers = calls.iter().zip(results).map(|(call, result)| {
        let text = result.content.text();
        match serde_json::from_str::<Value>(&text) {
            Ok(value) if call.name == "get_weather" && value["city"].is_string() => format!(
                "{}: {} °C, {}. ",
                value["city"].as_str().unwrap_or_default(),
                value["temperature"],
                value["conditions"].as_str().unwrap_or_default()
            ),
            _ => format!("{} answered: {text} ", call.name),
        }
    });
    answers.fold(Script::new(), |script, answer| script.words(&answer))
}

#[cfg(test)]
mod tests;
