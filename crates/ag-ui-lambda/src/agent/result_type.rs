//! The type of an agent's result: what the model is asked for, and whether its answer fits.
//!
//! The type is handled as the arguments of a tool, because every provider accepts a tool's schema and can force a call.
//! The tool is on offer only when the result is asked for, and it never runs.

use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::BuildAgentError;
use crate::protocol;
use crate::tool::{
    Decision, ErasedTool, RegisterToolError, Tool, ToolContext, ToolError, ToolRegistry, parse_arguments,
};

/// The name of the tool whose arguments are the result.
pub(crate) const RESULT_TOOL: &str = "final_result";

/// The type of the result of each run, as its schema and the check of a value.
#[derive(Clone)]
pub(crate) struct ResultType(Arc<dyn ErasedTool<()>>);

impl ResultType {
    /// Creates the type of results that are a `T`.
    ///
    /// # Errors
    /// [`BuildAgentError::InvalidResultSchema`] if `T` has no schema of an object that values can be checked against.
    pub(super) fn of<T: JsonSchema + DeserializeOwned + Send + 'static>() -> Result<Self, BuildAgentError> {
        let mut tools = ToolRegistry::new();
        tools.add(ResultTool::<T>(PhantomData)).map_err(|error| {
            BuildAgentError::InvalidResultSchema(match error {
                RegisterToolError::InvalidSchema { reason, .. } => reason,
                error => error.to_string(),
            })
        })?;
        let tool = tools.get(RESULT_TOOL).expect("the tool was just added");
        Ok(Self(Arc::clone(tool)))
    }

    /// Returns the tool that a model calls to give the result.
    pub(super) fn tool(&self) -> &protocol::Tool {
        self.0.spec()
    }

    /// Reads a result from the JSON text that a model wrote, and checks it: against the schema, and whether serde can read
    /// the type from it. The error is a sentence for the model.
    pub(super) fn read(&self, text: &str) -> Result<Value, String> {
        let checked = parse_arguments(text).and_then(|value| {
            self.0.check_arguments(&value)?;
            // The schema may allow what the type's own code refuses, and this reads the type. It decides about no caller.
            Ok((self.0.authorize(&(), &value)?, value))
        });
        match checked {
            Ok((Decision::Allow, value)) => Ok(value),
            // The code of the type has panicked.
            Ok(_) => Err("The result cannot be read.".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The tool whose arguments are the result.
struct ResultTool<T>(PhantomData<fn() -> T>);

impl<T: JsonSchema + DeserializeOwned + Send + 'static> Tool<()> for ResultTool<T> {
    type Args = T;
    type Output = ();

    /// Returns the name that no application chooses.
    fn name(&self) -> &str {
        RESULT_TOOL
    }

    /// Returns the description that the model reads.
    fn description(&self) -> &str {
        "Gives the result of the conversation to the application. The arguments are the result."
    }

    /// Does nothing. The call of a model is never run, because its arguments are all that counts.
    async fn call(&self, _: ToolContext<()>, _: T) -> Result<(), ToolError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(serde::Deserialize, JsonSchema)]
    struct Ticket {
        #[expect(dead_code, reason = "only its type matters")]
        title: String,
        #[expect(dead_code, reason = "only its type matters")]
        address: std::net::Ipv4Addr,
    }

    #[test]
    fn reads_only_what_fits_schema_and_type() {
        let ticket = ResultType::of::<Ticket>().unwrap();
        let value = json!({ "title": "Lamp", "address": "127.0.0.1" });

        assert_eq!(ticket.read(&value.to_string()), Ok(value));
        for (why, text) in [
            ("not JSON", "{\"title\""),
            ("a member is missing", r#"{"title": "Lamp"}"#),
            ("a member of another type", r#"{"title": 7, "address": "127.0.0.1"}"#),
            ("only the type refuses it", r#"{"title": "Lamp", "address": "home"}"#),
            ("no object", "7"),
        ] {
            assert!(ticket.read(text).unwrap_err().starts_with("The arguments "), "{why}");
        }
    }

    #[test]
    fn type_must_be_an_object() {
        let Err(error) = ResultType::of::<Vec<String>>() else { panic!("it was accepted") };

        assert!(error.to_string().starts_with("the type of the result has no usable schema: "), "{error}");
    }
}
