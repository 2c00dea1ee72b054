//! A quota: each user may start two runs a day. The runs and their tokens are counted in a DynamoDB table.
//!
//! The table is `quota`, with the string `id` as its key. Configure `expires` as its time to live.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ag_ui_lambda::agent::RunReport;
use ag_ui_lambda::endpoint::{Admission, Refusal};
use ag_ui_lambda::{Claims, Config, Forbidden, lambda};
use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use tracing::error;

/// How many runs a user may start in a day.
const RUNS_A_DAY: u64 = 2;
/// The seconds of a day. Days begin at midnight UTC.
const DAY_S: u64 = 86_400;

/// The caller, whose runs are counted.
struct Caller {
    user: String,
}

/// Builds the caller from the proven claims. Runs of an anonymous caller cannot be counted, so such a caller gets a 403.
fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    claims.subject().map(|user| Caller { user: user.to_owned() }).ok_or(Forbidden)
}

/// Returns the time in seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs())
}

/// Begins an update of what is counted for this user today: it adds `count` to the attribute `counter`.
fn add(client: &Client, user: &str, counter: &str, count: u64) -> UpdateItemFluentBuilder {
    let day = now() / DAY_S;
    let number = |number: u64| AttributeValue::N(number.to_string());
    let update = client.update_item().table_name("quota");
    update
        .key("id", AttributeValue::S(format!("{day} {user}")))
        .update_expression("ADD #counter :count SET expires = :expires")
        .expression_attribute_names("#counter", counter)
        .expression_attribute_values(":count", number(count))
        .expression_attribute_values(":expires", number((day + 2) * DAY_S))
}

/// Counts a run of the caller, or refuses it if the caller has no run left today.
async fn admit(client: Client, admission: Admission<Caller>) -> Result<Caller, Refusal> {
    let limit = AttributeValue::N(RUNS_A_DAY.to_string());
    let update = add(&client, &admission.caller().user, "runs", 1)
        .condition_expression("attribute_not_exists(#counter) OR #counter < :limit")
        .expression_attribute_values(":limit", limit);
    let Err(error) = update.send().await else { return Ok(admission.into_caller()) };
    if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) {
        let tomorrow = Duration::from_secs(DAY_S - now() % DAY_S);
        return Err(Refusal::limited(
            "You have used your runs of today. Please come back tomorrow.",
            tomorrow,
        ));
    }
    error!(cause = ?error, "a run cannot be counted");
    Err(Refusal::limited("Your runs cannot be counted right now. Please try again.", Duration::from_secs(5)))
}

/// Adds the tokens of a run to those that the caller has used today.
async fn after_run(client: Client, caller: Arc<Caller>, report: RunReport) {
    if let Err(error) = add(&client, &caller.user, "tokens", report.usage.total()).send().await {
        error!(cause = ?error, "the tokens of a run cannot be counted");
    }
}

/// Reads the settings, builds the endpoint and serves it on Lambda until the process is shut down.
async fn serve() -> Result<(), lambda::Error> {
    let config = Config::from_env()?;
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let reporting = client.clone();
    let agent = lambda::agent(&config)?.instructions("You are a helpful assistant.").build()?;
    let endpoint = lambda::endpoint(&config, agent, caller)?
        .admit(move |admission| admit(client.clone(), admission))
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
