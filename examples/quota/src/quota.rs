//! The quota: a conditional write counts a run, and fails if the user has no run left today.

use std::time::{Duration, SystemTime};

use ag_ui_lambda::endpoint::{Admission, Refusal};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue::{N, S};

/// The caller, whose runs are counted.
pub(crate) struct Caller {
    pub(crate) user: String,
}

/// How many runs a user may start in a day.
const RUNS_A_DAY: u64 = 2;
/// The seconds of a day. Days begin at midnight UTC.
const DAY_S: u64 = 86_400;

/// Counts a run of the caller, or refuses it if the caller has no run left today.
pub(crate) async fn admit(client: Client, admission: Admission<Caller>) -> Result<Caller, Refusal> {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |now| now.as_secs());
    let update = client.update_item().table_name("quota");
    let counted = update
        .key("id", S(format!("{} {}", now / DAY_S, admission.caller().user)))
        .update_expression("ADD runs :one SET expires = :expires")
        .condition_expression("attribute_not_exists(runs) OR runs < :limit")
        .expression_attribute_values(":one", N("1".to_owned()))
        .expression_attribute_values(":limit", N(RUNS_A_DAY.to_string()))
        .expression_attribute_values(":expires", N((now + 2 * DAY_S).to_string()));
    let Err(error) = counted.send().await else { return Ok(admission.into_caller()) };
    if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) {
        let message = "You have used your runs of today. Please come back tomorrow.";
        return Err(Refusal::limited(message, Duration::from_secs(DAY_S - now % DAY_S)));
    }
    tracing::error!(cause = ?error, "a run cannot be counted");
    let message = "Your runs cannot be counted right now. Please try again.";
    Err(Refusal::limited(message, Duration::from_secs(5)))
}
