//! Approvals on AWS: their key in Secrets Manager, their guard in a DynamoDB table.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{Error, SecretsManager};
use crate::approval::{ApprovalKeys, Approvals, Claim, Guard, GuardError};
use crate::causes::causes;
use crate::config::{ApprovalConfig, ApprovalKey};

/// How long an item outlives its approval, in seconds: clocks differ.
const KEPT: u64 = 86_400;

/// What proves approvals, made of the settings, for an agent that [`agent`](super::agent) did not begin. Nothing is
/// fetched yet.
///
/// # Errors
/// If the key is a literal that is too short.
pub fn approvals(config: &ApprovalConfig) -> Result<Approvals, Error> {
    let keys = match &config.key {
        ApprovalKey::Secret(id) => ApprovalKeys::from_source(SecretsManager::new(id)),
        ApprovalKey::Literal(key) => ApprovalKeys::literal(key.clone())?,
    };
    let approvals = Approvals::new(keys).life(config.life).developer_hints(config.developer_hints);
    Ok(match &config.table {
        Some(table) => approvals.guard(DynamoGuard::new(table)),
        None => approvals,
    })
}

/// A [`Guard`] that keeps approvals in a DynamoDB table with the string key `id`.
///
/// An item has `id`, `claimant`, `outcome` once the tool has run, and `expires`, the number to name as the table's time
/// to live.
#[derive(Debug)]
pub struct DynamoGuard {
    table: String,
    /// Made when it is first used: it costs milliseconds, which a start should not wait for.
    client: OnceCell<Client>,
}

impl DynamoGuard {
    /// The table of that name, used with the role and region of the environment. Makes no call.
    #[must_use]
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), client: OnceCell::new() }
    }

    async fn client(&self) -> &Client {
        let from_environment =
            || async { client(&aws_config::load_defaults(BehaviorVersion::latest()).await) };
        self.client.get_or_init(from_environment).await
    }

    async fn put(&self, approval: &str, expires: u64) -> Result<Claim, GuardError> {
        // An attempt whose answer was lost leaves an item; its claimant tells that it is our own.
        let claimant = Uuid::new_v4().to_string();
        let request = self
            .client()
            .await
            .put_item()
            .table_name(&self.table)
            .item("id", AttributeValue::S(approval.to_owned()))
            .item("claimant", AttributeValue::S(claimant.clone()))
            .item("expires", AttributeValue::N(expires.saturating_add(KEPT).to_string()))
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else { return Ok(Claim::First) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(found)) => {
                let text = |name: &str| found.item()?.get(name)?.as_s().ok();
                Ok(match text("claimant") {
                    Some(first) if *first == claimant => Claim::First,
                    _ => Claim::Again { outcome: text("outcome").cloned() },
                })
            }
            _ => Err(failed(causes(&error))),
        }
    }

    async fn get(&self, approval: &str) -> Result<Claim, GuardError> {
        let request = self
            .client()
            .await
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(approval.to_owned()))
            .consistent_read(true);
        let found = request.send().await.map_err(|error| failed(causes(&error)))?;
        Ok(found.item().map_or(Claim::First, |item| {
            let outcome = item.get("outcome").and_then(|outcome| outcome.as_s().ok()).cloned();
            Claim::Again { outcome }
        }))
    }

    async fn update(&self, approval: &str, outcome: &str) -> Result<(), GuardError> {
        let request = self
            .client()
            .await
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(approval.to_owned()))
            .update_expression("SET #outcome = :outcome")
            .expression_attribute_names("#outcome", "outcome")
            .expression_attribute_values(":outcome", AttributeValue::S(outcome.to_owned()));
        request.send().await.map(|_| ()).map_err(|error| failed(causes(&error)))
    }
}

impl Guard for DynamoGuard {
    fn claim<'a>(&'a self, approval: &'a str, expires: u64) -> BoxFuture<'a, Result<Claim, GuardError>> {
        self.put(approval, expires).boxed()
    }

    fn look_up<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Claim, GuardError>> {
        self.get(approval).boxed()
    }

    fn store<'a>(&'a self, approval: &'a str, outcome: &'a str) -> BoxFuture<'a, Result<(), GuardError>> {
        self.update(approval, outcome).boxed()
    }
}

/// Flattened here: the `Debug` of the SDK's error holds the answer's body.
fn failed(text: String) -> GuardError {
    GuardError(text.into())
}

fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(2))
        .build();
    let retries = RetryConfig::standard().with_max_attempts(3);
    Client::from_conf(Builder::from(config).timeout_config(timeouts).retry_config(retries).build())
}
