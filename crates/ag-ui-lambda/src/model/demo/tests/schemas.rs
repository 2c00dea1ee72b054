//! Arguments fit the schema that they are made from, whatever the schema is. An independent validator checks it.
#![expect(dead_code, reason = "the types are there for their schemas")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ScriptedTurn, play_message, tool};
use crate::model::demo::schema::{MAX_BYTES, MAX_DEPTH, MAX_NODES};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Number of the order, e.g. `A-17`.
    order_id: String,
    #[schemars(range(min = 0.01, max = 500.0))]
    amount: f64,
    note: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Numbers {
    count: u8,
    #[schemars(range(min = 10, max = 12))]
    between: i64,
    ratio: f32,
    negative: i32,
    is_on: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Texts {
    #[schemars(length(min = 20, max = 30))]
    long: String,
    #[schemars(length(max = 2))]
    short: String,
    #[schemars(regex(pattern = r"^[A-Z]{2}-\d{4}$"))]
    code: String,
    #[schemars(email)]
    email: String,
    #[schemars(url)]
    url: String,
    letter: char,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Unit {
    Celsius,
    /// With a description, so that it becomes an alternative.
    DegreesFahrenheit,
}

#[derive(Deserialize, JsonSchema)]
struct WithEnum {
    unit: Unit,
    other: Option<Unit>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Shape {
    Circle { radius: f64 },
    Square { side: f64, label: String },
}

#[derive(Deserialize, JsonSchema)]
enum External {
    Unit,
    Newtype(Unit),
    Tuple(u8, String),
    Struct { shape: Shape },
}

#[derive(Deserialize, JsonSchema)]
struct WithShapes {
    shape: Shape,
    external: External,
    shapes: Vec<Shape>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Number(f64),
    Text(String),
    List(Vec<u8>),
}

#[derive(Deserialize, JsonSchema)]
struct Containers {
    list: Vec<Vec<Untagged>>,
    map: BTreeMap<String, u8>,
    pair: (String, bool),
    fixed: [u8; 3],
    set: std::collections::BTreeSet<u8>,
    value: Value,
}

#[derive(Deserialize, JsonSchema)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

#[derive(Deserialize, JsonSchema)]
struct Chain {
    next: Link,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Link {
    Next(Box<Chain>),
    End(()),
}

#[derive(Deserialize, JsonSchema)]
enum Expression {
    Sum(Box<Expression>, Box<Expression>),
    Number(f64),
}

#[derive(Deserialize, JsonSchema)]
struct Calculation {
    expression: Expression,
}

#[derive(Deserialize, JsonSchema)]
struct Flattened {
    #[serde(flatten)]
    order: NestedOrder,
    #[serde(flatten)]
    shape: Shape,
}

#[derive(Deserialize, JsonSchema)]
struct NestedOrder {
    order: String,
}

#[derive(Deserialize, JsonSchema)]
struct WithDefault {
    #[serde(default = "default_five")]
    #[schemars(required)]
    count: u8,
    #[schemars(length(min = 2), extend("uniqueItems" = true))]
    tags: Vec<String>,
}

/// Returns the default value of a member in these tests.
fn default_five() -> u8 {
    5
}

/// The arguments of a call by name.
fn make_arguments(schema: &Value) -> Result<Value, String> {
    let ScriptedTurn { text, mut calls, .. } = play_message("make it", &[tool("make_it", schema.clone())]);
    match calls.pop() {
        Some((_, arguments)) => Ok(arguments),
        None => Err(text),
    }
}

/// Asserts that an independent validator accepts the value.
fn assert_fits(schema: &Value, value: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{value} does not fit {schema}: {errors:?}");
}

#[test]
fn arguments_fit_the_schemas_of_rust_types() {
    /// Returns the schema of a type with all references resolved.
    fn schema_without_references<T: JsonSchema>() -> Value {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<T>().to_value()
    }
    /// Asserts that the arguments made for the schema of a type can be deserialized.
    fn assert_type_fits<T: JsonSchema + serde::de::DeserializeOwned>() {
        for schema in [schema_for!(T).to_value(), schema_without_references::<T>()] {
            let arguments = make_arguments(&schema).unwrap_or_else(|text| panic!("{schema}: {text}"));
            assert_fits(&schema, &arguments);
            let parsed = serde_json::from_value::<T>(arguments.clone());
            assert!(parsed.is_ok(), "{arguments} is no {}: {:?}", std::any::type_name::<T>(), parsed.err());
        }
    }
    assert_type_fits::<Order>();
    assert_type_fits::<Numbers>();
    assert_type_fits::<Texts>();
    assert_type_fits::<WithEnum>();
    assert_type_fits::<WithShapes>();
    assert_type_fits::<Containers>();
    assert_type_fits::<Tree>();
    assert_type_fits::<Chain>();
    assert_type_fits::<Calculation>();
    assert_type_fits::<Flattened>();
    assert_type_fits::<WithDefault>();
    assert_type_fits::<Shape>();
}

#[test]
fn arguments_fit_handwritten_schemas() {
    let member = |schema: Value| json!({"type": "object", "properties": {"a": schema}, "required": ["a"]});
    for (schema, expected) in [
        (json!({"type": ["string", "null"]}), json!("a")),
        (json!({"type": ["null", "integer"]}), json!(1)),
        (json!({"type": "null"}), json!(null)),
        (json!({"const": {"x": [1]}}), json!({"x": [1]})),
        (json!({"enum": [3, "b"]}), json!(3)),
        (json!({"type": "string", "enum": [3, "b"]}), json!("b")),
        (json!({"type": "integer", "default": "no", "examples": [4]}), json!(4)),
        (json!({"type": "string", "format": "date"}), json!("2026-01-15")),
        (json!({"type": "string", "format": "uuid"}), json!("00000000-0000-4000-8000-000000000001")),
        (json!({"type": "integer", "exclusiveMinimum": 7, "multipleOf": 5}), json!(10)),
        (json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}), json!(0.25)),
        (json!({"type": "integer", "maximum": -3}), json!(-3)),
        (json!({"type": "string", "minLength": 5}), json!("a a a a a")),
        (json!({"type": "string", "maxLength": 0}), json!("")),
        (json!({"type": "string", "pattern": "^x{2}$"}), json!("xx")),
        (json!({"type": "string", "pattern": "^x+$", "minLength": 3}), json!("xxx")),
        (
            json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": true}),
            json!([false, true]),
        ),
        (json!({"type": "array", "prefixItems": [{"const": 1}], "items": false}), json!([1])),
        (json!({"type": "array", "maxItems": 0}), json!([])),
        (json!({"type": "array", "contains": {"const": 9}, "minContains": 2}), json!([9, 9])),
        (json!({"allOf": [{"type": "integer"}, {"minimum": 5}, {"maximum": 5}]}), json!(5)),
        (json!({"anyOf": [{"not": {}}, {"const": "b"}]}), json!("b")),
        (json!({"oneOf": [{"type": "number"}, {"type": "integer"}]}), json!(0.5)),
        (json!({"oneOf": [{"type": "null"}, {"type": "string"}]}), json!("a")),
        (json!({"type": "integer", "not": {"const": 1}}), json!(0)),
        (json!({"properties": {"b": {"type": "integer"}}, "required": ["b"]}), json!({"b": 1})),
        (json!({"type": "object", "minProperties": 1, "properties": {"c": true}}), json!({"c": "c"})),
        (
            json!({"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}}),
            json!({"x": 1}),
        ),
        (
            json!({"type": "object", "properties": {"kind": {"const": "k"}}, "required": ["kind"],
                "if": {"properties": {"kind": {"const": "k"}}}, "then": {"required": ["more"]}}),
            json!({"kind": "k", "more": "more"}),
        ),
        (json!({"description": "A city, e.g. `Lisbon`."}), json!("Lisbon")),
        (json!({}), json!("a")),
        (json!(true), json!("a")),
    ] {
        let schema = member(schema);
        assert_eq!(make_arguments(&schema), Ok(json!({"a": expected})), "{schema}");
        assert_fits(&schema, &json!({"a": expected}));
    }
}

#[test]
fn impossible_arguments_are_explained() {
    let member = |schema: Value| json!({"type": "object", "properties": {"a": schema}, "required": ["a"]});
    for (schema, sentence) in [
        (json!({"type": "string", "pattern": "(?=x)y"}), "at /a: Its pattern is too difficult"),
        (json!({"type": "integer", "minimum": 3, "maximum": 2}), "at /a: A script finds no value"),
        (json!({"$ref": "#/$defs/none"}), "at /a: Its schema refers to one that is not there."),
        (json!({"$ref": "https://example.com/a"}), "at /a: Its schema refers to one that is not there."),
        (json!(false), "at /a: "),
        (json!({"type": "object", "properties": {"b": {"enum": []}}, "required": ["b"]}), "at /a/b: "),
        (json!({"type": "array", "minItems": 5000}), "I cannot make the arguments of make_it"),
        (json!({"type": "string", "minLength": 100_000}), "at /a: "),
        (json!({"type": "hologram"}), "at /a: "),
    ] {
        let text = make_arguments(&member(schema.clone())).unwrap_err();
        assert!(text.contains(sentence), "{schema}: {text}");
    }
}

#[test]
fn an_endless_schema_is_given_up() {
    let endless = [
        json!({"$ref": "#"}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]}),
        json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]}),
        json!({"oneOf": [{"oneOf": [{"$ref": "#"}, {"$ref": "#"}]}, {"not": {"$ref": "#"}}]}),
        json!({"type": "array", "items": {"$ref": "#"}, "minItems": 9}),
    ];
    for schema in endless {
        let text = make_arguments(&schema).unwrap_err();
        assert!(text.starts_with("I cannot make the arguments of make_it"), "{schema}: {text}");
    }
}

/// Schemas of all kinds, many of which no value fits.
fn any_schema() -> impl Strategy<Value = Value> {
    let number = -5..5i64;
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": ["null", "string"]})),
        (number.clone(), 0..6i64)
            .prop_map(|(least, more)| json!({"type": "integer", "minimum": least, "maximum": least + more})),
        (number.clone(), 1..5i64).prop_map(
            |(least, step)| json!({"type": "integer", "exclusiveMinimum": least, "multipleOf": step})
        ),
        number.clone().prop_map(|most| json!({"type": "number", "exclusiveMaximum": most})),
        (0..6u64, 0..6u64).prop_map(
            |(least, more)| json!({"type": "string", "minLength": least, "maxLength": least + more})
        ),
        prop_oneof![Just("^a+$"), Just("^[A-Z]{2}[0-9]*$"), Just("b|c"), Just("(?!x)y")]
            .prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        prop_oneof![Just("date"), Just("email"), Just("uri"), Just("uuid"), Just("date-time")]
            .prop_map(|format| json!({"type": "string", "format": format})),
        prop::collection::vec(number, 0..3).prop_map(|values| json!({"enum": values})),
        Just(json!({"$ref": "#/$defs/shared"})),
        Just(json!({"$ref": "#"})),
        Just(json!(false)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let members = prop::collection::btree_map("[a-c]", inner.clone(), 0..3);
        prop_oneof![
            (members, prop::collection::vec("[a-d]", 0..3), any::<bool>()).prop_map(|(members, required, open)| {
                let mut required: Vec<String> = required;
                required.sort();
                required.dedup();
                json!({"type": "object", "properties": members, "required": required, "additionalProperties": open})
            }),
            (inner.clone(), 0..3u64, any::<bool>()).prop_map(|(items, least, unique)| {
                json!({"type": "array", "items": items, "minItems": least, "uniqueItems": unique})
            }),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"anyOf": parts})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"oneOf": parts})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"allOf": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

/// Returns the depth of a value.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

/// Returns the number of values in a value.
fn nodes(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(nodes).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(nodes).sum::<usize>(),
        _ => 1,
    }
}

proptest! {
    #[test]
    fn arguments_fit_any_generated_schema(schema in any_schema(), shared in any_schema()) {
        let root = json!({
            "type": "object",
            "properties": {"a": schema},
            "required": ["a"],
            "$defs": {"shared": shared},
        });
        if let Ok(arguments) = make_arguments(&root)
            && let Ok(validator) = jsonschema::validator_for(&root)
        {
            prop_assert!(validator.is_valid(&arguments), "{arguments} does not fit {root}");
            prop_assert!(depth(&arguments) <= MAX_DEPTH && nodes(&arguments) <= MAX_NODES, "{arguments}");
            prop_assert!(arguments.to_string().len() <= MAX_BYTES);
        }
        prop_assert_eq!(make_arguments(&root), make_arguments(&root), "it is deterministic");
    }
}
