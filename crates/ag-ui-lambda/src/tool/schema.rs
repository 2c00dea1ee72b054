//! JSON Schemas, made of Rust types and told about in sentences that a model or a user can read.

use jsonschema::Validator;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// How many faults are told at once.
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

/// What of a value does not fit; none if it fits.
pub(super) fn faults(validator: &Validator, value: &Value) -> Option<String> {
    let faults: Vec<String> = validator
        .iter_errors(value)
        .take(FAULTS_TOLD)
        .map(|fault| format!("{} {}", fault.instance_path(), shortened(&fault.to_string())).trim().to_owned())
        .collect();
    (!faults.is_empty()).then(|| faults.join("; "))
}

pub(super) fn shortened(text: &str) -> String {
    text.chars().take(FAULT_LENGTH).collect()
}
