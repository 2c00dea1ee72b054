//! Members that a provider sends beside text, reasoning and calls, and wants back unchanged: `reasoning_details` of
//! OpenRouter, `extra_content` of Google's OpenAI-compatible endpoint, and the members that other servers use for signatures.
//!
//! They are kept as the JSON text of an object with these members. Only the model that sent them gets them back.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::json::surrogate_joiner::{SplitString, SurrogateJoiner};

/// Names of members that are lists of reasoning.
const REASONING_MEMBERS: &[&str] = &["reasoning_details", "reasoning_items", "thinking_blocks"];

/// Names of other members that are kept.
const OPAQUE_MEMBERS: &[&str] = &["extra_content", "provider_specific_fields"];

/// Words in the names of other members that are kept.
const OPAQUE_NAME_PARTS: &[&str] = &["signature", "encrypted", "opaque"];

/// Removes and returns the members of an object that its provider wants back unchanged, which are recognized by their
/// names. Empty members and booleans stay. A value that is not an object has no such members.
pub(super) fn take_members(value: &mut Value) -> Map<String, Value> {
    let Value::Object(members) = value else { return Map::new() };
    let is_opaque = |name: &str, value: &Value| {
        let name = name.to_ascii_lowercase();
        let is_named = is_reasoning(&name)
            || OPAQUE_MEMBERS.contains(&name.as_str())
            || OPAQUE_NAME_PARTS.iter().any(|word| name.contains(word));
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

/// Removes the opaque members from a call and from its member `function`, and returns them as the JSON text of an
/// object, which becomes the call's signature. Returns `None` if there are none.
pub(super) fn take_call_members(call: &mut Value) -> Option<String> {
    let mut members = take_members(call);
    let inner = call.get_mut("function").map(take_members).unwrap_or_default();
    if !inner.is_empty() {
        members.insert("function".into(), inner.into());
    }
    (!members.is_empty()).then(|| Value::Object(members).to_string())
}

/// Adds opaque members to the JSON of a call or message when it goes back to the provider. `text` is the JSON text in
/// which the members were kept. Entries of lists are appended. Nothing changes if `value` or `text` is not an object.
pub(super) fn put_back(value: &mut Value, text: &str) {
    if let (Value::Object(value), Ok(Value::Object(members))) = (value, serde_json::from_str(text)) {
        let mut opaque = OpaqueMembers { members: std::mem::take(value), halves: HashMap::new() };
        opaque.merge(members, &[]);
        *value = opaque.members;
    }
}

/// Returns the text of the reasoning in opaque members, such as `reasoning_details`, joined into one text. Returns
/// `None` if they hold no readable text.
pub(super) fn readable_reasoning(members: &Map<String, Value>) -> Option<String> {
    let lists = members.iter().filter(|(name, _)| is_reasoning(name));
    let entries = lists.filter_map(|(_, list)| list.as_array()).flatten().filter_map(Value::as_object);
    let texts =
        entries.flatten().filter(|(name, _)| is_streamed_text(name)).filter_map(|(_, text)| text.as_str());
    // Text of several lists is joined into one, since each text is compared with the reasoning in plain members.
    let text: String = texts.collect();
    (!text.is_empty()).then_some(text)
}

/// The opaque members of a turn so far.
#[derive(Debug, Default)]
pub(super) struct OpaqueMembers {
    members: Map<String, Value>,
    /// The halves of characters at the end of the last entry of each list, by the names on the way to its text.
    halves: HashMap<String, SurrogateJoiner>,
}

impl OpaqueMembers {
    /// Adds the opaque members of the next frame. Lists that are streamed are continued, and pieces of the same text
    /// are joined. `cuts` are the strings of the frame that begin or end in half a character.
    pub(super) fn merge(&mut self, members: Map<String, Value>, cuts: &[SplitString]) {
        merge(&mut self.members, members, &mut TextJoiner { halves: &mut self.halves, cuts }, "");
    }

    /// Adds only members whose names have not come yet. Used for a message that repeats what was streamed.
    pub(super) fn add_unknown(&mut self, mut members: Map<String, Value>) {
        members.retain(|name, _| !self.members.contains_key(name));
        self.merge(members, &[]);
    }

    /// Returns all members as the JSON text of an object, which becomes the turn's signature; `None` if there are none.
    pub(super) fn into_json(self) -> Option<String> {
        (!self.members.is_empty()).then(|| Value::Object(self.members).to_string())
    }
}

/// Joins texts that may be cut in the middle of a character.
struct TextJoiner<'a> {
    halves: &'a mut HashMap<String, SurrogateJoiner>,
    cuts: &'a [SplitString],
}

impl TextJoiner<'_> {
    /// Appends `piece` to `text`, and joins a character that the two share. `path` identifies the text, so that half a
    /// character at its end can be kept until the next piece.
    fn push(&mut self, path: String, text: &mut String, piece: String) {
        self.halves.entry(path).or_default().append_to(text, piece, self.cuts);
    }
}

/// Merges `members` into the object `into`: objects member by member, and lists entry by entry. Other values are
/// replaced. `texts` joins pieces of text; `path` is the path of `into`, which identifies those texts.
fn merge(into: &mut Map<String, Value>, members: Map<String, Value>, texts: &mut TextJoiner<'_>, path: &str) {
    for (name, value) in members {
        let path = format!("{path}/{name}");
        let known = into.get_mut(&name).map(Value::take);
        let value = match (known, value) {
            (known, Value::Array(more)) => {
                let mut items = match known {
                    Some(Value::Array(items)) => items,
                    _ => Vec::new(),
                };
                more.into_iter().for_each(|item| add_item(&mut items, item, texts, &path));
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

/// Adds `item` to a list whose entries come in several frames. If `item` is the next piece of the last entry, its text
/// is appended to that entry instead. `texts` joins characters that two pieces share; `path` is the path of the list.
fn add_item(items: &mut Vec<Value>, mut item: Value, texts: &mut TextJoiner<'_>, path: &str) {
    if let (Some(Value::Object(last)), Value::Object(item)) = (items.last_mut(), &item)
        && continues_item(last, item)
    {
        for (name, value) in item {
            match (last.get_mut(name), value) {
                (Some(Value::String(text)), Value::String(more)) if is_streamed_text(name) => {
                    texts.push(format!("{path}/{name}"), text, more.clone());
                }
                (None | Some(Value::Null), value) => drop(last.insert(name.clone(), value.clone())),
                _ => {}
            }
        }
        return;
    }
    texts.halves.retain(|known, _| !known.starts_with(path));
    for (name, value) in item.as_object_mut().into_iter().flatten().filter(|(name, _)| is_streamed_text(name))
    {
        if let Value::String(text) = value {
            let piece = std::mem::take(text);
            texts.push(format!("{path}/{name}"), text, piece);
        }
    }
    items.push(item);
}

/// Returns whether an entry is the next piece of the last entry of its list: both have the same type, index and id, and
/// the last one has text but neither data nor a signature.
fn continues_item(last: &Map<String, Value>, item: &Map<String, Value>) -> bool {
    let given = |entry: &Map<String, Value>, name: &str| {
        let value = entry.get(name).filter(|value| !value.is_null() && **value != "");
        value.cloned()
    };
    let agree = |name: &str| {
        let (a, b) = (given(last, name), given(item, name));
        a.is_none() || b.is_none() || a == b
    };
    let has_text = |entry: &Map<String, Value>| entry.keys().any(|name| is_streamed_text(name));
    let is_signed = given(last, "signature").is_some();
    let is_data = |entry: &Map<String, Value>| entry.contains_key("data");
    // Without an index nothing tells whether two complete entries are one, so their types must be given.
    let is_same_type = last.contains_key("type") && last.get("type") == item.get("type");
    is_same_type
        && last.get("index") == item.get("index")
        && agree("id")
        && has_text(last)
        && !is_signed
        && !is_data(last)
        && !is_data(item)
}

/// Returns whether a member with this name, in any case, is a list of reasoning, such as `reasoning_details`.
fn is_reasoning(name: &str) -> bool {
    REASONING_MEMBERS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether a member with this name holds a text that comes in pieces, in an entry of a list of reasoning.
fn is_streamed_text(name: &str) -> bool {
    matches!(name, "text" | "summary" | "thinking")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns the list that these entries of deltas are joined to.
    fn joined_details(entries: &[Value]) -> Value {
        let mut opaque = OpaqueMembers::default();
        for entry in entries {
            let mut delta = json!({ "content": "", "reasoning_details": [entry] });
            opaque.merge(take_members(&mut delta), &[]);
        }
        opaque.members["reasoning_details"].clone()
    }

    #[test]
    fn only_opaque_members_are_taken() {
        let mut delta = json!({
            "role": "assistant", "content": "Hi", "reasoning": "hm", "audio": {}, "refusal": null,
            "reasoning_details": [{ "type": "reasoning.text" }], "extra_content": { "google": {} },
            "thoughtSignature": "s", "reasoning_opaque": "o", "encrypted_content": "", "signature": null,
        });
        let taken = take_members(&mut delta);

        let mut names: Vec<&String> = taken.keys().collect();
        names.sort();
        assert_eq!(names, ["extra_content", "reasoning_details", "reasoning_opaque", "thoughtSignature"]);
        assert_eq!(delta["content"], "Hi");
    }

    #[test]
    fn pieces_of_an_entry_are_joined() {
        let text = |index: u8, text: &str| json!({ "type": "reasoning.text", "text": text, "index": index });
        let signed =
            json!({ "type": "reasoning.text", "text": "", "signature": "s", "index": 0, "format": "f" });
        let data = |id: &str| json!({ "type": "reasoning.encrypted", "data": "d", "id": id, "index": 0 });

        assert_eq!(
            joined_details(&[
                text(0, "Two "),
                text(0, "cities."),
                signed,
                text(0, "More."),
                text(1, "Other.")
            ]),
            json!([
                { "type": "reasoning.text", "text": "Two cities.", "index": 0, "signature": "s", "format": "f" },
                text(0, "More."),
                text(1, "Other."),
            ])
        );
        assert_eq!(
            joined_details(&[data("a"), data("b"), data("b")]),
            json!([data("a"), data("b"), data("b")])
        );
    }

    #[test]
    fn a_character_cut_in_two_is_joined() {
        let mut opaque = OpaqueMembers::default();
        for (frame, index) in
            [(r"a\ud83d", 0), (r"\ude00b\ud83d", 0), (r"\ude00", 0), (r"\ud83d", 0), (r"\ude00", 1)]
        {
            let frame = format!(
                r#"{{"reasoning_details":[{{"type":"reasoning.text","text":"{frame}","index":{index}}}]}}"#
            );
            let cuts = crate::json::surrogate_joiner::find_split_strings(frame.as_bytes());
            let mut delta = serde_json::from_slice(&crate::json::normalize(frame.as_bytes())).unwrap();
            opaque.merge(take_members(&mut delta), &cuts);
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
    fn members_of_a_call_go_back_unchanged() {
        let sent = json!({
            "id": "c", "type": "function", "extra_content": { "google": { "thought_signature": "s" } },
            "function": { "name": "f", "arguments": "{}", "thought_signature": "t" },
        });
        let text = take_call_members(&mut sent.clone()).unwrap();
        let mut call =
            json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } });
        put_back(&mut call, &text);

        assert_eq!(call, sent);
    }
}
