//! Fixed phrases and the calls that they lead to: the example messages of the documentation, and the suggestions on the
//! pages of the AG-UI dojo.

use serde_json::{Value, json};

use super::json_text::read_json;
use super::{surfaces, texts};
use crate::model::{Call, Request, Turn};

/// The number of steps of a plan if the message names none.
const STEPS: usize = 3;

/// The calls that a phrase leads to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PhraseMatch {
    /// The names of possible tools. The first one on offer is called.
    pub(super) tools: &'static [&'static str],
    /// The arguments of each call.
    pub(super) calls: Vec<Value>,
    /// Whether the arguments are written a few letters at a time.
    pub(super) is_slow: bool,
    /// The reasoning before the calls; it may be empty.
    pub(super) reasoning: &'static str,
}

impl PhraseMatch {
    /// Creates a match. The first of `tools` that is on offer is called once for each entry of `calls`, which are the
    /// arguments. The arguments come in two halves, without reasoning before them.
    fn new(tools: &'static [&'static str], calls: impl IntoIterator<Item = Value>) -> Self {
        Self { tools, calls: calls.into_iter().collect(), ..Self::default() }
    }

    /// Makes the arguments come a few letters at a time, so that a page can show them as they grow.
    fn slowly(self) -> Self {
        Self { is_slow: true, ..self }
    }
}

/// Returns the calls for the first known phrase in the user's last message; `None` if it contains no phrase. `text` is
/// the text of this message; `request` has the history, from which a document that is to be changed is taken.
pub(super) fn find_phrase(request: &Request, text: &str) -> Option<PhraseMatch> {
    // Positions are the same in both texts, since only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let after = |phrases: &[&str]| {
        phrases.iter().find_map(|phrase| lower.find(phrase).map(|at| &text[at + phrase.len()..]))
    };
    let has = |words: &[&str]| words.iter().any(|word| has_word(&lower, word));

    let cities = after(&["weather in ", "weather like in "]).map(parse_cities).unwrap_or_default();
    if !cities.is_empty() {
        let calls = cities.into_iter().map(|city| json!({ "location": city }));
        return Some(PhraseMatch::new(&["get_weather"], calls));
    }
    if lower.contains("who am i") {
        return Some(PhraseMatch::new(&["get_account"], [json!({})]));
    }
    if let Some((order, amount)) = after(&["refund order "]).and_then(parse_refund) {
        return Some(PhraseMatch::new(&["refund_order"], [json!({ "order_id": order, "amount": amount })]));
    }
    if let Some(rest) = after(&["background to ", "background color to ", "background colour to "]) {
        return Some(match_background(trim_sentence_end(rest)));
    }
    if has(&["haiku"]) {
        let written = calls_of(request, "generate_haiku").count();
        return Some(PhraseMatch::new(&["generate_haiku"], [texts::haiku_arguments(written)]));
    }
    if has(&["schedule", "book"]) && (has(&["meeting", "call"]) || lower.contains("1:1")) {
        return Some(PhraseMatch::new(&["schedule_meeting"], [json!({ "topic": trim_sentence_end(text) })]));
    }
    if request.offers(surfaces::TOOL)
        && let Some(surface) = surfaces::find_surface(|word| has(&[word]))
    {
        return Some(PhraseMatch::new(&[surfaces::TOOL], [surface]).slowly());
    }
    if let Some((from, to)) = after(&["flights from "]).and_then(parse_route) {
        return Some(PhraseMatch::new(&["search_flights"], [json!({ "from": from, "to": to })]));
    }
    if let Some(place) = after(&["hotels in "]).and_then(before_time) {
        return Some(PhraseMatch::new(&["search_hotels"], [json!({ "place": place })]));
    }
    if has(&["recipe"]) {
        return Some(match_recipe(&lower));
    }
    if let Some(document) = document_text(request, &after) {
        return Some(PhraseMatch::new(&["write_document"], [json!({ "document": document })]).slowly());
    }
    if has(&["plan", "planning"]) || lower.contains("go to mars") {
        // A front end that lets the user choose the steps has a tool of its own. Otherwise the backend's tool is called.
        let steps =
            texts::plan_steps(parse_step_count(&lower).unwrap_or(STEPS), parse_named_steps(text, &lower));
        return Some(PhraseMatch::new(&["generate_task_steps", "work_through"], [steps]).slowly());
    }
    None
}

/// Returns the call of `change_background` with the colour that the user wishes for. A wish that begins with
/// "something", such as "something new", gets a gradient.
fn match_background(wish: &str) -> PhraseMatch {
    const TOOLS: &[&str] = &["change_background"];
    // "something new" is not a colour.
    if wish.to_ascii_lowercase().starts_with("something") {
        let call = json!({ "background": texts::GRADIENT });
        return PhraseMatch {
            reasoning: "Any background will do. I take a gradient.",
            ..PhraseMatch::new(TOOLS, [call])
        };
    }
    PhraseMatch::new(TOOLS, [json!({ "background": wish })])
}

/// Returns the call for a message about a recipe: a complete recipe for pasta, or one more ingredient. `lower` is the
/// message in lower case.
fn match_recipe(lower: &str) -> PhraseMatch {
    if has_word(lower, "pasta") {
        return PhraseMatch::new(&["create_recipe", "improve_recipe"], [texts::pasta_recipe()]);
    }
    let arguments = if has_word(lower, "healthier") {
        texts::added_ingredient("🥕", "Carrots", "2")
    } else if has_word(lower, "variations") {
        texts::added_ingredient("🌿", "Basil", "1 bunch")
    } else {
        json!({})
    };
    PhraseMatch::new(&["improve_recipe"], [arguments])
}

/// Returns the text of the document for a message that asks for one: a new story, or the last document of the
/// conversation with a new character or name. `after` returns the rest of the message after the first of the given
/// phrases. Returns `None` if the message is about something else, or if there is no document with a name to replace.
fn document_text<'a>(request: &Request, after: &impl Fn(&[&str]) -> Option<&'a str>) -> Option<String> {
    if let Some(about) = after(&["story about ", "story for "]) {
        let about = trim_sentence_end(about);
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

/// Returns the calls of a tool in this conversation, from the first to the last.
fn calls_of<'a>(request: &'a Request, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Call> {
    let calls = request.history.iter().filter_map(|turn| match turn {
        Turn::Assistant { calls, .. } => Some(calls),
        _ => None,
    });
    calls.flatten().filter(move |call| call.name == name)
}

/// Returns the document of the last `write_document` call in this conversation; `None` if there is no such call, or if
/// its arguments hold no document.
fn last_document(request: &Request) -> Option<String> {
    let last = calls_of(request, "write_document").next_back()?;
    let arguments = read_json(&last.arguments).ok()?;
    arguments["document"].as_str().map(ToOwned::to_owned)
}

/// Returns the number before `step` in a message such as `a plan in 5 steps`; `None` if the message has no such number, or if it is 0.
/// `lower` is the message in lower case.
fn parse_step_count(lower: &str) -> Option<usize> {
    let (before, _) = lower.split_once(" step")?;
    before.split(' ').next_back()?.parse().ok().filter(|count| *count > 0)
}

/// Returns the steps that a message about a plan names: the one after `the first step being`, and one for each `step
/// with`. `lower` is the message in lower case.
fn parse_named_steps(text: &str, lower: &str) -> Vec<String> {
    let first = lower.split_once("first step being ").map(|(_, rest)| {
        let rest = &text[text.len() - rest.len()..];
        rest.split(['.', ',', '!', '?']).next().unwrap_or_default().trim().to_owned()
    });
    let parts = lower
        .split("step with ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
    first.into_iter().chain(parts.map(|part| format!("The part with {part}"))).collect()
}

/// Returns the two places of `SFO to JFK for next Tuesday`; `None` if the text has another form.
fn parse_route(text: &str) -> Option<(&str, &str)> {
    let (from, rest) = text.split_once(" to ")?;
    Some((from.trim(), before_time(rest)?))
}

/// Returns what is before the end of the sentence and before a time such as `for next Tuesday`; `None` if that is empty.
fn before_time(text: &str) -> Option<&str> {
    let place = text.split(['.', '?', '!', ',']).next()?.split(" for ").next()?.split(" on ").next()?;
    Some(without_time(place.trim())).filter(|place| !place.is_empty())
}

/// Splits the names of cities in `Tokyo and Paris?` or `Tokyo, Paris and Rome today`, up to the end of the sentence.
/// The list is empty if there is no name.
fn parse_cities(text: &str) -> Vec<&str> {
    let end = text.find(['?', '!', '.', '\n', ';']).unwrap_or(text.len());
    let list = text[..end].split(" and ").flat_map(|part| part.split(','));
    list.map(|city| without_time(trim_sentence_end(city))).filter(|city| !city.is_empty()).collect()
}

/// Removes a word such as `today` or `please` from the end of a city's name.
fn without_time(city: &str) -> &str {
    let words = [" today", " tonight", " tomorrow", " right now", " now", " please"];
    words.iter().find_map(|word| city.strip_suffix(word)).unwrap_or(city)
}

/// Returns the order's id and the amount in `1234 for 20`; `None` if the text has another form or the amount is not a
/// number.
fn parse_refund(text: &str) -> Option<(&str, f64)> {
    let (order, amount) = text.split_once(" for ")?;
    let amount: f64 = amount.split_whitespace().next()?.trim_end_matches(['.', '?', '!']).parse().ok()?;
    amount.is_finite().then_some((order.trim(), amount))
}

/// Removes white space around a text, and then the punctuation that ends a sentence.
pub(super) fn trim_sentence_end(text: &str) -> &str {
    text.trim().trim_end_matches(['.', '?', '!'])
}

/// Returns whether a text contains this complete word, in the same case.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cities_are_split_without_words_around_them() {
        for (text, expected) in [
            ("Tokyo", vec!["Tokyo"]),
            ("Tokyo and Paris?", vec!["Tokyo", "Paris"]),
            ("New York, Paris and Lisbon. Thanks", vec!["New York", "Paris", "Lisbon"]),
            ("Tokyo today?", vec!["Tokyo"]),
            ("", vec![]),
        ] {
            assert_eq!(parse_cities(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_refund_needs_an_order_and_an_amount() {
        assert_eq!(parse_refund("A-17 for 20."), Some(("A-17", 20.0)));
        assert_eq!(parse_refund("1234"), None);
        assert_eq!(parse_refund("1234 for nothing"), None);
        assert_eq!(parse_refund("1234 for NaN"), None);
    }

    #[test]
    fn places_end_before_a_time() {
        assert_eq!(parse_route("SFO to JFK for next Tuesday."), Some(("SFO", "JFK")));
        assert_eq!(parse_route("New York to London on Friday"), Some(("New York", "London")));
        assert_eq!(parse_route("SFO"), None);
        assert_eq!(before_time("Lisbon tomorrow"), Some("Lisbon"));
        assert_eq!(before_time(" . "), None);
    }

    #[test]
    fn the_number_of_steps_is_read_from_the_message() {
        assert_eq!(parse_step_count("a trip to mars in 5 steps."), Some(5));
        assert_eq!(parse_step_count("only one step with eggs"), None);
        assert_eq!(parse_step_count("in 0 steps"), None);
        assert_eq!(parse_step_count("a plan"), None);
    }
}
