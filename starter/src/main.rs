//! The function: reads the settings, builds the agent with its tools, and serves it.

mod caller;
mod tools;

use std::process::ExitCode;

use ag_ui_lambda::prelude::*;

use crate::caller::Caller;

/// The instructions that the model gets in each run.
const INSTRUCTIONS: &str = "You look after the orders of a shop. \
    Use the tools for facts; do not make them up.";

// One thread is enough: the function has one virtual processor.
/// Runs the function, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(serve()).await
}

/// Reads the settings, builds the agent and serves it on Lambda until the process is shut down. An
/// error ends the function and is logged.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let agent =
        tools::add_to(lambda::agent::<Caller>(&config)?).instructions(INSTRUCTIONS).build()?;
    Ok(lambda::serve(&config, agent, Caller::from_claims).await?)
}
