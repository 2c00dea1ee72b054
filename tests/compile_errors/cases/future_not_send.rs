//! A value that is not `Send` lives across an await.

use ag_ui_lambda::agent::AgentBuilder;
use ag_ui_lambda::{ToolContext, ToolError, tool_fn};

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
    let number = std::rc::Rc::new(args.order);
    std::future::ready(()).await;
    Ok(Order { number: number.to_string() })
}

fn add_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent.tool(tool_fn("find_order", "Looks an order up.", find_order))
}

fn main() {}
