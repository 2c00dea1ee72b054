//! `scripted/demo`: a model for trying things offline. It is deterministic, and no language model.
//!
//! It looks for a few phrases in the user's last message and calls the tools that go with them, if they are
//! on offer.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Call, CallResult, Request, Script, Scripted, Turn, UserPart};
use crate::protocol::PartKind;

const DISCLAIMER: &str = "(I am a demo script, not a language model.)";

/// The demo model, with a pause before each delta.
pub fn demo(delay: Duration) -> Scripted {
    Scripted::new(turn).named("scripted/demo").with_delay(delay)
}

fn turn(request: &Request) -> Script {
    match request.history.as_slice() {
        [.., Turn::Assistant { calls, .. }, Turn::Results(results)] => after_results(calls, results),
        _ => after_user(request),
    }
}

fn after_user(request: &Request) -> Script {
    let text = request.last_user_text();
    let lower = text.to_ascii_lowercase();
    let cities = after(&text, &lower, "weather in ").map(cities).unwrap_or_default();
    if !cities.is_empty() {
        return call(request, "get_weather", cities.into_iter().map(|city| json!({ "location": city })));
    }
    if lower.contains("who am i") {
        return call(request, "get_account", [json!({})]);
    }
    if let Some((order, amount)) = after(&text, &lower, "refund order ").and_then(refund) {
        return call(request, "refund_order", [json!({ "order_id": order, "amount": amount })]);
    }
    if let Some(rest) = after(&text, &lower, "change the background to ") {
        return call(request, "change_background", [json!({ "background": bare(rest) })]);
    }
    if lower.contains("write a haiku") {
        return call(request, "generate_haiku", [haiku()]);
    }
    if lower.contains("schedule a meeting") {
        return call(request, "schedule_meeting", [json!({ "topic": bare(&text) })]);
    }
    if has_word(&lower, "recipe") {
        return call(request, "improve_recipe", [json!({})]);
    }
    if let Some(about) = after(&text, &lower, "write a story about ") {
        return call_slowly(request, "write_document", &json!({ "document": story(bare(about)) }));
    }
    if has_word(&lower, "plan") {
        // A front end that lets the user choose the steps has a tool of its own; else they are worked through here.
        let tools = ["generate_task_steps", "work_through"];
        let tool = tools.into_iter().find(|tool| request.offers(tool)).unwrap_or(tools[0]);
        return call_slowly(request, tool, &steps());
    }
    if has_word(&lower, "think") {
        return Script::new()
            .reasoning("The user wants me to think. ")
            .reasoning("A script has little to think about.")
            .words("I have thought about it. ")
            .words(DISCLAIMER);
    }
    if has_word(&lower, "fail") {
        return Script::new().words("Let me try. ").fail(super::ModelErrorKind::Unavailable);
    }
    let seen = sent_along(request)
        .into_iter()
        .fold(Script::new(), |script, kind| script.words(&format!("I got {kind}. ")));
    seen.words("You said: ").words(&text).text(" ").words(DISCLAIMER)
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
        UserPart::ClientContext(_) => None,
    });
    kinds.collect()
}

/// Calls a tool once for each set of arguments, if it is on offer.
fn call(request: &Request, tool: &str, arguments: impl IntoIterator<Item = Value>) -> Script {
    if !request.offers(tool) {
        return not_on_offer(tool);
    }
    let calls = arguments.into_iter().zip(first_number(request)..);
    calls.fold(Script::new(), |script, (arguments, number)| {
        script.call(&format!("call_{number}"), tool, &arguments)
    })
}

/// Calls a tool, if it is on offer, and writes its arguments a few letters at a time.
fn call_slowly(request: &Request, tool: &str, arguments: &Value) -> Script {
    if !request.offers(tool) {
        return not_on_offer(tool);
    }
    let letters: Vec<char> = arguments.to_string().chars().collect();
    let pieces: Vec<String> = letters.chunks(12).map(|piece| piece.iter().collect()).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    Script::new().call_in_pieces(&format!("call_{}", first_number(request)), tool, &pieces)
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

fn after_results(calls: &[Call], results: &[CallResult]) -> Script {
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
    answers.fold(Script::new(), |script, answer| script.words(&answer)).words(DISCLAIMER)
}

/// The cities of `Tokyo and Paris?` or `Tokyo, Paris and Rome`.
fn cities(text: &str) -> Vec<&str> {
    let end = text.find(['?', '!', '.', '\n', ';']).unwrap_or(text.len());
    let list = text[..end].split(" and ").flat_map(|part| part.split(','));
    list.map(bare).filter(|city| !city.is_empty()).collect()
}

/// Order and amount of `1234 for 20`.
fn refund(text: &str) -> Option<(&str, f64)> {
    let (order, amount) = text.split_once(" for ")?;
    let amount: f64 = amount.split_whitespace().next()?.trim_end_matches(['.', '?', '!']).parse().ok()?;
    amount.is_finite().then_some((order.trim(), amount))
}

/// What stands behind a phrase. `lower` is the text in ASCII lower case, so places are the same in both.
fn after<'a>(text: &'a str, lower: &str, phrase: &str) -> Option<&'a str> {
    lower.find(phrase).map(|at| &text[at + phrase.len()..])
}

fn bare(text: &str) -> &str {
    text.trim().trim_end_matches(['.', '?', '!'])
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word)
}

fn haiku() -> Value {
    json!({
        "japanese": ["古池や", "蛙飛び込む", "水の音"],
        "english": ["The old pond is still", "A frog leaps into the depths", "The sound of water"],
        "image_name": "Bonsai_Tree_Potted_Japanese_Art_Green_Foliage.jpeg",
        "gradient": "linear-gradient(135deg, #134e5e 0%, #71b280 100%)",
    })
}

fn steps() -> Value {
    let step = |description: &str| json!({ "description": description, "status": "enabled" });
    json!({ "steps": [step("Look at the map"), step("Pack the bag"), step("Set off")] })
}

fn story(about: &str) -> String {
    format!(
        "Once there was {about}. Nobody knew where {about} came from, and nobody asked. One morning the sea was \
         calm, and {about} set off. The rest is for a better writer than a script."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_phrase_keeps_its_case() {
        let text = "Ünter REFUND ORDER A-17 for 20";

        assert_eq!(after(text, &text.to_ascii_lowercase(), "refund order "), Some("A-17 for 20"));
    }

    #[test]
    fn cities_are_split_and_bare() {
        for (text, expected) in [
            ("Tokyo", vec!["Tokyo"]),
            ("Tokyo and Paris?", vec!["Tokyo", "Paris"]),
            ("New York, Paris and Lisbon. Thanks", vec!["New York", "Paris", "Lisbon"]),
            ("", vec![]),
        ] {
            assert_eq!(cities(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_refund_needs_an_order_and_an_amount() {
        assert_eq!(refund("A-17 for 20."), Some(("A-17", 20.0)));
        assert_eq!(refund("1234"), None);
        assert_eq!(refund("1234 for nothing"), None);
        assert_eq!(refund("1234 for NaN"), None);
    }
}
