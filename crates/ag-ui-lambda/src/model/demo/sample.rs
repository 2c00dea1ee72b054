//! A value that fits a schema, the smallest that is no empty list where it need not be.
//!
//! Values that the schema itself names come first: `const`, `enum`, `default`, `examples`, a text in backticks behind
//! `e.g.` in the description. Else a value of the type is made. Each is tested against the schema before it is taken.
//!
//! The depth grows from one attempt to the next, so that a schema which contains itself ends as early as it can.

use serde_json::{Map, Value, json};

use super::format;
use super::naming;
use super::pattern::Pattern;
use super::schema::{self, MAX_BYTES, MAX_DEPTH, MAX_NODES, Schema, Views, list, members};
use super::values::number;

/// How many subschemas one value may have to fit.
const MAX_VIEWS: usize = 64;
/// How long a text is made at most, in characters.
const MAX_TEXT_CHARS: usize = 10_000;

/// Why no value could be made: where, as a JSON Pointer into the arguments, and a sentence about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unmet {
    pub(super) path: String,
    pub(super) reason: String,
}

/// Makes arguments that fit the schema and hold the `given` members.
pub(super) fn sample<'a>(schema: &mut Schema<'a>, given: &Map<String, Value>) -> Result<Value, Unmet> {
    let mut problem = None;
    for is_full in [true, false] {
        for max_depth in 1..=MAX_DEPTH {
            let mut maker = Maker {
                schema: &mut *schema,
                given,
                is_full,
                max_depth,
                is_cut: false,
                nodes: 0,
                turn: 0,
                path: Vec::new(),
                problem: None,
            };
            let root = maker.schema.root();
            match maker.of(&[root], "arguments", 1) {
                Some(value) if value.to_string().len() <= MAX_BYTES => return Ok(value),
                Some(_) => problem = Some(Unmet { path: String::new(), reason: TOO_LARGE.into() }),
                None => problem = maker.problem,
            }
        }
    }
    let is_used_up = schema.is_used_up();
    let general = || if is_used_up { TOO_LARGE } else { NESTED };
    Err(problem.unwrap_or_else(|| Unmet { path: String::new(), reason: general().into() }))
}

const TOO_LARGE: &str = "The schema is too large for a script.";
const NESTED: &str = "The schema is nested too deep for a script.";
const UNREADABLE: &str = "Its pattern is too difficult for a script.";
const NOTHING_FITS: &str = "A script finds no value that fits its schema.";
const NO_TARGET: &str = "Its schema refers to one that is not there.";

/// One attempt.
struct Maker<'s, 'a> {
    schema: &'s mut Schema<'a>,
    /// Members of the outermost object that are decided.
    given: &'s Map<String, Value>,
    /// Whether lists get an item, and no `null` is written, wherever there is a choice.
    is_full: bool,
    max_depth: usize,
    /// Whether the depth was the reason for something not to be made.
    is_cut: bool,
    nodes: usize,
    /// The place of the value among items that may have to differ.
    turn: usize,
    path: Vec<String>,
    problem: Option<Unmet>,
}

impl<'a> Maker<'_, 'a> {
    /// A value that fits all these subschemas. `name` is what it is called.
    fn of(&mut self, schemas: &[&'a Value], name: &str, depth: usize) -> Option<Value> {
        if depth > self.max_depth {
            self.is_cut = true;
            return None;
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return None;
        }
        let mut views = Views::new();
        for part in schemas {
            if self.schema.add(part, &mut views).is_none() {
                self.note(NO_TARGET);
                return None;
            }
        }
        let open = views.iter().flat_map(|view| alternatives(view)).collect();
        self.choose(views, open, name, depth)
    }

    /// Takes the first of each list of alternatives with which a value can be made.
    fn choose(
        &mut self,
        views: Views<'a>,
        mut open: Vec<Vec<&'a Value>>,
        name: &str,
        depth: usize,
    ) -> Option<Value> {
        let Some(branches) = open.pop() else { return self.plain(&views, name, depth) };
        for branch in &branches {
            let is_null = branch["type"] == "null";
            if views.len() > MAX_VIEWS || self.is_full && is_null && branches.len() > 1 {
                continue;
            }
            let (mut more, mut still_open) = (views.clone(), open.clone());
            if self.schema.add(branch, &mut more).is_none() {
                continue;
            }
            still_open.extend(more[views.len()..].iter().flat_map(|view| alternatives(view)));
            if let Some(value) = self.choose(more, still_open, name, depth) {
                return Some(value);
            }
        }
        None
    }

    /// A value that fits, where there is nothing more to choose.
    fn plain(&mut self, views: &Views<'a>, name: &str, depth: usize) -> Option<Value> {
        let types = types(views, self.is_full);
        for candidate in named_values(views, &types, self.turn) {
            let (nodes, levels) = size(&candidate);
            let has_room = self.nodes + nodes <= MAX_NODES && depth + levels <= MAX_DEPTH + 1;
            if has_room && self.schema.accepts(views, &candidate) {
                self.nodes += nodes;
                return Some(candidate);
            }
        }
        for name_of_type in &types {
            let candidates = match *name_of_type {
                "object" => self.object(views, depth).into_iter().collect(),
                "array" => self.array(views, name, depth).into_iter().collect(),
                "string" => texts(views, name, self.turn),
                "integer" => numbers(views, true, self.turn),
                "number" => numbers(views, false, self.turn),
                "boolean" => vec![json!(!self.turn.is_multiple_of(2)), json!(self.turn.is_multiple_of(2))],
                "null" => vec![Value::Null],
                _ => Vec::new(),
            };
            let fitting = candidates.into_iter().find(|candidate| self.schema.accepts(views, candidate));
            if fitting.is_some() {
                return fitting;
            }
        }
        if !self.is_cut {
            let mut patterns = views.iter().filter_map(|view| view.get("pattern")?.as_str());
            let is_unreadable = patterns.any(|pattern| Pattern::read(pattern).is_none());
            self.note(if is_unreadable { UNREADABLE } else { NOTHING_FITS });
        }
        None
    }

    /// An object of the members that must be there.
    fn object(&mut self, views: &Views<'a>, depth: usize) -> Option<Value> {
        let mut names: Vec<&str> = Vec::new();
        if depth == 1 {
            names.extend(self.given.keys().map(String::as_str));
        }
        names.extend(views.iter().flat_map(|view| list(view, "required")).filter_map(Value::as_str));
        let bound = |view: &&'a Map<String, Value>| view.get("minProperties")?.as_u64();
        let least = views.iter().filter_map(bound).max().unwrap_or(0);
        let mut optional =
            views.iter().filter_map(|view| members(view, "properties")).flat_map(|members| members.keys());
        let mut object = Map::new();
        let mut next = 0;
        loop {
            let name = match names.get(next) {
                Some(name) => *name,
                None if (object.len() as u64) < least => optional.next()?,
                None => break,
            };
            next += 1;
            if next > names.len() {
                names.push(name);
            }
            if object.contains_key(name) {
                continue;
            }
            let value = match self.given.get(name).filter(|_| depth == 1) {
                Some(given) => given.clone(),
                None => self.member(views, name, depth)?,
            };
            object.insert(name.to_owned(), value);
            let dependent = |view: &&'a Map<String, Value>| members(view, "dependentRequired")?.get(name);
            names.extend(
                views
                    .iter()
                    .filter_map(dependent)
                    .flat_map(|names| names.as_array().into_iter().flatten())
                    .filter_map(Value::as_str),
            );
        }
        Some(Value::Object(object))
    }

    fn member(&mut self, views: &Views<'a>, name: &str, depth: usize) -> Option<Value> {
        let schemas: Vec<&Value> = views.iter().filter_map(|view| member_schema(view, name)).collect();
        self.path.push(name.replace('~', "~0").replace('/', "~1"));
        let value = self.of(&schemas, name, depth + 1);
        self.path.pop();
        value
    }

    /// An array of the items that must be there, or of one.
    fn array(&mut self, views: &Views<'a>, name: &str, depth: usize) -> Option<Value> {
        let bounds = |keyword: &'static str| {
            views.iter().filter_map(move |view| usize::try_from(view.get(keyword)?.as_u64()?).ok())
        };
        let least = bounds("minItems").max().unwrap_or(0);
        let most = bounds("maxItems").min().unwrap_or(usize::MAX);
        let contained: Vec<&Value> = views.iter().filter_map(|view| view.get("contains")).collect();
        let count = bounds("minContains").max().unwrap_or(1);
        let must_have = if contained.is_empty() { least } else { least.max(count) };
        let wanted = if self.is_full { must_have.max(1) } else { must_have }.min(most);
        let turn = self.turn;
        let mut items = Vec::new();
        while items.len() < wanted {
            let index = items.len();
            let mut schemas: Vec<&Value> =
                views.iter().filter_map(|view| schema::item_schema(view, index)).collect();
            schemas.extend(contained.iter().filter(|_| index < count));
            self.turn = index;
            self.path.push(index.to_string());
            let item = self.of(&schemas, name, depth + 1);
            self.path.pop();
            match item {
                Some(item) => items.push(item),
                // An attempt that goes deeper may find one.
                None if index < must_have || self.is_cut => {
                    self.turn = turn;
                    return None;
                }
                None => break,
            }
        }
        self.turn = turn;
        Some(Value::Array(items))
    }

    /// Keeps the first problem of the attempt: it is the one that lies deepest.
    fn note(&mut self, reason: &str) {
        let path: String = self.path.iter().map(|step| format!("/{step}")).collect();
        self.problem.get_or_insert(Unmet { path, reason: reason.into() });
    }
}

/// The schema of a member.
pub(super) fn member_schema<'a>(view: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let property = members(view, "properties").and_then(|members| members.get(name));
    let by_pattern = || {
        let mut patterns = members(view, "patternProperties")?.iter();
        let is_match = |pattern: &str| Pattern::read(pattern)?.matches(name);
        patterns.find(|(pattern, _)| is_match(pattern) == Some(true)).map(|(_, schema)| schema)
    };
    property.or_else(by_pattern).or_else(|| view.get("additionalProperties"))
}

/// The lists of which one must be chosen.
pub(super) fn alternatives(view: &Map<String, Value>) -> Vec<Vec<&Value>> {
    let choices = ["anyOf", "oneOf"].map(|keyword| list(view, keyword).iter().collect::<Vec<_>>());
    let branches: Vec<&Value> = ["then", "else"].iter().filter_map(|keyword| view.get(*keyword)).collect();
    let branches = if view.contains_key("if") { branches } else { Vec::new() };
    choices.into_iter().chain([branches]).filter(|branches| !branches.is_empty()).collect()
}

/// The types that a value may have, as all these say.
fn types<'a>(views: &Views<'a>, is_full: bool) -> Vec<&'a str> {
    let named: Vec<Vec<&str>> = views.iter().filter_map(|view| schema::types(view)).collect();
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
        types.push(likely_type(views));
    }
    if types.len() > 1 {
        types.retain(|name| *name != "null");
        if !is_full {
            types.push("null");
        }
    }
    types
}

/// The type that the keywords are about, where none is named.
fn likely_type(views: &Views<'_>) -> &'static str {
    let has = |keywords: &[&str]| {
        views.iter().any(|view| keywords.iter().any(|keyword| view.contains_key(*keyword)))
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

/// The values that the schemas name themselves.
fn named_values(views: &Views<'_>, types: &[&str], turn: usize) -> Vec<Value> {
    let one = |keyword: &'static str| views.iter().filter_map(move |view| view.get(keyword)).cloned();
    let many = |keyword: &'static str| {
        views.iter().flat_map(move |view| {
            let values = list(view, keyword);
            let (behind, first) = values.split_at(if values.is_empty() { 0 } else { turn % values.len() });
            first.iter().chain(behind).cloned()
        })
    };
    let mut values: Vec<Value> = one("const").chain(many("enum")).collect();
    if turn == 0 {
        values.extend(one("default"));
    }
    values.extend(many("examples"));
    if turn == 0 {
        let described = views.iter().filter_map(|view| example_in(view.get("description")?.as_str()?));
        values.extend(described.filter_map(|text| match types {
            ["string", ..] => Some(text.into()),
            _ => number(text),
        }));
    }
    values.truncate(MAX_NODES);
    values
}

/// The text in backticks behind the words that introduce an example.
fn example_in(description: &str) -> Option<&str> {
    let behind = ["e.g.", "for example", "such as"].iter().find_map(|words| {
        let at = description.to_ascii_lowercase().find(words)?;
        Some(&description[at + words.len()..])
    })?;
    let (text, _) = behind.split_once('`')?.1.split_once('`')?;
    Some(text.trim_matches('"'))
}

/// Texts that may fit: of the format, of the pattern, or the name in words, as long as they have to be.
fn texts(views: &Views<'_>, name: &str, turn: usize) -> Vec<Value> {
    let named = |keyword: &'static str| views.iter().filter_map(move |view| view.get(keyword)?.as_str());
    let bounds = |keyword: &'static str| {
        views.iter().filter_map(move |view| usize::try_from(view.get(keyword)?.as_u64()?).ok())
    };
    let least = bounds("minLength").max().unwrap_or(0);
    let most = bounds("maxLength").min().unwrap_or(usize::MAX).min(MAX_TEXT_CHARS);
    let mut texts: Vec<String> = named("format").filter_map(format::sample).map(ToOwned::to_owned).collect();
    if least > MAX_TEXT_CHARS {
        return Vec::new();
    }
    let mut words = naming::in_words(name);
    if words.is_empty() {
        words.push_str("text");
    }
    if turn > 0 {
        words = format!("{words} {}", turn + 1);
    }
    let length = words.chars().count();
    let copies = if length >= least { 1 } else { least.div_ceil(length) };
    let text = vec![words; copies].join(" ");
    texts.push(text.chars().take(most).collect());
    for pattern in named("pattern").filter_map(Pattern::read) {
        let fitting = pattern.samples().filter(|text| (least..=most).contains(&text.chars().count()));
        texts.extend(fitting.skip(turn).take(4));
    }
    texts.into_iter().map(Value::String).collect()
}

/// Numbers that may fit: small ones, those at the bounds, and multiples near them.
fn numbers(views: &Views<'_>, is_whole: bool, turn: usize) -> Vec<Value> {
    let bounds = |keyword: &'static str| views.iter().filter_map(move |view| view.get(keyword)?.as_f64());
    let turn = turn as f64;
    let lower: Vec<f64> = bounds("minimum").chain(bounds("exclusiveMinimum")).collect();
    let upper: Vec<f64> = bounds("maximum").chain(bounds("exclusiveMaximum")).collect();
    let mut numbers = vec![1.0 + turn, 0.0];
    for bound in &lower {
        numbers.extend([bound + turn, bound.ceil() + turn, bound.floor() + 1.0 + turn, bound + 0.5]);
    }
    for bound in &upper {
        numbers.extend([bound - turn, bound.floor() - turn, bound.ceil() - 1.0 - turn, bound - 0.5]);
    }
    numbers
        .extend(lower.iter().flat_map(|lower| upper.iter().map(move |upper| lower + (upper - lower) / 2.0)));
    for step in bounds("multipleOf").filter(|step| *step > 0.0) {
        let near = |bound: &f64| [(bound / step).ceil() * step, (bound / step).floor() * step];
        let at_bounds: Vec<f64> = lower.iter().chain(&upper).flat_map(near).collect();
        for number in [step * (1.0 + turn)].into_iter().chain(at_bounds) {
            numbers.extend([number, number + step, number - step]);
        }
    }
    numbers.push(0.5);
    numbers.into_iter().filter(|number| !is_whole || number.fract() == 0.0).filter_map(json_number).collect()
}

/// A whole number is written without a fraction, as people and `u32` want it.
fn json_number(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and exact")]
        return Some((number as i64).into());
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// How many values there are in a value, and on how many levels.
fn size(value: &Value) -> (usize, usize) {
    let (nodes, levels) = match value {
        Value::Array(items) => items.iter().map(size).fold((0, 0), larger),
        Value::Object(members) => members.values().map(size).fold((0, 0), larger),
        _ => (0, 0),
    };
    (nodes + 1, levels + 1)
}

fn larger((nodes, levels): (usize, usize), (more, deeper): (usize, usize)) -> (usize, usize) {
    (nodes + more, levels.max(deeper))
}
