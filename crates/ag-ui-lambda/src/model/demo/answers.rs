//! Answers in text: what the script writes for a message that calls no tool.

use super::json_text::read_json;
use super::phrases::{has_word, trim_sentence_end};
use super::texts::{self, DISCLAIMER};
use crate::model::{ModelErrorKind, Request, Script, Turn, UserPart};
use crate::protocol::PartKind;

/// Writes an answer without calls. The first rule whose words are in the message counts; without one, the attachments'
/// kinds and the message are repeated.
pub(super) fn answer_in_text(request: &Request, text: &str) -> Script {
    let lower = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| has_word(&lower, word));
    if let Some(answer) = answer_from_conversation(request, text, &lower) {
        return Script::new().words(&answer).words(DISCLAIMER);
    }
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
    if lower.contains("trigger error") {
        return Script::new().fail(ModelErrorKind::Unavailable);
    }
    if has(&["fail"]) {
        return Script::new().words("Let me try. ").fail(ModelErrorKind::Unavailable);
    }
    if has(&["long"]) && has(&["answer", "essay", "story", "text"]) {
        return Script::new().words(&texts::long_text()).words(DISCLAIMER);
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

/// Returns the answer to a greeting, and to a question about what the user has written before or what the front end
/// shares; `None` for other messages. `lower` is the message in lower case.
fn answer_from_conversation(request: &Request, text: &str, lower: &str) -> Option<String> {
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        ["hi"] | ["hey", "there"] => return Some("Hello! What can I do for you? ".into()),
        ["hi", "i", "am", name] => {
            let name = &text[lower.rfind(name)?..];
            return Some(format!("Hello {}! What can I do for you? ", trim_sentence_end(name)));
        }
        _ => {}
    }
    if let Some((_, rest)) = lower.split_once("what my favorite ") {
        let thing = rest.split_whitespace().next()?;
        let favorite = find_favorite(request, thing)?;
        return Some(format!("Your favorite {thing} is {favorite}. "));
    }
    if has_word(lower, "ingredients") {
        return Some(format!("The recipe has {}. ", shared_ingredients(request)?.join(", ")));
    }
    None
}

/// Returns what the user has called their favourite `thing` in an earlier message, such as `My favorite fruit is Mango`.
fn find_favorite(request: &Request, thing: &str) -> Option<String> {
    let phrase = format!("favorite {thing} is ");
    let parts = request.history.iter().rev().filter_map(|turn| match turn {
        Turn::User(parts) => Some(parts),
        _ => None,
    });
    parts.flatten().find_map(|part| {
        let UserPart::Content(part) = part else { return None };
        let PartKind::Text { text } = &part.kind else { return None };
        let at = text.to_ascii_lowercase().find(&phrase)?;
        let favorite = text[at + phrase.len()..].split(['.', ',', '!', '\n']).next()?;
        Some(favorite.trim().to_owned())
    })
}

/// Returns the ingredients of the recipe in the state that the front end shares, with their amounts; `None` if it shares
/// no recipe.
fn shared_ingredients(request: &Request) -> Option<Vec<String>> {
    let Some(Turn::User(parts)) = request.history.last() else { return None };
    // The data is one line of JSON within the frame that marks it as untrusted.
    let lines = parts.iter().filter_map(|part| match part {
        UserPart::ClientContext(text) => Some(text.lines()),
        _ => None,
    });
    let state = lines.flatten().filter_map(|line| read_json(line).ok());
    let ingredients =
        state.filter_map(|state| state.pointer("/recipe/ingredients")?.as_array().cloned()).next()?;
    let texts = ingredients.iter().map(|ingredient| {
        let member = |name: &str| ingredient[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", member("amount"), member("name")).trim().to_owned()
    });
    Some(texts.collect())
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
