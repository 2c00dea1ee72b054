//! The code of docs/embedding.md that is not in examples/embed, and of docs/budgets.md.

use ag_ui_lambda::budget::{Budgets, MemoryBudgetStore};
use ag_ui_lambda::endpoint::BuildEndpointError;
use ag_ui_lambda::prelude::*;

/// Adds what the application has proven to a request.
fn with_claims(mut request: http::Request<()>) -> http::Request<()> {
    request.extensions_mut().insert(Claims::from_session("u-17").with_claim("plan", "pro"));
    request
}

/// Builds an endpoint with budgets.
fn with_budgets(agent: Agent<()>) -> Result<Endpoint<()>, BuildEndpointError> {
    let caller = |_: &Claims| Ok(());
    let budgets = Budgets::new(MemoryBudgetStore::new()).user_tokens(200_000).org_tokens(5_000_000);
    let endpoint = Endpoint::builder(agent, caller).budgets(budgets).build()?;
    Ok(endpoint)
}

/// Serves three agents by path.
async fn several_agents(
    config: Config,
    [sales, support, billing]: [Agent<()>; 3],
) -> Result<(), lambda::Error> {
    let caller = |_: &Claims| Ok(());
    let endpoint = lambda::endpoint(&config, sales, caller)?
        .agent_at("/support", support)
        .agent_at("/teams/billing", billing)
        .build()?;
    Ok(lambda::serve_endpoint(endpoint, &config.entry_points).await?)
}
