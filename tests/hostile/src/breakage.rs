//! Breaks what is valid: JSON values, the text of JSON, and bytes.

use serde_json::{Map, Value, json};

use crate::choices::Choices;

/// Names of members that mean something to a parser, a client or a prototype, or are hard to write.
const NAMES: [&str; 14] = [
    "",
    "__proto__",
    "constructor",
    "\0",
    "$ref",
    "type",
    "id",
    "role",
    "content",
    "toolCalls",
    "ag_ui_lambda",
    "metadata",
    "/",
    "~0~1",
];

/// Texts that stand for something else to some reader.
const TEXTS: [&str; 22] = [
    "",
    "\0",
    "null",
    "1e999",
    "\u{feff}",
    "\u{202e}abc",
    "\u{fffd}",
    "\u{1f469}\u{200d}\u{1f680}",
    "data: x\n\ndata: y\n\n",
    "a\r\nb",
    "../../etc/passwd",
    "/a/-",
    "~2",
    "<script>",
    "{\"a\":1}",
    "[",
    "\"",
    "\\ud83d",
    "ag_ui_lambda",
    "-1",
    "18446744073709551616",
    "{{{{{{{{",
];

/// Pieces of JSON text that a valid text does not have.
const PIECES: [&str; 20] = [
    "\\ud83d",
    "\\udc00\\ud83d",
    "\\u0000",
    "1e999",
    "-0.0",
    "99999999999999999999999999999999999999",
    "0.1e-400",
    "01",
    ",",
    ",,",
    "}",
    "]",
    "{",
    "\"",
    "\\",
    "NaN",
    "//",
    "\t",
    "null",
    "\u{feff}",
];

/// How many bytes the copies of an element have together.
const LARGEST_REPEATED: usize = 500_000;

/// How many objects and lists the copies of an element have together. An object takes some 700 bytes.
const MOST_CONTAINERS: usize = 60_000;

/// Makes a text that is long, strange or both.
pub fn hostile_text(choices: &mut Choices<'_>) -> String {
    let text = *choices.one_of(&TEXTS);
    match choices.number(12) {
        0 => text.repeat(1 + choices.number(200)),
        1 => "x".repeat(1 + choices.number(2000)),
        2 if choices.is_one_in(20) => "y".repeat(1 + choices.number(200_000)),
        3 => format!("{text}{}", choices.one_of(&TEXTS)),
        4 => char::from_u32(choices.number(0x1_1000) as u32).unwrap_or('\u{d7ff}').to_string(),
        _ => text.to_owned(),
    }
}

/// Makes a value that is of an unexpected type, very large, very deep, or strange.
pub fn hostile_value(choices: &mut Choices<'_>) -> Value {
    match choices.number(16) {
        0 => Value::Null,
        1 => choices.is_one_in(2).into(),
        2 => u64::MAX.into(),
        3 => i64::MIN.into(),
        4 => f64::MAX.into(),
        5 => json!(-0.0),
        6 => json!(9_007_199_254_740_993_u64),
        7 => json!([]),
        8 => json!({}),
        9 => nested(choices),
        10 if choices.is_one_in(8) => vec![json!({ "": 0 }); choices.number(3000)].into(),
        11 if choices.is_one_in(8) => {
            let count = choices.number(1000);
            Value::Object((0..count).map(|index| (format!("k{index}"), Value::Null)).collect())
        }
        12 => json!({ *choices.one_of(&NAMES): hostile_text(choices) }),
        13 => json!([hostile_text(choices), hostile_text(choices)]),
        _ => hostile_text(choices).into(),
    }
}

/// Makes a value of many levels.
fn nested(choices: &mut Choices<'_>) -> Value {
    let most = if choices.is_one_in(4) { 150 } else { 40 };
    let levels = 1 + choices.number(most);
    let is_list = choices.is_one_in(2);
    let wrap = |value: Value, _| if is_list { json!([value]) } else { json!({ "a": value }) };
    (0..levels).fold(Value::Null, wrap)
}

/// Breaks a value in one place, or in up to four.
pub fn break_value(choices: &mut Choices<'_>, value: &mut Value) {
    let more = if choices.is_one_in(3) { choices.number(4) } else { 0 };
    for _ in 0..=more {
        at_any_node(choices, value, break_node);
    }
}

/// Makes a value large: repeats the elements of its lists and its texts, up to this many bytes.
pub fn inflate(choices: &mut Choices<'_>, value: &mut Value, bytes: usize) {
    let text = value.to_string();
    let size = text.len().max(1);
    // Small values take much more memory than text, and what is made here counts, too.
    let containers = text.matches(['{', '[']).count().max(1);
    let times = (bytes / size).min(MOST_CONTAINERS / containers).clamp(1, 20_000);
    match value {
        Value::Array(elements) if !elements.is_empty() && !choices.is_one_in(4) => {
            let all = elements.clone();
            elements.extend(std::iter::repeat_n(all, times).flatten());
        }
        Value::Array(elements) if !elements.is_empty() => {
            let index = choices.number(elements.len());
            inflate(choices, &mut elements[index], bytes);
        }
        Value::Object(members) if !members.is_empty() => {
            let index = choices.number(members.len());
            let member = members.values_mut().nth(index).expect("the index is in the object");
            inflate(choices, member, bytes);
        }
        Value::String(text) => *text = text.repeat((bytes / size).max(1)),
        value => *value = std::iter::repeat_n(value.clone(), times).collect(),
    }
}

/// Calls `change` with a value in `value`, or with `value` itself.
pub fn at_any_node(choices: &mut Choices<'_>, value: &mut Value, change: fn(&mut Choices<'_>, &mut Value)) {
    let stays = choices.is_one_in(5);
    match value {
        Value::Array(elements) if !stays && !elements.is_empty() => {
            let index = choices.number(elements.len());
            at_any_node(choices, &mut elements[index], change);
        }
        Value::Object(members) if !stays && !members.is_empty() => {
            let index = choices.number(members.len());
            let member = members.values_mut().nth(index).expect("the index is in the object");
            at_any_node(choices, member, change);
        }
        node => change(choices, node),
    }
}

/// Breaks one value.
fn break_node(choices: &mut Choices<'_>, node: &mut Value) {
    match node {
        Value::Object(members) if choices.number(3) > 0 => break_object(choices, members),
        Value::Array(elements) if choices.number(3) > 0 => break_array(choices, elements),
        Value::String(text) if choices.is_one_in(3) => match choices.number(4) {
            0 => text.push_str(&hostile_text(choices)),
            1 => text.insert_str(0, &hostile_text(choices)),
            2 => text.truncate(text.floor_char_boundary(text.len() / 2)),
            _ => *text = text.repeat(1 + choices.number(20)),
        },
        node if choices.is_one_in(6) => *node = json!([node.take()]),
        node if choices.is_one_in(6) => *node = json!({ "value": node.take() }),
        node => *node = hostile_value(choices),
    }
}

/// Removes, adds, renames or copies a member.
fn break_object(choices: &mut Choices<'_>, members: &mut Map<String, Value>) {
    let index = choices.number(members.len());
    let name = members.keys().nth(index).cloned();
    match (choices.number(5), name) {
        (0 | 1, Some(name)) => drop(members.remove(&name)),
        (2, Some(name)) => {
            let value = members.remove(&name).unwrap_or_default();
            members.insert(hostile_name(choices), value);
        }
        (3, Some(name)) => {
            let value = members[&name].clone();
            members.insert(hostile_name(choices), value);
        }
        _ => {
            let value = hostile_value(choices);
            members.insert(hostile_name(choices), value);
        }
    }
}

/// Makes the name of a member.
fn hostile_name(choices: &mut Choices<'_>) -> String {
    match choices.number(10) {
        0 => hostile_text(choices),
        1 => "k".repeat(choices.number(5000)),
        _ => (*choices.one_of(&NAMES)).to_owned(),
    }
}

/// Removes, repeats, swaps or adds elements.
fn break_array(choices: &mut Choices<'_>, elements: &mut Vec<Value>) {
    let index = choices.number(elements.len());
    match choices.number(6) {
        0 if !elements.is_empty() => drop(elements.remove(index)),
        1 if !elements.is_empty() => {
            let copies = if choices.is_one_in(10) { choices.number(300) } else { choices.number(4) };
            let element = elements[index].clone();
            // What is made here counts against the limit of memory, too.
            let copies = copies.min(1 + LARGEST_REPEATED / (1 + element.to_string().len()));
            elements.extend((0..copies).map(|_| element.clone()));
        }
        2 => elements.reverse(),
        3 if !elements.is_empty() => {
            let other = choices.number(elements.len());
            elements.swap(index, other);
        }
        _ => elements.insert(index, hostile_value(choices)),
    }
}

/// Writes a value as JSON, and breaks the text one time in four.
pub fn to_text(choices: &mut Choices<'_>, value: &Value) -> Vec<u8> {
    let mut text = value.to_string().into_bytes();
    if choices.is_one_in(4) {
        break_json_text(choices, &mut text);
    }
    text
}

/// Breaks the text of JSON in up to three places: members of the same name, halves of surrogate pairs, numbers that are too
/// large, and what no JSON has.
pub fn break_json_text(choices: &mut Choices<'_>, text: &mut Vec<u8>) {
    for _ in 0..=choices.number(3) {
        match choices.number(8) {
            0 => {
                let name = *choices.one_of(&NAMES);
                let member = format!("{}:{},", Value::from(name), hostile_value(choices));
                insert_behind(choices, text, (b'{', member.as_bytes()));
            }
            1 => {
                // Members of an input, so that they are there twice.
                let member = *choices.one_of(&[
                    r#""threadId":"t2","#,
                    r#""messages":[],"#,
                    r#""role":"user","#,
                    r#""id":"m1","#,
                    r#""state":{},"#,
                ]);
                insert_behind(choices, text, (b'{', member.as_bytes()));
            }
            2 => {
                let piece = *choices.one_of(&PIECES);
                insert_behind(choices, text, (b'"', piece.as_bytes()));
            }
            3 => {
                let piece = *choices.one_of(&PIECES);
                insert_behind(choices, text, (b':', piece.as_bytes()));
            }
            4 if choices.is_one_in(4) => {
                let levels = "[".repeat(choices.number(60_000));
                insert_behind(choices, text, (b':', levels.as_bytes()));
            }
            _ => break_bytes(choices, text),
        }
    }
}

/// Inserts bytes behind any place where a byte occurs; at the begin if it does not occur.
fn insert_behind(choices: &mut Choices<'_>, text: &mut Vec<u8>, (byte, inserted): (u8, &[u8])) {
    let places = text.iter().filter(|found| **found == byte).count();
    let chosen = choices.number(places);
    let place = text.iter().enumerate().filter(|(_, found)| **found == byte).nth(chosen);
    let place = place.map_or(0, |(place, _)| place + 1);
    text.splice(place..place, inserted.iter().copied());
}

/// Breaks bytes: changes, removes, repeats or inserts some, or cuts the rest off.
pub fn break_bytes(choices: &mut Choices<'_>, bytes: &mut Vec<u8>) {
    let place = choices.number(bytes.len());
    let end = (place + 1 + choices.number(16)).min(bytes.len());
    match choices.number(7) {
        0 => bytes.truncate(place),
        1 if end > place => drop(bytes.drain(place..end)),
        2 if end > place => {
            let copy = bytes[place..end].repeat(1 + choices.number(30));
            bytes.splice(place..place, copy);
        }
        3 => {
            let piece = choices.one_of(&PIECES).as_bytes();
            bytes.splice(place..place, piece.iter().copied());
        }
        4 => bytes.insert(place, choices.number(256) as u8),
        _ => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << choices.number(8);
            }
        }
    }
}

/// Merges two byte strings: the begin of one and the end of the other.
pub fn merge(choices: &mut Choices<'_>, first: &[u8], second: &[u8]) -> Vec<u8> {
    let (cut, from) = (choices.number(first.len() + 1), choices.number(second.len() + 1));
    [&first[..cut], &second[from..]].concat()
}

/// Splits bytes into pieces of any length.
pub fn split(choices: &mut Choices<'_>, bytes: &[u8]) -> Vec<Vec<u8>> {
    let longest = match choices.number(4) {
        0 => 3,
        1 => 40,
        2 => 500,
        _ => usize::MAX,
    };
    // Many thousand pieces would only take time.
    let longest = longest.max(bytes.len() / 200);
    let (mut pieces, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at((1 + choices.number(longest.min(60_000))).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = behind;
    }
    pieces
}
