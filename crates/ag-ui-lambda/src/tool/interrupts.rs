//! What a call may wait for: a person's approval before it runs, or the answer to a question of its own.

use schemars::JsonSchema;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::schema;
use crate::protocol::JsonObject;

/// The maximum number of characters of the question before an approval. A person reads no more, and the rest could only hide
/// something.
const MAX_QUESTION_CHARS: usize = 2000;

/// What the calls of a tool may wait for. By default they never wait.
///
/// A tool returns it from [`Tool::interrupts`](super::Tool::interrupts); a function tool sets it with
/// [`needs_approval`](super::FnTool::needs_approval), [`editable`](super::FnTool::editable) and
/// [`may_ask`](super::FnTool::may_ask).
///
/// ```
/// use ag_ui_lambda::tool::Interrupts;
///
/// let interrupts = Interrupts::default().approval(true).editable(true);
/// assert_ne!(interrupts, Interrupts::default());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interrupts {
    pub(crate) approval: bool,
    pub(crate) editable: bool,
    pub(crate) question: bool,
}

impl Interrupts {
    /// Sets whether a call may wait for a person's approval. [`Tool::authorize`](super::Tool::authorize) decides which
    /// calls do.
    #[must_use]
    pub fn approval(self, may_require: bool) -> Self {
        Self { approval: may_require, ..self }
    }

    /// Sets whether the person who approves a call may edit its arguments. It can't be combined with
    /// [`question`](Self::question).
    #[must_use]
    pub fn editable(self, is_editable: bool) -> Self {
        Self { editable: is_editable, ..self }
    }

    /// Sets whether a call may wait for the answer to a question of [`ToolContext::ask`](super::ToolContext::ask).
    #[must_use]
    pub fn question(self, may_ask: bool) -> Self {
        Self { question: may_ask, ..self }
    }

    /// Whether a call may wait for a person at all: for an approval or for the answer to a question.
    pub(crate) fn can_interrupt(self) -> bool {
        self.approval || self.question
    }
}

/// A question that a tool asks the user before it can return a result. [`ToolContext::ask`](super::ToolContext::ask)
/// creates it.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub(crate) message: String,
    /// The JSON Schema of the answer.
    pub(crate) schema: JsonObject,
    /// The SHA-256 digest of the message and the schema in canonical form. An answer is valid for this digest only.
    pub(crate) digest: [u8; 32],
}

/// A person's answer to a question.
#[derive(Debug, Clone)]
pub(crate) struct UserAnswer {
    pub(crate) value: Value,
    /// The digest of the question that was answered; `None` in a test of a tool, whose answer fits any question.
    pub(crate) question_digest: Option<[u8; 32]>,
}

impl Question {
    /// Creates a question with this message, whose answer has to match the schema of `A`. The digest of message and
    /// schema is computed here.
    pub(super) fn new<A: JsonSchema>(message: String) -> Self {
        let schema = schema_object(schema::schema_for::<A>());
        let canonical = serde_json_canonicalizer::to_vec(&json!([message, schema]));
        let digest = Sha256::digest(canonical.expect("JSON has a canonical form")).into();
        Self { message, schema, digest }
    }

    /// Returns the question with `notice` before its message, such as the reason why the previous answer was not
    /// accepted. The digest stays the same, so that the answer fits the original question.
    pub(super) fn with_notice(self, notice: &str) -> Self {
        Self { message: format!("{notice} {}", self.message), ..self }
    }

    /// Returns the message that the user reads.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Returns the question that a person reads before approving a call of a tool that has no question of its own. The name
/// of the tool is shown in words: `refund_order` as `refund order`.
pub(super) fn default_approval_message(tool: &str) -> String {
    let words = tool.replace(['_', '-'], " ");
    format!("Allow \"{}\" with these arguments?", words.trim())
}

/// Returns a question in the form that a person is shown, since an argument in it can be any text of a model: at most
/// [`MAX_QUESTION_CHARS`], without what changes the order in which a text is displayed, and with a space in place of each
/// control character except for line breaks.
pub(super) fn displayed_question(question: &str) -> String {
    let is_direction = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let chars = question.chars().filter(|c| !is_direction(*c));
    let mut chars = chars.map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
    let mut displayed: String = chars.by_ref().take(MAX_QUESTION_CHARS).collect();
    if chars.next().is_some() {
        displayed.pop();
        displayed.push('…');
    }
    displayed
}

/// Returns the JSON Schema of the answer with which a person approves or denies a call. `parameters` is the schema of
/// the call's arguments if the person may edit them; otherwise `None`.
pub(crate) fn approval_schema(parameters: Option<&Value>) -> JsonObject {
    let mut schema = json!({
        "type": "object",
        "properties": { "approved": { "type": "boolean" } },
        "required": ["approved"],
        "additionalProperties": false,
    });
    if let Some(parameters) = parameters {
        let mut parameters = parameters.clone();
        move_references(&mut parameters, "/properties/editedArgs");
        schema["properties"]["editedArgs"] = parameters;
    }
    schema_object(schema)
}

/// Changes the references of a schema to parts of itself, such as `#/$defs/Order`, so that they are right if the schema stands
/// at the JSON Pointer `place` of another schema.
fn move_references(schema: &mut Value, place: &str) {
    /// Keywords whose members are named schemas. The names could be those of other keywords.
    const NAMED_SCHEMAS: &[&str] =
        &["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
    /// Keywords whose values are data.
    const DATA: &[&str] = &["const", "enum", "default", "examples"];
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| move_references(schema, place)),
        // References in a schema with an address of its own do not leave it.
        Value::Object(keywords) if !keywords.contains_key("$id") => {
            for (keyword, value) in keywords {
                match (keyword.as_str(), value) {
                    ("$ref", Value::String(reference)) => {
                        if let Some(path) = reference.strip_prefix('#')
                            && (path.is_empty() || path.starts_with('/'))
                        {
                            *reference = format!("#{place}{path}");
                        }
                    }
                    (keyword, Value::Object(schemas)) if NAMED_SCHEMAS.contains(&keyword) => {
                        schemas.values_mut().for_each(|schema| move_references(schema, place));
                    }
                    (keyword, value) if !DATA.contains(&keyword) => move_references(value, place),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Converts a JSON Schema to an object. A schema that is not an object can only be `true`, which accepts any value; it
/// becomes an empty object, which accepts any value, too.
fn schema_object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MAX_QUESTION_CHARS, approval_schema, default_approval_message, displayed_question};

    #[test]
    fn question_is_displayed_as_it_reads() {
        assert_eq!(displayed_question("Refund 7 €?\nSure?"), "Refund 7 €?\nSure?");
        assert_eq!(displayed_question("a\u{1b}[2J\tb\u{0}\r\nc\u{202e}d\u{2066}e"), "a [2J b  \ncde");
        let longest = "é".repeat(MAX_QUESTION_CHARS);
        assert_eq!(displayed_question(&longest), longest);
        let cut = displayed_question(&"é".repeat(MAX_QUESTION_CHARS + 1));
        assert_eq!((cut.chars().count(), cut.chars().last()), (MAX_QUESTION_CHARS, Some('…')));
    }

    #[test]
    fn references_in_the_schema_of_edited_arguments_resolve() {
        let parameters = json!({
            "type": "object",
            "properties": {
                "order": { "$ref": "#/$defs/Order" },
                "again": { "$ref": "#" },
                "$ref": { "type": "string", "default": { "$ref": "#/data" } },
                "own": { "$id": "https://a.example/own", "$ref": "#/$defs/A", "$defs": { "A": { "const": 1 } } },
                "anchored": { "$ref": "#order" },
            },
            "required": ["order"],
            "$defs": {
                "Order": { "$anchor": "order", "anyOf": [{ "type": "integer" }, { "$ref": "#/$defs/Order/anyOf/0" }] },
            },
        });
        let schema = approval_schema(Some(&parameters));

        let edited = &schema["properties"]["editedArgs"]["properties"];
        assert_eq!(edited["order"]["$ref"], "#/properties/editedArgs/$defs/Order");
        assert_eq!(edited["$ref"]["default"], json!({ "$ref": "#/data" }));
        let validator = jsonschema::validator_for(&Value::Object(schema)).unwrap();
        for (edited, is_valid) in [
            (json!({ "order": 7 }), true),
            (json!({ "order": "7" }), false),
            (json!({ "order": 7, "again": { "order": 8 } }), true),
            (json!({ "order": 7, "again": {} }), false),
            (json!({ "order": 7, "own": 1 }), true),
            (json!({ "order": 7, "own": 2 }), false),
            (json!({ "order": 7, "anchored": "x" }), false),
            (json!({ "order": 7, "$ref": "x" }), true),
        ] {
            let answer = json!({ "approved": true, "editedArgs": edited });
            assert_eq!(validator.is_valid(&answer), is_valid, "{answer}");
        }
    }

    #[test]
    fn default_question_names_the_tool_in_words() {
        for (tool, words) in [
            ("refund", "refund"),
            ("refund_order", "refund order"),
            ("mcp-refund_order", "mcp refund order"),
            ("_private", "private"),
        ] {
            let expected = format!("Allow \"{words}\" with these arguments?");
            assert_eq!(default_approval_message(tool), expected, "{tool}");
        }
    }
}
