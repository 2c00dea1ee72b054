//! JSON Schemas that a client can send with its tools: usual ones, and those that ask for much work or for the impossible.

use serde_json::{Value, json};

use crate::breakage::hostile_value;
use crate::choices::Choices;

/// Patterns that are slow, long, empty or invalid.
const PATTERNS: [&str; 14] = [
    "^[A-Z]-[0-9]{1,5}$",
    "(a+)+$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "[a-z]{100000}",
    "(x{1000}){1000}",
    "\\p{L}{3,70}",
    "(?=a)b",
    "[",
    "(",
    "",
    "^$",
    "\\u{110000}",
    "[\\s\\S]{0,65535}",
    "(a|b|c|d)*e{2,}",
];

/// Numbers that limit a length, a count or a value.
const LIMITS: [f64; 10] = [0.0, 1.0, 3.0, -1.0, 0.5, 1000.0, 1e6, 4_294_967_296.0, 1e19, 1e300];

/// Makes the schema of a tool's arguments.
pub fn parameters(choices: &mut Choices<'_>) -> Value {
    let mut schema = json!({ "type": "object", "properties": {} });
    for index in 0..choices.number(4) {
        schema["properties"][format!("p{index}")] = schema_of(choices, 3);
    }
    if choices.is_one_in(2) {
        schema["required"] = json!(["p0", "p1"]);
    }
    if choices.is_one_in(4) {
        schema["$defs"] =
            json!({ "node": { "type": "object", "properties": { "next": { "$ref": "#/$defs/node" } } } });
        schema["properties"]["tree"] = json!({ "$ref": "#/$defs/node" });
    }
    if choices.is_one_in(12) {
        schema["additionalProperties"] = hostile_value(choices);
    }
    schema
}

/// Makes the schema of one value, with at most this many levels below it.
fn schema_of(choices: &mut Choices<'_>, levels: usize) -> Value {
    let limit = |choices: &mut Choices<'_>| json!(choices.one_of(&LIMITS));
    let kinds = if levels == 0 { 6 } else { 12 };
    match choices.number(kinds) {
        0 => json!({ "type": "string", "pattern": choices.one_of(&PATTERNS) }),
        1 => {
            json!({ "type": "string", "minLength": limit(choices), "maxLength": limit(choices), "format": "date-time" })
        }
        2 => {
            json!({ "type": "integer", "minimum": limit(choices), "maximum": limit(choices), "multipleOf": limit(choices) })
        }
        3 => json!({ "enum": [hostile_value(choices), "a", null, 5] }),
        4 => json!({ "const": hostile_value(choices) }),
        5 => json!({ "type": ["number", "null", "boolean"], "exclusiveMinimum": limit(choices) }),
        6 => {
            json!({ "type": "array", "items": schema_of(choices, levels - 1), "minItems": limit(choices), "uniqueItems": true })
        }
        7 => {
            json!({ "type": "object", "properties": { "a": schema_of(choices, levels - 1) }, "required": ["a", "b"],
            "minProperties": limit(choices) })
        }
        8 => json!({ "anyOf": [schema_of(choices, levels - 1), schema_of(choices, levels - 1)] }),
        9 => json!({ "allOf": [schema_of(choices, levels - 1), { "not": schema_of(choices, levels - 1) }] }),
        10 => {
            json!({ "$ref": *choices.one_of(&["#", "#/$defs/node", "#/properties/p0", "https://example.com/s", "#/a~2"]) })
        }
        _ => json!({ "oneOf": [], "if": schema_of(choices, levels - 1), "then": false, "patternProperties": {
            *choices.one_of(&PATTERNS): schema_of(choices, levels - 1) } }),
    }
}
