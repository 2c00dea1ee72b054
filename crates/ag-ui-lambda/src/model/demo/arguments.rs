//! The arguments of a call: what a message says of them, and what the tool's schema demands beside that.

use serde_json::{Map, Value};

use super::sample::{self, Unmet, alternatives, member_schema};
use super::schema::{self, Schema, Views, list, members};
use super::values::{Given, Values, number};
use crate::protocol::Tool;

/// Makes the arguments of a call from the rest of a message, without the tool's name.
pub(super) fn from_message(tool: &Tool, message: &str) -> Result<Value, Unmet> {
    let Some(parameters) = &tool.parameters else { return Ok(Value::Object(Map::new())) };
    let mut schema = Schema::new(parameters);
    let given =
        Assignment::new(&mut schema).map_or_else(|| Ok(Map::new()), |assignment| assignment.read(message))?;
    sample::sample(&mut schema, &given)
}

/// Arguments as they are if they fit the tool, else with those of them that its schema knows.
pub(super) fn fitted(tool: &Tool, preferred: &Value) -> Result<Value, Unmet> {
    let Some(parameters) = &tool.parameters else { return Ok(preferred.clone()) };
    let mut schema = Schema::new(parameters);
    let mut views = Views::new();
    let is_usable = schema.add(parameters, &mut views).is_some();
    if is_usable && schema.accepts(&views, preferred) {
        return Ok(preferred.clone());
    }
    let mut given = Map::new();
    for (name, value) in preferred.as_object().into_iter().flatten() {
        let mut member = Views::new();
        let schemas: Vec<&Value> =
            views.iter().filter_map(|view| members(view, "properties")?.get(name)).collect();
        let is_known =
            !schemas.is_empty() && schemas.iter().all(|part| schema.add(part, &mut member).is_some());
        if is_known && schema.accepts(&member, value) {
            given.insert(name.clone(), value.clone());
        }
    }
    sample::sample(&mut schema, &given)
}

/// Gives the values of a message to the members of the outermost object.
struct Assignment<'s, 'a> {
    schema: &'s mut Schema<'a>,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    name: &'a str,
    is_required: bool,
    /// What a value of it must fit.
    views: Views<'a>,
    /// The same with all alternatives: to look for types and values.
    all: Views<'a>,
}

impl Member<'_> {
    fn is_number(&self) -> bool {
        self.is_of("number") || self.is_of("integer")
    }

    fn is_of(&self, name: &str) -> bool {
        self.all.iter().filter_map(|view| schema::types(view)).any(|types| types.contains(&name))
    }

    /// The texts of the enum that the member has, if it has one.
    fn enum_values(&self) -> impl Iterator<Item = &str> {
        self.all.iter().flat_map(|view| list(view, "enum")).filter_map(Value::as_str)
    }
}

impl<'s, 'a> Assignment<'s, 'a> {
    /// `None` if the schema is unusable; making a value says why.
    fn new(schema: &'s mut Schema<'a>) -> Option<Self> {
        let views = with_alternatives(schema, schema.root())?;
        // Those that must be there come first, in the order of the schema.
        let required = views.iter().flat_map(|view| list(view, "required")).filter_map(Value::as_str);
        let known =
            views.iter().filter_map(|view| members(view, "properties")).flat_map(|members| members.keys());
        let mut names: Vec<&str> = required.collect();
        let count = names.len();
        names.extend(known.map(String::as_str));
        let mut found: Vec<Member<'a>> = Vec::new();
        for (place, name) in names.into_iter().enumerate() {
            if found.iter().any(|member| member.name == name) {
                continue;
            }
            let mut member =
                Member { name, is_required: place < count, views: Views::new(), all: Views::new() };
            for part in views.iter().filter_map(|view| member_schema(view, name)) {
                if schema.add(part, &mut member.views).is_some() {
                    member.all.extend(with_alternatives(schema, part).unwrap_or_default());
                }
            }
            found.push(member);
        }
        Some(Self { schema, members: found })
    }

    fn read(mut self, message: &str) -> Result<Map<String, Value>, Unmet> {
        let names: Vec<&str> = self.members.iter().map(|member| member.name).collect();
        let mut values = Values::read(message, &names);
        let mut given = Map::new();
        let is_wanted = |member: &Member<'_>| {
            member.is_required || values.pair(member.name).is_some() || values.names(member.name)
        };
        let wanted: Vec<Member<'a>> =
            std::mem::take(&mut self.members).into_iter().filter(is_wanted).collect();
        for (place, member) in wanted.iter().enumerate() {
            let value = match values.pair(member.name) {
                Some(pair) => Some(self.of_pair(member, pair)?),
                None => {
                    let without_pair = |member: &&Member<'_>| values.pair(member.name).is_none();
                    let later = wanted[place + 1..].iter().filter(without_pair);
                    let numbers_kept = later.filter(|member| member.is_number()).count();
                    self.plain(member, &mut values, numbers_kept)
                }
            };
            if let Some(value) = value {
                given.insert(member.name.to_owned(), value);
            }
        }
        Ok(given)
    }

    /// The value of a pair, in the form that the member wants. One that does not fit is not replaced silently.
    fn of_pair(&mut self, member: &Member<'a>, given: &Given) -> Result<Value, Unmet> {
        let text = given.text.as_str();
        let mut candidates = vec![];
        if !given.is_quoted {
            candidates.extend(number(text).or_else(|| serde_json::from_str(text).ok()));
        }
        candidates.push(text.into());
        candidates
            .extend(member.enum_values().filter(|value| value.eq_ignore_ascii_case(text)).map(Value::from));
        let fitting = candidates.into_iter().find(|value| self.schema.accepts(&member.views, value));
        fitting.ok_or_else(|| Unmet {
            path: format!("/{}", member.name),
            reason: "The value in the message does not fit its schema.".into(),
        })
    }

    /// The next plain value of the message that the member can have; `None` if there is none.
    fn plain(&mut self, member: &Member<'a>, values: &mut Values<'_>, numbers_kept: usize) -> Option<Value> {
        let in_message = |value: &&str| values.names(value);
        let of_enum = member.enum_values().filter(in_message).max_by_key(|value| value.len());
        if let Some(value) = of_enum
            && self.schema.accepts(&member.views, &value.into())
        {
            return Some(value.into());
        }
        if member.is_of("boolean")
            && values.names(member.name)
            && self.schema.accepts(&member.views, &true.into())
        {
            return Some(true.into());
        }
        if member.is_number() {
            let number = values.take_number(|number| self.schema.accepts(&member.views, number));
            if number.is_some() {
                return number;
            }
        }
        if member.is_of("string") {
            let mut fits = |text: &str| self.schema.accepts(&member.views, &text.into());
            let text = values.take_quoted(&mut fits).or_else(|| values.take_word(numbers_kept, &mut fits));
            return text.map(Value::String);
        }
        None
    }
}

/// What a subschema refers to, its alternatives included: to look for names and types, not to test a value.
fn with_alternatives<'a>(schema: &mut Schema<'a>, part: &'a Value) -> Option<Views<'a>> {
    let mut views = Views::new();
    schema.add(part, &mut views)?;
    let branches: Vec<&Value> = views.iter().flat_map(|view| alternatives(view)).flatten().collect();
    for branch in branches {
        // A branch that is unusable is never chosen.
        let mut of_branch = Views::new();
        if schema.add(branch, &mut of_branch).is_some() {
            views.extend(of_branch);
        }
    }
    Some(views)
}
