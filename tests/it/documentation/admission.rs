//! The code of docs/admission.md.

use std::sync::Arc;
use std::time::Duration;

use ag_ui_lambda::agent::RunReport;
use ag_ui_lambda::endpoint::{Admission, Refusal};
use ag_ui_lambda::lambda::ServeError;
use ag_ui_lambda::prelude::*;

struct Caller {
    org: String,
}

/// Builds the caller.
fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    Ok(Caller { org: claims.text("org").ok_or(Forbidden)?.to_owned() })
}

/// Stands for a table: counts a run of today and returns how many there were.
async fn count_run_of_today(_caller: &Caller) -> u32 {
    1
}

/// Stands for a table: adds the tokens of a run.
async fn add_tokens(_org: &str, _tokens: u64) {}

/// Serves an agent with admission and reports.
async fn served(config: Config, agent: Agent<Caller>) -> Result<(), lambda::Error> {
    let served: Result<(), ServeError> = {
        let endpoint = lambda::endpoint(&config, agent, caller)?.admit(admit).after_run(after_run).build()?;
        lambda::serve_endpoint(endpoint, &config.entry_points).await
    };
    Ok(served?)
}

async fn admit(admission: Admission<Caller>) -> Result<Caller, Refusal> {
    if count_run_of_today(admission.caller()).await > 20 {
        return Err(Refusal::limited("You have used your 20 runs of today.", Duration::from_secs(3600)));
    }
    Ok(admission.into_caller())
}

async fn after_run(caller: Arc<Caller>, report: RunReport) {
    add_tokens(&caller.org, report.usage.total()).await;
}
