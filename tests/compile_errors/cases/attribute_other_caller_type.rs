//! The tool is for callers of another type than the agent.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::{ToolContext, ToolError, tool};

struct Caller;
struct User;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OrderArgs {
    order: String,
}

#[derive(serde::Serialize)]
struct Order {
    number: String,
}

/// Looks an order up.
#[tool]
async fn find_order(_: ToolContext<User>, args: OrderArgs) -> Result<Order, ToolError> {
    Ok(Order { number: args.order })
}

fn add_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent.tool(find_order_tool())
}

fn main() {}
