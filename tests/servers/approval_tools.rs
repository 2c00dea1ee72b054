//! Tools that need an approval or ask a question, and turns that call them.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::model::{Delta, Script};
use ag_ui_lambda::{NoArgs, ToolContext, ToolError, tool_fn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::restricted_tools::Visitor;

/// Adds the tools of this file to an agent.
pub(crate) fn tools(agent: AgentBuilder<Visitor>) -> AgentBuilder<Visitor> {
    agent
        .tool(tool_fn("buy", "Buys tea, once a person approves it.", buy).needs_approval().editable())
        .tool(
            tool_fn("tailor", "Makes a coat, once approved and measured.", tailor).needs_approval().may_ask(),
        )
        .tool(tool_fn("look", "Looks at once.", async |_: ToolContext<Visitor>, _: NoArgs| Ok("seen")))
}

/// Returns a turn with each kind of event that can precede an interrupt, and two calls, one of which needs an approval.
pub(crate) fn long_turn() -> Script {
    let arguments = json!({ "boxes": 2 }).to_string();
    let letters: Vec<&str> = arguments.split("").filter(|letter| !letter.is_empty()).collect();
    Script::new()
        .reasoning("The user ")
        .reasoning("wants ")
        .reasoning("tea.")
        .delta(Delta::ReasoningSignature("c2ln".into()))
        .words("I will look around, and then I will buy two boxes.")
        .call_in_pieces("call_1", "buy", &letters)
        .call("call_2", "look", &json!({}))
}

/// Returns a turn that calls `buy`.
pub(crate) fn buying() -> Script {
    Script::new().call("call_1", "buy", &json!({ "boxes": 2 }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tea {
    boxes: u32,
}

/// Needs an approval, whose arguments can be edited.
async fn buy(_: ToolContext<Visitor>, Tea { boxes }: Tea) -> Result<Value, ToolError> {
    tracing::info!("tea bought");
    Ok(json!({ "bought": boxes }))
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Measures {
    size: u32,
}

/// Needs an approval and then asks for a size.
async fn tailor(context: ToolContext<Visitor>, _: NoArgs) -> Result<Value, ToolError> {
    let Measures { size } = context.ask("Which size?")?;
    tracing::info!("coat made");
    Ok(json!({ "coat": size }))
}
