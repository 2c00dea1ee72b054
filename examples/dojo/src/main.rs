//! The demo agent, which has what the pages of the AG-UI dojo need of a server. With the model `scripted/demo` it works
//! offline.
//!
//! ```sh
//! make run FUNCTION=dojo
//! ```
//!
//! | feature | say | what happens |
//! | --- | --- | --- |
//! | agentic chat | "Hi, I am Ada", "change the background to teal" | the answer is text; the front end's own tool is called |
//! | backend tool rendering | "weather in Tokyo" | a tool here is called, and its result shown |
//! | human in the loop | "make a plan", beside the front end's `generate_task_steps` | the user chooses the steps |
//! | interrupt | "schedule a meeting" | a tool here asks the user, and goes on when they have answered |
//! | approval | "refund order 1234 for 20", with the permission `refunds:write` (`make invoke EVENT=events/rest-refund.json`) | the call waits until a person approves it, or changes its arguments and approves it |
//! | agentic generative UI | "make a plan in 10 steps" | the steps are worked through in the shared state, half a second each |
//! | tool-based generative UI | "write a haiku" | the front end renders a call |
//! | shared state | "create a pasta recipe", "improve the recipe", "list the ingredients" | a tool here writes or reads and changes the state; the model reads it |
//! | predictive state | "write a story about a cat" | the state shows an argument while it is written |
//! | reasoning | "think about it" | the model reasons first |
//! | multimodal | anything, with a picture | the picture goes to the model |
//! | A2UI, fixed schema | "find flights from SFO to JFK", "find hotels in Lisbon" | the front end renders a tool's result as cards |
//! | A2UI, dynamic schema | "show a dashboard", "show a flight card", beside the front end's `render_a2ui` | the model composes a surface, which grows while it is written |
//! | result in parts | "show the sales report" | a tool returns a sentence, a picture and a link |
//! | a run to stop | "write a long text" | the answer takes a while |
//! | error | "fail", "trigger error" | the run ends in RUN_ERROR, behind some text or at once |
//!
//! The prompts that the pages suggest to their users do the same.

mod meeting;
mod recipe;
mod report;
mod steps;
mod travel;

use std::process::ExitCode;

use ag_ui_function::caller::Caller;
use ag_ui_function::tools;
use ag_ui_lambda::{Config, lambda, tool_fn};

/// Runs the function, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lambda::run(serve()).await
}

/// Reads the settings, builds the agent with all its tools, and serves it on Lambda until the process is shut down.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let agent = lambda::agent::<Caller>(&config)?
        .instructions("You are a helpful assistant. Use the tools for facts; do not make them up.")
        .expose_state(true)
        // This is a tool of the front end. While the model writes its argument, the page shows it in the state.
        .predict_state("document", "write_document", "document")
        .tool(tool_fn("get_weather", "Current weather of a city.", tools::get_weather))
        .tool(tool_fn("get_account", "Who the caller is.", tools::get_account))
        .tool(
            tool_fn("refund_order", "Refunds an order, or a part of it.", tools::refund_order)
                .needs_permission("refunds:write")
                .needs_approval()
                .editable(),
        )
        .tool(tool_fn("schedule_meeting", "Schedules a meeting.", meeting::schedule).may_ask())
        .tool(tool_fn("create_recipe", "Writes a recipe in place of the one that is shown.", recipe::create))
        .tool(tool_fn("improve_recipe", "Improves the recipe that is shown.", recipe::improve))
        .tool(tool_fn("work_through", "Does the steps of a plan, one after another.", steps::work_through))
        .tool(tool_fn("search_flights", "Finds flights. The front end shows them.", travel::search_flights))
        .tool(tool_fn("search_hotels", "Finds hotels. The front end shows them.", travel::search_hotels))
        .tool(tool_fn("sales_report", "The sales of the last six months.", report::sales_report))
        .build()?;
    let names = config.claims.clone();
    Ok(lambda::serve(&config, agent, move |claims| Ok(Caller::from_claims(claims, &names))).await?)
}
