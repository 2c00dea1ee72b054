//! The code of docs/approvals.md and docs/interrupts.md.

use std::io;

use ag_ui_lambda::prelude::*;

struct Caller;

impl Grants for Caller {}

#[derive(Deserialize, JsonSchema)]
struct RefundArgs {
    amount: f64,
}

/// Refunds an amount.
async fn refund_order(_: ToolContext<Caller>, args: RefundArgs) -> Result<f64, ToolError> {
    Ok(args.amount)
}

#[derive(Deserialize, JsonSchema)]
struct Shoes {
    colour: String,
}

#[derive(Deserialize, JsonSchema)]
struct Size {
    size: u8,
}

#[derive(Serialize)]
struct Order {
    number: u32,
}

/// Stands for the application's database.
async fn place(shoes: &Shoes, choice: Size) -> io::Result<Order> {
    Ok(Order { number: u32::from(choice.size) + u32::from(shoes.colour == "red") })
}

/// Tools that wait for a person.
fn waiting_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    let refund = tool_fn("refund_order", "Refunds an order.", refund_order)
        .needs_permission("refunds:write") // other callers are not offered the tool
        .needs_approval() // or .needs_approval_if(|caller, args| args.amount > 100.0)
        .approval_message(|_, args| format!("Refund {} EUR?", args.amount)) // what the approver reads
        .editable(); // the approver may change the arguments; off by default

    let order = tool_fn("order_shoes", "Orders shoes.", order_shoes).may_ask();

    async fn order_shoes(context: ToolContext<Caller>, args: Shoes) -> Result<Order, ToolError> {
        let choice: Size = context.ask("Which size?")?;
        Ok(place(&args, choice).await?)
    }

    agent.tool(refund).tool(order)
}

/// An agent that takes only results that it has signed.
fn signed_results(config: Config) -> Result<Agent<Caller>, lambda::Error> {
    let agent = {
        lambda::agent::<Caller>(&config)?.require_signed_results(true) // build() fails without a key
    };
    Ok(agent.build()?)
}
