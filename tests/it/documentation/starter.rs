//! The code of starter/AGENTS.md.

use ag_ui_lambda::prelude::*;

struct Caller {
    permissions: Vec<String>,
}

impl Grants for Caller {
    /// Whether the caller has the permission.
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }
}

struct Order {
    number: &'static str,
}

/// Finds an order.
fn order_of(_: &Caller, _: &str) -> Result<Order, ToolError> {
    Ok(Order { number: "A-17" })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RemarkArgs {
    /// Number of the order, e.g. `A-17`.
    order: String,
    /// What to remember about the order.
    #[schemars(length(min = 1, max = 200))]
    remark: String,
}

/// Adds a remark to an order. The user sees it on the page.
#[tool]
async fn add_remark(context: ToolContext<Caller>, args: RemarkArgs) -> Result<String, ToolError> {
    let order = order_of(context.caller(), &args.order)?;
    let step = context.progress().step("Saving the remark").await;
    context.state().set(&format!("/remarks/{}", order.number), &args.remark).await?;
    step.end().await;
    Ok(format!("Order {} has the remark.", order.number))
}

/// Adds the tool.
fn add_to(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent.tool(add_remark_tool().needs_permission("orders:write").needs_approval())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RateArgs {
    /// The currency, e.g. `USD`.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    currency: String, // it becomes a part of an address, so the schema admits three letters and nothing else
}

/// A tool that calls a service.
async fn get_rate(
    client: reqwest::Client,
    _: ToolContext<Caller>,
    args: RateArgs,
) -> Result<String, ToolError> {
    let url = format!("https://rates.example/{}", args.currency);
    let response = client.get(url).timeout(std::time::Duration::from_secs(10)).send().await;
    let response = response.map_err(|error| {
        ToolError::refused_because("The rates cannot be reached now.", error.without_url())
    })?;
    if response.status() == 404 {
        return Err(ToolError::refused("There is no rate of this currency."));
    }
    Ok(response.error_for_status()?.text().await?)
}

/// Adds the tool that calls a service.
fn add_rate_to(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    let client = reqwest::Client::new();
    let get_rate = move |context, args| get_rate(client.clone(), context, args);
    agent.tool(tool_fn("get_rate", "Exchange rate of a currency to the euro.", get_rate))
}
