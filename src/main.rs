//! The function: reads the settings, builds the agent with its tools, and serves it. The caller (`caller.rs`) and the tools
//! (`tools/`) are beside this file.

use std::process::ExitCode;

use ag_ui_function::caller::Caller;
use ag_ui_function::tools;
use ag_ui_lambda::config::Config;
use ag_ui_lambda::lambda;
use ag_ui_lambda::tool::tool_fn;

/// The instructions that the model gets in each run.
const INSTRUCTIONS: &str = "You are a helpful assistant. Use the tools for facts; do not make them up.";

// One thread is enough: the function has one virtual processor.
/// Runs the function, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(serve()).await
}

/// Reads the settings, builds the agent and serves it on Lambda until the process is shut down. An error ends the
/// function and is logged.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let agent = lambda::agent::<Caller>(&config)?
        .instructions(INSTRUCTIONS)
        .tool(tool_fn("get_weather", "Current weather of a city.", tools::get_weather))
        .tool(tool_fn(
            "get_account",
            "The caller's user, organisation, plan and permissions.",
            tools::get_account,
        ))
        .tool(
            tool_fn("refund_order", "Refunds an order, or a part of it.", tools::refund_order)
                .needs_permission("refunds:write")
                .needs_approval(),
        )
        .build()?;
    let names = config.claims.clone();
    Ok(lambda::serve(&config, agent, move |claims| Ok(Caller::from_claims(claims, &names))).await?)
}
