//! What a call may wait for: a person's approval before it runs, or the answer to a question of its own.

use schemars::JsonSchema;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::schema;
use crate::protocol::JsonObject;

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
        schema["properties"]["editedArgs"] = parameters.clone();
    }
    schema_object(schema)
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
    use super::default_approval_message;

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
