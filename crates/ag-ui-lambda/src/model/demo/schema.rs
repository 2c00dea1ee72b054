//! Resolves the references of a JSON Schema, and checks whether a value fits.
//!
//! A schema may come from a client, so it is not trusted: the number of subschemas that are looked at is limited, and a
//! reference that leads nowhere or in circles makes its schema unusable.
//!
//! All keywords of the 2020-12 draft are known except `$dynamicRef` and `unevaluated...`. Unknown keywords are ignored.
//! Validators may check `format` or not, so a value has to fit in both cases.

use serde_json::{Map, Value};

use super::keywords::{fits_own_keywords, is_count_within, item_schema, list_of, members_of};
use super::pattern::Pattern;

/// The maximum depth of arguments.
pub(super) const MAX_DEPTH: usize = 8;
/// The maximum number of values in arguments.
pub(super) const MAX_NODES: usize = 1000;
/// The maximum size of arguments as JSON, in bytes.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// The maximum number of subschemas that are looked at for the arguments of one call.
const MAX_STEPS: usize = 100_000;
/// The maximum depth of subschemas, references included.
const MAX_SCHEMA_DEPTH: usize = 48;

/// A schema in which references are resolved, with the number of steps that were used.
pub(super) struct Schema<'a> {
    root: &'a Value,
    /// The number of subschemas that were looked at.
    steps: usize,
    /// Whether `format` is checked.
    checks_format: bool,
}

/// A subschema together with all that it refers to by `$ref` and `allOf`. A value must fit each of them.
pub(super) type Subschemas<'a> = Vec<&'a Map<String, Value>>;

impl<'a> Schema<'a> {
    /// Wraps the JSON Schema of a tool's arguments, with the full number of steps left.
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, steps: 0, checks_format: false }
    }

    /// Returns the complete schema, in which references are resolved.
    pub(super) fn root(&self) -> &'a Value {
        self.root
    }

    /// Counts one step of work, so that a schema from a client can't take too long. `depth` is the depth of nested
    /// subschemas. Returns `None` above [`MAX_STEPS`] or [`MAX_SCHEMA_DEPTH`]; the caller then gives up.
    fn use_step(&mut self, depth: usize) -> Option<()> {
        self.steps += 1;
        (self.steps <= MAX_STEPS && depth <= MAX_SCHEMA_DEPTH).then_some(())
    }

    /// Returns whether all steps are used, so that no further value can be checked. Checked when no sample was found,
    /// to report that the schema is too large.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps >= MAX_STEPS
    }

    /// Appends a subschema, and all subschemas that it refers to by `$ref` and `allOf`, to `subschemas`. Returns `None`
    /// if no value can fit the schema, a reference can't be resolved, or a limit is reached.
    pub(super) fn collect(&mut self, schema: &'a Value, subschemas: &mut Subschemas<'a>) -> Option<()> {
        self.collect_at(schema, subschemas, 0)
    }

    /// Does the work of [`collect`](Self::collect) for a subschema that is nested `depth` levels deep.
    fn collect_at(&mut self, schema: &'a Value, subschemas: &mut Subschemas<'a>, depth: usize) -> Option<()> {
        self.use_step(depth)?;
        let schema = match schema {
            Value::Bool(true) => return Some(()),
            Value::Object(schema) => schema,
            _ => return None,
        };
        subschemas.push(schema);
        if let Some(reference) = schema.get("$ref") {
            self.collect_at(self.resolve(reference)?, subschemas, depth + 1)?;
        }
        for part in list_of(schema, "allOf") {
            self.collect_at(part, subschemas, depth + 1)?;
        }
        Some(())
    }

    /// Returns the subschema that a reference such as `#/$defs/a` points to. Returns `None` for a missing target and
    /// for a reference to another document.
    fn resolve(&self, reference: &Value) -> Option<&'a Value> {
        let pointer = reference.as_str()?.strip_prefix('#')?;
        self.root.pointer(&percent_decode(pointer))
    }

    /// Returns whether a value fits all these subschemas, both with and without a check of `format`, because validators
    /// may do either. A value for which this can't be decided does not fit.
    pub(super) fn accepts(&mut self, subschemas: &Subschemas<'a>, value: &Value) -> bool {
        [true, false].into_iter().all(|checks_format| {
            self.checks_format = checks_format;
            subschemas.iter().all(|subschema| self.fits_keywords(subschema, value, 0).unwrap_or(false))
        })
    }

    /// Returns whether a value fits a subschema, which may be `true` or `false`. Returns `None` if that can't be
    /// decided within the limits. `depth` is the depth of nested subschemas.
    fn fits(&mut self, schema: &'a Value, value: &Value, depth: usize) -> Option<bool> {
        self.use_step(depth)?;
        match schema {
            Value::Bool(all) => Some(*all),
            Value::Object(schema) => self.fits_keywords(schema, value, depth + 1),
            _ => None,
        }
    }

    /// Returns whether a value fits every keyword of a subschema, including its `$ref`. Returns `None` if that can't be
    /// decided within the limits.
    fn fits_keywords(&mut self, schema: &'a Map<String, Value>, value: &Value, depth: usize) -> Option<bool> {
        let fits = fits_own_keywords(schema, value, self.checks_format)?
            && match schema.get("$ref") {
                Some(reference) => self.fits(self.resolve(reference)?, value, depth)?,
                None => true,
            }
            && self.fits_applicators(schema, value, depth)?
            && match value {
                Value::Object(object) => self.fits_object(schema, object, depth)?,
                Value::Array(items) => self.fits_array(schema, items, depth)?,
                _ => true,
            };
        Some(fits)
    }

    /// Returns whether a value fits the keywords that combine schemas: `allOf`, `anyOf`, `oneOf`, `not`, and `if` with
    /// `then` and `else`. Returns `None` if that can't be decided within the limits.
    fn fits_applicators(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &Value,
        depth: usize,
    ) -> Option<bool> {
        for part in list_of(schema, "allOf") {
            if !self.fits(part, value, depth)? {
                return Some(false);
            }
        }
        for (keyword, max_count) in [("anyOf", usize::MAX), ("oneOf", 1)] {
            if schema.contains_key(keyword) {
                let mut count = 0;
                for part in list_of(schema, keyword) {
                    count += usize::from(self.fits(part, value, depth)?);
                }
                if count == 0 || count > max_count {
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

    /// Returns whether an object fits the keywords about members, such as `required` and `properties`. Returns `None`
    /// if that can't be decided within the limits.
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
            || !is_count_within(schema, "minProperties", "maxProperties", object.len())
        {
            return Some(false);
        }
        let patterns = match members_of(schema, "patternProperties") {
            Some(patterns) => patterns
                .iter()
                .map(|(pattern, schema)| Some((Pattern::parse(pattern)?, schema)))
                .collect::<Option<Vec<_>>>()?,
            None => Vec::new(),
        };
        for (name, value) in object {
            let mut is_known = false;
            if let Some(property) = members_of(schema, "properties").and_then(|members| members.get(name)) {
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
            let dependent = |keyword| members_of(schema, keyword).and_then(|members| members.get(name));
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

    /// Returns whether a list fits the keywords about items, such as `minItems`, `items` and `contains`. Returns `None`
    /// if that can't be decided within the limits.
    fn fits_array(&mut self, schema: &'a Map<String, Value>, items: &[Value], depth: usize) -> Option<bool> {
        if !is_count_within(schema, "minItems", "maxItems", items.len()) {
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
            let min_count = if schema.contains_key("minContains") { 0 } else { 1 };
            if count < min_count || !is_count_within(schema, "minContains", "maxContains", count) {
                return Some(false);
            }
        }
        Some(true)
    }
}

/// Decodes `%20` and the like in the JSON Pointer of a `$ref`, since a reference is a part of a URL. Invalid codes stay
/// as they are.
fn percent_decode(pointer: &str) -> String {
    let mut bytes = Vec::with_capacity(pointer.len());
    let mut rest = pointer.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns whether a schema accepts a value.
    fn accepts(schema: &Value, value: &Value) -> bool {
        let mut root = Schema::new(schema);
        let mut subschemas = Subschemas::new();
        root.collect(schema, &mut subschemas).is_some() && root.accepts(&subschemas, value)
    }

    #[test]
    fn values_are_checked_by_the_keywords() {
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
    fn circular_references_end() {
        let circle = json!({"$ref": "#"});
        assert!(Schema::new(&circle).collect(&circle, &mut Vec::new()).is_none());

        let wide = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]});
        assert!(!accepts(&wide, &json!(1)));
    }
}
