//! What a call may wait for: a person's yes before it runs, or the answer to a question of its own.

use schemars::JsonSchema;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::schema;
use crate::protocol::JsonObject;

/// What the calls of a tool may wait for. A tool that says nothing here never waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interrupts {
    /// A person's approval, as [`Tool::approval`](super::Tool::approval) decides.
    pub approval: bool,
    /// Whether who approves may edit the arguments.
    pub editable: bool,
    /// The answer to a question, as [`ToolContext::ask`](super::ToolContext::ask) puts it.
    pub question: bool,
}

impl Interrupts {
    pub(crate) fn any(self) -> bool {
        self.approval || self.question
    }
}

/// Whether a call may run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Approval {
    /// It runs.
    NotNeeded,
    /// It waits until a person approves it.
    Needed,
    /// It does not run, whoever approves it; the model reads the sentence.
    Refused(String),
}

/// What a tool asks before it can give a result. Made by [`ToolContext::ask`](super::ToolContext::ask).
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub(crate) message: String,
    /// JSON Schema of the answer.
    pub(crate) schema: JsonObject,
    /// SHA-256 of message and schema in canonical form, as the tool puts them: an answer is for these.
    pub(crate) digest: [u8; 32],
}

/// A person's answer to a question.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) value: Value,
    /// Digest of the question that was answered; none where a test of a tool answers whatever is asked.
    pub(crate) question: Option<[u8; 32]>,
}

impl Question {
    pub(super) fn new<A: JsonSchema>(message: String) -> Self {
        let schema = object(schema::of::<A>());
        let canonical = serde_json_canonicalizer::to_vec(&json!([message, schema]));
        let digest = Sha256::digest(canonical.expect("JSON has a canonical form")).into();
        Self { message, schema, digest }
    }

    /// The same question, with what was wrong with the answer to it in front.
    pub(super) fn again(self, fault: &str) -> Self {
        Self { message: format!("{fault} {}", self.message), ..self }
    }

    /// What the user reads.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The schema of a yes or no, and of edited arguments where they may be.
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
    object(schema)
}

/// A schema as an object: `true`, the schema of anything, becomes an empty one.
fn object(schema: Value) -> JsonObject {
    match schema {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    }
}
