//! Makes the arguments of a call from the values in a message, and from what the tool's schema requires beside them.

use serde_json::{Map, Value};

use super::json_text::read_json;
use super::keywords::{list_of, members_of, named_types};
use super::sample::{self, SampleError, alternative_lists, member_schema};
use super::schema::{Schema, Subschemas};
use super::values::{MessageValues, PairValue, parse_number};
use crate::protocol::Tool;

/// Makes the arguments of a call of `tool` for a message of the user: values in the message are used where they fit,
/// and the rest is made from the tool's schema. `message` is the text without the tool's name. Without a schema the
/// arguments are an empty object.
///
/// # Errors
/// A [`SampleError`] with a sentence for the user if no arguments fit the schema.
pub(super) fn from_message(tool: &Tool, message: &str) -> Result<Value, SampleError> {
    let Some(parameters) = &tool.parameters else { return Ok(Value::Object(Map::new())) };
    let mut schema = Schema::new(parameters);
    let given = Assignment::new(&mut schema)
        .map_or_else(|| Ok(Map::new()), |assignment| assignment.assign(message))?;
    sample::sample(&mut schema, &given)
}

/// Returns the `preferred` arguments if they fit the tool's schema, or if the tool has no schema. Otherwise arguments
/// are made from the schema, with those preferred members that the schema lists and accepts.
///
/// # Errors
/// A [`SampleError`] with a sentence for the user if no arguments fit the schema.
pub(super) fn fit_to_schema(tool: &Tool, preferred: &Value) -> Result<Value, SampleError> {
    let Some(parameters) = &tool.parameters else { return Ok(preferred.clone()) };
    let mut schema = Schema::new(parameters);
    let mut subschemas = Subschemas::new();
    let is_usable = schema.collect(parameters, &mut subschemas).is_some();
    if is_usable && schema.accepts(&subschemas, preferred) {
        return Ok(preferred.clone());
    }
    let mut given = Map::new();
    for (name, value) in preferred.as_object().into_iter().flatten() {
        let mut member = Subschemas::new();
        let schemas: Vec<&Value> = subschemas
            .iter()
            .filter_map(|subschema| members_of(subschema, "properties")?.get(name))
            .collect();
        let is_known =
            !schemas.is_empty() && schemas.iter().all(|part| schema.collect(part, &mut member).is_some());
        if is_known && schema.accepts(&member, value) {
            given.insert(name.clone(), value.clone());
        }
    }
    sample::sample(&mut schema, &given)
}

/// Assigns the values in a message to the members of the outermost object.
struct Assignment<'s, 'a> {
    schema: &'s mut Schema<'a>,
    /// The members that the schema names, the required ones first.
    members: Vec<Member<'a>>,
}

/// A member of the outermost object.
struct Member<'a> {
    name: &'a str,
    is_required: bool,
    /// The subschemas that a value must fit.
    subschemas: Subschemas<'a>,
    /// The same subschemas with all alternatives, in which types and values are looked for.
    subschemas_with_alternatives: Subschemas<'a>,
}

impl Member<'_> {
    /// Returns whether the schema of this member allows a number.
    fn is_number(&self) -> bool {
        self.has_type("number") || self.has_type("integer")
    }

    /// Returns whether the schema of this member names this JSON Schema type, in itself or in an alternative.
    fn has_type(&self, name: &str) -> bool {
        self.subschemas_with_alternatives
            .iter()
            .filter_map(|subschema| named_types(subschema))
            .any(|types| types.contains(&name))
    }

    /// Returns the texts that the member's schema lists in `enum`, in itself or in an alternative.
    fn enum_values(&self) -> impl Iterator<Item = &str> {
        self.subschemas_with_alternatives
            .iter()
            .flat_map(|subschema| list_of(subschema, "enum"))
            .filter_map(Value::as_str)
    }
}

impl<'s, 'a> Assignment<'s, 'a> {
    /// Finds the members that the schema names, the required ones first. Returns `None` if the schema is unusable, for
    /// example because of a missing reference; the error is then reported when the arguments are made.
    fn new(schema: &'s mut Schema<'a>) -> Option<Self> {
        let subschemas = with_alternatives(schema, schema.root())?;
        // The required members come first, in the order of the schema.
        let required =
            subschemas.iter().flat_map(|subschema| list_of(subschema, "required")).filter_map(Value::as_str);
        let known = subschemas
            .iter()
            .filter_map(|subschema| members_of(subschema, "properties"))
            .flat_map(|members| members.keys());
        let mut names: Vec<&str> = required.collect();
        let count = names.len();
        names.extend(known.map(String::as_str));
        let mut found: Vec<Member<'a>> = Vec::new();
        for (place, name) in names.into_iter().enumerate() {
            if found.iter().any(|member| member.name == name) {
                continue;
            }
            let mut member = Member {
                name,
                is_required: place < count,
                subschemas: Subschemas::new(),
                subschemas_with_alternatives: Subschemas::new(),
            };
            for part in subschemas.iter().filter_map(|subschema| member_schema(subschema, name)) {
                if schema.collect(part, &mut member.subschemas).is_some() {
                    member
                        .subschemas_with_alternatives
                        .extend(with_alternatives(schema, part).unwrap_or_default());
                }
            }
            found.push(member);
        }
        Some(Self { schema, members: found })
    }

    /// Returns the members for which the message has a value. Only required members, and members that the message
    /// names, get one; [`sample`](super::sample) makes the other members that are needed.
    ///
    /// # Errors
    /// A [`SampleError`] if the message gives a member a value that its schema does not accept.
    fn assign(mut self, message: &str) -> Result<Map<String, Value>, SampleError> {
        let names: Vec<&str> = self.members.iter().map(|member| member.name).collect();
        let mut values = MessageValues::parse(message, &names);
        let mut given = Map::new();
        let is_wanted = |member: &Member<'_>| {
            member.is_required || values.pair(member.name).is_some() || values.contains_name(member.name)
        };
        let wanted: Vec<Member<'a>> =
            std::mem::take(&mut self.members).into_iter().filter(is_wanted).collect();
        for (place, member) in wanted.iter().enumerate() {
            let value = match values.pair(member.name) {
                Some(pair) => Some(self.value_of_pair(member, pair)?),
                None => {
                    let without_pair = |member: &&Member<'_>| values.pair(member.name).is_none();
                    let later = wanted[place + 1..].iter().filter(without_pair);
                    let numbers_kept = later.filter(|member| member.is_number()).count();
                    self.take_plain_value(member, &mut values, numbers_kept)
                }
            };
            if let Some(value) = value {
                given.insert(member.name.to_owned(), value);
            }
        }
        Ok(given)
    }

    /// Converts the value of a pair such as `amount=20` in the message into JSON that the member's schema accepts, as a
    /// number, another JSON value, a text or an entry of `enum`.
    ///
    /// # Errors
    /// A [`SampleError`] if none of these fits, so that the user's value is not replaced silently.
    fn value_of_pair(&mut self, member: &Member<'a>, given: &PairValue) -> Result<Value, SampleError> {
        let text = given.text.as_str();
        let mut candidates = vec![];
        if !given.is_quoted {
            candidates.extend(parse_number(text).or_else(|| read_json(text).ok()));
        }
        candidates.push(text.into());
        candidates
            .extend(member.enum_values().filter(|value| value.eq_ignore_ascii_case(text)).map(Value::from));
        let fitting = candidates.into_iter().find(|value| self.schema.accepts(&member.subschemas, value));
        fitting.ok_or_else(|| SampleError {
            path: format!("/{}", member.name),
            reason: "The value in the message does not fit its schema.".into(),
        })
    }

    /// Finds the value for a member that the message does not give as a pair: an entry of `enum`, `true` for a flag
    /// that is named, a number, a quoted text or a word with a digit. A used number, quotation or word is removed from
    /// `values`. `numbers_kept` is how many numbers must remain for later members. Returns `None` if nothing fits.
    fn take_plain_value(
        &mut self,
        member: &Member<'a>,
        values: &mut MessageValues<'_>,
        numbers_kept: usize,
    ) -> Option<Value> {
        let in_message = |value: &&str| values.contains_name(value);
        let of_enum = member.enum_values().filter(in_message).max_by_key(|value| value.len());
        if let Some(value) = of_enum
            && self.schema.accepts(&member.subschemas, &value.into())
        {
            return Some(value.into());
        }
        if member.has_type("boolean")
            && values.contains_name(member.name)
            && self.schema.accepts(&member.subschemas, &true.into())
        {
            return Some(true.into());
        }
        if member.is_number() {
            let number = values.take_number(|number| self.schema.accepts(&member.subschemas, number));
            if number.is_some() {
                return number;
            }
        }
        if member.has_type("string") {
            let mut fits = |text: &str| self.schema.accepts(&member.subschemas, &text.into());
            let text = values.take_quoted(&mut fits).or_else(|| values.take_word(numbers_kept, &mut fits));
            return text.map(Value::String);
        }
        None
    }
}

/// Returns a subschema together with all subschemas that it refers to, including every usable alternative of `anyOf`,
/// `oneOf`, `then` and `else`. The result serves to find names and types and not to check a value. Returns `None` if a
/// reference can't be resolved.
fn with_alternatives<'a>(schema: &mut Schema<'a>, part: &'a Value) -> Option<Subschemas<'a>> {
    let mut subschemas = Subschemas::new();
    schema.collect(part, &mut subschemas)?;
    let branches: Vec<&Value> =
        subschemas.iter().flat_map(|subschema| alternative_lists(subschema)).flatten().collect();
    for branch in branches {
        // An unusable alternative is never chosen.
        let mut of_branch = Subschemas::new();
        if schema.collect(branch, &mut of_branch).is_some() {
            subschemas.extend(of_branch);
        }
    }
    Some(subschemas)
}
