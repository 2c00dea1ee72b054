//! The functions that can be tools: with the context, with arguments, with both, or with nothing.

use ag_ui_lambda::model::Script;
use ag_ui_lambda::tool::{FnTool, NoArgs, ToolContext, ToolError, tool_fn};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::authorize::result;
use crate::support::scenario::{Caller, scenario};

#[derive(Deserialize, JsonSchema)]
struct City {
    city: String,
}

async fn both(context: ToolContext<Caller>, args: City) -> Result<String, ToolError> {
    Ok(format!("{} in {}", context.caller().user.as_deref().unwrap_or("nobody"), args.city))
}

async fn context_alone(context: ToolContext<Caller>) -> Result<Option<String>, ToolError> {
    Ok(context.caller().user.clone())
}

async fn arguments_alone(args: City) -> Result<String, ToolError> {
    Ok(args.city)
}

async fn nothing() -> Result<&'static str, ToolError> {
    Ok("pong")
}

/// Runs an agent whose model calls the tool once with these arguments for the caller Ada. Returns the schema that the
/// model has read, and the result of the call.
async fn call<A>(tool: FnTool<Caller, A>, arguments: Value) -> (Value, String)
where
    FnTool<Caller, A>: ag_ui_lambda::Tool<Caller>,
{
    let mut scenario = scenario([Script::new().call("c1", "tool", &arguments), Script::new()])
        .with_agent(|agent| agent.tool(tool));
    scenario.caller.user = Some("Ada".into());
    let run = scenario.run().await;
    let schema = run.requests[0].tools[0].parameters.clone().unwrap();
    (schema, result(&run.events).to_owned())
}

#[tokio::test]
async fn functions_with_and_without_context_and_arguments_are_tools() {
    let city = || json!({"city": "Rome"});
    for (why, (schema, result), properties, expected) in [
        ("both", call(tool_fn("tool", "-", both), city()).await, json!(["city"]), "Ada in Rome"),
        ("the context", call(tool_fn("tool", "-", context_alone), json!({})).await, Value::Null, "Ada"),
        ("arguments", call(tool_fn("tool", "-", arguments_alone), city()).await, json!(["city"]), "Rome"),
        ("nothing", call(tool_fn("tool", "-", nothing), json!({})).await, Value::Null, "pong"),
    ] {
        assert_eq!((&schema["type"], &schema["required"]), (&json!("object"), &properties), "{why}");
        assert_eq!(result, expected, "{why}");
    }
}

#[tokio::test]
async fn function_without_arguments_rejects_any() {
    for (_, result) in [
        call(tool_fn("tool", "-", context_alone), json!({"user": "Eve"})).await,
        call(tool_fn("tool", "-", nothing), json!({"city": "Rome"})).await,
        call(tool_fn("tool", "-", async |_: NoArgs| Ok("ran")), json!({"city": "Rome"})).await,
    ] {
        assert!(result.contains("do not fit the schema"), "{result}");
    }
}

#[tokio::test]
async fn rules_of_a_function_without_context_name_the_caller_type() {
    let tool = tool_fn("tool", "-", arguments_alone)
        .allowed_if(|caller: &Caller, args| caller.user.is_some() && args.city != "Rome");

    let (_, result) = call(tool, json!({"city": "Rome"})).await;

    assert_eq!(result, r#"{"error":"This call is not allowed with these arguments."}"#);
}
