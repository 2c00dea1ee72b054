//! `scripted/demo`: a model for trying things offline. It is deterministic, and no language model.
//!
//! The user's last message decides, by the first of these that applies:
//! 1. `/name {json}` calls a tool with arguments that are given ([`command`]);
//! 2. a fixed phrase calls the tool that goes with it, if that is on offer ([`phrases`]);
//! 3. the name of a tool on offer, in words, calls it with arguments made from its schema ([`naming`], [`arguments`]);
//! 4. a few words are answered in text; anything else is repeated.
//!
//! A tool that is not on offer is never called.

mod arguments;
mod command;
mod format;
mod naming;
mod pattern;
mod phrases;
mod sample;
mod schema;
mod texts;
mod values;

use std::time::Duration;

use serde_json::Value;

use super::{Call, CallResult, ModelErrorKind, Request, Script, Scripted, Turn, UserPart};
use crate::protocol::{PartKind, Tool};
use command::Command;
use phrases::{Phrase, has_word};
use sample::Unmet;

const DISCLAIMER: &str = "(I am a demo script, not a language model.)";

/// The demo model, with a pause before each delta.
pub fn demo(delay: Duration) -> Scripted {
    Scripted::new(turn).named("scripted/demo").with_delay(delay)
}

fn turn(request: &Request) -> Script {
    match request.history.as_slice() {
        [.., Turn::Assistant { calls, .. }, Turn::Results(results)] => {
            results_in_words(calls, results).words(DISCLAIMER)
        }
        [.., Turn::User(parts)] if parts.iter().all(|part| !matches!(part, UserPart::Content(_))) => {
            after_nothing_new(request)
        }
        _ => after_user(request),
    }
}

fn after_user(request: &Request) -> Script {
    let text = request.last_user_text();
    match command::read(&text, &request.tools) {
        Some(Command::Call(tool, arguments)) => return call(request, tool, [arguments], Pace::Halves),
        Some(Command::Make(tool, rest)) => return call_with_made(request, tool, rest),
        Some(Command::Refused(sentence)) => return Script::new().words(&sentence).words(DISCLAIMER),
        None => {}
    }
    let phrase = phrases::find(request, &text);
    if let Some(phrase) = &phrase
        && let Some(tool) = phrase.tools.iter().find_map(|name| offered(request, name))
    {
        return call_of_phrase(request, tool, phrase);
    }
    if let Some((tool, place)) = naming::tool_in(&text, &request.tools) {
        let rest = format!("{} {}", &text[..place.start], &text[place.end..]);
        return call_with_made(request, tool, &rest);
    }
    match phrase {
        Some(Phrase { tools: [name, ..], .. }) => not_on_offer(name),
        _ => in_text(request, &text),
    }
}

/// Answers without a tool.
fn in_text(request: &Request, text: &str) -> Script {
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
    let parts = sent_along(request);
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

/// Answers a conversation that goes on without words of the user: the results of the last calls are what can be new.
fn after_nothing_new(request: &Request) -> Script {
    let last = request.history.windows(2).rev().find_map(|turns| match turns {
        [Turn::Assistant { calls, .. }, Turn::Results(results)] => Some((calls, results)),
        _ => None,
    });
    let script = match last {
        Some((calls, results)) => results_in_words(calls, results),
        None => Script::new().words("I find nothing to answer. "),
    };
    script.words(DISCLAIMER)
}

/// What came with the user's last words.
fn sent_along(request: &Request) -> Vec<&'static str> {
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
enum Pace {
    Halves,
    Letters,
}

fn offered<'a>(request: &'a Request, name: &str) -> Option<&'a Tool> {
    request.tools.iter().find(|tool| tool.name == name)
}

fn call_of_phrase(request: &Request, tool: &Tool, phrase: &Phrase) -> Script {
    let arguments = phrase.calls.iter().map(|preferred| arguments::fitted(tool, preferred));
    let arguments: Result<Vec<Value>, Unmet> = arguments.collect();
    let pace = if phrase.is_slow { Pace::Letters } else { Pace::Halves };
    match arguments {
        Ok(arguments) => call_after(reasoning(phrase.reasoning), request, tool, arguments, pace),
        Err(unmet) => not_made(tool, &unmet),
    }
}

fn reasoning(text: &str) -> Script {
    if text.is_empty() { Script::new() } else { Script::new().reasoning(text) }
}

/// Calls a tool with arguments made from its schema and the rest of the message.
fn call_with_made(request: &Request, tool: &Tool, rest: &str) -> Script {
    match arguments::from_message(tool, rest) {
        Ok(arguments) => call(request, tool, [arguments], Pace::Halves),
        Err(unmet) => not_made(tool, &unmet),
    }
}

fn not_made(tool: &Tool, Unmet { path, reason }: &Unmet) -> Script {
    let name = &tool.name;
    let place = if path.is_empty() { String::new() } else { format!(" at {path}") };
    Script::new()
        .words(&format!(
            "I cannot make the arguments of {name}{place}: {reason} Write them yourself: /{name} {{...}}. "
        ))
        .words(DISCLAIMER)
}

/// Calls a tool once for each of these arguments.
fn call(request: &Request, tool: &Tool, arguments: impl IntoIterator<Item = Value>, pace: Pace) -> Script {
    call_after(Script::new(), request, tool, arguments, pace)
}

fn call_after(
    script: Script,
    request: &Request,
    tool: &Tool,
    arguments: impl IntoIterator<Item = Value>,
    pace: Pace,
) -> Script {
    let calls = arguments.into_iter().zip(first_number(request)..);
    calls.fold(script, |script, (arguments, number)| {
        let id = format!("call_{number}");
        match pace {
            Pace::Halves => script.call(&id, &tool.name, &arguments),
            Pace::Letters => {
                let letters: Vec<char> = arguments.to_string().chars().collect();
                let pieces: Vec<String> = letters.chunks(12).map(|piece| piece.iter().collect()).collect();
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                script.call_in_pieces(&id, &tool.name, &pieces)
            }
        }
    })
}

fn not_on_offer(tool: &str) -> Script {
    Script::new().words("I would call ").text(tool).words(", which is not on offer here. ").words(DISCLAIMER)
}

/// The number of the next call in the conversation.
fn first_number(request: &Request) -> usize {
    let made: usize = request
        .history
        .iter()
        .map(|turn| match turn {
            Turn::Assistant { calls, .. } => calls.len(),
            _ => 0,
        })
        .sum();
    made + 1
}

fn results_in_words(calls: &[Call], results: &[CallResult]) -> Script {
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
