//! The tool is for callers of another type than those that the endpoint makes of the claims.

use ag_ui_lambda::{Agent, Claims, Endpoint, ToolContext, ToolError, demo, tool_fn};

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

async fn find_order(_: ToolContext<User>, args: OrderArgs) -> Result<Order, ToolError> {
    Ok(Order { number: args.order })
}

fn main() {
    let agent = Agent::<Caller>::builder(demo(Default::default()))
        .tool(tool_fn("find_order", "Looks an order up.", find_order))
        .build()
        .unwrap();
    let caller = |_: &Claims| Ok(Caller);
    let _endpoint = Endpoint::builder(agent, caller);
}
