//! Reads a JSON object of which only the beginning has been streamed.
//!
//! The text is cut at the last place where it can be completed, completed with quotes and brackets, and then read by the
//! crate's own JSON reader. So what is read is always valid JSON, and a text that is not the beginning of a JSON object
//! yields `None`.

use serde_json::Value;

use crate::json;
use crate::protocol::JsonObject;

/// The most levels of objects and arrays that are read. A client could not send a deeper state back with its next request,
/// and tools may not set one either.
const MAX_DEPTH: usize = 100;

/// Reads the members of a JSON object of which only the beginning, `text`, was streamed so far. Predictions of the
/// state are read from the arguments of an open call in this way.
///
/// A string that is cut off has the characters so far, and an object or an array the elements so far. A number, `true`,
/// `false`, `null`, a name, an escape sequence and a surrogate pair are read once they are complete. Returns `None` if the
/// text is not the beginning of a JSON object.
pub(super) fn read_object(text: &str) -> Option<JsonObject> {
    match json::read(complete(text)?.as_bytes()) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// Cuts `text` at the last place where quotes and brackets can complete it, and adds these. Returns `None` if a closing
/// bracket has no opening one, or if the text is nested deeper than [`MAX_DEPTH`].
fn complete(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    // The brackets that close what is open, the outermost first.
    let mut closers = Vec::new();
    let mut is_name = false;
    let mut at = 0;
    let mut end = 0;
    let mut quote = "";
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                closers.push(if byte == b'{' { '}' } else { ']' });
                is_name = byte == b'{';
                at += 1;
                end = at;
            }
            b'}' | b']' => {
                closers.pop()?;
                is_name = false;
                at += 1;
                end = at;
            }
            b',' => {
                is_name = closers.last() == Some(&'}');
                at += 1;
            }
            b':' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'"' => {
                let string = scan_string(bytes, at + 1);
                at = string.end;
                if !is_name {
                    end = at;
                    quote = if string.is_closed { "" } else { "\"" };
                }
                if !string.is_closed {
                    break;
                }
                is_name = false;
            }
            _ => {
                let is_delimiter = |byte: &u8| b"{}[],:\" \t\n\r".contains(byte);
                let Some(length) = bytes[at..].iter().position(is_delimiter) else { break };
                at += length;
                end = at;
            }
        }
        if closers.len() > MAX_DEPTH {
            return None;
        }
    }
    let closers = closers.iter().rev();
    Some(text.get(..end)?.chars().chain(quote.chars()).chain(closers.copied()).collect())
}

/// Where a string ends.
struct ScannedString {
    /// The index after its closing quote, or after its last complete character.
    end: usize,
    is_closed: bool,
}

/// Finds the end of a string. `at` is the index of its first byte after the opening quote.
fn scan_string(bytes: &[u8], mut at: usize) -> ScannedString {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return ScannedString { end: at + 1, is_closed: true },
            b'\\' => match escape_length(&bytes[at..]) {
                Some(length) => at += length,
                None => break,
            },
            _ => at += 1,
        }
    }
    ScannedString { end: at, is_closed: false }
}

/// Returns the number of bytes of the escape sequence that `bytes` begins with; `None` while the sequence is incomplete.
/// Both halves of a surrogate pair count as one sequence. Whether the sequence is valid is checked later, by the JSON
/// reader.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    const UNICODE: usize = r"\u0000".len();
    if *bytes.get(1)? != b'u' {
        return Some(2);
    }
    let (first, rest) = bytes.split_at_checked(UNICODE)?;
    let is_high = first[2].eq_ignore_ascii_case(&b'd') && b"89abAB".contains(&first[3]);
    let may_be_pair = is_high && rest.iter().zip(br"\u").all(|(byte, expected)| byte == expected);
    match may_be_pair {
        true if rest.len() < UNICODE => None,
        true if rest[2].eq_ignore_ascii_case(&b'd') && b"cdefCDEF".contains(&rest[3]) => Some(2 * UNICODE),
        _ => Some(UNICODE),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn beginning_of_a_member_is_read() {
        for (why, text, value) in [
            ("nothing", "", None),
            ("an object that begins", "{", None),
            ("half a name", r#"{"te"#, None),
            ("a name", r#"{"text""#, None),
            ("a name and a colon", r#"{"text": "#, None),
            ("a string that begins", r#"{"text":""#, Some(json!(""))),
            ("half a string", r#"{"text":"On"#, Some(json!("On"))),
            ("a string", r#"{"text":"Once""#, Some(json!("Once"))),
            ("white space everywhere", "\r\n{ \t\"text\" :\n \"On", Some(json!("On"))),
            ("characters of several bytes", r#"{"text":"é😀"#, Some(json!("é😀"))),
            ("brackets in a string", r#"{"text":"[{,:"#, Some(json!("[{,:"))),
            ("an escape that begins", r#"{"text":"a\"#, Some(json!("a"))),
            ("an escape", r#"{"text":"a\n"#, Some(json!("a\n"))),
            ("an escaped quote", r#"{"text":"a\""#, Some(json!("a\""))),
            ("an escaped backslash", r#"{"text":"a\\"#, Some(json!("a\\"))),
            ("half a unicode escape", r#"{"text":"a\u00e"#, Some(json!("a"))),
            ("a unicode escape", r#"{"text":"a\u00e9"#, Some(json!("aé"))),
            ("half a surrogate pair", r#"{"text":"a\ud83d"#, Some(json!("a"))),
            ("a surrogate pair whose second half begins", r#"{"text":"a\uD83D\"#, Some(json!("a"))),
            ("nearly all of a surrogate pair", r#"{"text":"a\ud83d\ude0"#, Some(json!("a"))),
            ("a surrogate pair", r#"{"text":"a\ud83d\ude00"#, Some(json!("a😀"))),
            ("a name with escapes", r#"{"t\u0065xt":"a"#, Some(json!("a"))),
            ("another name", r#"{"t\u0065":"a"#, None),
            ("a member behind others", r#"{"a":[1,{"text":2}],"b":"}","text":"On"#, Some(json!("On"))),
            ("a member of an inner object", r#"{"a":{"text":"On"#, None),
            ("a member before others", r#"{"text":"On","b":"#, Some(json!("On"))),
            ("a number that may go on", r#"{"text":12"#, None),
            ("a number", r#"{"text":12.5e3,"#, Some(json!(12500.0))),
            ("a number before a space", r#"{"text":-1 "#, Some(json!(-1))),
            ("a literal that begins", r#"{"text":tru"#, None),
            ("a literal", r#"{"text":true}"#, Some(json!(true))),
            ("null", r#"{"text":null}"#, Some(json!(null))),
            ("an array that begins", r#"{"text":["#, Some(json!([]))),
            ("an array", r#"{"text":["a", 12, "b"#, Some(json!(["a", 12, "b"]))),
            ("half a number in an array", r#"{"text":[1, 2"#, Some(json!([1]))),
            ("a comma in an array", r#"{"text":[1,"#, Some(json!([1]))),
            (
                "objects in an array",
                r#"{"text":[{"a":1},{"b":{"c":"d"#,
                Some(json!([{"a": 1}, {"b": {"c": "d"}}])),
            ),
            ("half a name in an object", r#"{"text":{"a":1,"b"#, Some(json!({"a": 1}))),
            ("the complete object", r#"{"text":{"a":[]}}"#, Some(json!({"a": []}))),
            ("not an object", r#"["text", "a"#, None),
            ("a string", r#""text"#, None),
            ("not JSON", "text: a", None),
            ("no quotes", "{text:\"a", None),
            ("a single quote", "{'text':'a", None),
            ("a bracket that does not fit", r#"{"text":["a"},"#, None),
            ("a bracket too many", "}", None),
            ("no colon", r#"{"text" "a"#, None),
            ("no comma", r#"{"text":"a" "b":"c"#, None),
            ("a literal that does not exist", r#"{"text":"a","b":nil,"#, None),
            ("an escape that does not exist", r#"{"text":"a\x"#, None),
            ("half a surrogate pair in a complete string", r#"{"text":"a\ud83d""#, Some(json!("a\u{fffd}"))),
            ("the wrong half of a pair", r#"{"text":"a\ude00"#, Some(json!("a\u{fffd}"))),
            ("two first halves", r#"{"text":"a\ud83d\ud83d"#, Some(json!("a\u{fffd}"))),
            ("a raw line break in a string", "{\"text\":\"a\nb", None),
            ("a name twice", r#"{"text":"a","text":"b"#, None),
            ("a text behind the object", r#"{"text":"a"} {"#, None),
        ] {
            assert_eq!(read_object(text).and_then(|mut read| read.remove("text")), value, "{why}: {text}");
        }
    }

    #[test]
    fn object_nested_too_deeply_is_not_read() {
        let nested = |depth: usize| format!(r#"{{"text":{}"#, "[".repeat(depth - 1));

        assert!(read_object(&nested(MAX_DEPTH)).is_some());
        assert!(read_object(&nested(MAX_DEPTH + 1)).is_none());
    }

    /// Whether a value is the beginning of another one.
    fn begins(part: &Value, full: &Value) -> bool {
        match (part, full) {
            (Value::String(part), Value::String(full)) => full.starts_with(part),
            (Value::Array(part), Value::Array(full)) => {
                part.len() <= full.len() && part.iter().zip(full).all(|(part, full)| begins(part, full))
            }
            (Value::Object(part), Value::Object(full)) => {
                part.iter().all(|(name, part)| full.get(name).is_some_and(|full| begins(part, full)))
            }
            _ => part == full,
        }
    }

    /// Generates any JSON value.
    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(|number| json!(number)),
            "[ -~\\n\u{e9}\u{1f600}]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let members = prop::collection::vec(("[a-c\"\\\\\u{1f600}]{0,2}", inner.clone()), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                members.prop_map(|members| Value::Object(JsonObject::from_iter(members))),
            ]
        })
    }

    /// Writes every character of a JSON text that is not ASCII as an escape sequence.
    fn escaped(text: &str) -> String {
        let mut units = [0; 2];
        let escape = |letter: char| match letter.is_ascii() {
            true => letter.to_string(),
            false => letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        };
        text.chars().map(escape).collect()
    }

    proptest! {
        #[test]
        fn value_of_a_prefix_is_the_beginning_of_the_complete_value(
            first in any_json(),
            second in any_json(),
            is_pretty in any::<bool>(),
            is_escaped in any::<bool>(),
        ) {
            let complete = json!({"first": first, "text": second});
            let text = if is_pretty { format!("{complete:#}") } else { complete.to_string() };
            let text = if is_escaped { escaped(&text) } else { text };
            // Numbers may lose their last digit in JSON.
            let complete = json::read(text.as_bytes()).unwrap();
            let mut before = json!({});
            for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
                let Some(read) = read_object(&text[..end]) else {
                    prop_assert!(!text[..end].contains('{'), "{}", &text[..end]);
                    continue;
                };
                let read = Value::Object(read);
                prop_assert!(begins(&read, &complete) && begins(&before, &read), "{} of {complete}", &text[..end]);
                before = read;
            }
            prop_assert_eq!(read_object(&text).map(Value::Object), Some(complete));
        }
    }
}
