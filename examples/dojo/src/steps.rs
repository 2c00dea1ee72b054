//! Shows progress: a tool that reports how far it is, in each way that a front end can show.

use std::time::Duration;

use ag_ui_lambda::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use ag_ui_function::caller::Caller;

/// How long the work of a step takes. It is long enough that a user can see the steps, and can stop them.
const WORK: Duration = Duration::from_millis(500);

#[derive(Deserialize, JsonSchema)]
pub(crate) struct StepsArgs {
    /// What is to be done, in order.
    steps: Vec<Step>,
}

#[derive(Deserialize, JsonSchema)]
struct Step {
    /// What is to be done, in a few words.
    description: String,
}

/// The tool `work_through`: does the steps of a plan one after another, and reports each in the shared state, in an
/// activity and as a step of the run. The work itself is only a pause.
pub(crate) async fn work_through(
    context: ToolContext<Caller>,
    StepsArgs { steps }: StepsArgs,
) -> Result<String, ToolError> {
    let (state, progress) = (context.state(), context.progress());
    let names: Vec<String> = steps.into_iter().map(|step| step.description).collect();
    let pending: Vec<Value> =
        names.iter().map(|name| json!({ "description": name, "status": "pending" })).collect();
    state.set("/steps", pending).await?;
    let mut plan = progress.activity("com.acme.plan", json!({ "done": 0, "steps": names })).await?;
    for (index, name) in names.iter().enumerate() {
        let step = progress.step(name).await;
        tokio::time::sleep(WORK).await;
        state.set(&format!("/steps/{index}/status"), "completed").await?;
        plan.set("/done", index + 1).await?;
        step.end().await;
    }
    progress.custom("com.acme.plan_done", json!({ "steps": names.len() })).await?;
    Ok(format!("All {} steps are done.", names.len()))
}
