//! A quota: each user may start two runs a day. The runs and their tokens are counted in a DynamoDB table.
//!
//! The table is `quota`, with the string `id` as its key. Configure `expires` as its time to live.

mod quota;

use std::sync::Arc;
use std::time::Duration;

use ag_ui_lambda::agent::RunReport;
use ag_ui_lambda::{Claims, Config, Forbidden, lambda};
use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use quota::Caller;
use tracing::error;

/// Builds the caller from the proven claims. Runs of an anonymous caller cannot be counted, so such a caller gets a 403.
fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    claims.subject().map(|user| Caller { user: user.to_owned() }).ok_or(Forbidden)
}

/// Adds the tokens of a run to those that the caller has used so far, in an item that does not expire.
async fn after_run(client: Client, caller: Arc<Caller>, report: RunReport) {
    let update = client.update_item().table_name("quota").key("id", S(format!("tokens {}", caller.user)));
    let update = update
        .update_expression("ADD tokens :count")
        .expression_attribute_values(":count", N(report.usage.total().to_string()));
    if let Err(error) = update.send().await {
        error!(cause = ?error, "the tokens of a run cannot be counted");
    }
}

/// Reads the settings, builds the endpoint and serves it on Lambda until the process is shut down.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    // A client waits for each answer of the table before its run starts.
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(3)).build();
    let aws = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    let client = Client::new(&aws);
    let reporting = client.clone();
    let agent = lambda::agent::<Caller>(&config)?.instructions("You are a helpful assistant.").build()?;
    let endpoint = lambda::endpoint(&config, agent, caller)?
        .admit(move |admission| quota::admit(client.clone(), admission))
        .after_run(move |caller, report| after_run(reporting.clone(), caller, report))
        .build()?;
    lambda::serve_endpoint(endpoint, &config.entry_points).await?;
    Ok(())
}

/// Runs the function, with its log set up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    lambda::run(serve()).await
}
