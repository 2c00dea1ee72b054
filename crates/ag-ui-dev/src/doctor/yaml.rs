//! Reads a CloudFormation template in YAML, with the line of each value.
//!
//! Short forms of functions become their long ones: `!Ref A` is `{"Ref": "A"}` and `!If [..]` is `{"Fn::If": [..]}`. JSON is YAML,
//! so a template in JSON is read as well.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};
use serde_json::{Map, Value};

/// A document, and the line at which each of its values begins.
#[derive(Debug)]
pub(super) struct Document {
    /// The value of the document.
    pub(super) value: Value,
    /// The lines of values, by their JSON Pointers.
    lines: HashMap<String, usize>,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Returns what is wrong with the YAML, and where.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader { parser: Parser::new_from_str(text), lines: HashMap::new() };
        let value = reader.document().map_err(|error| error.to_string())?;
        Ok(Self { value, lines: reader.lines })
    }

    /// Returns the line at which the value at a JSON Pointer begins; `None` if there is no such value.
    pub(super) fn line(&self, pointer: &str) -> Option<usize> {
        self.lines.get(pointer).copied()
    }
}

/// Reads values from the events of a YAML parser.
struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    lines: HashMap<String, usize>,
}

impl<'a> Reader<'a> {
    /// Reads the first document. An empty file is null.
    fn document(&mut self) -> Result<Value, ScanError> {
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => break,
                event => return self.value(event, span.start.line(), ""),
            }
        }
        Ok(Value::Null)
    }

    /// Reads the value that begins with an event in this line. `pointer` is where the value is.
    fn value(&mut self, event: Event<'a>, line: usize, pointer: &str) -> Result<Value, ScanError> {
        self.lines.insert(pointer.to_owned(), line);
        let (tag, value) = match event {
            Event::Scalar(text, style, _, tag) => {
                let value =
                    if style == ScalarStyle::Plain { plain(&text) } else { Value::String(text.into()) };
                (tag, value)
            }
            Event::SequenceStart(_, tag) => {
                let within = inner_pointer(pointer, tag.as_deref());
                let mut items = Vec::new();
                while let Some((event, line)) = self.next(&Event::SequenceEnd)? {
                    let pointer = format!("{within}/{}", items.len());
                    items.push(self.value(event, line, &pointer)?);
                }
                (tag, Value::Array(items))
            }
            Event::MappingStart(_, tag) => {
                let within = inner_pointer(pointer, tag.as_deref());
                let mut members = Map::new();
                while let Some((key, line)) = self.next(&Event::MappingEnd)? {
                    let name = match key {
                        Event::Scalar(text, ..) => text.into_owned(),
                        key => self.value(key, line, "")?.to_string(),
                    };
                    let pointer = format!("{within}/{name}");
                    if let Some((event, _)) = self.next(&Event::MappingEnd)? {
                        // The line of the name is where a person looks.
                        let value = self.value(event, line, &pointer)?;
                        members.insert(name, value);
                    }
                }
                (tag, Value::Object(members))
            }
            _ => (None, Value::Null),
        };
        Ok(match tag.as_deref().and_then(function_name) {
            Some(name) => Value::Object(Map::from_iter([(name, value)])),
            None => value,
        })
    }

    /// Returns the next event and its line; `None` at this end of a list or of a mapping.
    fn next(&mut self, end: &Event<'_>) -> Result<Option<(Event<'a>, usize)>, ScanError> {
        let Some(event) = self.parser.next_event() else { return Ok(None) };
        let (event, span) = event?;
        Ok((event != *end).then_some((event, span.start.line())))
    }
}

/// Returns the pointer of what is in a list or a mapping: behind the name of the function, if it has the tag of one.
fn inner_pointer(pointer: &str, tag: Option<&Tag>) -> String {
    match tag.and_then(function_name) {
        Some(name) => format!("{pointer}/{name}"),
        None => pointer.to_owned(),
    }
}

/// Returns the long name of the function of CloudFormation that a tag stands for; `None` for a tag of YAML itself.
fn function_name(tag: &Tag) -> Option<String> {
    match tag.suffix.as_str() {
        _ if tag.is_yaml_core_schema() || tag.suffix.is_empty() => None,
        name @ ("Ref" | "Condition") => Some(name.to_owned()),
        name => Some(format!("Fn::{name}")),
    }
}

/// Reads a text without quotes.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        // What begins with 0, such as the id of an account, is a text.
        _ if text.len() > 1 && text.starts_with('0') => text.into(),
        _ => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn functions_become_their_long_form() {
        let text = "A: !Ref B # why\nC:\n  - !If [D, {E: 1}, !Ref AWS::NoValue]\n  - !GetAtt F.Arn\nG: !Sub \"a ${B}\"\nH: '1'\nI: true\nJ: 012\n";
        let document = Document::read(text).unwrap();

        assert_eq!(
            document.value,
            json!({
                "A": {"Ref": "B"},
                "C": [{"Fn::If": ["D", {"E": 1}, {"Ref": "AWS::NoValue"}]}, {"Fn::GetAtt": "F.Arn"}],
                "G": {"Fn::Sub": "a ${B}"}, "H": "1", "I": true, "J": "012",
            })
        );
        assert_eq!(document.line("/A"), Some(1));
        assert_eq!(document.line("/C/0/Fn::If/1/E"), Some(3));
        assert_eq!(document.line("/K"), None);
    }

    #[test]
    fn json_is_read_and_other_texts_are_an_error_or_null() {
        assert_eq!(Document::read(r#"{"A": [1, "2"]}"#).unwrap().value, json!({"A": [1, "2"]}));
        assert_eq!(Document::read("").unwrap().value, Value::Null);
        assert!(Document::read("A: [1").is_err());
        assert!(Document::read("A: 1\n B: 2\n").is_err());
    }
}
