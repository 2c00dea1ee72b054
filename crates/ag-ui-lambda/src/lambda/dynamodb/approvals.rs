//! Records used approvals in a DynamoDB table, so that each approval counts only once, in whichever process it is used.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::Table;
use crate::approval::{ReplayStore, ReplayStoreError, Reservation};
use crate::error_chain::error_chain;

/// How long one attempt to write may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an item is kept after its approval has expired, in seconds. Clocks differ, and DynamoDB deletes late.
const RETENTION_AFTER_EXPIRY_S: u64 = 86_400;

/// A [`ReplayStore`] in a DynamoDB table whose key is the string `id`.
///
/// An item has the attributes `id`, the approval; `claimant`, the attempt that has written it; `outcome`, once the tool has
/// run; and `expires`, in seconds since 1970. Configure `expires` as the table's time to live.
///
/// ```
/// use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
/// use ag_ui_lambda::lambda::{DynamoReplayStore, SecretsManager};
///
/// let keys = ApprovalKeys::from_source(SecretsManager::new("agui/approval-key"));
/// let approvals = Approvals::new(keys).replay_store(DynamoReplayStore::new("agui"));
/// ```
#[derive(Debug)]
pub struct DynamoReplayStore(Table);

impl DynamoReplayStore {
    /// Creates a store in the table of this name, which is used with the role and the region of the environment.
    /// Nothing is read yet.
    #[must_use]
    pub fn new(table: impl Into<String>) -> Self {
        Self(Table::new(table, ATTEMPT_TIMEOUT))
    }

    /// Writes an item for the approval unless there is one already. Returns [`Reservation::New`] if this call has
    /// written it, and otherwise what the existing item holds. `expires_at` is in seconds since 1970; the item is
    /// kept for a day longer.
    ///
    /// # Errors
    /// [`ReplayStoreError`] if the table cannot be written.
    async fn put(&self, approval: &str, expires_at: u64) -> Result<Reservation, ReplayStoreError> {
        // A retry after a lost response finds the item of the first attempt. The claimant shows that it is our own.
        let claimant = Uuid::new_v4().to_string();
        let request = self
            .0
            .client()
            .await
            .put_item()
            .table_name(&self.0.name)
            .item("id", AttributeValue::S(approval.to_owned()))
            .item("claimant", AttributeValue::S(claimant.clone()))
            .item(
                "expires",
                AttributeValue::N(expires_at.saturating_add(RETENTION_AFTER_EXPIRY_S).to_string()),
            )
            .condition_expression("attribute_not_exists(id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else { return Ok(Reservation::New) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(found)) => {
                let text = |name: &str| found.item()?.get(name)?.as_s().ok();
                Ok(match text("claimant") {
                    Some(first) if *first == claimant => Reservation::New,
                    _ => Reservation::Seen { outcome: text("outcome").cloned() },
                })
            }
            _ => Err(store_error(&error)),
        }
    }

    /// Reads the item of an approval. Returns [`Reservation::New`] if there is no item, and otherwise what it holds.
    ///
    /// # Errors
    /// [`ReplayStoreError`] if the table cannot be read.
    async fn get(&self, approval: &str) -> Result<Reservation, ReplayStoreError> {
        let request = self
            .0
            .client()
            .await
            .get_item()
            .table_name(&self.0.name)
            .key("id", AttributeValue::S(approval.to_owned()))
            .consistent_read(true);
        let found = request.send().await.map_err(|error| store_error(&error))?;
        Ok(found.item().map_or(Reservation::New, |item| {
            let outcome = item.get("outcome").and_then(|outcome| outcome.as_s().ok()).cloned();
            Reservation::Seen { outcome }
        }))
    }

    /// Adds the outcome of the tool call to the item of its approval.
    ///
    /// # Errors
    /// [`ReplayStoreError`] if the table cannot be written.
    async fn update(&self, approval: &str, outcome: &str) -> Result<(), ReplayStoreError> {
        let request = self
            .0
            .client()
            .await
            .update_item()
            .table_name(&self.0.name)
            .key("id", AttributeValue::S(approval.to_owned()))
            .update_expression("SET #outcome = :outcome")
            .expression_attribute_names("#outcome", "outcome")
            .expression_attribute_values(":outcome", AttributeValue::S(outcome.to_owned()));
        request.send().await.map(|_| ()).map_err(|error| store_error(&error))
    }
}

impl ReplayStore for DynamoReplayStore {
    /// Writes the item of the approval, if there is not one already.
    fn reserve<'a>(
        &'a self,
        approval: &'a str,
        expires_at: u64,
    ) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        self.put(approval, expires_at).boxed()
    }

    /// Reads the item of the approval.
    fn lookup<'a>(&'a self, approval: &'a str) -> BoxFuture<'a, Result<Reservation, ReplayStoreError>> {
        self.get(approval).boxed()
    }

    /// Adds the outcome to the item of the approval.
    fn store_outcome<'a>(
        &'a self,
        approval: &'a str,
        outcome: &'a str,
    ) -> BoxFuture<'a, Result<(), ReplayStoreError>> {
        self.update(approval, outcome).boxed()
    }
}

/// Turns an error of a DynamoDB call into the error of the store. Its cause is kept as text, because the `Debug` of
/// the SDK's error contains the body of the response.
fn store_error(error: &(dyn std::error::Error + 'static)) -> ReplayStoreError {
    ReplayStoreError::new(error_chain(error))
}
