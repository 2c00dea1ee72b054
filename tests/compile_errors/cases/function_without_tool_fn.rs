//! The function itself is given to the agent.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::{ToolContext, ToolError};

struct Caller;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OrderArgs {
    order: String,
}

#[derive(serde::Serialize)]
struct Order {
    number: String,
}

async fn find_order(_: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
    Ok(Order { number: args.order })
}

fn add_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent.tool(find_order)
}

fn main() {}
