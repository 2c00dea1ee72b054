//! A complete small function with its tests: an agent that looks after the orders of a shop. Copy it to a `src/main.rs` of
//! your own.

use std::sync::Arc;

use ag_ui_lambda::prelude::*;

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
struct Args {
    /// Number of the order, e.g. `A-17`. The model reads this line.
    order: String,
}

#[derive(Clone, Serialize)]
struct Order {
    number: &'static str,
    org: &'static str,
    total: f64,
}

/// The tool `find_order`: returns an order of the caller's organisation. Orders of others are refused like unknown
/// ones. `orders` stands for the client of a database.
async fn find(orders: Arc<[Order]>, context: ToolContext<Caller>, args: Args) -> Result<Order, ToolError> {
    let found = orders.iter().find(|order| order.number == args.order && order.org == context.caller().org);
    found.cloned().ok_or_else(|| ToolError::refused("There is no such order.")) // the model reads this
}

/// The tool `cancel_order`: cancels an order. This sample only returns a sentence for the model.
async fn cancel(_: ToolContext<Caller>, args: Args) -> Result<String, ToolError> {
    let number: u32 = args.order.trim_start_matches("A-").parse()?; // the error goes to the log only
    Ok(format!("Order A-{number} is cancelled."))
}

/// Adds the tools, in the function and in its tests.
fn with_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    let orders = Arc::from([Order { number: "A-17", org: "acme", total: 12.5 }]);
    let find = move |context, args| find(Arc::clone(&orders), context, args);
    // Callers without the permission are not offered `cancel_order`.
    let cancel = tool_fn("cancel_order", "Cancels an order.", cancel).needs_permission("orders:write");
    agent.tool(tool_fn("find_order", "Looks an order up.", find)).tool(cancel)
}

/// Reads the settings, builds the agent and serves it on Lambda until the process is shut down.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let agent = with_tools(lambda::agent(&config)?).build()?;
    Ok(lambda::serve(&config, agent, caller).await?)
}

/// Runs the function, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    lambda::run(serve()).await
}

#[cfg(test)]
mod tests {
    use ag_ui_lambda::{demo, testing::TestAgent};

    use super::*;

    #[tokio::test]
    async fn order_of_another_organisation_is_refused() {
        let agent = TestAgent::new(with_tools(Agent::builder(demo(Default::default()))).build().unwrap());
        let mut other = agent.caller(Caller { org: "other".into(), permissions: Vec::new() });
        let run = other.says(r#"/find_order {"order": "A-17"}"#).await;
        assert_eq!(run.call("find_order").result_json()["error"], "There is no such order.");
    }
}
