//! The rules by which each model provider validates the body of a request.
//!
//! They are written after the providers' documentation and known 400 responses, independently of this crate's adapters. They
//! check the shape of a body, not what the model does with it. A rule of several providers belongs here, a rule of one provider
//! in its file.

use std::collections::BTreeSet;

use serde_json::Value;

pub(crate) mod anthropic;
pub(crate) mod bedrock;
pub(crate) mod gemini;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;

/// The result of a check. An error is the first fault, as `<JSON pointer>: <rule>`.
pub(crate) type Verdict = Result<(), String>;

/// The media types of images that providers accept. Gemini has its own list.
const IMAGE_TYPES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A place in a body: its JSON Pointer and its value. An absent member has the value null, since providers treat both alike.
#[derive(Clone)]
struct Place<'a> {
    pointer: String,
    value: &'a Value,
}

impl<'a> Place<'a> {
    /// Returns the place of the complete body, from which all others are reached.
    fn root(value: &'a Value) -> Self {
        Self { pointer: String::new(), value }
    }

    /// Returns the place of the member `key`, which may be absent.
    fn at(&self, key: &str) -> Self {
        let value = self.value.get(key).unwrap_or(&Value::Null);
        Self { pointer: format!("{}/{key}", self.pointer), value }
    }

    /// Whether there is a value that is not null.
    fn is_given(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether the value is this string.
    fn is(&self, text: &str) -> bool {
        self.value == text
    }

    /// Returns an error with this place and `rule` if `holds` is false.
    fn must(&self, holds: bool, rule: &str) -> Verdict {
        if holds { Ok(()) } else { Err(format!("{}: {rule}", self.pointer)) }
    }

    /// Returns the places of the elements of an array; none for any other value.
    fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(i, value)| Self { pointer: format!("{}/{i}", self.pointer), value }).collect()
    }

    /// Returns the places of the elements; an error if the value is not a non-empty array.
    fn list(&self) -> Result<Vec<Self>, String> {
        let items = self.items();
        self.must(!items.is_empty(), "must be a non-empty array")?;
        Ok(items)
    }

    /// Returns the string; an error if the value is not a string.
    fn text(&self) -> Result<&'a str, String> {
        self.must(self.value.is_string(), "must be a string")?;
        Ok(self.value.as_str().unwrap_or_default())
    }

    /// Returns the string; an error if the value is not a string, or has only white space.
    fn not_blank(&self) -> Result<&'a str, String> {
        let text = self.text()?;
        self.must(!text.trim().is_empty(), "must not be blank")?;
        Ok(text)
    }

    /// Checks that the value is an object.
    fn object(&self) -> Verdict {
        self.must(self.value.is_object(), "must be an object")
    }

    /// Returns the number; an error if the value is not an integer of at least `at_least`.
    fn number(&self, at_least: u64) -> Result<u64, String> {
        let number = self.value.as_u64().filter(|number| *number >= at_least);
        self.must(number.is_some(), &format!("must be an integer of at least {at_least}"))?;
        Ok(number.unwrap_or_default())
    }

    /// Checks that the value is one of these strings.
    fn one_of(&self, known: &[&str]) -> Verdict {
        self.must(self.value.as_str().is_some_and(|text| known.contains(&text)), "is unknown")
    }

    /// Checks that the value is an object that has no members except those in `known`, which are separated by spaces.
    fn only(&self, known: &str) -> Verdict {
        self.object()?;
        let mut members = self.value.as_object().into_iter().flatten();
        let is_known = |key: &str| known.split_whitespace().any(|word| word == key);
        members.try_for_each(|(key, _)| self.at(key).must(is_known(key), "is unknown"))
    }

    /// Returns the name of the only member that is among `known`, such as the type of a block. Members in `beside` may be
    /// present too. An error if there are other members, or not exactly one of `known`.
    fn variant(&self, known: &[&'static str], beside: &[&str]) -> Result<&'static str, String> {
        self.only(&[known, beside].concat().join(" "))?;
        let given: Vec<_> = known.iter().filter(|key| self.at(key).is_given()).collect();
        self.must(given.len() == 1, "must have exactly one kind")?;
        Ok(given[0])
    }

    /// Returns the name; an error if it is not of 1 to `longest` letters, digits, `_` and `-`.
    fn plain_name(&self, longest: usize) -> Result<&'a str, String> {
        let name = self.text()?;
        let rule = format!("must be 1 to {longest} letters, digits, _ and -");
        self.must(is_plain_name(name, longest), &rule)?;
        Ok(name)
    }

    /// Checks that the value is Base64.
    fn base64(&self) -> Verdict {
        self.must(self.value.as_str().is_some_and(is_base64), "must be base64")
    }

    /// Checks the schema of a tool's arguments: it must describe an object and have no alternatives at its top.
    fn object_schema(&self) -> Verdict {
        self.object()?;
        self.at("type").must(self.at("type").is("object"), "must be object")?;
        let alternatives = ["oneOf", "anyOf", "allOf"].map(|key| self.at(key));
        alternatives.iter().try_for_each(|at| at.must(!at.is_given(), "is not for the top of a schema"))
    }
}

/// Returns the strings at these places; an error if two are equal or one is not a string.
fn unique<'a>(places: &[Place<'a>]) -> Result<BTreeSet<&'a str>, String> {
    let mut seen = BTreeSet::new();
    for place in places {
        place.must(seen.insert(place.text()?), "is not unique")?;
    }
    Ok(seen)
}

/// Checks that the ids of a message's calls and the ids of the results (`answers`) that follow are the same, each once.
fn pair(calls: &[Place<'_>], answers: &[Place<'_>]) -> Verdict {
    let known = unique(calls)?;
    let answered: BTreeSet<_> = answers.iter().filter_map(|answer| answer.value.as_str()).collect();
    for answer in answers {
        answer.must(known.contains(answer.text()?), "answers no call of the message before")?;
    }
    unique(answers)?;
    calls
        .iter()
        .try_for_each(|call| call.must(answered.contains(call.text()?), "is a call without an answer"))
}

/// Whether a name is of 1 to `longest` letters, digits, `_` and `-`.
fn is_plain_name(name: &str, longest: usize) -> bool {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
    (1..=longest).contains(&name.len()) && name.bytes().all(is_plain)
}

/// Whether a text is non-empty Base64 with its padding.
fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or(text.strip_suffix('=')).unwrap_or(text);
    let is_digit = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
    !digits.is_empty() && text.len().is_multiple_of(4) && digits.bytes().all(is_digit)
}

/// Whether a URL is `data:<one of these types>;base64,<base64>`.
fn is_data_url(url: &str, types: &[&str]) -> bool {
    let parts = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    parts.is_some_and(|(media_type, data)| types.contains(&media_type) && is_base64(data))
}

/// Whether a URL begins with `https://` or `http://`.
fn is_web_url(url: &str) -> bool {
    url.strip_prefix("https://").or(url.strip_prefix("http://")).is_some_and(|rest| !rest.is_empty())
}

/// Checks that `check` accepts the valid body, and refuses each row of the table by the rule that the row is for.
///
/// A row is one or more edits of the valid body, `set`, `insert` (into an array) or `drop` with a JSON Pointer and a value,
/// followed by an indented line with the exact verdict.
fn each_is_refused(check: impl Fn(&Value) -> Verdict, valid: &Value, table: &str) {
    assert_eq!(check(valid), Ok(()), "the valid body");
    let mut body = valid.clone();
    for line in table.lines().filter(|line| !line.is_empty()) {
        if let Some(verdict) = line.strip_prefix("    ") {
            assert_eq!(check(&body), Err(verdict.to_owned()));
            body = valid.clone();
        } else {
            edit(&mut body, line);
        }
    }
    assert_eq!(body, *valid, "the last row has a verdict");
}

/// Applies one edit, which is a line of the table, to a body.
fn edit(body: &mut Value, line: &str) {
    let mut words = line.splitn(3, ' ');
    let (verb, pointer) = (words.next().unwrap(), words.next().expect("an edit has a pointer"));
    let value = words.next().map(|json| serde_json::from_str(json).expect("an edit's value is JSON"));
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = body.pointer_mut(parent).unwrap_or_else(|| panic!("the parent exists: {line}"));
    match (verb, value, parent) {
        ("set", Some(value), Value::Object(members)) => drop(members.insert(key.into(), value)),
        ("set", Some(value), Value::Array(items)) => items[key.parse::<usize>().unwrap()] = value,
        ("insert", Some(value), Value::Array(items)) => items.insert(key.parse().unwrap(), value),
        ("drop", None, Value::Object(members)) => drop(members.remove(key).expect("it is there")),
        ("drop", None, Value::Array(items)) => drop(items.remove(key.parse().unwrap())),
        _ => panic!("not an edit: {line}"),
    }
}

#[test]
fn base64_requires_padding() {
    for (text, holds) in [("aGk=", true), ("YQ==", true), ("Zm9v", true), ("aGk", false), ("a===", false)] {
        assert_eq!(is_base64(text), holds, "{text}");
    }
    for text in ["", "====", "a b=", "aGk-", "=aGk"] {
        assert!(!is_base64(text), "{text}");
    }
}

#[test]
fn images_are_data_urls_of_supported_types() {
    assert!(is_data_url("data:image/png;base64,aGk=", IMAGE_TYPES));
    for url in
        ["data:image/svg+xml;base64,aGk=", "data:image/png,aGk=", "data:image/png;base64,", "image/png"]
    {
        assert!(!is_data_url(url, IMAGE_TYPES), "{url}");
    }
    assert!(is_web_url("https://example.com/a.png") && !is_web_url("https://") && !is_web_url("file:///a"));
}
