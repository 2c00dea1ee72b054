//! Values that may fit a schema: those that it names itself, and texts and numbers made from its keywords.
//!
//! Nothing here is certain to fit; [`sample`](super::sample) tests each value.

use serde_json::Value;

use super::format;
use super::keywords::{list_of, named_types};
use super::naming;
use super::pattern::Pattern;
use super::schema::{MAX_NODES, Subschemas};
use super::values::parse_number;

/// The maximum length of a generated text, in characters.
const MAX_TEXT_CHARS: usize = 10_000;

/// Returns the JSON Schema types that all these subschemas allow, in the order in which they are tried. Of several
/// types `null` comes last, or is left out if `is_full`, that is, if the sample should have as much content as
/// possible. If no subschema names a type, the likely one is returned.
pub(super) fn allowed_types<'a>(subschemas: &Subschemas<'a>, is_full: bool) -> Vec<&'a str> {
    let named: Vec<Vec<&str>> = subschemas.iter().filter_map(|subschema| named_types(subschema)).collect();
    let mut types: Vec<&str> = named.iter().flatten().copied().collect();
    let allows = |types: &Vec<&str>, name: &str| {
        types.contains(&name) || name == "integer" && types.contains(&"number")
    };
    types.retain(|name| named.iter().all(|types| allows(types, name)));
    let mut known = Vec::new();
    types.retain(|name| {
        !known.contains(name) && {
            known.push(*name);
            true
        }
    });
    if named.is_empty() {
        types.push(likely_type(subschemas));
    }
    if types.len() > 1 {
        types.retain(|name| *name != "null");
        if !is_full {
            types.push("null");
        }
    }
    types
}

/// Guesses the type that a schema without `type` describes, from the keywords that it has. The default is `string`.
fn likely_type(subschemas: &Subschemas<'_>) -> &'static str {
    let has = |keywords: &[&str]| {
        subschemas.iter().any(|subschema| keywords.iter().any(|keyword| subschema.contains_key(*keyword)))
    };
    if has(&["properties", "required", "additionalProperties", "minProperties", "patternProperties"]) {
        "object"
    } else if has(&["items", "prefixItems", "minItems", "contains"]) {
        "array"
    } else if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
        "number"
    } else {
        "string"
    }
}

/// Returns the values that the subschemas name themselves: `const`, `enum`, `default`, `examples` and an example in the
/// description. `types` are the allowed types. `item_index` is the value's index in the list that is being made (0
/// outside of a list): each index starts at another value, since items may have to differ.
pub(super) fn named_values(subschemas: &Subschemas<'_>, types: &[&str], item_index: usize) -> Vec<Value> {
    let one = |keyword: &'static str| {
        subschemas.iter().filter_map(move |subschema| subschema.get(keyword)).cloned()
    };
    let many = |keyword: &'static str| {
        subschemas.iter().flat_map(move |subschema| {
            let values = list_of(subschema, keyword);
            let (after, first) =
                values.split_at(if values.is_empty() { 0 } else { item_index % values.len() });
            first.iter().chain(after).cloned()
        })
    };
    let mut values: Vec<Value> = one("const").chain(many("enum")).collect();
    if item_index == 0 {
        values.extend(one("default"));
    }
    values.extend(many("examples"));
    if item_index == 0 {
        let described =
            subschemas.iter().filter_map(|subschema| example_in(subschema.get("description")?.as_str()?));
        values.extend(described.filter_map(|text| match types {
            ["string", ..] => Some(text.into()),
            _ => parse_number(text),
        }));
    }
    values.truncate(MAX_NODES);
    values
}

/// Returns the text in backticks after `e.g.`, `for example` or `such as` in a description; `None` if there is no such
/// example.
fn example_in(description: &str) -> Option<&str> {
    let after = ["e.g.", "for example", "such as"].iter().find_map(|words| {
        let at = description.to_ascii_lowercase().find(words)?;
        Some(&description[at + words.len()..])
    })?;
    let (text, _) = after.split_once('`')?.1.split_once('`')?;
    Some(text.trim_matches('"'))
}

/// Returns texts that may fit: a sample of the `format`, the member's `name` in words, shortened or repeated to the
/// required length, and texts that match the `pattern`. `item_index` is the value's index in its list: each index gives
/// other texts.
pub(super) fn text_candidates(subschemas: &Subschemas<'_>, name: &str, item_index: usize) -> Vec<Value> {
    let named = |keyword: &'static str| {
        subschemas.iter().filter_map(move |subschema| subschema.get(keyword)?.as_str())
    };
    let bounds = |keyword: &'static str| {
        subschemas.iter().filter_map(move |subschema| usize::try_from(subschema.get(keyword)?.as_u64()?).ok())
    };
    let min_length = bounds("minLength").max().unwrap_or(0);
    let max_length = bounds("maxLength").min().unwrap_or(usize::MAX).min(MAX_TEXT_CHARS);
    let mut texts: Vec<String> = named("format").filter_map(format::sample).map(ToOwned::to_owned).collect();
    if min_length > MAX_TEXT_CHARS {
        return Vec::new();
    }
    let mut words = naming::name_to_words(name);
    if words.is_empty() {
        words.push_str("text");
    }
    if item_index > 0 {
        words = format!("{words} {}", item_index + 1);
    }
    let length = words.chars().count();
    let copies = if length >= min_length { 1 } else { min_length.div_ceil(length) };
    let text = vec![words; copies].join(" ");
    texts.push(text.chars().take(max_length).collect());
    for pattern in named("pattern").filter_map(Pattern::parse) {
        let fitting =
            pattern.samples().filter(|text| (min_length..=max_length).contains(&text.chars().count()));
        texts.extend(fitting.skip(item_index).take(4));
    }
    texts.into_iter().map(Value::String).collect()
}

/// Returns numbers that may fit: small ones, those at the bounds, and multiples of `multipleOf` near the bounds. With
/// `is_integer` only integers are returned. `item_index` is the value's index in its list: each index starts at another
/// number.
pub(super) fn number_candidates(
    subschemas: &Subschemas<'_>,
    is_integer: bool,
    item_index: usize,
) -> Vec<Value> {
    let bounds = |keyword: &'static str| {
        subschemas.iter().filter_map(move |subschema| subschema.get(keyword)?.as_f64())
    };
    let item_index = item_index as f64;
    let lower: Vec<f64> = bounds("minimum").chain(bounds("exclusiveMinimum")).collect();
    let upper: Vec<f64> = bounds("maximum").chain(bounds("exclusiveMaximum")).collect();
    let mut numbers = vec![1.0 + item_index, 0.0];
    for bound in &lower {
        numbers.extend([
            bound + item_index,
            bound.ceil() + item_index,
            bound.floor() + 1.0 + item_index,
            bound + 0.5,
        ]);
    }
    for bound in &upper {
        numbers.extend([
            bound - item_index,
            bound.floor() - item_index,
            bound.ceil() - 1.0 - item_index,
            bound - 0.5,
        ]);
    }
    numbers
        .extend(lower.iter().flat_map(|lower| upper.iter().map(move |upper| lower + (upper - lower) / 2.0)));
    for step in bounds("multipleOf").filter(|step| *step > 0.0) {
        let near = |bound: &f64| [(bound / step).ceil() * step, (bound / step).floor() * step];
        let at_bounds: Vec<f64> = lower.iter().chain(&upper).flat_map(near).collect();
        for number in [step * (1.0 + item_index)].into_iter().chain(at_bounds) {
            numbers.extend([number, number + step, number - step]);
        }
    }
    numbers.push(0.5);
    numbers
        .into_iter()
        .filter(|number| !is_integer || number.fract() == 0.0)
        .filter_map(to_json_number)
        .collect()
}

/// Converts a number to JSON, without a fraction where the number is an integer, since `u32` and people do not expect
/// `1.0`. Returns `None` if the number is not finite.
fn to_json_number(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is an integer that f64 holds exactly")]
        return Some((number as i64).into());
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}
