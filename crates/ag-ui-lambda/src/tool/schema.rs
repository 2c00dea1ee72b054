//! JSON Schemas of Rust types, and the validation of values against them.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// How many mismatches one error reports.
#[cfg(feature = "validate")]
const MAX_REPORTED_MISMATCHES: usize = 3;
/// How many characters of each reason are reported.
const MAX_REASON_CHARS: usize = 200;

/// A schema cannot be used for validation. The text is the validator's reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct SchemaError(String);

/// A value does not match its schema. The text names the first mismatches, for a model or a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct MismatchError(String);

/// Generates the JSON Schema of a type in the plain form that model providers accept: without `$schema`, title and
/// references.
pub(super) fn schema_for<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

/// Validates values against a schema.
///
/// Without the feature `validate` only one rule is checked: where the schema has the type `object`, the value is an
/// object. The caller has to check what serde can read from it.
pub(super) struct Validator {
    #[cfg(feature = "validate")]
    schema: jsonschema::Validator,
    #[cfg(not(feature = "validate"))]
    requires_object: bool,
}

#[cfg(feature = "validate")]
impl Validator {
    /// Compiles a JSON Schema for [`validate`](Self::validate). The error holds the reason why the schema cannot be
    /// used.
    pub(super) fn new(schema: &Value) -> Result<Self, SchemaError> {
        let schema = jsonschema::validator_for(schema).map_err(|error| SchemaError(error.to_string()))?;
        Ok(Self { schema })
    }

    /// Checks that a value matches the schema. The error names up to three mismatches.
    pub(super) fn validate(&self, value: &Value) -> Result<(), MismatchError> {
        let mismatches: Vec<String> = self
            .schema
            .iter_errors(value)
            .take(MAX_REPORTED_MISMATCHES)
            .map(|error| {
                format!("{} {}", error.instance_path(), truncate(&error.to_string())).trim().to_owned()
            })
            .collect();
        if mismatches.is_empty() { Ok(()) } else { Err(MismatchError(mismatches.join("; "))) }
    }
}

#[cfg(not(feature = "validate"))]
impl Validator {
    /// Reads whether the schema has the type `object`. Any schema is accepted, because the feature `validate` is off.
    pub(super) fn new(schema: &Value) -> Result<Self, SchemaError> {
        Ok(Self { requires_object: schema["type"] == "object" })
    }

    /// Checks that a value is an object if the schema requires one.
    pub(super) fn validate(&self, value: &Value) -> Result<(), MismatchError> {
        if self.requires_object && !value.is_object() {
            return Err(MismatchError("this is not an object".to_owned()));
        }
        Ok(())
    }
}

/// Shortens a reason to 200 characters, because a model or a user reads it.
pub(super) fn truncate(reason: &str) -> String {
    reason.chars().take(MAX_REASON_CHARS).collect()
}
