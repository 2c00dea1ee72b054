//! Makes a value that fits a schema: a small one, but with an item in each list if possible.
//!
//! Values that the schema itself names come first: `const`, `enum`, `default`, `examples`, and a text in backticks after
//! `e.g.` in the description. Otherwise a value of the type is made. Each value is checked against the schema.
//!
//! The allowed depth grows from one attempt to the next, so that a schema which contains itself gives a value of small depth.

use serde_json::{Map, Value, json};

use super::candidates::{allowed_types, named_values, number_candidates, text_candidates};
use super::keywords::{item_schema, list_of, members_of};
use super::pattern::Pattern;
use super::schema::{MAX_BYTES, MAX_DEPTH, MAX_NODES, Schema, Subschemas};

/// The maximum number of subschemas that one value has to fit.
const MAX_SUBSCHEMAS: usize = 64;

/// The error for arguments that could not be made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SampleError {
    /// The member that is the problem, as a JSON Pointer into the arguments.
    pub(super) path: String,
    /// A sentence for the user.
    pub(super) reason: String,
}

/// Makes arguments that fit the schema and contain the `given` members unchanged. Lists get an item and `null` is
/// avoided if possible.
///
/// # Errors
/// A [`SampleError`] with the path of the problem and a sentence for the user, if no such arguments were found.
pub(super) fn sample<'a>(schema: &mut Schema<'a>, given: &Map<String, Value>) -> Result<Value, SampleError> {
    let mut problem = None;
    for is_full in [true, false] {
        for max_depth in 1..=MAX_DEPTH {
            let mut sampler = Sampler {
                schema: &mut *schema,
                given,
                is_full,
                max_depth,
                is_depth_limited: false,
                nodes: 0,
                item_index: 0,
                path: Vec::new(),
                problem: None,
            };
            let root = sampler.schema.root();
            match sampler.sample_value(&[root], "arguments", 1) {
                Some(value) if value.to_string().len() <= MAX_BYTES => return Ok(value),
                Some(_) => problem = Some(SampleError { path: String::new(), reason: TOO_LARGE.into() }),
                None => problem = sampler.problem,
            }
        }
    }
    let is_used_up = schema.is_exhausted();
    let general = || if is_used_up { TOO_LARGE } else { NESTED };
    Err(problem.unwrap_or_else(|| SampleError { path: String::new(), reason: general().into() }))
}

const TOO_LARGE: &str = "The schema is too large for a script.";
const NESTED: &str = "The schema is nested too deep for a script.";
const UNREADABLE: &str = "Its pattern is too difficult for a script.";
const NOTHING_FITS: &str = "A script finds no value that fits its schema.";
const MISSING_REFERENCE: &str = "Its schema refers to one that is not there.";

/// One attempt to make arguments.
struct Sampler<'s, 'a> {
    schema: &'s mut Schema<'a>,
    /// The members of the outermost object that are given.
    given: &'s Map<String, Value>,
    /// Whether lists get an item, and `null` is avoided, wherever there is a choice.
    is_full: bool,
    /// The maximum depth of this attempt.
    max_depth: usize,
    /// Whether a value could not be made because of the maximum depth.
    is_depth_limited: bool,
    /// The number of values that were made.
    nodes: usize,
    /// The index of the value among the items of a list, which may have to differ.
    item_index: usize,
    /// The path of the value that is being made.
    path: Vec<String>,
    /// The first problem of the attempt.
    problem: Option<SampleError>,
}

impl<'a> Sampler<'_, 'a> {
    /// Makes a value that fits all these schemas. `name` is the name of the member that gets the value, from which
    /// sample texts are made; `depth` is the value's depth in the arguments, counted from 1. Returns `None` if no value
    /// fits or a limit is reached.
    fn sample_value(&mut self, schemas: &[&'a Value], name: &str, depth: usize) -> Option<Value> {
        if depth > self.max_depth {
            self.is_depth_limited = true;
            return None;
        }
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return None;
        }
        let mut subschemas = Subschemas::new();
        for part in schemas {
            if self.schema.collect(part, &mut subschemas).is_none() {
                self.keep_problem(MISSING_REFERENCE);
                return None;
            }
        }
        let open = subschemas.iter().flat_map(|subschema| alternative_lists(subschema)).collect();
        self.sample_alternative(subschemas, open, name, depth)
    }

    /// Makes a value after choosing one entry of each list in `open`, the lists of alternatives (`anyOf`, `oneOf`,
    /// `then` and `else`) that are not decided yet. The entries are tried in order until a value fits. `subschemas`
    /// must be fitted in any case; `name` and `depth` are as for `sample_value`. Returns `None` if no choice allows a
    /// value.
    fn sample_alternative(
        &mut self,
        subschemas: Subschemas<'a>,
        mut open: Vec<Vec<&'a Value>>,
        name: &str,
        depth: usize,
    ) -> Option<Value> {
        let Some(branches) = open.pop() else { return self.candidate_value(&subschemas, name, depth) };
        for branch in &branches {
            let is_null = branch["type"] == "null";
            if subschemas.len() > MAX_SUBSCHEMAS || self.is_full && is_null && branches.len() > 1 {
                continue;
            }
            let (mut more, mut still_open) = (subschemas.clone(), open.clone());
            if self.schema.collect(branch, &mut more).is_none() {
                continue;
            }
            still_open
                .extend(more[subschemas.len()..].iter().flat_map(|subschema| alternative_lists(subschema)));
            if let Some(value) = self.sample_alternative(more, still_open, name, depth) {
                return Some(value);
            }
        }
        None
    }

    /// Returns the first candidate that fits all subschemas, when every alternative has been chosen: a value that the
    /// schema names, or one made for an allowed type. Returns `None` and records the problem if no candidate fits.
    fn candidate_value(&mut self, subschemas: &Subschemas<'a>, name: &str, depth: usize) -> Option<Value> {
        let types = allowed_types(subschemas, self.is_full);
        for candidate in named_values(subschemas, &types, self.item_index) {
            let (nodes, levels) = node_count_and_depth(&candidate);
            let fits = self.nodes + nodes <= MAX_NODES && depth + levels <= MAX_DEPTH + 1;
            if fits && self.schema.accepts(subschemas, &candidate) {
                self.nodes += nodes;
                return Some(candidate);
            }
        }
        for name_of_type in &types {
            let candidates = match *name_of_type {
                "object" => self.sample_object(subschemas, depth).into_iter().collect(),
                "array" => self.sample_array(subschemas, name, depth).into_iter().collect(),
                "string" => text_candidates(subschemas, name, self.item_index),
                "integer" => number_candidates(subschemas, true, self.item_index),
                "number" => number_candidates(subschemas, false, self.item_index),
                "boolean" => {
                    vec![json!(!self.item_index.is_multiple_of(2)), json!(self.item_index.is_multiple_of(2))]
                }
                "null" => vec![Value::Null],
                _ => Vec::new(),
            };
            let fitting = candidates.into_iter().find(|candidate| self.schema.accepts(subschemas, candidate));
            if fitting.is_some() {
                return fitting;
            }
        }
        if !self.is_depth_limited {
            let mut patterns = subschemas.iter().filter_map(|subschema| subschema.get("pattern")?.as_str());
            let is_unreadable = patterns.any(|pattern| Pattern::parse(pattern).is_none());
            self.keep_problem(if is_unreadable { UNREADABLE } else { NOTHING_FITS });
        }
        None
    }

    /// Makes an object with the required members, at depth 1 also with the given ones, and with optional members up to
    /// `minProperties`. Returns `None` if a member can't be made.
    fn sample_object(&mut self, subschemas: &Subschemas<'a>, depth: usize) -> Option<Value> {
        let mut names: Vec<&str> = Vec::new();
        if depth == 1 {
            names.extend(self.given.keys().map(String::as_str));
        }
        names.extend(
            subschemas.iter().flat_map(|subschema| list_of(subschema, "required")).filter_map(Value::as_str),
        );
        let bound = |subschema: &&'a Map<String, Value>| subschema.get("minProperties")?.as_u64();
        let min_count = subschemas.iter().filter_map(bound).max().unwrap_or(0);
        let mut optional = subschemas
            .iter()
            .filter_map(|subschema| members_of(subschema, "properties"))
            .flat_map(|members| members.keys());
        let mut object = Map::new();
        let mut next = 0;
        loop {
            let name = match names.get(next) {
                Some(name) => *name,
                None if (object.len() as u64) < min_count => optional.next()?,
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
                None => self.sample_member(subschemas, name, depth)?,
            };
            object.insert(name.to_owned(), value);
            let dependent =
                |subschema: &&'a Map<String, Value>| members_of(subschema, "dependentRequired")?.get(name);
            names.extend(
                subschemas
                    .iter()
                    .filter_map(dependent)
                    .flat_map(|names| names.as_array().into_iter().flatten())
                    .filter_map(Value::as_str),
            );
        }
        Some(Value::Object(object))
    }

    /// Makes the value of the member `name` in an object of these subschemas; while this runs, `path` contains the
    /// member.
    fn sample_member(&mut self, subschemas: &Subschemas<'a>, name: &str, depth: usize) -> Option<Value> {
        let schemas: Vec<&Value> =
            subschemas.iter().filter_map(|subschema| member_schema(subschema, name)).collect();
        self.path.push(name.replace('~', "~0").replace('/', "~1"));
        let value = self.sample_value(&schemas, name, depth + 1);
        self.path.pop();
        value
    }

    /// Makes a list with the required number of items, and with at least one if `is_full` is set and the schema allows
    /// it. `name` is the member that gets the list. Returns `None` if a required item can't be made.
    fn sample_array(&mut self, subschemas: &Subschemas<'a>, name: &str, depth: usize) -> Option<Value> {
        let bounds = |keyword: &'static str| {
            subschemas
                .iter()
                .filter_map(move |subschema| usize::try_from(subschema.get(keyword)?.as_u64()?).ok())
        };
        let min_count = bounds("minItems").max().unwrap_or(0);
        let max_count = bounds("maxItems").min().unwrap_or(usize::MAX);
        let contained: Vec<&Value> =
            subschemas.iter().filter_map(|subschema| subschema.get("contains")).collect();
        let count = bounds("minContains").max().unwrap_or(1);
        let required_count = if contained.is_empty() { min_count } else { min_count.max(count) };
        let wanted_count = if self.is_full { required_count.max(1) } else { required_count }.min(max_count);
        let item_index = self.item_index;
        let mut items = Vec::new();
        while items.len() < wanted_count {
            let index = items.len();
            let mut schemas: Vec<&Value> =
                subschemas.iter().filter_map(|subschema| item_schema(subschema, index)).collect();
            schemas.extend(contained.iter().filter(|_| index < count));
            self.item_index = index;
            self.path.push(index.to_string());
            let item = self.sample_value(&schemas, name, depth + 1);
            self.path.pop();
            match item {
                Some(item) => items.push(item),
                // A later attempt with a larger depth may find an item.
                None if index < required_count || self.is_depth_limited => {
                    self.item_index = item_index;
                    return None;
                }
                None => break,
            }
        }
        self.item_index = item_index;
        Some(Value::Array(items))
    }

    /// Records why a value could not be made, with the current path. Only the first problem of an attempt is kept,
    /// because it is the deepest one.
    fn keep_problem(&mut self, reason: &str) {
        let path: String = self.path.iter().map(|step| format!("/{step}")).collect();
        self.problem.get_or_insert(SampleError { path, reason: reason.into() });
    }
}

/// Returns the subschema for the member `name` of an object: from `properties`, otherwise `patternProperties`,
/// otherwise `additionalProperties`. Returns `None` if the member is not restricted.
pub(super) fn member_schema<'a>(subschema: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let property = members_of(subschema, "properties").and_then(|members| members.get(name));
    let by_pattern = || {
        let mut patterns = members_of(subschema, "patternProperties")?.iter();
        let is_match = |pattern: &str| Pattern::parse(pattern)?.matches(name);
        patterns.find(|(pattern, _)| is_match(pattern) == Some(true)).map(|(_, schema)| schema)
    };
    property.or_else(by_pattern).or_else(|| subschema.get("additionalProperties"))
}

/// Returns the lists of alternatives of a subschema: `anyOf`, `oneOf`, and `then` with `else` if there is an `if`. A
/// value is made for one entry of each list.
pub(super) fn alternative_lists(subschema: &Map<String, Value>) -> Vec<Vec<&Value>> {
    let choices = ["anyOf", "oneOf"].map(|keyword| list_of(subschema, keyword).iter().collect::<Vec<_>>());
    let branches: Vec<&Value> =
        ["then", "else"].iter().filter_map(|keyword| subschema.get(*keyword)).collect();
    let branches = if subschema.contains_key("if") { branches } else { Vec::new() };
    choices.into_iter().chain([branches]).filter(|branches| !branches.is_empty()).collect()
}

/// Returns the number of JSON values in a value, itself included, and how deep they are nested. Compared with the
/// limits for arguments.
fn node_count_and_depth(value: &Value) -> (usize, usize) {
    let (nodes, levels) = match value {
        Value::Array(items) => items.iter().map(node_count_and_depth).fold((0, 0), combine_sizes),
        Value::Object(members) => members.values().map(node_count_and_depth).fold((0, 0), combine_sizes),
        _ => (0, 0),
    };
    (nodes + 1, levels + 1)
}

/// Combines the sizes of two values in one list or object: adds their numbers of values and takes the larger depth.
fn combine_sizes((nodes, levels): (usize, usize), (more, deeper): (usize, usize)) -> (usize, usize) {
    (nodes + more, levels.max(deeper))
}
