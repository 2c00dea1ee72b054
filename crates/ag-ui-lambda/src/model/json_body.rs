//! Writes the JSON body of a request piece by piece.
//!
//! A conversation can be some megabytes long, and a JSON value in memory can be a hundred times as large as its text. So only
//! one message is a value at a time, and JSON that others wrote, such as the arguments of a call, stays the text that it is.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

/// The body of a request, an object whose members are added one after another.
pub(super) struct JsonBody {
    text: Vec<u8>,
}

/// A JSON value, of which one member can be a text or a list that is written when its turn comes.
pub(super) struct Json<'a> {
    value: Value,
    /// The names that lead to the member. If there are none, the member takes the place of the value.
    path: &'static [&'static str],
    later: Option<Later<'a>>,
}

/// A member that is not part of the value around it.
enum Later<'a> {
    /// A JSON text.
    Text(Cow<'a, str>),
    /// The text of a string.
    String(Cow<'a, str>),
    /// The elements of an array.
    List(Box<dyn Iterator<Item = Json<'a>> + 'a>),
}

impl From<Value> for Json<'_> {
    /// Takes a value that is written as it is.
    fn from(value: Value) -> Self {
        Self { value, path: &[], later: None }
    }
}

impl<'a> Json<'a> {
    /// Takes the object `value`, in which the member at `path` is written as the JSON text `text`. The member must exist;
    /// its value does not count.
    pub(super) fn with_text(value: Value, path: &'static [&'static str], text: Cow<'a, str>) -> Self {
        Self { value, path, later: Some(Later::Text(text)) }
    }

    /// Takes the object `value`, in which the member at `path` is written as the string `string`. The member must exist; its
    /// value does not count.
    pub(super) fn with_string(
        value: Value,
        path: &'static [&'static str],
        string: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self { value, path, later: Some(Later::String(string.into())) }
    }

    /// Takes the object `value`, in which the member at `path` is written as an array of `elements`. The member must exist;
    /// its value does not count.
    pub(super) fn with_list<I>(value: Value, path: &'static [&'static str], elements: I) -> Self
    where
        I: IntoIterator<Item = Json<'a>>,
        I::IntoIter: 'a,
    {
        Self { value, path, later: Some(Later::List(Box::new(elements.into_iter()))) }
    }

    /// Appends the value to a text.
    fn write(self, text: &mut Vec<u8>) {
        match self.later {
            None => write_value(&self.value, text),
            Some(later) => write_spliced(self.value, self.path, later, text),
        }
    }
}

impl JsonBody {
    /// Starts with an empty object.
    pub(super) fn new() -> Self {
        Self { text: b"{".to_vec() }
    }

    /// Adds a member.
    pub(super) fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.begin_member(name);
        write_value(value, &mut self.text);
    }

    /// Adds the members of an object. Nothing is added for any other value.
    pub(super) fn members(&mut self, object: &Value) {
        for (name, value) in object.as_object().into_iter().flatten() {
            self.member(name, value);
        }
    }

    /// Adds a member.
    pub(super) fn json(&mut self, name: &str, value: Json<'_>) {
        self.begin_member(name);
        value.write(&mut self.text);
    }

    /// Adds an array of these elements.
    pub(super) fn list<'a, I>(&mut self, name: &str, elements: I)
    where
        I: IntoIterator<Item = Json<'a>>,
        I::IntoIter: 'a,
    {
        self.json(name, Json::with_list(Value::Null, &[], elements));
    }

    /// Adds an array of these elements, if there are any.
    pub(super) fn list_unless_empty<'a, I>(&mut self, name: &str, elements: I)
    where
        I: IntoIterator<Item = Json<'a>>,
        I::IntoIter: 'a,
    {
        let mut elements = elements.into_iter().peekable();
        if elements.peek().is_some() {
            self.list(name, elements);
        }
    }

    /// Ends the object and returns its text.
    pub(super) fn finish(mut self) -> Bytes {
        self.text.push(b'}');
        self.text.into()
    }

    /// Writes what stands before the value of a member.
    fn begin_member(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        write_value(name, &mut self.text);
        self.text.push(b':');
    }
}

/// Appends a value to a text.
fn write_value(value: &(impl Serialize + ?Sized), text: &mut Vec<u8>) {
    serde_json::to_writer(text, value).expect("the value is plain data, and memory takes every byte");
}

/// Appends an array to a text.
fn write_list<'a>(elements: impl IntoIterator<Item = Json<'a>>, text: &mut Vec<u8>) {
    text.push(b'[');
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        element.write(text);
    }
    text.push(b']');
}

/// Appends a value to a text, in which `later` takes the place of the member at `path`.
fn write_spliced(value: Value, path: &[&str], later: Later<'_>, text: &mut Vec<u8>) {
    let (Value::Object(members), [name, rest @ ..]) = (value, path) else {
        return match later {
            Later::Text(json) => text.extend_from_slice(json.as_bytes()),
            Later::String(string) => write_value(&*string, text),
            Later::List(elements) => write_list(elements, text),
        };
    };
    text.push(b'{');
    let mut later = Some(later);
    for (index, (member, value)) in members.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        write_value(&member, text);
        text.push(b':');
        match later.take_if(|_| member == *name) {
            Some(later) => write_spliced(value, rest, later, text),
            None => write_value(&value, text),
        }
    }
    text.push(b'}');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_lists_and_texts_are_written_in_their_places() {
        let call = Json::with_text(
            json!({ "call": { "args": null, "id": 1 }, "type": "c" }),
            &["call", "args"],
            r#"{"a":1}"#.into(),
        );
        let parts = [Json::with_string(json!({ "text": null }), &["text"], "\"hi\""), call];
        let message = Json::with_list(json!({ "parts": null, "role": "model" }), &["parts"], parts);
        let mut body = JsonBody::new();
        body.member("model", &"m");
        body.list("messages", [json!({ "role": "user" }).into(), message]);
        body.list_unless_empty("tools", []);
        body.json("config", Json::with_list(json!({ "tools": 0 }), &["tools"], [json!(1).into()]));
        body.members(&json!({ "stream": true, "n": 1 }));

        assert_eq!(
            body.finish(),
            r#"{"model":"m","messages":[{"role":"user"},{"parts":[{"text":"\"hi\""},{"call":{"args":{"a":1},"id":1},"type":"c"}],"role":"model"}],"config":{"tools":[1]},"n":1,"stream":true}"#
        );
        assert_eq!(JsonBody::new().finish(), "{}");
    }
}
