//! An agent that looks after the orders of a shop, for a server of the application's own.

use ag_ui_lambda::agent::BuildAgentError;
use ag_ui_lambda::prelude::*;

/// Who calls, built from proven claims.
#[derive(Debug)]
pub struct Caller {
    /// The organisation of the user.
    pub org: String,
    /// What the user may do.
    pub permissions: Vec<String>,
}

impl Caller {
    /// Builds the caller from proven claims. A caller without an organisation is refused.
    ///
    /// # Errors
    /// [`Forbidden`] without the claim `org`.
    pub fn from_claims(claims: &Claims) -> Result<Self, Forbidden> {
        let org = claims.text("org").ok_or(Forbidden)?.to_owned();
        Ok(Self { org, permissions: claims.list("permissions") })
    }
}

impl Grants for Caller {
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }
}

#[derive(Deserialize, JsonSchema)]
struct OrderArgs {
    /// Number of the order, e.g. `A-17`.
    order: String,
}

#[derive(Serialize)]
struct Order {
    number: String,
    total: f64,
}

/// Looks an order up.
#[tool]
async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
    if context.caller().org != "acme" {
        return Err(ToolError::refused("There is no such order."));
    }
    Ok(Order { number: args.order, total: 12.5 })
}

/// Refunds an order.
#[tool]
async fn refund_order(args: OrderArgs) -> Result<String, ToolError> {
    Ok(format!("Order {} is refunded.", args.order))
}

/// Builds the agent from a builder that has a model.
///
/// # Errors
/// If a definition of a tool cannot be used.
pub fn agent(builder: AgentBuilder<Caller>) -> Result<Agent<Caller>, BuildAgentError> {
    builder
        .instructions("You look after the orders of a shop.")
        .tool(find_order_tool())
        .tool(refund_order_tool().needs_permission("orders:refund").needs_approval())
        .build()
}
