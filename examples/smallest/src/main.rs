//! The smallest function with one tool and a typed caller.

use ag_ui_lambda::prelude::*;

struct Caller {
    org: String,
}

#[derive(Deserialize, JsonSchema)]
struct OrderArgs {
    /// Number of the order, e.g. `A-17`.
    order: String,
}

/// Looks an order up.
#[tool]
async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<String, ToolError> {
    Ok(format!("Order {} of {} is on its way.", args.order, context.caller().org))
}

/// Builds the agent and serves it on Lambda until the process is shut down.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let agent = lambda::agent::<Caller>(&config)?.tool(find_order_tool()).build()?;
    let caller =
        |claims: &Claims| Ok(Caller { org: claims.text("custom:org_id").ok_or(Forbidden)?.to_owned() });
    Ok(lambda::serve(&config, agent, caller).await?)
}

/// Runs the function, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    lambda::run(serve()).await
}
