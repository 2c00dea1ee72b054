//! Finds the names of tools and arguments in a message, word by word.
//!
//! `find_order`, `find-order`, `findOrder` and "Find order" are the same two words.

use std::ops::Range;

use crate::protocol::Tool;

/// A text that is split into words, in which names can be found.
#[derive(Debug, Default)]
pub(super) struct Words<'a> {
    text: &'a str,
    words: Vec<Word>,
}

/// A word in lower case, and its position in the text.
type Word = (String, Range<usize>);

impl<'a> Words<'a> {
    /// Splits a text into words, in lower case and with their positions.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, words: split_words(text) }
    }

    /// Returns the byte range of a name in the text: its words one after another, with only spaces, `_` and `-` between
    /// them, in any case. Returns `None` if the text does not contain the name.
    pub(super) fn find(&self, name: &str) -> Option<Range<usize>> {
        let name = words_of(name);
        let length = name.len();
        if length == 0 {
            return None;
        }
        let is_joined = |pair: &[Word]| {
            let between = &self.text[pair[0].1.end..pair[1].1.start];
            between.chars().all(|c| c.is_whitespace() || matches!(c, '_' | '-'))
        };
        let is_name = |window: &&[Word]| {
            window.iter().map(|(word, _)| word).eq(&name) && window.windows(2).all(is_joined)
        };
        let found = self.words.windows(length).find(is_name)?;
        Some(found[0].1.start..found[length - 1].1.end)
    }
}

/// Splits a text into lower-case words with their byte ranges: at every character that is neither a letter nor a digit,
/// and before a capital that begins a new word, as in `findOrder`.
fn split_words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut before: Option<char> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        if !c.is_alphanumeric() {
            before = None;
            continue;
        }
        let is_before_lower = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
        let begins = match before {
            None => true,
            Some(before) => {
                c.is_uppercase() && (before.is_lowercase() || before.is_uppercase() && is_before_lower)
            }
        };
        match words.last_mut() {
            Some((word, place)) if !begins => {
                word.extend(c.to_lowercase());
                place.end = end;
            }
            _ => words.push((c.to_lowercase().collect(), at..end)),
        }
        before = Some(c);
    }
    words
}

/// Returns the words of a name with spaces between them, for a sample text: `order_id` becomes "order id".
pub(super) fn name_to_words(name: &str) -> String {
    words_of(name).join(" ")
}

/// Returns whether two names consist of the same words, such as `order_id` and `orderId`. A name without words equals
/// no other. Used for the name in a pair such as `amount=20`, which may name an argument.
pub(super) fn has_same_words(name: &str, other: &str) -> bool {
    let name = words_of(name);
    !name.is_empty() && name == words_of(other)
}

/// Returns the tool whose name a text contains anywhere, word by word, with the byte range of the name. If the text
/// contains several names, the longest one counts; `None` if it contains none.
pub(super) fn find_tool_in<'a>(text: &str, tools: &'a [Tool]) -> Option<(&'a Tool, Range<usize>)> {
    let text = Words::new(text);
    let found = tools.iter().filter_map(|tool| Some((tool, text.find(&tool.name)?)));
    // The first of the longest, so that the order of the tools decides and nothing else.
    found.reduce(|longest, other| if other.0.name.len() > longest.0.name.len() { other } else { longest })
}

/// The tools that a name, or a part of one, stands for.
#[derive(Debug, PartialEq)]
pub(super) enum ToolMatch<'a> {
    /// Exactly this tool; `rest` is the text after its name.
    Tool { tool: &'a Tool, rest: &'a str },
    /// Several tools with these names.
    Ambiguous(Vec<&'a str>),
    /// No tool.
    NotFound,
}

/// Finds the tool that a command's text begins with: by the complete name, word by word, or by a part of the name if
/// only one tool has this part.
///
/// A part is the beginning of the name (`ref` of `refund_order`) or one of its words (`order`).
pub(super) fn parse_tool_name<'a>(text: &'a str, tools: &'a [Tool]) -> ToolMatch<'a> {
    // The name ends where the arguments begin.
    let head = Words::new(&text[..text.find(['{', '[']).unwrap_or(text.len())]);
    let at_start = |tool: &'a Tool| {
        let place = head.find(&tool.name)?;
        text[..place.start].trim().is_empty().then_some((tool, place.end))
    };
    if let Some((tool, end)) = tools.iter().filter_map(at_start).max_by_key(|(_, end)| *end) {
        return ToolMatch::Tool { tool, rest: &text[end..] };
    }
    let text = text.trim_start();
    let part = text.split(|c: char| c.is_whitespace() || c == '{' || c == '[').next().unwrap_or_default();
    let joined = words_of(part).join("_");
    let is_part = |tool: &&Tool| {
        let name = words_of(&tool.name);
        name.join("_").starts_with(&joined) || name.contains(&joined)
    };
    let found: Vec<&Tool> =
        if joined.is_empty() { Vec::new() } else { tools.iter().filter(is_part).collect() };
    match found.as_slice() {
        [] => ToolMatch::NotFound,
        [tool] => ToolMatch::Tool { tool, rest: &text[part.len()..] },
        several => ToolMatch::Ambiguous(several.iter().map(|tool| tool.name.as_str()).collect()),
    }
}

/// Returns the words of a name in lower case, without their positions.
fn words_of(name: &str) -> Vec<String> {
    split_words(name).into_iter().map(|(word, _)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns tools with these names.
    fn tools(names: &[&str]) -> Vec<Tool> {
        let tool = |name: &&str| Tool {
            name: (*name).into(),
            description: String::new(),
            parameters: None,
            metadata: None,
        };
        names.iter().map(tool).collect()
    }

    #[test]
    fn a_tool_is_found_by_the_words_of_its_name() {
        let offered =
            tools(&["get_weather", "findOrder", "refund-order", "order", "HTTPPing", "refund_order_item"]);
        for (text, expected) in [
            ("Get weather, please", Some("get_weather")),
            ("can you GET_WEATHER?", Some("get_weather")),
            ("use getWeather", Some("get_weather")),
            ("find order A-17", Some("findOrder")),
            ("please find-order", Some("findOrder")),
            ("refund order 7", Some("refund-order")),
            ("refund order item 7", Some("refund_order_item")),
            ("my order", Some("order")),
            ("http ping", Some("HTTPPing")),
            ("get the weather", None),
            ("forget weather", None),
            ("Get. Weather?", None),
            ("orders", None),
            ("", None),
        ] {
            let found = find_tool_in(text, &offered).map(|(tool, _)| tool.name.as_str());
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_part_of_a_name_counts_for_one_tool() {
        let offered = tools(&["refund_order", "find_order", "get_weather", "get_account", "find"]);
        for (text, expected) in [
            ("refund_order {}", Ok(("refund_order", " {}"))),
            ("Refund order {}", Ok(("refund_order", " {}"))),
            ("refund{}", Ok(("refund_order", "{}"))),
            (r#"refund {"order": 1}"#, Ok(("refund_order", r#" {"order": 1}"#))),
            ("ref 7", Ok(("refund_order", " 7"))),
            ("weather in Rome", Ok(("get_weather", " in Rome"))),
            ("find_order", Ok(("find_order", ""))),
            ("find 7", Ok(("find", " 7"))),
            ("get", Err(vec!["get_weather", "get_account"])),
            ("order", Err(vec!["refund_order", "find_order"])),
            ("eather", Err(vec![])),
            ("", Err(vec![])),
            ("/", Err(vec![])),
        ] {
            let found = match parse_tool_name(text, &offered) {
                ToolMatch::Tool { tool, rest } => Ok((tool.name.as_str(), rest)),
                ToolMatch::Ambiguous(names) => Err(names),
                ToolMatch::NotFound => Err(vec![]),
            };
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
