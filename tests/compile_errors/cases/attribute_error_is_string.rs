//! The error is a `String`.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::{ToolContext, tool};

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
#[tool]
async fn find_order(_: ToolContext<Caller>, args: OrderArgs) -> Result<Order, String> {
    Ok(Order { number: args.order })
}

fn add_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent.tool(find_order_tool())
}

fn main() {}
