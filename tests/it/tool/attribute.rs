//! The attribute `#[tool]` beside other attributes. Warnings are errors here, as in many applications.
#![deny(warnings)]

use ag_ui_lambda::model::Script;
use ag_ui_lambda::{Tool, ToolContext, ToolError, tool};
use serde_json::json;

use super::authorize::result;
use crate::support::scenario::{Caller, scenario};

/// Returns the name of the caller.
#[tool]
#[allow(non_snake_case, reason = "the name is that of the front end")]
async fn whoAmI(context: ToolContext<Caller>) -> Result<Option<String>, ToolError> {
    Ok(context.caller().user.clone())
}

/// Says hello.
#[tool]
#[deprecated(note = "say goodbye")]
async fn say_hello() -> Result<&'static str, ToolError> {
    Ok("Hello.")
}

/// Is compiled nowhere.
#[tool]
#[cfg(false)]
async fn without_a_type(args: NoSuchType) -> Result<(), ToolError> {}

#[doc = "Is used nowhere."]
#[allow(dead_code)]
#[tool]
#[doc(hidden)]
async fn unused() -> Result<(), ToolError> {
    Ok(())
}

#[tokio::test]
async fn tool_has_the_levels_of_lints_of_its_function() {
    let tool = whoAmI_tool();
    assert_eq!(Tool::<Caller>::name(&tool), "whoAmI");

    let run = scenario([Script::new().call("c1", "whoAmI", &json!({})), Script::new()])
        .with_agent(|agent| agent.tool(tool))
        .run()
        .await;

    assert_eq!(result(&run.events), "null");
}

#[test]
#[expect(deprecated, reason = "the tool of a deprecated function is deprecated, too")]
fn tool_of_a_deprecated_function_is_deprecated() {
    assert_eq!(Tool::<Caller>::description(&say_hello_tool()), "Says hello.");
}
