//! A complete small function: an agent that looks after the orders of a shop. Copy it to a `src/main.rs` of your own.

use std::collections::HashMap;
use std::sync::Arc;

use ag_ui_lambda::{Claims, Config, Forbidden, Grants, ToolContext, ToolError, lambda, tool_fn};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The caller, built from verified claims and never from what the client or the model sends.
struct Caller {
    org: String,
    permissions: Vec<String>,
}

impl Grants for Caller {
    /// Whether the caller has the permission, for tools that need one.
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }
}

/// Builds the caller from the proven claims. A caller without an organisation gets a 403.
fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    let org = claims.text("custom:org_id").ok_or(Forbidden)?.to_owned(); // no organisation: 403
    Ok(Caller { org, permissions: claims.list("permissions") })
}

#[derive(Deserialize, JsonSchema)]
struct OrderArgs {
    /// Number of the order, e.g. `A-17`. The model reads this line.
    order: String,
}

#[derive(Clone, Serialize)]
struct Order {
    org: String,
    total: f64,
}

type Orders = Arc<HashMap<String, Order>>; // in place of a database client

/// The tool `find_order`: returns an order of the caller's organisation. Orders of others are refused like unknown
/// ones.
async fn find(orders: Orders, context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
    let found = orders.get(&args.order).filter(|order| order.org == context.caller().org);
    found.cloned().ok_or_else(|| ToolError::refused("There is no such order.")) // the model reads this
}

/// The tool `cancel_order`: cancels an order. This sample only returns a sentence for the model.
async fn cancel(_: ToolContext<Caller>, args: OrderArgs) -> Result<String, ToolError> {
    let number: u32 = args.order.trim_start_matches("A-").parse()?; // the error goes to the log only
    Ok(format!("Order A-{number} is cancelled."))
}

/// Reads the settings, builds the agent and serves it on Lambda until the process is shut down.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let orders = Orders::new([("A-17".into(), Order { org: "acme".into(), total: 12.5 })].into());
    let find = move |context, args| find(Arc::clone(&orders), context, args);
    let agent = lambda::agent(&config)?
        .tool(tool_fn("find_order", "Looks an order up.", find))
        // Callers without the permission are not offered this tool.
        .tool(tool_fn("cancel_order", "Cancels an order.", cancel).needs_permission("orders:write"))
        .build()?;
    lambda::serve(&config, agent, caller).await
}

/// Runs the function, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    lambda::run(serve()).await
}
