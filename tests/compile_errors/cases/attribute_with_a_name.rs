//! The attribute is given a name.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::{ToolContext, ToolError, tool};

struct Caller;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OrderArgs {
    order: String,
}

#[derive(serde::Serialize)]
struct Order {
    number: String,
}

/// Looks an order up.
#[tool(name = "find")]
async fn find_order(_: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
    Ok(Order { number: args.order })
}

fn add_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent.tool(find_order_tool())
}

fn main() {}
