//! An agent that denies by default offers a tool without a rule about its callers to nobody.

use ag_ui_lambda::agent::{Agent, AgentBuilder};
use ag_ui_lambda::auth::Principal;
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::tool::{MissingGrant, NoArgs, Tool, ToolContext, ToolError, tool_fn};
use serde_json::json;

use crate::support::scenario::{Caller, scenario};

/// A tool that everybody could use.
async fn open(_: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
    Ok("opened")
}

/// A tool that is a type of its own, with or without a rule about its callers.
struct OwnTool {
    has_rule: bool,
}

impl Tool<Caller> for OwnTool {
    type Args = NoArgs;
    type Output = &'static str;

    fn name(&self) -> &str {
        if self.has_rule { "own_with_rule" } else { "own_without_rule" }
    }

    fn description(&self) -> &str {
        "Opens."
    }

    fn has_caller_rule(&self) -> bool {
        self.has_rule
    }

    fn authorize_caller(&self, caller: &Caller) -> Result<(), MissingGrant> {
        if caller.user.is_some() { Ok(()) } else { Err(MissingGrant::Other) }
    }

    async fn call(&self, _: ToolContext<Caller>, _: NoArgs) -> Result<&'static str, ToolError> {
        Ok("opened")
    }
}

/// Adds tools with each kind of rule, and without one.
fn with_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    let tool = |name: &'static str| tool_fn(name, "Opens.", open);
    agent
        .tool(tool("plain"))
        .tool(tool("only_calls").allowed_if(|_, _| true))
        .tool(tool("everybody").for_everybody())
        .tool(tool("everybody_known").for_everybody().available_if(|caller| caller.user.is_some()))
        .tool(OwnTool { has_rule: true })
        .tool(OwnTool { has_rule: false })
}

/// Returns the names of the tools that the agent offers to a caller.
fn offered(agent: &Agent<Caller>, user: Option<&str>) -> Vec<String> {
    let caller = Caller { user: user.map(Into::into) };
    let tools = agent.capabilities(&caller, Some(&Principal::anonymous())).tools.unwrap();
    tools.items.unwrap().into_iter().map(|tool| tool.name).collect()
}

#[test]
fn only_tools_with_a_caller_rule_are_offered() {
    for (why, denies, user, expected) in [
        ("by default", true, None, &["everybody"][..]),
        ("a known caller", true, Some("ada"), &["everybody", "everybody_known", "own_with_rule"]),
        ("not by default, which is the default", false, None, &["everybody", "only_calls", "plain"]),
        (
            "a known caller of an open agent",
            false,
            Some("ada"),
            &["everybody", "everybody_known", "only_calls", "own_with_rule", "own_without_rule", "plain"],
        ),
    ] {
        let agent = with_tools(Agent::builder(Scripted::turns([]))).deny_by_default(denies).build().unwrap();

        assert_eq!(offered(&agent, user), expected, "{why}");
    }
}

#[tokio::test]
async fn call_of_a_tool_without_rule_is_a_call_of_no_tool() {
    let run = scenario([Script::new().call("c1", "plain", &json!({})), Script::new().text("Well.")])
        .with_agent(|agent| with_tools(agent).deny_by_default(true))
        .run()
        .await;

    let names: Vec<_> = run.requests[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["everybody"]);
    let [.., Turn::Results(results)] = run.requests[1].history.as_slice() else { panic!("no result") };
    assert_eq!(results[0].content.text(), r#"{"error":"There is no tool of that name."}"#);
}
