//! What every provider asks of names, ids, schemas and arguments, and clients don't know of.
//!
//! Tools and calls of a client may bear any name. What a provider would refuse, or take for a tool of its own,
//! goes out under another name and comes back under the right one.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Request, Turn};
use crate::json;
use crate::protocol::Tool;

/// The longest name that all providers take.
const LONGEST_NAME: usize = 64;
/// The longest id of a call that all providers take; it is OpenAI's.
const LONGEST_ID: usize = 40;

/// The names of a request's tools as the provider knows them.
#[derive(Debug, Clone, Default)]
pub(super) struct ToolNames {
    /// The tools' own names, in the order of the request.
    all: Vec<String>,
    /// The tool's own name by the provider's, where the two differ.
    renamed: HashMap<String, String>,
}

impl ToolNames {
    /// Names for these tools.
    pub(super) fn new(tools: &[Tool]) -> Self {
        let odd = tools.iter().map(|tool| &tool.name).filter(|name| !is_name(name));
        let renamed = odd.map(|name| (renamed(name), name.clone())).collect();
        Self { all: tools.iter().map(|tool| tool.name.clone()).collect(), renamed }
    }

    /// The own name of the tool at a place of the request.
    pub(super) fn at(&self, place: usize) -> Option<&str> {
        self.all.get(place).map(String::as_str)
    }

    /// The own name of the only tool whose name on the wire is among these texts as a word.
    pub(super) fn named_in<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Option<&str> {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let words: Vec<&str> = texts.flat_map(|text| text.split(|c| !is_of_name(c))).collect();
        let mut named = self.all.iter().filter(|name| words.contains(&&*tool_name(name)));
        named.next().filter(|_| named.next().is_none()).map(String::as_str)
    }

    /// The tool's own name.
    pub(super) fn own(&self, name: String) -> String {
        self.renamed.get(&name).cloned().unwrap_or(name)
    }
}

/// The provider's name of a tool, of one that is no longer on offer too.
pub(super) fn tool_name(name: &str) -> Cow<'_, str> {
    if is_name(name) { name.into() } else { renamed(name).into() }
}

/// A call's id as every provider takes it; the same for the same call.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    if is_plain(id, LONGEST_ID) { id.into() } else { format!("call_{}", digest(id)).into() }
}

/// The JSON Schema of a tool's arguments; a client's tool may have none, none of an object, one without the member
/// that OpenAI insists on, or alternatives at its top, which only Gemini takes: they are left out, and whoever runs
/// the tool checks its arguments anyway.
pub(super) fn schema(tool: &Tool) -> Value {
    match &tool.parameters {
        Some(Value::Object(schema)) if schema.get("type").is_none_or(|kind| kind == "object") => {
            let mut schema = schema.clone();
            schema.insert("type".into(), "object".into());
            ["oneOf", "anyOf", "allOf"].iter().for_each(|alternatives| drop(schema.remove(*alternatives)));
            schema.entry("properties").or_insert_with(|| serde_json::json!({}));
            let mut schema = Value::Object(schema);
            spell_out(&mut schema);
            schema
        }
        _ => serde_json::json!({ "type": "object", "properties": {} }),
    }
}

/// Writes a subschema `true` as `{}`, which means the same: llama.cpp knows no other form. Where a schema says whether there
/// may be more members, `true` is what everyone knows.
fn spell_out(schema: &mut Value) {
    const OF_NAMES: &[&str] =
        &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
    const LISTS: &[&str] = &["anyOf", "oneOf", "allOf", "prefixItems", "items"];
    const SINGLE: &[&str] =
        &["items", "contains", "not", "if", "then", "else", "propertyNames", "contentSchema"];
    const MORE: &[&str] =
        &["additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems"];
    let Value::Object(members) = schema else { return };
    for (name, value) in members {
        let name = name.as_str();
        match value {
            Value::Object(named) if OF_NAMES.contains(&name) => named.values_mut().for_each(spell_out_any),
            Value::Array(list) if LISTS.contains(&name) => list.iter_mut().for_each(spell_out_any),
            Value::Object(_) if MORE.contains(&name) => spell_out(value),
            _ if SINGLE.contains(&name) => spell_out_any(value),
            _ => {}
        }
    }
}

fn spell_out_any(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = Value::Object(Map::new());
    }
    spell_out(schema);
}

/// The tools that a request has to declare even if none may be called: Bedrock and Anthropic refuse calls in the
/// history without any declaration.
pub(super) fn named_by_history(request: &Request) -> Vec<Cow<'_, Tool>> {
    let mut named: Vec<Cow<'_, Tool>> = Vec::new();
    for turn in &request.history {
        let Turn::Assistant { calls, .. } = turn else { continue };
        for call in calls {
            if named.iter().all(|tool| tool.name != call.name) {
                let gone = || Tool {
                    name: call.name.clone(),
                    description: String::new(),
                    parameters: None,
                    metadata: None,
                };
                let offered = request.tools.iter().find(|tool| tool.name == call.name);
                named.push(offered.map_or_else(|| Cow::Owned(gone()), Cow::Borrowed));
            }
        }
    }
    named
}

/// A media type without its parameters.
pub(super) fn bare_media_type(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether data is Base64, and not nothing: a provider would refuse the whole request.
pub(super) fn is_base64(data: &str) -> bool {
    let digits = data.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !digits.is_empty()
        && data.len().is_multiple_of(4)
        && data.len() - digits.len() <= 2
        && digits.bytes().all(is_digit)
}

/// A call's arguments as an object, which providers insist on. Broken ones keep their text, so that the model
/// can see what it did.
pub(super) fn arguments(text: &str) -> Map<String, Value> {
    match serde_json::from_slice(&json::readable(text.as_bytes())) {
        Ok(Value::Object(arguments)) => arguments,
        _ if matches!(text.trim(), "" | "null") => Map::new(),
        _ => Map::from_iter([("invalid_json".to_owned(), text.into())]),
    }
}

/// A call's arguments as the text of an object: as the model wrote them, if they are one.
#[cfg(feature = "http-models")]
pub(super) fn arguments_text(text: &str) -> Cow<'_, str> {
    let text = json::surrogates::repaired_str(text);
    match serde_json::from_str(&text) {
        Ok(Value::Object(_)) => text,
        _ => Value::Object(arguments(&text)).to_string().into(),
    }
}

/// A name that begins as Gemini wants it to.
fn is_name(name: &str) -> bool {
    is_plain(name, LONGEST_NAME) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Letters, digits, `_` and `-`, and not too many.
fn is_plain(text: &str, longest: usize) -> bool {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
    (1..=longest).contains(&text.len()) && text.bytes().all(is_plain)
}

/// A name that says what it stands for and that no other tool has.
fn renamed(name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let head: String = plain.take(LONGEST_NAME - 10).collect();
    let begin = if head.starts_with(|c: char| c.is_ascii_digit()) { "_" } else { "" };
    format!("{begin}{head}_{}", &digest(name)[..8])
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str) -> Tool {
        Tool { name: name.into(), description: String::new(), parameters: None, metadata: None }
    }

    #[test]
    fn an_odd_name_goes_out_plain_and_comes_back_as_it_was() {
        let long = "x".repeat(65);
        let tools = ["get_weather", "web_search", "böse Namen/…", "", "3d_view", "-x", &long].map(tool);
        let names = ToolNames::new(&tools);

        assert_eq!(tool_name("get_weather"), "get_weather");
        for tool in &tools {
            let wire = tool_name(&tool.name).into_owned();
            assert!(is_name(&wire), "{wire}");
            assert_eq!(names.own(wire), tool.name);
        }
        assert!(is_name(&tool_name("a tool that is gone")));
        assert_eq!(names.own("unheard_of".into()), "unheard_of");
    }

    #[test]
    fn an_odd_id_is_replaced_by_the_same_one_each_time() {
        assert_eq!(call_id("call_1-A"), "call_1-A");
        assert_eq!(call_id("call#get_weather#0"), call_id("call#get_weather#0"));
        assert_ne!(call_id("call#get_weather#0"), call_id("call#get_weather#1"));
        for long in ["é".repeat(1000), "a".repeat(41)] {
            assert!(is_plain(&call_id(&long), LONGEST_ID));
        }
    }

    #[test]
    fn a_schema_is_one_of_an_object_with_properties() {
        let schema = |parameters| schema(&Tool { parameters, ..tool("t") });
        let empty = serde_json::json!({ "type": "object", "properties": {} });

        for parameters in [None, Some(json!({ "type": "object" })), Some(json!({ "type": "string" }))] {
            assert_eq!(schema(parameters), empty);
        }
        let whole = json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] });
        let mut with_more = whole.clone();
        with_more["oneOf"] = json!([{ "required": ["a"] }]);
        let mut untyped = whole.clone();
        untyped.as_object_mut().unwrap().remove("type");
        for parameters in [whole.clone(), with_more, untyped] {
            assert_eq!(schema(Some(parameters)), whole);
        }
    }

    #[test]
    fn a_subschema_that_allows_all_is_written_as_an_object() {
        let schema = schema(&Tool {
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
    fn data_is_base64_or_not() {
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
    fn arguments_are_an_object_and_broken_ones_keep_their_text() {
        for (text, expected) in [
            (r#"{"city":"Tokyo"}"#, json!({ "city": "Tokyo" })),
            ("", json!({})),
            ("null", json!({})),
            (r#"{"city":"#, json!({ "invalid_json": r#"{"city":"# })),
            ("[1]", json!({ "invalid_json": "[1]" })),
            (r#"{"city":"To\ud83d"}"#, json!({ "city": "To\u{fffd}" })),
        ] {
            assert_eq!(Value::Object(arguments(text)), expected, "{text}");
            #[cfg(feature = "http-models")]
            assert_eq!(serde_json::from_str::<Value>(&arguments_text(text)).unwrap(), expected, "{text}");
        }
    }
}
