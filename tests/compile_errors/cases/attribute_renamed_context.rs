//! The context has another name than `ToolContext`.

use ag_ui_lambda::{ToolContext as Context, ToolError, tool};

struct Caller;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct OrderArgs {
    order: String,
}

/// Looks an order up.
#[tool]
async fn find_order(_: Context<Caller>, args: OrderArgs) -> Result<String, ToolError> {
    Ok(args.order)
}

fn main() {}
