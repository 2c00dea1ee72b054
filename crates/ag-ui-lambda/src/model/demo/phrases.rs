//! Fixed phrases and the calls that they lead to: the sentences of the documentation, and what the pages of the AG-UI
//! dojo suggest to their users.

use serde_json::{Value, json};

use super::texts;
use crate::model::{Request, Turn};

/// How many steps a plan has if the message names no number.
const STEPS: usize = 3;

/// The calls that a phrase leads to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Phrase {
    /// The tool to call: the first of these that is on offer.
    pub(super) tools: &'static [&'static str],
    /// The arguments of each call.
    pub(super) calls: Vec<Value>,
    /// Whether the arguments are written a few letters at a time.
    pub(super) is_slow: bool,
    /// What the script reasons before.
    pub(super) reasoning: &'static str,
}

impl Phrase {
    fn of(tools: &'static [&'static str], calls: impl IntoIterator<Item = Value>) -> Self {
        Self { tools, calls: calls.into_iter().collect(), ..Self::default() }
    }

    fn slowly(self) -> Self {
        Self { is_slow: true, ..self }
    }
}

/// The first phrase that the user's last message has.
pub(super) fn find(request: &Request, text: &str) -> Option<Phrase> {
    // Places are the same in both, since only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let after = |phrases: &[&str]| {
        phrases.iter().find_map(|phrase| lower.find(phrase).map(|at| &text[at + phrase.len()..]))
    };
    let has = |words: &[&str]| words.iter().any(|word| has_word(&lower, word));

    let cities = after(&["weather in ", "weather like in "]).map(cities).unwrap_or_default();
    if !cities.is_empty() {
        let calls = cities.into_iter().map(|city| json!({ "location": city }));
        return Some(Phrase::of(&["get_weather"], calls));
    }
    if lower.contains("who am i") {
        return Some(Phrase::of(&["get_account"], [json!({})]));
    }
    if let Some((order, amount)) = after(&["refund order "]).and_then(refund) {
        return Some(Phrase::of(&["refund_order"], [json!({ "order_id": order, "amount": amount })]));
    }
    if let Some(rest) = after(&["background to ", "background color to ", "background colour to "]) {
        return Some(background(bare(rest)));
    }
    if has(&["haiku"]) {
        return Some(Phrase::of(&["generate_haiku"], [texts::haiku()]));
    }
    if has(&["schedule", "book"]) && (has(&["meeting", "call"]) || lower.contains("1:1")) {
        return Some(Phrase::of(&["schedule_meeting"], [json!({ "topic": bare(text) })]));
    }
    if has(&["recipe"]) {
        return Some(recipe(&lower));
    }
    if let Some(document) = document(request, &after) {
        return Some(Phrase::of(&["write_document"], [json!({ "document": document })]).slowly());
    }
    if has(&["plan", "planning"]) || lower.contains("go to mars") {
        // A front end that lets the user choose the steps has a tool of its own; else they are worked through here.
        let steps = texts::steps(count_of_steps(&lower).unwrap_or(STEPS));
        return Some(Phrase::of(&["generate_task_steps", "work_through"], [steps]).slowly());
    }
    None
}

fn background(wish: &str) -> Phrase {
    const TOOLS: &[&str] = &["change_background"];
    // "something new" is no colour.
    if wish.to_ascii_lowercase().starts_with("something") {
        let call = json!({ "background": texts::GRADIENT });
        return Phrase {
            reasoning: "Any background will do. I take a gradient.",
            ..Phrase::of(TOOLS, [call])
        };
    }
    Phrase::of(TOOLS, [json!({ "background": wish })])
}

fn recipe(lower: &str) -> Phrase {
    if has_word(lower, "pasta") {
        return Phrase::of(&["create_recipe", "improve_recipe"], [texts::pasta()]);
    }
    let arguments = if has_word(lower, "healthier") {
        texts::ingredient("🥕", "Carrots", "2")
    } else if has_word(lower, "variations") {
        texts::ingredient("🌿", "Basil", "1 bunch")
    } else {
        json!({})
    };
    Phrase::of(&["improve_recipe"], [arguments])
}

/// A new text, or the one before with the change that the user wants.
fn document<'a>(request: &Request, after: &impl Fn(&[&str]) -> Option<&'a str>) -> Option<String> {
    if let Some(about) = after(&["story about "]) {
        let about = bare(about);
        return Some(texts::story(about.strip_suffix(" in document").unwrap_or(about)));
    }
    let name = |rest: &'a str| {
        rest.split(|c: char| !c.is_alphanumeric() && c != ' ').next().unwrap_or_default().trim()
    };
    if let Some(name) = after(&["add a character named ", "add a character called "]).map(name) {
        let before = last_document(request).unwrap_or_else(|| texts::story("a ship"));
        return Some(format!("{before} Then {name} came along."));
    }
    let new_name = after(&["name to "]).map(name)?;
    let before = last_document(request)?;
    let at = [" named ", " called "].iter().find_map(|word| Some(before.find(word)? + word.len()))?;
    let old_name =
        before[at..].split(|c: char| !c.is_alphanumeric()).next().filter(|name| !name.is_empty())?;
    Some(before.replace(old_name, new_name))
}

/// The text that was written last in this conversation.
fn last_document(request: &Request) -> Option<String> {
    let calls = request.history.iter().rev().filter_map(|turn| match turn {
        Turn::Assistant { calls, .. } => Some(calls),
        _ => None,
    });
    let last = calls.flatten().find(|call| call.name == "write_document")?;
    let arguments: Value = serde_json::from_str(&last.arguments).ok()?;
    arguments["document"].as_str().map(ToOwned::to_owned)
}

/// The number of `in 5 steps`.
fn count_of_steps(lower: &str) -> Option<usize> {
    let (before, _) = lower.split_once(" step")?;
    before.split(' ').next_back()?.parse().ok().filter(|count| *count > 0)
}

/// The cities of `Tokyo and Paris?` or `Tokyo, Paris and Rome today`.
fn cities(text: &str) -> Vec<&str> {
    let end = text.find(['?', '!', '.', '\n', ';']).unwrap_or(text.len());
    let list = text[..end].split(" and ").flat_map(|part| part.split(','));
    list.map(|city| without_time(bare(city))).filter(|city| !city.is_empty()).collect()
}

fn without_time(city: &str) -> &str {
    let words = [" today", " tonight", " tomorrow", " right now", " now", " please"];
    words.iter().find_map(|word| city.strip_suffix(word)).unwrap_or(city)
}

/// Order and amount of `1234 for 20`.
fn refund(text: &str) -> Option<(&str, f64)> {
    let (order, amount) = text.split_once(" for ")?;
    let amount: f64 = amount.split_whitespace().next()?.trim_end_matches(['.', '?', '!']).parse().ok()?;
    amount.is_finite().then_some((order.trim(), amount))
}

fn bare(text: &str) -> &str {
    text.trim().trim_end_matches(['.', '?', '!'])
}

pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cities_are_split_and_bare() {
        for (text, expected) in [
            ("Tokyo", vec!["Tokyo"]),
            ("Tokyo and Paris?", vec!["Tokyo", "Paris"]),
            ("New York, Paris and Lisbon. Thanks", vec!["New York", "Paris", "Lisbon"]),
            ("Tokyo today?", vec!["Tokyo"]),
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

    #[test]
    fn a_plan_has_as_many_steps_as_the_message_says() {
        assert_eq!(count_of_steps("a trip to mars in 5 steps."), Some(5));
        assert_eq!(count_of_steps("only one step with eggs"), None);
        assert_eq!(count_of_steps("in 0 steps"), None);
        assert_eq!(count_of_steps("a plan"), None);
    }
}
