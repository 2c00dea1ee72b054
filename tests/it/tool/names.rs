//! Names of backend tools: which count as the same.

use ag_ui_lambda::agent::{Agent, BuildAgentError};
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::tool::{NoArgs, RegisterToolError, ToolContext, ToolError, tool_fn};
use serde_json::json;

use crate::support::scenario::{Caller, scenario};

/// Returns the English word.
async fn low(_: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("low")
}

/// Returns the other English word.
async fn high(_: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("high")
}

/// Providers compare names with their case, so nothing breaks.
#[tokio::test]
async fn tools_whose_names_differ_in_case_are_two_tools() {
    let calls = Script::new().call("c1", "look", &json!({})).call("c2", "Look", &json!({}));
    let run = scenario([calls, Script::new().text("Done.")])
        .with_agent(|agent| {
            agent.tool(tool_fn("look", "Looks down.", low)).tool(tool_fn("Look", "Looks up.", high))
        })
        .run()
        .await;

    let names: Vec<&str> = run.requests[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["Look", "look"]);
    for (call, result) in [("c1", "low"), ("c2", "high")] {
        let is_result =
            |event: &&serde_json::Value| event["type"] == "TOOL_CALL_RESULT" && event["toolCallId"] == call;
        let event = run.events.iter().find(is_result).unwrap();
        assert_eq!(event["content"], result, "{call}");
    }
}

#[test]
fn tools_of_one_name_do_not_build() {
    let agent = Agent::builder(Scripted::turns([]));
    let agent = agent.tool(tool_fn("look", "Looks down.", low)).tool(tool_fn("look", "Looks up.", high));

    let error = agent.build().unwrap_err();

    assert!(
        matches!(&error, BuildAgentError::Tool(RegisterToolError::DuplicateName(name)) if name == "look"),
        "{error}"
    );
}
