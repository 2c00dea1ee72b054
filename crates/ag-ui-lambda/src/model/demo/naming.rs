//! The names of tools, and of their arguments, as words that a message may have.
//!
//! `find_order`, `find-order`, `findOrder` and "Find order" are the same two words.

use std::ops::Range;

use crate::protocol::Tool;

/// A text with its words, in which names can be looked for.
#[derive(Debug, Default)]
pub(super) struct Words<'a> {
    text: &'a str,
    words: Vec<Word>,
}

/// A word in lower case, and where it stands in its text.
type Word = (String, Range<usize>);

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, words: words(text) }
    }

    /// Where the words of a name stand one after another, with nothing but spaces, `_` and `-` between them.
    pub(super) fn find(&self, name: &str) -> Option<Range<usize>> {
        let name = bare(name);
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

/// The words of a text: split at what is neither letter nor digit, and where a capital begins a new word.
fn words(text: &str) -> Vec<Word> {
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

/// A name as a person would write it: `order_id` is "order id".
pub(super) fn in_words(name: &str) -> String {
    bare(name).join(" ")
}

/// Whether two names have the same words.
pub(super) fn is_same(name: &str, other: &str) -> bool {
    let name = bare(name);
    !name.is_empty() && name == bare(other)
}

/// The tool whose name a text has in words, and where. Of several the one with the longest name counts.
pub(super) fn tool_in<'a>(text: &str, tools: &'a [Tool]) -> Option<(&'a Tool, Range<usize>)> {
    let text = Words::of(text);
    let found = tools.iter().filter_map(|tool| Some((tool, text.find(&tool.name)?)));
    // The first of the longest, so that the order of the tools decides and nothing else.
    found.reduce(|longest, other| if other.0.name.len() > longest.0.name.len() { other } else { longest })
}

/// What a short name stands for.
#[derive(Debug, PartialEq)]
pub(super) enum Named<'a> {
    /// This tool; `rest` is what stands behind its name.
    Tool { tool: &'a Tool, rest: &'a str },
    /// Any of several.
    Several(Vec<&'a str>),
    /// No tool.
    Nothing,
}

/// The tool that a text begins with: its name, in words or as it is, or a part of the name that only one tool has.
///
/// A part is the beginning of the name (`ref` of `refund_order`) or one of its words (`order`).
pub(super) fn tool_at_start<'a>(text: &'a str, tools: &'a [Tool]) -> Named<'a> {
    // The name ends where the arguments begin.
    let head = Words::of(&text[..text.find(['{', '[']).unwrap_or(text.len())]);
    let at_start = |tool: &'a Tool| {
        let place = head.find(&tool.name)?;
        text[..place.start].trim().is_empty().then_some((tool, place.end))
    };
    if let Some((tool, end)) = tools.iter().filter_map(at_start).max_by_key(|(_, end)| *end) {
        return Named::Tool { tool, rest: &text[end..] };
    }
    let text = text.trim_start();
    let part = text.split(|c: char| c.is_whitespace() || c == '{' || c == '[').next().unwrap_or_default();
    let joined = bare(part).join("_");
    let is_part = |tool: &&Tool| {
        let name = bare(&tool.name);
        name.join("_").starts_with(&joined) || name.contains(&joined)
    };
    let found: Vec<&Tool> =
        if joined.is_empty() { Vec::new() } else { tools.iter().filter(is_part).collect() };
    match found.as_slice() {
        [] => Named::Nothing,
        [tool] => Named::Tool { tool, rest: &text[part.len()..] },
        several => Named::Several(several.iter().map(|tool| tool.name.as_str()).collect()),
    }
}

fn bare(name: &str) -> Vec<String> {
    words(name).into_iter().map(|(word, _)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_name_is_found_in_whole_words_however_it_is_written() {
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
            let found = tool_in(text, &offered).map(|(tool, _)| tool.name.as_str());
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_short_name_counts_if_only_one_tool_has_it() {
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
            let found = match tool_at_start(text, &offered) {
                Named::Tool { tool, rest } => Ok((tool.name.as_str(), rest)),
                Named::Several(names) => Err(names),
                Named::Nothing => Err(vec![]),
            };
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
