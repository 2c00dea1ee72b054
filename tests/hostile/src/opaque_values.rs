//! What a client sends back as a value of the provider, in `encryptedValue`: well-formed, and hostile in what it holds.

use ag_ui_dev::provider::Wire;
use serde_json::{Map, Value, json};
use test_support::provider::model;

use crate::breakage::{break_value, hostile_text, hostile_value};
use crate::choices::Choices;

/// Names of members: those that the wires write themselves, and those in which providers send opaque values.
const MEMBERS: [&str; 30] = [
    "role",
    "content",
    "type",
    "name",
    "id",
    "call_id",
    "function",
    "arguments",
    "input",
    "source",
    "tool_calls",
    "tool_call_id",
    "images",
    "image_url",
    "thinking",
    "text",
    "functionCall",
    "fileData",
    "toolUse",
    "reasoning_content",
    "reasoning_details",
    "reasoning_items",
    "thinking_blocks",
    "extra_content",
    "provider_specific_fields",
    "signature",
    "thought_signature",
    "encrypted_content",
    "reasoning_opaque",
    "$serde_json::private::RawValue",
];

/// Texts that mean something as a role, a type or a name.
const WORDS: [&str; 12] = [
    "system",
    "developer",
    "tool",
    "user",
    "message",
    "image",
    "tool_use",
    "function_call_output",
    "get_account",
    "reasoning",
    "reasoning.text",
    "thinking",
];

/// An address that no function may have a provider fetch.
const ADDRESS: &str = "http://169.254.169.254/latest/meta-data/";

/// Makes the text of an `encryptedValue`, for the model of a wire.
pub fn opaque_value(choices: &mut Choices<'_>) -> String {
    let wire = *choices.one_of(&Wire::ALL);
    let mut kept = json!({ "model": model(wire) });
    for place in ["turn", "signature", "redacted"] {
        if choices.is_one_in(2) {
            kept[place] = value_text(choices).into();
        }
    }
    if choices.is_one_in(4) {
        kept["plain"] = true.into();
    }
    if choices.is_one_in(8) {
        break_value(choices, &mut kept);
    }
    kept.to_string()
}

/// Makes the text of a signature, or of the members that go back with a turn or a call.
fn value_text(choices: &mut Choices<'_>) -> String {
    match choices.number(8) {
        0 => hostile_text(choices),
        1 => "c2lnbmVk".to_owned(),
        2 => json!([hostile_text(choices), *choices.one_of(&WORDS)]).to_string(),
        3 => json!({ "role": *choices.one_of(&WORDS), "content": hostile_text(choices) }).to_string(),
        4 => json!({ "function": { "name": *choices.one_of(&WORDS) }, "name": *choices.one_of(&WORDS) })
            .to_string(),
        _ => members(choices, 2).to_string(),
    }
}

/// Makes an object with some of the members, whose values can be such objects down to `levels` below.
fn members(choices: &mut Choices<'_>, levels: usize) -> Value {
    let mut members = Map::new();
    for _ in 0..=choices.number(4) {
        let name = *choices.one_of(&MEMBERS);
        members.insert(name.to_owned(), member_value(choices, levels));
    }
    members.into()
}

/// Makes the value of a member.
fn member_value(choices: &mut Choices<'_>, levels: usize) -> Value {
    match choices.number(9) {
        0 | 1 if levels > 0 => members(choices, levels - 1),
        2 | 3 if levels > 0 => (0..=choices.number(2)).map(|_| members(choices, levels - 1)).collect(),
        4 => json!({ "type": "url", "url": ADDRESS }),
        5 => hostile_value(choices),
        6 if choices.is_one_in(10) => vec![json!([0]); choices.number(20_000)].into(),
        7 => hostile_text(choices).into(),
        _ => (*choices.one_of(&WORDS)).into(),
    }
}

/// Makes the content of a message of the user with a picture by its address.
pub fn picture_by_address(choices: &mut Choices<'_>) -> Value {
    let address = *choices.one_of(&[
        ADDRESS,
        "http://2852039166/",
        "http://[::ffff:a9fe:a9fe]/",
        "https://localhost/x",
        "https://a.example/x",
        "file:///etc/passwd",
    ]);
    let kind = *choices.one_of(&["image", "document", "audio", "video"]);
    json!([{ "type": "text", "text": "Look." }, { "type": kind, "source": { "type": "url", "value": address } }])
}
