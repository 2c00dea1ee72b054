//! Reads the keywords of one subschema: those that need no other schema, and those that hold lists and members.

use serde_json::{Map, Number, Value};

use super::format;
use super::pattern::Pattern;

/// Returns whether a value fits those keywords of a schema that need no other schema: `type`, `const`, `enum`, bounds
/// of numbers, and length, pattern and format of texts. `format` counts only if `checks_format`. Returns `None` if a
/// pattern is unsupported or takes too many steps.
pub(super) fn fits_own_keywords(
    schema: &Map<String, Value>,
    value: &Value,
    checks_format: bool,
) -> Option<bool> {
    let fits_values = schema.get("const").is_none_or(|known| is_equal(known, value))
        && schema
            .get("enum")
            .is_none_or(|_| list_of(schema, "enum").iter().any(|known| is_equal(known, value)))
        && named_types(schema).is_none_or(|types| types.iter().any(|known| has_type(known, value)));
    if !fits_values {
        return Some(false);
    }
    match value {
        Value::Number(number) => Some(fits_bounds(schema, number)),
        Value::String(text) => {
            let length = text.chars().count();
            let format = schema.get("format").and_then(Value::as_str).filter(|_| checks_format);
            let is_of_format = format.is_none_or(|name| format::has_format(name, text));
            if !is_count_within(schema, "minLength", "maxLength", length) || !is_of_format {
                return Some(false);
            }
            match schema.get("pattern").and_then(Value::as_str) {
                Some(pattern) => Pattern::parse(pattern)?.matches(text),
                None => Some(true),
            }
        }
        _ => Some(true),
    }
}

/// Returns whether a number is within the bounds of the schema and, if there is `multipleOf`, a multiple of it.
fn fits_bounds(schema: &Map<String, Value>, number: &Number) -> bool {
    let Some(number) = number.as_f64() else { return false };
    let bound = |keyword| schema.get(keyword).and_then(Value::as_f64);
    bound("minimum").is_none_or(|bound| number >= bound)
        && bound("maximum").is_none_or(|bound| number <= bound)
        && bound("exclusiveMinimum").is_none_or(|bound| number > bound)
        && bound("exclusiveMaximum").is_none_or(|bound| number < bound)
        && bound("multipleOf").is_none_or(|step| {
            let quotient = number / step;
            step > 0.0 && (quotient - quotient.round()).abs() < 1e-9
        })
}

/// Returns the types in the keyword `type`, which is one name or a list; `None` if the schema has no such keyword.
pub(super) fn named_types(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect()),
        _ => Some(Vec::new()),
    }
}

/// Returns whether a value has the JSON Schema type with this name. `2.0` is an integer; no value has an unknown type.
pub(super) fn has_type(name: &str, value: &Value) -> bool {
    match name {
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

/// Returns the schema for the list item at this index, from `prefixItems` and `items` or their older forms; `None` if
/// the item is not restricted.
pub(super) fn item_schema(schema: &Map<String, Value>, index: usize) -> Option<&Value> {
    match schema.get("items") {
        // A list of schemas is the older form of `prefixItems`.
        Some(Value::Array(prefix)) => prefix.get(index).or(schema.get("additionalItems")),
        items => list_of(schema, "prefixItems").get(index).or(items),
    }
}

/// Returns the entries of a keyword's list; an empty slice if the keyword is missing or does not hold a list.
pub(super) fn list_of<'a>(schema: &'a Map<String, Value>, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the members of a keyword's object; `None` if the keyword is missing or does not hold an object.
pub(super) fn members_of<'a>(
    schema: &'a Map<String, Value>,
    keyword: &str,
) -> Option<&'a Map<String, Value>> {
    schema.get(keyword).and_then(Value::as_object)
}

/// Returns whether `count`, such as a number of items, is within the bounds in the keywords `min` and `max`, for
/// example `minItems` and `maxItems`. A missing keyword is no bound.
pub(super) fn is_count_within(schema: &Map<String, Value>, min: &str, max: &str, count: usize) -> bool {
    let bound = |keyword| schema.get(keyword).and_then(Value::as_f64);
    let count = count as f64;
    bound(min).is_none_or(|min| count >= min) && bound(max).is_none_or(|max| count <= max)
}

/// Returns whether two JSON values are equal. Unlike `==`, the numbers `1` and `1.0` are equal.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}
