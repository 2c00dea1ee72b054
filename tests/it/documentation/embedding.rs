//! The code of docs/embedding.md that is not in examples/embed.

use ag_ui_lambda::prelude::*;

/// Adds what the application has proven to a request.
fn with_claims(mut request: http::Request<()>) -> http::Request<()> {
    request.extensions_mut().insert(Claims::from_session("u-17").with_claim("plan", "pro"));
    request
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
