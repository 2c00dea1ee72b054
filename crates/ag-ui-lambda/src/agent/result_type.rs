//! The type of an agent's result: what the model is asked for, and whether its answer fits.
//!
//! The type is handled as the arguments of a tool, because every provider accepts a tool's schema and can force a call.
//! The tool is on offer only when the result is asked for, and it never runs. The arguments of a tool are an object, so a type
//! that is anything else, such as an enum or a list, becomes the only member of one.

use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::BuildAgentError;
use crate::protocol;
use crate::tool::{
    Decision, ErasedTool, RegisterToolError, Tool, ToolContext, ToolError, ToolRegistry, parse_arguments,
    unify_integers,
};

/// The name of the tool whose arguments are the result.
pub(crate) const RESULT_TOOL: &str = "final_result";

/// The type of the result of each run, as its schema and the check of a value.
#[derive(Clone)]
pub(crate) struct ResultType {
    tool: Arc<dyn ErasedTool<()>>,
    /// Whether the result is the member [`RESULT_MEMBER`] of the arguments, and not all of them.
    is_member: bool,
}

/// The arguments of the tool for a type that is no plain object.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(description = "Holds the result.")]
struct ResultArgs<T> {
    #[expect(dead_code, reason = "only its type matters")]
    result: T,
}

/// The name of the member of [`ResultArgs`].
const RESULT_MEMBER: &str = "result";

impl ResultType {
    /// Creates the type of results that are a `T`.
    ///
    /// # Errors
    /// [`BuildAgentError::InvalidResultSchema`] if `T` has no schema that values can be checked against.
    pub(super) fn of<T: JsonSchema + DeserializeOwned + Send + 'static>() -> Result<Self, BuildAgentError> {
        let mut tools = ToolRegistry::new();
        let is_member = !is_plain_object(&ResultTool::<T>(PhantomData).parameters());
        let added = match is_member {
            true => tools.add(ResultTool::<ResultArgs<T>>(PhantomData)),
            false => tools.add(ResultTool::<T>(PhantomData)),
        };
        added.map_err(|error| {
            BuildAgentError::InvalidResultSchema(match error {
                RegisterToolError::InvalidSchema { reason, .. } => reason,
                error => error.to_string(),
            })
        })?;
        let tool = tools.get(RESULT_TOOL).expect("the tool was just added");
        Ok(Self { tool: Arc::clone(tool), is_member })
    }

    /// Returns the tool that a model calls to give the result.
    pub(super) fn tool(&self) -> &protocol::Tool {
        self.tool.spec()
    }

    /// Reads a result from the JSON text that a model wrote, and checks it: against the schema, and whether serde can read
    /// the type from it. A number without a fraction becomes an integer. The error is a sentence for the model.
    pub(super) fn read(&self, text: &str) -> Result<Value, String> {
        let checked = parse_arguments(text).and_then(|mut value| {
            // A program reads the result into the same type, and serde reads no integer from `7.0`.
            unify_integers(&mut value);
            self.tool.check_arguments(&value)?;
            // The schema may allow what the type's own code refuses, and this reads the type. It decides about no caller.
            Ok((self.tool.authorize(&(), &value)?, value))
        });
        match checked {
            Ok((Decision::Allow, mut value)) if self.is_member => Ok(value[RESULT_MEMBER].take()),
            Ok((Decision::Allow, value)) => Ok(value),
            // The code of the type has panicked.
            Ok(_) => Err("The result cannot be read.".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Whether every provider reads all of a schema as that of a tool's arguments: it is that of an object, without alternatives at
/// the top.
fn is_plain_object(schema: &Value) -> bool {
    schema["type"] == "object" && ["oneOf", "anyOf", "allOf"].iter().all(|name| schema.get(*name).is_none())
}

/// The tool whose arguments are the result, or hold it.
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

    #[derive(serde::Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    enum Outcome {
        Solved,
        Refund {
            #[expect(dead_code, reason = "only its type matters")]
            euros: u32,
        },
    }

    #[test]
    fn type_may_be_anything() {
        let read = |of: ResultType, result: Value| of.read(&json!({ "result": result }).to_string());
        let outcome = || ResultType::of::<Outcome>().unwrap();

        for result in [json!({ "kind": "Solved" }), json!({ "kind": "Refund", "euros": 7 })] {
            assert_eq!(read(outcome(), result.clone()), Ok(result));
        }
        for result in [json!({ "kind": "Refund" }), json!({ "kind": "Other" }), json!("Solved")] {
            assert!(read(outcome(), result).is_err());
        }
        assert!(outcome().read(r#"{"kind": "Solved"}"#).is_err());
        assert_eq!(read(ResultType::of::<Vec<u8>>().unwrap(), json!([1])), Ok(json!([1])));
        assert_eq!(read(ResultType::of::<String>().unwrap(), json!("x")), Ok(json!("x")));
        assert_eq!(outcome().tool().parameters.as_ref().unwrap()["type"], "object");
    }

    #[test]
    #[cfg(feature = "validate")]
    fn schema_must_be_usable() {
        /// A type whose schema cannot be used.
        struct Broken;

        impl JsonSchema for Broken {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                "Broken".into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "object", "properties": 7 })
            }
        }

        impl<'de> serde::Deserialize<'de> for Broken {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Ok(Self)
            }
        }

        let Err(error) = ResultType::of::<Broken>() else { panic!("it was accepted") };

        assert!(error.to_string().starts_with("the type of the result has no usable schema: "), "{error}");
    }
}
