//! The part of JSON Schema that arguments are made from: references, and whether a value fits.
//!
//! A schema may come from a client, so nothing here trusts it: each look at a subschema uses up one unit of a
//! fixed supply, and a reference that leads nowhere or in circles makes its schema unusable.
//!
//! Known are the keywords of the 2020-12 draft but for `$dynamicRef` and `unevaluated...`. Whatever is not known demands
//! nothing. Validators may check `format` or not, so a value has to fit either way.

use serde_json::{Map, Number, Value};

use super::format;
use super::pattern::Pattern;

/// How deep arguments may be nested.
pub(super) const MAX_DEPTH: usize = 8;
/// How many values arguments may consist of.
pub(super) const MAX_NODES: usize = 1000;
/// How long arguments may be as JSON, in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// How many subschemas may be looked at for the arguments of one call.
const MAX_STEPS: usize = 100_000;
/// How deep subschemas may lie in each other, references included.
const MAX_SCHEMA_DEPTH: usize = 48;

/// A schema with all that it refers to.
pub(super) struct Schema<'a> {
    root: &'a Value,
    steps: usize,
    /// Whether `format` demands anything just now.
    checks_format: bool,
}

/// A subschema with all that it refers to by `$ref` and `allOf`: a value must fit each of these.
pub(super) type Views<'a> = Vec<&'a Map<String, Value>>;

impl<'a> Schema<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, steps: 0, checks_format: false }
    }

    pub(super) fn root(&self) -> &'a Value {
        self.root
    }

    /// Counts a step; `None` if there were too many.
    fn step(&mut self, depth: usize) -> Option<()> {
        self.steps += 1;
        (self.steps <= MAX_STEPS && depth <= MAX_SCHEMA_DEPTH).then_some(())
    }

    /// Whether the supply of steps is used up, so that nothing more can be found out.
    pub(super) fn is_used_up(&self) -> bool {
        self.steps >= MAX_STEPS
    }

    /// Adds a subschema and what it refers to. `None` if no value can fit, or a reference leads nowhere.
    pub(super) fn add(&mut self, schema: &'a Value, views: &mut Views<'a>) -> Option<()> {
        self.add_at(schema, views, 0)
    }

    fn add_at(&mut self, schema: &'a Value, views: &mut Views<'a>, depth: usize) -> Option<()> {
        self.step(depth)?;
        let schema = match schema {
            Value::Bool(true) => return Some(()),
            Value::Object(schema) => schema,
            _ => return None,
        };
        views.push(schema);
        if let Some(reference) = schema.get("$ref") {
            self.add_at(self.target(reference)?, views, depth + 1)?;
        }
        for part in list(schema, "allOf") {
            self.add_at(part, views, depth + 1)?;
        }
        Some(())
    }

    /// What a reference within the schema leads to.
    fn target(&self, reference: &Value) -> Option<&'a Value> {
        let pointer = reference.as_str()?.strip_prefix('#')?;
        self.root.pointer(&unescaped(pointer))
    }

    /// Whether a value fits each of these subschemas. What cannot be found out counts as a no.
    pub(super) fn accepts(&mut self, views: &Views<'a>, value: &Value) -> bool {
        [true, false].into_iter().all(|checks_format| {
            self.checks_format = checks_format;
            views.iter().all(|view| self.fits_keywords(view, value, 0).unwrap_or(false))
        })
    }

    /// `None` if it cannot be found out.
    fn fits(&mut self, schema: &'a Value, value: &Value, depth: usize) -> Option<bool> {
        self.step(depth)?;
        match schema {
            Value::Bool(all) => Some(*all),
            Value::Object(schema) => self.fits_keywords(schema, value, depth + 1),
            _ => None,
        }
    }

    fn fits_keywords(&mut self, schema: &'a Map<String, Value>, value: &Value, depth: usize) -> Option<bool> {
        let fits = fits_itself(schema, value, self.checks_format)?
            && match schema.get("$ref") {
                Some(reference) => self.fits(self.target(reference)?, value, depth)?,
                None => true,
            }
            && self.fits_applied(schema, value, depth)?
            && match value {
                Value::Object(object) => self.fits_object(schema, object, depth)?,
                Value::Array(items) => self.fits_array(schema, items, depth)?,
                _ => true,
            };
        Some(fits)
    }

    /// `allOf`, `anyOf`, `oneOf`, `not` and `if`.
    fn fits_applied(&mut self, schema: &'a Map<String, Value>, value: &Value, depth: usize) -> Option<bool> {
        for part in list(schema, "allOf") {
            if !self.fits(part, value, depth)? {
                return Some(false);
            }
        }
        for (keyword, most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            if schema.contains_key(keyword) {
                let mut count = 0;
                for part in list(schema, keyword) {
                    count += usize::from(self.fits(part, value, depth)?);
                }
                if count == 0 || count > most {
                    return Some(false);
                }
            }
        }
        if let Some(not) = schema.get("not")
            && self.fits(not, value, depth)?
        {
            return Some(false);
        }
        if let Some(condition) = schema.get("if") {
            let branch = if self.fits(condition, value, depth)? { "then" } else { "else" };
            if let Some(branch) = schema.get(branch) {
                return self.fits(branch, value, depth);
            }
        }
        Some(true)
    }

    fn fits_object(
        &mut self,
        schema: &'a Map<String, Value>,
        object: &Map<String, Value>,
        depth: usize,
    ) -> Option<bool> {
        let has_all = |names: &Value| {
            names
                .as_array()
                .into_iter()
                .flatten()
                .all(|name| name.as_str().is_some_and(|name| object.contains_key(name)))
        };
        if !schema.get("required").is_none_or(has_all)
            || !is_within(schema, "minProperties", "maxProperties", object.len())
        {
            return Some(false);
        }
        let patterns = match members(schema, "patternProperties") {
            Some(patterns) => patterns
                .iter()
                .map(|(pattern, schema)| Some((Pattern::read(pattern)?, schema)))
                .collect::<Option<Vec<_>>>()?,
            None => Vec::new(),
        };
        for (name, value) in object {
            let mut is_known = false;
            if let Some(property) = members(schema, "properties").and_then(|members| members.get(name)) {
                is_known = true;
                if !self.fits(property, value, depth)? {
                    return Some(false);
                }
            }
            for (pattern, property) in &patterns {
                if pattern.matches(name)? {
                    is_known = true;
                    if !self.fits(property, value, depth)? {
                        return Some(false);
                    }
                }
            }
            if !is_known
                && let Some(additional) = schema.get("additionalProperties")
                && !self.fits(additional, value, depth)?
            {
                return Some(false);
            }
            if let Some(names) = schema.get("propertyNames")
                && !self.fits(names, &Value::String(name.clone()), depth)?
            {
                return Some(false);
            }
            let dependent = |keyword| members(schema, keyword).and_then(|members| members.get(name));
            if !dependent("dependentRequired").is_none_or(has_all) {
                return Some(false);
            }
            if let Some(dependent) = dependent("dependentSchemas")
                && !self.fits(dependent, &Value::Object(object.clone()), depth)?
            {
                return Some(false);
            }
        }
        Some(true)
    }

    fn fits_array(&mut self, schema: &'a Map<String, Value>, items: &[Value], depth: usize) -> Option<bool> {
        if !is_within(schema, "minItems", "maxItems", items.len()) {
            return Some(false);
        }
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = item_schema(schema, index)
                && !self.fits(schema, item, depth)?
            {
                return Some(false);
            }
        }
        let is_unique = |(index, item): (usize, &Value)| !items[..index].contains(item);
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && !items.iter().enumerate().all(is_unique) {
            return Some(false);
        }
        if let Some(contained) = schema.get("contains") {
            let mut count = 0;
            for item in items {
                count += usize::from(self.fits(contained, item, depth)?);
            }
            let least = if schema.contains_key("minContains") { 0 } else { 1 };
            if count < least || !is_within(schema, "minContains", "maxContains", count) {
                return Some(false);
            }
        }
        Some(true)
    }
}

/// The keywords that need no other schema: type, values, bounds of numbers and texts.
fn fits_itself(schema: &Map<String, Value>, value: &Value, checks_format: bool) -> Option<bool> {
    let fits_values = schema.get("const").is_none_or(|known| is_equal(known, value))
        && schema.get("enum").is_none_or(|_| list(schema, "enum").iter().any(|known| is_equal(known, value)))
        && types(schema).is_none_or(|types| types.iter().any(|known| is_of_type(known, value)));
    if !fits_values {
        return Some(false);
    }
    match value {
        Value::Number(number) => Some(fits_bounds(schema, number)),
        Value::String(text) => {
            let length = text.chars().count();
            let format = schema.get("format").and_then(Value::as_str).filter(|_| checks_format);
            let is_of_format = format.is_none_or(|name| format::fits(name, text));
            if !is_within(schema, "minLength", "maxLength", length) || !is_of_format {
                return Some(false);
            }
            match schema.get("pattern").and_then(Value::as_str) {
                Some(pattern) => Pattern::read(pattern)?.matches(text),
                None => Some(true),
            }
        }
        _ => Some(true),
    }
}

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

/// The types that a schema names; `None` if it names none.
pub(super) fn types(schema: &Map<String, Value>) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(name) => Some(vec![name]),
        Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect()),
        _ => Some(Vec::new()),
    }
}

pub(super) fn is_of_type(name: &str, value: &Value) -> bool {
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

/// The schema of the item at this place.
pub(super) fn item_schema(schema: &Map<String, Value>, index: usize) -> Option<&Value> {
    match schema.get("items") {
        // A list of schemas is the older form of `prefixItems`.
        Some(Value::Array(prefix)) => prefix.get(index).or(schema.get("additionalItems")),
        items => list(schema, "prefixItems").get(index).or(items),
    }
}

/// The schemas or values of a keyword that holds a list.
pub(super) fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The members of a keyword that holds an object.
pub(super) fn members<'a>(schema: &'a Map<String, Value>, keyword: &str) -> Option<&'a Map<String, Value>> {
    schema.get(keyword).and_then(Value::as_object)
}

fn is_within(schema: &Map<String, Value>, least: &str, most: &str, count: usize) -> bool {
    let bound = |keyword| schema.get(keyword).and_then(Value::as_f64);
    let count = count as f64;
    bound(least).is_none_or(|least| count >= least) && bound(most).is_none_or(|most| count <= most)
}

/// Equality of JSON, in which `1` and `1.0` are one number.
fn is_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// A reference is a part of an address, in which characters may be written as `%20`.
fn unescaped(pointer: &str) -> String {
    let mut bytes = Vec::with_capacity(pointer.len());
    let mut rest = pointer.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn accepts(schema: &Value, value: &Value) -> bool {
        let mut root = Schema::new(schema);
        let mut views = Views::new();
        root.add(schema, &mut views).is_some() && root.accepts(&views, value)
    }

    #[test]
    fn a_value_fits_as_the_keywords_say() {
        for (schema, value, fits) in [
            (json!({"type": "integer"}), json!(2.0), true),
            (json!({"type": "integer"}), json!(2.5), false),
            (json!({"type": ["string", "null"]}), json!(null), true),
            (json!({"const": 1}), json!(1.0), true),
            (json!({"enum": []}), json!(1), false),
            (json!({"multipleOf": 0.1}), json!(0.3), true),
            (json!({"exclusiveMinimum": 0}), json!(0), false),
            (json!({"minLength": 2}), json!("é"), false),
            (json!({"pattern": "^a"}), json!("ba"), false),
            (json!({"pattern": "(?=a)"}), json!("a"), false),
            (json!({"format": "date"}), json!("today"), false),
            (json!({"required": ["a"]}), json!({}), false),
            (json!({"properties": {"a": {"type": "string"}}}), json!({"a": 1}), false),
            (json!({"additionalProperties": false}), json!({"a": 1}), false),
            (json!({"patternProperties": {"^a": {}}, "additionalProperties": false}), json!({"ab": 1}), true),
            (json!({"propertyNames": {"maxLength": 1}}), json!({"ab": 1}), false),
            (json!({"dependentRequired": {"a": ["b"]}}), json!({"a": 1}), false),
            (json!({"items": {"type": "string"}}), json!(["a", 1]), false),
            (json!({"prefixItems": [{"type": "string"}], "items": false}), json!(["a", 1]), false),
            (json!({"uniqueItems": true}), json!([1, 2, 1]), false),
            (json!({"contains": {"const": 1}}), json!([2]), false),
            (json!({"contains": {"const": 1}, "maxContains": 1}), json!([1, 1]), false),
            (json!({"anyOf": [{"const": 1}, {"const": 2}]}), json!(2), true),
            (json!({"oneOf": [{"type": "number"}, {"const": 2}]}), json!(2), false),
            (json!({"not": {"type": "null"}}), json!(null), false),
            (json!({"if": {"type": "string"}, "then": {"minLength": 1}, "else": false}), json!(""), false),
            (json!({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"const": 1}}}), json!(1), true),
            (json!({"$ref": "#/$defs/none"}), json!(1), false),
            (json!({"$ref": "https://example.com/schema"}), json!(1), false),
        ] {
            assert_eq!(accepts(&schema, &value), fits, "{schema} {value}");
        }
    }

    #[test]
    fn a_reference_in_circles_ends() {
        let circle = json!({"$ref": "#"});
        assert!(Schema::new(&circle).add(&circle, &mut Vec::new()).is_none());

        let wide = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]});
        assert!(!accepts(&wide, &json!(1)));
    }
}
