//! What a provider sends beside text, reasoning and calls, and wants back unchanged: `reasoning_details` of OpenRouter,
//! `extra_content` of Google's OpenAI-compatible endpoint, and members that other servers have for signatures.
//!
//! They are kept as the JSON text of an object with these members, which only the model that sent them gets back.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::json::halves::{Cut, Halves};

/// Members that are lists of reasoning.
const REASONING: &[&str] = &["reasoning_details", "reasoning_items", "thinking_blocks"];

/// Other members that are kept by their name.
const NAMES: &[&str] = &["extra_content", "provider_specific_fields"];

/// Parts of the names of other members that are kept.
const WORDS: &[&str] = &["signature", "encrypted", "opaque"];

/// The members of an object that only the provider can read, taken out of it.
pub(super) fn take(value: &mut Value) -> Map<String, Value> {
    let Value::Object(members) = value else { return Map::new() };
    let is_opaque = |name: &str, value: &Value| {
        let name = name.to_ascii_lowercase();
        let is_named = is_reasoning(&name)
            || NAMES.contains(&name.as_str())
            || WORDS.iter().any(|word| name.contains(word));
        let is_empty = match value {
            Value::Null | Value::Bool(_) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::Number(_) => false,
        };
        is_named && !is_empty
    };
    let names: Vec<String> =
        members.iter().filter(|(name, value)| is_opaque(name, value)).map(|(name, _)| name.clone()).collect();
    names.into_iter().filter_map(|name| members.remove_entry(&name)).collect()
}

/// The same of a call, its function included, as text.
pub(super) fn take_of_call(call: &mut Value) -> Option<String> {
    let mut members = take(call);
    let inner = call.get_mut("function").map(take).unwrap_or_default();
    if !inner.is_empty() {
        members.insert("function".into(), inner.into());
    }
    (!members.is_empty()).then(|| Value::Object(members).to_string())
}

/// Puts members back into an object; `text` is theirs. Lists are joined, and what is no object changes nothing.
pub(super) fn put(value: &mut Value, text: &str) {
    if let (Value::Object(value), Ok(Value::Object(members))) = (value, serde_json::from_str(text)) {
        let mut opaque = Opaque { members: std::mem::take(value), halves: HashMap::new() };
        opaque.merge(members, &[]);
        *value = opaque.members;
    }
}

/// The reasoning that members hold in a form that can be read.
pub(super) fn reasoning(members: &Map<String, Value>) -> Option<String> {
    let lists = members.iter().filter(|(name, _)| is_reasoning(name));
    let entries = lists.filter_map(|(_, list)| list.as_array()).flatten().filter_map(Value::as_object);
    let texts = entries.flatten().filter(|(name, _)| is_text(name)).filter_map(|(_, text)| text.as_str());
    // A text of its own for each list would be told twice.
    let text: String = texts.collect();
    (!text.is_empty()).then_some(text)
}

/// The members of a turn so far.
#[derive(Debug, Default)]
pub(super) struct Opaque {
    members: Map<String, Value>,
    /// The halves of characters at the end of the last entry of each list, by the names on the way to its text.
    halves: HashMap<String, Halves>,
}

impl Opaque {
    /// Adds members that come later. A streamed list is continued, and its pieces are joined. `cuts` are those of the frame
    /// that the members were read from.
    pub(super) fn merge(&mut self, members: Map<String, Value>, cuts: &[Cut]) {
        merge(&mut self.members, members, &mut Texts { halves: &mut self.halves, cuts }, "");
    }

    /// Adds the members whose names are not known: the others are streamed.
    pub(super) fn add(&mut self, mut members: Map<String, Value>) {
        members.retain(|name, _| !self.members.contains_key(name));
        self.merge(members, &[]);
    }

    /// All members as the JSON text of an object; none if there are none.
    pub(super) fn text(self) -> Option<String> {
        (!self.members.is_empty()).then(|| Value::Object(self.members).to_string())
    }
}

/// What is known of texts that are cut in the middle of a character.
struct Texts<'a> {
    halves: &'a mut HashMap<String, Halves>,
    cuts: &'a [Cut],
}

impl Texts<'_> {
    /// Joins the next piece of the text at a path.
    fn push(&mut self, path: String, text: &mut String, piece: String) {
        self.halves.entry(path).or_default().push(text, piece, self.cuts);
    }
}

fn merge(into: &mut Map<String, Value>, members: Map<String, Value>, texts: &mut Texts<'_>, path: &str) {
    for (name, value) in members {
        let path = format!("{path}/{name}");
        let known = into.get_mut(&name).map(Value::take);
        let value = match (known, value) {
            (known, Value::Array(more)) => {
                let mut items = match known {
                    Some(Value::Array(items)) => items,
                    _ => Vec::new(),
                };
                more.into_iter().for_each(|item| add(&mut items, item, texts, &path));
                items.into()
            }
            (Some(Value::Object(mut known)), Value::Object(more)) => {
                merge(&mut known, more, texts, &path);
                known.into()
            }
            (_, value) => value,
        };
        into.insert(name, value);
    }
}

/// Adds an entry to a list, or continues the last one if this is the next piece of its text.
fn add(items: &mut Vec<Value>, mut item: Value, texts: &mut Texts<'_>, path: &str) {
    if let (Some(Value::Object(last)), Value::Object(item)) = (items.last_mut(), &item)
        && is_next_piece(last, item)
    {
        for (name, value) in item {
            match (last.get_mut(name), value) {
                (Some(Value::String(text)), Value::String(more)) if is_text(name) => {
                    texts.push(format!("{path}/{name}"), text, more.clone());
                }
                (None | Some(Value::Null), value) => drop(last.insert(name.clone(), value.clone())),
                _ => {}
            }
        }
        return;
    }
    texts.halves.retain(|known, _| !known.starts_with(path));
    for (name, value) in item.as_object_mut().into_iter().flatten().filter(|(name, _)| is_text(name)) {
        if let Value::String(text) = value {
            let piece = std::mem::take(text);
            texts.push(format!("{path}/{name}"), text, piece);
        }
    }
    items.push(item);
}

fn is_next_piece(last: &Map<String, Value>, item: &Map<String, Value>) -> bool {
    let given = |entry: &Map<String, Value>, name: &str| {
        let value = entry.get(name).filter(|value| !value.is_null() && **value != "");
        value.cloned()
    };
    let agree = |name: &str| {
        let (a, b) = (given(last, name), given(item, name));
        a.is_none() || b.is_none() || a == b
    };
    let has_text = |entry: &Map<String, Value>| entry.keys().any(|name| is_text(name));
    let is_signed = given(last, "signature").is_some();
    let is_data = |entry: &Map<String, Value>| entry.contains_key("data");
    // Without a place nothing says that two whole entries are one.
    let is_same_type = last.contains_key("type") && last.get("type") == item.get("type");
    is_same_type
        && last.get("index") == item.get("index")
        && agree("id")
        && has_text(last)
        && !is_signed
        && !is_data(last)
        && !is_data(item)
}

fn is_reasoning(name: &str) -> bool {
    REASONING.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Members of an entry that are streamed in pieces.
fn is_text(name: &str) -> bool {
    matches!(name, "text" | "summary" | "thinking")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn joined(entries: &[Value]) -> Value {
        let mut opaque = Opaque::default();
        for entry in entries {
            let mut delta = json!({ "content": "", "reasoning_details": [entry] });
            opaque.merge(take(&mut delta), &[]);
        }
        opaque.members["reasoning_details"].clone()
    }

    #[test]
    fn only_what_the_provider_alone_can_read_is_taken() {
        let mut delta = json!({
            "role": "assistant", "content": "Hi", "reasoning": "hm", "audio": {}, "refusal": null,
            "reasoning_details": [{ "type": "reasoning.text" }], "extra_content": { "google": {} },
            "thoughtSignature": "s", "reasoning_opaque": "o", "encrypted_content": "", "signature": null,
        });
        let taken = take(&mut delta);

        let mut names: Vec<&String> = taken.keys().collect();
        names.sort();
        assert_eq!(names, ["extra_content", "reasoning_details", "reasoning_opaque", "thoughtSignature"]);
        assert_eq!(delta["content"], "Hi");
    }

    #[test]
    fn the_pieces_of_an_entry_are_joined_and_entries_are_not() {
        let text = |index: u8, text: &str| json!({ "type": "reasoning.text", "text": text, "index": index });
        let signed =
            json!({ "type": "reasoning.text", "text": "", "signature": "s", "index": 0, "format": "f" });
        let data = |id: &str| json!({ "type": "reasoning.encrypted", "data": "d", "id": id, "index": 0 });

        assert_eq!(
            joined(&[text(0, "Two "), text(0, "cities."), signed, text(0, "More."), text(1, "Other.")]),
            json!([
                { "type": "reasoning.text", "text": "Two cities.", "index": 0, "signature": "s", "format": "f" },
                text(0, "More."),
                text(1, "Other."),
            ])
        );
        assert_eq!(joined(&[data("a"), data("b"), data("b")]), json!([data("a"), data("b"), data("b")]));
    }

    #[test]
    fn a_character_that_is_cut_in_two_is_whole_in_the_joined_text() {
        let mut opaque = Opaque::default();
        for (frame, index) in
            [(r"a\ud83d", 0), (r"\ude00b\ud83d", 0), (r"\ude00", 0), (r"\ud83d", 0), (r"\ude00", 1)]
        {
            let frame = format!(
                r#"{{"reasoning_details":[{{"type":"reasoning.text","text":"{frame}","index":{index}}}]}}"#
            );
            let cuts = crate::json::halves::cuts(frame.as_bytes());
            let mut delta = serde_json::from_slice(&crate::json::readable(frame.as_bytes())).unwrap();
            opaque.merge(take(&mut delta), &cuts);
        }
        let texts: Vec<&Value> = opaque.members["reasoning_details"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["text"])
            .collect();

        assert_eq!(texts, ["a😀b😀\u{fffd}", "\u{fffd}"]);
    }

    #[test]
    fn members_go_back_where_they_were() {
        let sent = json!({
            "id": "c", "type": "function", "extra_content": { "google": { "thought_signature": "s" } },
            "function": { "name": "f", "arguments": "{}", "thought_signature": "t" },
        });
        let text = take_of_call(&mut sent.clone()).unwrap();
        let mut call =
            json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } });
        put(&mut call, &text);

        assert_eq!(call, sent);
    }
}
