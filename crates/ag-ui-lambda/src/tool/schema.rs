//! JSON Schemas, made of Rust types, and values checked against them. A fault is a sentence that a model or a user can
//! read.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// How many faults are told at once.
#[cfg(feature = "validate")]
const FAULTS_TOLD: usize = 3;
/// How many characters of each.
const FAULT_LENGTH: usize = 200;

/// The schema of a type, in the plain form that providers take: no `$schema`, no title, nothing by reference.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

/// Checks values against a schema. Without the feature `validate` every value fits, and what serde can read of it is
/// for the caller to check.
pub(super) struct Validator {
    #[cfg(feature = "validate")]
    schema: jsonschema::Validator,
}

#[cfg(feature = "validate")]
impl Validator {
    /// # Errors
    /// What is wrong with the schema.
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
        let schema = jsonschema::validator_for(schema).map_err(|fault| fault.to_string())?;
        Ok(Self { schema })
    }

    /// # Errors
    /// What of the value does not fit.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        let faults: Vec<String> = self
            .schema
            .iter_errors(value)
            .take(FAULTS_TOLD)
            .map(|fault| {
                format!("{} {}", fault.instance_path(), shortened(&fault.to_string())).trim().to_owned()
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}

#[cfg(not(feature = "validate"))]
impl Validator {
    pub(super) fn new(_schema: &Value) -> Result<Self, String> {
        Ok(Self {})
    }

    pub(super) fn check(&self, _value: &Value) -> Result<(), String> {
        Ok(())
    }
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(FAULT_LENGTH).collect()
}
