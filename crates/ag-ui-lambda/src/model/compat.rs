//! Adapts names, ids, schemas and arguments to the rules that all providers have.
//!
//! A client's tools and calls may have any name. A name that a provider would refuse, or take for one of its own tools, is
//! replaced in the request and restored in the answer.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Request, Turn};
use crate::json;
use crate::protocol::Tool;

/// The maximum length of a tool's name that all providers accept.
const MAX_NAME_LEN: usize = 64;
/// The maximum length of a call's id that all providers accept; the limit is OpenAI's.
const MAX_CALL_ID_LEN: usize = 40;

/// The names of a request's tools, and the names that replace them on the wire.
#[derive(Debug, Clone, Default)]
pub(super) struct ToolNames {
    /// The tools' original names, in the order of the request.
    all: Vec<String>,
    /// The original name by the name on the wire, where the two differ.
    renamed: HashMap<String, String>,
}

impl ToolNames {
    /// Records the names of a request's tools, and which of them are replaced on the wire because not every provider
    /// accepts them.
    pub(super) fn new(tools: &[Tool]) -> Self {
        let odd = tools.iter().map(|tool| &tool.name).filter(|name| !is_valid_name(name));
        let renamed = odd.map(|name| (wire_name(name), name.clone())).collect();
        Self { all: tools.iter().map(|tool| tool.name.clone()).collect(), renamed }
    }

    /// Returns the original name of the tool at this index in the request; `None` if there are fewer tools. An error
    /// message may blame a tool by this index.
    pub(super) fn name_at(&self, index: usize) -> Option<&str> {
        self.all.get(index).map(String::as_str)
    }

    /// Returns the original name of the one tool that these texts mention by its name on the wire. Returns `None` if
    /// they mention no tool or several. Used to find the tool that an error message blames.
    pub(super) fn find_in<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Option<&str> {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let words: Vec<&str> = texts.flat_map(|text| text.split(|c| !is_of_name(c))).collect();
        let mut named = self.all.iter().filter(|name| words.contains(&&*wire_tool_name(name)));
        named.next().filter(|_| named.next().is_none()).map(String::as_str)
    }

    /// Returns the original name for a name that came from the provider. A name that was not replaced is returned
    /// unchanged.
    pub(super) fn original_name(&self, name: String) -> String {
        self.renamed.get(&name).cloned().unwrap_or(name)
    }
}

/// Returns a tool's name in a form that every provider accepts. The result depends only on the name, so calls in the
/// history stay consistent even if their tool is no longer on offer.
pub(super) fn wire_tool_name(name: &str) -> Cow<'_, str> {
    if is_valid_name(name) { name.into() } else { wire_name(name).into() }
}

/// Returns a call's id in a form that every provider accepts: unchanged if possible, otherwise a digest. The same id
/// always gives the same result.
pub(super) fn wire_call_id(id: &str) -> Cow<'_, str> {
    if is_plain(id, MAX_CALL_ID_LEN) { id.into() } else { format!("call_{}", digest(id)).into() }
}

/// Returns the JSON Schema of a tool's arguments in a form that every provider accepts: an object with `properties`,
/// without alternatives at the top.
///
/// A missing schema, or one that describes no object, becomes that of an object without properties. Alternatives at the
/// top are left out, because only Gemini accepts them; whoever runs the tool checks its arguments anyway.
pub(super) fn wire_schema(tool: &Tool) -> Value {
    match &tool.parameters {
        Some(Value::Object(schema)) if schema.get("type").is_none_or(|kind| kind == "object") => {
            let mut schema = schema.clone();
            schema.insert("type".into(), "object".into());
            ["oneOf", "anyOf", "allOf"].iter().for_each(|alternatives| drop(schema.remove(*alternatives)));
            schema.entry("properties").or_insert_with(|| serde_json::json!({}));
            let mut schema = Value::Object(schema);
            replace_true_subschemas(&mut schema);
            schema
        }
        _ => serde_json::json!({ "type": "object", "properties": {} }),
    }
}

/// Replaces each subschema `true` in a schema by `{}`, which means the same, because llama.cpp accepts only this form.
/// `additionalProperties` and similar keywords keep `true`, which every server accepts there.
fn replace_true_subschemas(schema: &mut Value) {
    const BY_NAME: &[&str] =
        &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
    const LISTS: &[&str] = &["anyOf", "oneOf", "allOf", "prefixItems", "items"];
    const SINGLE: &[&str] =
        &["items", "contains", "not", "if", "then", "else", "propertyNames", "contentSchema"];
    const ADDITIONAL: &[&str] =
        &["additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems"];
    let Value::Object(members) = schema else { return };
    for (name, value) in members {
        let name = name.as_str();
        match value {
            Value::Object(named) if BY_NAME.contains(&name) => named.values_mut().for_each(replace_if_true),
            Value::Array(list) if LISTS.contains(&name) => list.iter_mut().for_each(replace_if_true),
            Value::Object(_) if ADDITIONAL.contains(&name) => replace_true_subschemas(value),
            _ if SINGLE.contains(&name) => replace_if_true(value),
            _ => {}
        }
    }
}

/// Replaces this subschema by `{}` if it is `true`, and does the same with the subschemas in it.
fn replace_if_true(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = Value::Object(Map::new());
    }
    replace_true_subschemas(schema);
}

/// Returns the tools of which the history contains calls. They are declared when a request offers no tools, because
/// Bedrock and Anthropic refuse calls in the history of a request without any declared tool. A tool that is no longer
/// on offer becomes one without description and schema.
pub(super) fn tools_in_history(request: &Request) -> Vec<Cow<'_, Tool>> {
    let mut named: Vec<Cow<'_, Tool>> = Vec::new();
    let mut names: HashSet<&str> = HashSet::new();
    for turn in &request.history {
        let Turn::Assistant { calls, .. } = turn else { continue };
        for call in calls {
            if names.insert(&call.name) {
                let placeholder = || Tool {
                    name: call.name.clone(),
                    description: String::new(),
                    parameters: None,
                    metadata: None,
                };
                let offered = request.tools.iter().find(|tool| tool.name == call.name);
                named.push(offered.map_or_else(|| Cow::Owned(placeholder()), Cow::Borrowed));
            }
        }
    }
    named
}

/// Returns a media type in lower case and without parameters such as `; charset=utf-8`.
pub(super) fn bare_media_type(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns whether a text is padded Base64 of at least one byte. Other content is left out, because a provider would
/// refuse the request.
pub(super) fn is_base64(data: &str) -> bool {
    let digits = data.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !digits.is_empty()
        && data.len().is_multiple_of(4)
        && data.len() - digits.len() <= 2
        && digits.bytes().all(is_digit)
}

/// Returns the object that stands for arguments which are not a JSON object: an empty one for blank text and `null`, and one
/// with the text otherwise.
fn unreadable_arguments(text: &str) -> Map<String, Value> {
    match text.trim() {
        "" | "null" => Map::new(),
        _ => Map::from_iter([("invalid_json".to_owned(), text.into())]),
    }
}

/// Returns the arguments of a call in the history as the JSON text of an object, which providers require: unchanged if they
/// are one. Blank text and `null` become an empty object. Any other text is kept in a member `invalid_json`, so that the model
/// can see what it wrote.
pub(super) fn arguments_text(text: &str) -> Cow<'_, str> {
    let repaired = json::surrogates::repair_str(text);
    match json::check(repaired.as_bytes()) {
        Ok(json) if json.trim_start().starts_with('{') => repaired,
        _ => Value::Object(unreadable_arguments(text)).to_string().into(),
    }
}

/// Returns whether every provider accepts this tool name: 1 to 64 letters, digits, `_` and `-`, with a letter or `_` at
/// the start.
fn is_valid_name(name: &str) -> bool {
    is_plain(name, MAX_NAME_LEN) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Returns whether a text consists of 1 to `max_len` ASCII letters, digits, `_` and `-`.
fn is_plain(text: &str, max_len: usize) -> bool {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
    (1..=max_len).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Returns a valid replacement for a tool name that not every provider accepts. It resembles the original and ends in
/// eight digits of the original's digest, so that two tools do not get the same name.
fn wire_name(name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let head: String = plain.take(MAX_NAME_LEN - 10).collect();
    let begin = if head.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    format!("{begin}{head}_{}", &digest(name)[..8])
}

/// Returns the first 16 bytes of a text's SHA-256 digest as 32 hexadecimal digits. Names of tools and ids of calls that
/// not every provider accepts are replaced by a text with this digest.
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns a tool with this name and without a schema.
    fn tool(name: &str) -> Tool {
        Tool { name: name.into(), description: String::new(), parameters: None, metadata: None }
    }

    #[test]
    fn an_invalid_name_is_replaced_and_restored() {
        let long = "x".repeat(65);
        let tools = ["get_weather", "web_search", "böse Namen/…", "", "3d_view", "-x", &long].map(tool);
        let names = ToolNames::new(&tools);

        assert_eq!(wire_tool_name("get_weather"), "get_weather");
        for tool in &tools {
            let wire = wire_tool_name(&tool.name).into_owned();
            assert!(is_valid_name(&wire), "{wire}");
            assert_eq!(names.original_name(wire), tool.name);
        }
        assert!(is_valid_name(&wire_tool_name("a tool that is gone")));
        assert_eq!(names.original_name("unheard_of".into()), "unheard_of");
    }

    #[test]
    fn an_invalid_id_is_always_replaced_alike() {
        assert_eq!(wire_call_id("call_1-A"), "call_1-A");
        assert_eq!(wire_call_id("call#get_weather#0"), wire_call_id("call#get_weather#0"));
        assert_ne!(wire_call_id("call#get_weather#0"), wire_call_id("call#get_weather#1"));
        for long in ["é".repeat(1000), "a".repeat(41)] {
            assert!(is_plain(&wire_call_id(&long), MAX_CALL_ID_LEN));
        }
    }

    #[test]
    fn every_schema_describes_an_object() {
        let schema = |parameters| wire_schema(&Tool { parameters, ..tool("t") });
        let empty = serde_json::json!({ "type": "object", "properties": {} });

        for parameters in [None, Some(json!({ "type": "object" })), Some(json!({ "type": "string" }))] {
            assert_eq!(schema(parameters), empty);
        }
        let valid_schema = json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] });
        let mut with_more = valid_schema.clone();
        with_more["oneOf"] = json!([{ "required": ["a"] }]);
        let mut untyped = valid_schema.clone();
        untyped.as_object_mut().unwrap().remove("type");
        for parameters in [valid_schema.clone(), with_more, untyped] {
            assert_eq!(schema(Some(parameters)), valid_schema);
        }
    }

    #[test]
    fn true_subschemas_become_empty_objects() {
        let schema = wire_schema(&Tool {
            parameters: Some(json!({
                "properties": {
                    "any": true,
                    "true": { "const": true, "default": true, "items": true, "additionalProperties": true },
                    "list": { "prefixItems": [true, { "not": true }], "anyOf": [true] },
                    "text": { "contentSchema": true, "not": { "contentSchema": { "items": true } } }
                },
                "$defs": { "a": true },
                "dependencies": { "a": true, "b": ["a"] },
                "unevaluatedProperties": { "contains": true },
                "unevaluatedItems": { "contains": true },
                "additionalItems": { "contains": true },
                "additionalProperties": { "properties": { "b": true } }
            })),
            ..tool("t")
        });
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "properties": {
                    "any": {},
                    "true": { "const": true, "default": true, "items": {}, "additionalProperties": true },
                    "list": { "prefixItems": [{}, { "not": {} }], "anyOf": [{}] },
                    "text": { "contentSchema": {}, "not": { "contentSchema": { "items": {} } } }
                },
                "$defs": { "a": {} },
                "dependencies": { "a": {}, "b": ["a"] },
                "unevaluatedProperties": { "contains": {} },
                "unevaluatedItems": { "contains": {} },
                "additionalItems": { "contains": {} },
                "additionalProperties": { "properties": { "b": {} } }
            })
        );
    }

    #[test]
    fn base64_is_recognized() {
        for (data, is) in [
            ("QUJD", true),
            ("QUI=", true),
            ("QQ==", true),
            ("", false),
            ("QUI", false),
            ("Q===", false),
            ("Q U=", false),
            ("====", false),
        ] {
            assert_eq!(is_base64(data), is, "{data}");
        }
    }

    #[test]
    fn arguments_that_are_nested_too_deep_count_as_invalid() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        // serde_json would read the text of this member as the value.
        let reserved = r#"{"$serde_json::private::RawValue":"[[]]"}"#.to_owned();
        for (text, is_valid) in
            [(nested(126), true), (nested(127), false), (nested(100_000), false), (reserved, false)]
        {
            let expected = if is_valid { text.clone() } else { json!({ "invalid_json": text }).to_string() };
            assert_eq!(arguments_text(&text), expected);
        }
    }

    #[test]
    fn invalid_arguments_keep_their_text_in_an_object() {
        for (text, expected) in [
            (r#"{"city":"Tokyo"}"#, json!({ "city": "Tokyo" })),
            ("", json!({})),
            ("null", json!({})),
            (r#"{"city":"#, json!({ "invalid_json": r#"{"city":"# })),
            ("[1]", json!({ "invalid_json": "[1]" })),
            (r#"{"city":"To\ud83d"}"#, json!({ "city": "To\u{fffd}" })),
        ] {
            assert_eq!(serde_json::from_str::<Value>(&arguments_text(text)).unwrap(), expected, "{text}");
        }
    }
}
