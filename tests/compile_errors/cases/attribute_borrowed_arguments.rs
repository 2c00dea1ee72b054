//! The arguments borrow a text.

use ag_ui_lambda::{ToolContext, ToolError, tool};

struct Caller;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OrderArgs<'a> {
    order: &'a str,
}

/// Looks an order up.
#[tool]
async fn find_order(_: ToolContext<Caller>, args: OrderArgs<'_>) -> Result<String, ToolError> {
    Ok(args.order.into())
}

fn main() {}
