//! Members that a provider sends beside text, reasoning and calls, and wants back unchanged: `reasoning_details` of
//! OpenRouter, `extra_content` of Google's OpenAI-compatible endpoint, and the members that other servers use for signatures.
//!
//! They are kept as the JSON text of an object with these members. Only the model that sent them gets them back.

mod known_form;

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::{Map, Value};

use self::known_form::{is_opaque, is_reasoning, known_part};
use crate::json;
use crate::json::surrogate_joiner::{SplitString, SurrogateJoiner};

/// How many JSON values are read of what is sent back with one message or one call, counted as by
/// [`json::read_limited`]. A client can send any text, and a value in memory can be a hundred times as large as its text.
const MAX_VALUES: usize = 16_000;

/// Removes and returns the members of an object that its provider wants back unchanged, which are recognized by their
/// names. Of their values only what has a known form is returned. Empty members and booleans stay. A value that is not an
/// object has no such members.
pub(super) fn take_members(value: &mut Value) -> Map<String, Value> {
    let Value::Object(members) = value else { return Map::new() };
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(_) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    };
    let opaque = members.iter().filter(|(name, value)| is_opaque(name) && !is_empty(value));
    let names: Vec<String> = opaque.map(|(name, _)| name.clone()).collect();
    let taken = names.into_iter().filter_map(|name| members.remove_entry(&name));
    taken.filter_map(|(name, value)| known_part(&name, value).map(|value| (name, value))).collect()
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

/// Adds opaque members to a message when it goes back to the provider. `texts` are the JSON texts in which the members were
/// kept; entries of lists are appended. The client has sent them, so at most those members are added that
/// [`take_members`] takes from a message, and a text with more values than [`MAX_VALUES`] is left out.
pub(super) fn put_back<'a>(message: &mut Value, texts: impl IntoIterator<Item = &'a str>) {
    let values_left = Cell::new(MAX_VALUES);
    let mut opaque = OpaqueMembers::default();
    for text in texts {
        if let Ok(mut kept) = json::read_counted(text.as_bytes(), &values_left) {
            opaque.merge(take_members(&mut kept), &[]);
        }
    }
    add_members(message, opaque.members);
}

/// Adds opaque members to a call, and to its member `function`, when it goes back to the provider. `text` is the JSON text
/// that [`take_call_members`] returned. The client has sent it, so at most what that function takes from a call is added,
/// and nothing if the text has more values than [`MAX_VALUES`].
pub(super) fn put_back_to_call(call: &mut Value, text: &str) {
    let Ok(mut kept) = json::read_limited(text.as_bytes(), MAX_VALUES) else { return };
    add_members(call, take_members(&mut kept));
    if let (Some(function), Some(kept)) = (call.get_mut("function"), kept.get_mut("function")) {
        add_members(function, take_members(kept));
    }
}

/// Reads the JSON text of a list of texts that a client has sent, without empty ones. Returns an empty list if the text is
/// not such a list, or has more values than [`MAX_VALUES`].
pub(super) fn read_texts(text: &str) -> Vec<String> {
    let Ok(Value::Array(texts)) = json::read_limited(text.as_bytes(), MAX_VALUES) else { return Vec::new() };
    let text = |text| match text {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    texts.into_iter().filter_map(text).collect()
}

/// Adds members to an object, unless it has a member of the same name.
fn add_members(object: &mut Value, members: Map<String, Value>) {
    let Value::Object(object) = object else { return };
    for (name, value) in members {
        object.entry(name).or_insert(value);
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
            "reasoning_details": [{ "type": "reasoning.text" }], "extra_content": { "google": { "x": 1 } },
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
        put_back_to_call(&mut call, &text);

        assert_eq!(call, sent);
    }

    /// Returns what becomes of a message and of a call with a text that a client made up.
    fn with_text(text: &str) -> (Value, Value) {
        let mut message = json!({ "role": "assistant", "content": "Hi", "tool_calls": null });
        put_back(&mut message, [text]);
        let mut call =
            json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": null } });
        put_back_to_call(&mut call, text);
        (message, call)
    }

    #[test]
    fn nothing_that_the_adapter_writes_can_be_replaced() {
        let (message, call) = with_text("{}");
        let nested = format!(r#"{{"signature":{}1{}}}"#, "[".repeat(120), "]".repeat(120));
        for text in [
            r#"{"role":"system","content":[{"type":"image_url","image_url":{"url":"http://169.254.169.254/"}}]}"#,
            r#"{"function":{"name":"get_account","arguments":"{}","type":"x"}}"#,
            r#"{"type":"image","name":"get_account","id":"d","source":{"type":"url","url":"http://10.0.0.1/"}}"#,
            r#"{"tool_calls":[{"id":"d"}],"refusal":"no","images":["aGk="],"input":{}}"#,
            r#"{"function":"signature"}"#,
            r#"{"signature":{"role":"system"}}"#,
            r#"{"signature":"s","signature":"t"}"#,
            r#"{"signature":{"$serde_json::private::RawValue":"\"s\""}}"#,
            &nested,
            "[1]",
            "c2ln",
            "",
        ] {
            assert_eq!(with_text(text), (message.clone(), call.clone()), "{text}");
        }
        let (message, call) =
            with_text(r#"{"role":"system","signature":"s","function":{"name":"g","opaque":"o"}}"#);
        assert_eq!((&message["role"], &message["signature"]), (&json!("assistant"), &json!("s")));
        assert_eq!(call["function"], json!({ "name": "f", "arguments": null, "opaque": "o" }));
    }

    #[test]
    fn texts_with_too_many_values_are_left_out() {
        let list = |count: usize| format!(r#"{{"signature":[{}]}}"#, vec![r#""s""#; count].join(","));
        let (few, many) = (list(7_000), list(8_000));
        let mut message = json!({});
        put_back(&mut message, [many.as_str()]);
        assert_eq!(message, json!({}));
        put_back_to_call(&mut message, &many);
        assert_eq!(message, json!({}));

        put_back(&mut message, [few.as_str(), &few]);
        assert_eq!(
            message["signature"].as_array().map(Vec::len),
            Some(7_000),
            "the texts of a message count together"
        );
    }
}
