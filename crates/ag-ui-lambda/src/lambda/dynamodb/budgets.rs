//! Counts the tokens of budgets in a DynamoDB table, so that the runs of all processes share them.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::Table;
use crate::budget::{BudgetStore, BudgetStoreError, Demand, Grant, Hold};
use crate::error_chain::error_chain;

/// The beginning of the ids of budgets.
const ID_PREFIX: &str = "budget#";

/// The beginning of the names of attributes with what one run holds.
const HOLD_PREFIX: &str = "hold#";

/// How long one attempt to write may take. A run waits two seconds for a reservation and one for a settlement, so that there
/// is time for another attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(400);

/// How often one operation writes. Each further attempt means that another process has written in between, or that holds have
/// lapsed.
const MAX_ATTEMPTS: usize = 8;

/// The most lapsed holds that one write removes.
const MAX_RELEASED: usize = 50;

/// An item as DynamoDB returns it.
type Item = HashMap<String, AttributeValue>;

/// A [`BudgetStore`] in a DynamoDB table whose key is the string `id`.
///
/// An item is the budget of one user or one organisation on one day. It has the attributes `id`, such as
/// `budget#2026-11-27#user#` and a digest of the user; `taken`, the tokens that were used or are held; for each run that holds
/// something an attribute with its tokens, whose name has the time at which it lapses; and `expires`, in seconds since 1970.
/// Configure `expires` as the table's time to live. Each reservation is one conditional write.
///
/// ```
/// use ag_ui_lambda::budget::Budgets;
/// use ag_ui_lambda::lambda::DynamoBudgetStore;
///
/// let budgets = Budgets::new(DynamoBudgetStore::new("agui")).user_tokens(200_000);
/// # let _ = budgets;
/// ```
#[derive(Debug)]
pub struct DynamoBudgetStore(Table);

/// What an item has about the budget.
#[derive(Debug, Default)]
struct Record {
    /// The tokens that were used or are held. `None` if there is no item.
    /// It may be negative if an administrator has changed it.
    taken: Option<i128>,
    /// What runs hold, by the name of the attribute.
    holds: HashMap<String, u64>,
}

/// What came of one conditional write.
enum Written {
    /// The item was changed.
    Done,
    /// The condition does not hold for the item, which has these attributes.
    Stale(Record),
    /// DynamoDB refuses the write, because there are too many of them. Nothing was changed.
    Throttled,
}

impl DynamoBudgetStore {
    /// Creates a store in the table of this name, which is used with the role and the region of the environment.
    /// Nothing is read yet.
    #[must_use]
    pub fn new(table: impl Into<String>) -> Self {
        Self(Table::new(table, ATTEMPT_TIMEOUT))
    }

    /// Begins a write to the item of this budget.
    async fn update(&self, budget: &str) -> UpdateItemFluentBuilder {
        self.0
            .client()
            .await
            .update_item()
            .table_name(&self.0.name)
            .key("id", AttributeValue::S(format!("{ID_PREFIX}{budget}")))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Sets what a run holds to `tokens`, if the run holds `hold.tokens` and `taken` is as expected.
    ///
    /// # Errors
    /// [`BudgetStoreError`] if the table cannot be written.
    async fn write_hold(
        &self,
        hold: &Hold,
        tokens: u64,
        taken: ExpectedTaken,
    ) -> Result<Written, BudgetStoreError> {
        let run_condition = if hold.tokens == 0 { "attribute_not_exists(#run)" } else { "#run = :held" };
        let taken_condition = match taken {
            ExpectedTaken::AtMost(_) => "(attribute_not_exists(#taken) OR #taken <= :taken)",
            ExpectedTaken::Exactly(_) => "#taken = :taken",
            ExpectedTaken::Nothing => "attribute_not_exists(#taken)",
        };
        let mut request = self
            .update(&hold.budget)
            .await
            .update_expression("SET #run = :tokens, #expires = :expires ADD #taken :added")
            .condition_expression(format!("{run_condition} AND {taken_condition}"))
            .expression_attribute_names("#run", attribute_of(hold))
            .expression_attribute_names("#taken", "taken")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":tokens", number(tokens))
            .expression_attribute_values(":added", number(tokens.saturating_sub(hold.tokens)))
            .expression_attribute_values(":expires", number(hold.forget_at));
        if hold.tokens > 0 {
            request = request.expression_attribute_values(":held", number(hold.tokens));
        }
        let taken = match taken {
            ExpectedTaken::AtMost(taken) => Some(i128::from(taken)),
            ExpectedTaken::Exactly(taken) => Some(taken),
            ExpectedTaken::Nothing => None,
        };
        if let Some(taken) = taken {
            request = request.expression_attribute_values(":taken", AttributeValue::N(taken.to_string()));
        }
        sent(request.send().await)
    }

    /// Removes holds that have lapsed. If another process has changed one of them, nothing is removed.
    ///
    /// # Errors
    /// [`BudgetStoreError`] if the table cannot be written.
    async fn release(&self, budget: &str, lapsed: &[(&String, u64)]) -> Result<(), BudgetStoreError> {
        let names: Vec<String> = (0..lapsed.len()).map(|index| format!("#hold{index}")).collect();
        let conditions: Vec<String> =
            (0..lapsed.len()).map(|index| format!("#hold{index} = :hold{index}")).collect();
        let mut request = self
            .update(budget)
            .await
            .update_expression(format!("REMOVE {} ADD #taken :released", names.join(", ")))
            .condition_expression(conditions.join(" AND "))
            .expression_attribute_names("#taken", "taken")
            .expression_attribute_values(":released", AttributeValue::N(format!("-{}", sum_of(lapsed))));
        for (index, (name, tokens)) in lapsed.iter().enumerate() {
            request = request
                .expression_attribute_names(format!("#hold{index}"), *name)
                .expression_attribute_values(format!(":hold{index}"), number(*tokens));
        }
        sent(request.send().await).map(drop)
    }

    /// Reserves for a run. It writes at once, and looks at the item only if the condition of the write fails.
    ///
    /// # Errors
    /// [`BudgetStoreError`] if the table cannot be written.
    async fn reserve_for(&self, mut hold: Hold, demand: Demand, now: u64) -> Result<Grant, BudgetStoreError> {
        let Demand { at_least, wanted } = demand;
        if at_least > hold.limit {
            return Ok(Grant::Used);
        }
        // A budget that is smaller than what is wanted has another condition, which needs the item.
        let mut attempt = match hold.limit.checked_sub(wanted) {
            Some(max) => (wanted, ExpectedTaken::AtMost(max.saturating_add(hold.tokens))),
            None => (hold.limit, ExpectedTaken::Nothing),
        };
        let own = attribute_of(&hold);
        for _ in 0..MAX_ATTEMPTS {
            let (tokens, expected) = attempt;
            let record = match self.write_hold(&hold, tokens, expected).await? {
                Written::Done => return Ok(Grant::Reserved(tokens)),
                Written::Stale(record) => record,
                // Somebody sends too much. It must not open the budget: the run comes again later, as one for which others
                // hold the rest.
                Written::Throttled => return Ok(Grant::Held),
            };
            hold.tokens = record.holds.get(&own).copied().unwrap_or(0);
            // The response to an earlier attempt was lost, and the SDK has sent it again.
            if hold.tokens >= wanted {
                return Ok(Grant::Reserved(hold.tokens));
            }
            let (lapsed, others) = record.others(&own, now);
            for lapsed in lapsed.chunks(MAX_RELEASED) {
                self.release(&hold.budget, lapsed).await?;
            }
            // If another process has released them, the next attempt shows what there is now.
            let taken = record.taken.map(|taken| taken - i128::from(sum_of(&lapsed)));
            let used = taken.unwrap_or(0) - i128::from(others) - i128::from(hold.tokens);
            let used = u64::try_from(used.max(0)).unwrap_or(u64::MAX);
            attempt = match demand.grant(hold.limit, used, others) {
                Grant::Reserved(tokens) if tokens <= hold.tokens => return Ok(Grant::Reserved(hold.tokens)),
                Grant::Reserved(tokens) if tokens == wanted => {
                    let max = hold.limit.saturating_sub(wanted).saturating_add(hold.tokens);
                    (wanted, ExpectedTaken::AtMost(max))
                }
                Grant::Reserved(tokens) => {
                    (tokens, taken.map_or(ExpectedTaken::Nothing, ExpectedTaken::Exactly))
                }
                refused => return Ok(refused),
            };
        }
        // Others have written before each attempt, so they hold something.
        Ok(Grant::Held)
    }

    /// Ends what a run holds, and counts what it has used.
    ///
    /// # Errors
    /// [`BudgetStoreError`] if the table cannot be written, or if other writes came before each attempt.
    async fn settle_for(&self, mut hold: Hold, used: u64, now: u64) -> Result<(), BudgetStoreError> {
        let own = attribute_of(&hold);
        for _ in 0..MAX_ATTEMPTS {
            let request = self.update(&hold.budget).await.expression_attribute_names("#taken", "taken");
            let request = request.expression_attribute_names("#run", &own);
            let difference = i128::from(used) - i128::from(hold.tokens);
            let request = match hold.tokens {
                0 => request
                    .update_expression("SET #expires = :expires ADD #taken :difference")
                    .condition_expression("attribute_not_exists(#run)")
                    .expression_attribute_names("#expires", "expires")
                    .expression_attribute_values(":expires", number(hold.forget_at)),
                held => request
                    .update_expression("REMOVE #run ADD #taken :difference")
                    .condition_expression("#run = :held")
                    .expression_attribute_values(":held", number(held)),
            };
            let request =
                request.expression_attribute_values(":difference", AttributeValue::N(difference.to_string()));
            // Without a hold the write does not recognise itself. It is not sent again, so that the tokens do not count twice.
            let written = match hold.tokens {
                0 => {
                    let once = Builder::new().retry_config(RetryConfig::disabled());
                    sent(request.customize().config_override(once).send().await)
                }
                _ => sent(request.send().await),
            };
            match written? {
                Written::Done => return Ok(()),
                Written::Throttled => {
                    return Err(BudgetStoreError::new("the item of the budget is written too often"));
                }
                Written::Stale(record) => match record.holds.get(&own) {
                    Some(held) => hold.tokens = *held,
                    // It has lapsed, so that the tokens are not counted yet.
                    None if hold.lapses_at <= now => hold.tokens = 0,
                    // The response to an earlier attempt was lost, and the SDK has sent it again.
                    None => return Ok(()),
                },
            }
        }
        Err(BudgetStoreError::new("the item of the budget has changed before each attempt"))
    }
}

/// What `taken` has to be for a write.
#[derive(Debug, Clone, Copy)]
enum ExpectedTaken {
    /// At most this number, or there is no item.
    AtMost(u64),
    /// This number.
    Exactly(i128),
    /// There is no item.
    Nothing,
}

impl Record {
    /// Reads the attributes of an item.
    fn read(item: &Item) -> Self {
        let tokens = |value: &AttributeValue| value.as_n().ok()?.parse::<u64>().ok();
        let taken = |value: &AttributeValue| value.as_n().ok()?.parse::<i64>().ok().map(i128::from);
        let holds = item.iter().filter(|(name, _)| name.starts_with(HOLD_PREFIX));
        Self {
            taken: item.get("taken").map(|value| taken(value).unwrap_or(0)),
            holds: holds.filter_map(|(name, value)| Some((name.clone(), tokens(value)?))).collect(),
        }
    }

    /// Returns which holds of other runs have lapsed, and the sum of those that have not. `own` is the attribute of the run.
    fn others(&self, own: &str, now: u64) -> (Vec<(&String, u64)>, u64) {
        let others = self.holds.iter().filter(|(name, _)| *name != own);
        let (lapsed, held): (Vec<_>, Vec<_>) =
            others.map(|(name, tokens)| (name, *tokens)).partition(|(name, _)| lapses_at(name) <= now);
        (lapsed, sum_of(&held))
    }
}

impl BudgetStore for DynamoBudgetStore {
    /// Adds what the run holds to the item of the budget, if there is room.
    fn reserve<'a>(
        &'a self,
        hold: &'a Hold,
        demand: Demand,
        now: u64,
    ) -> BoxFuture<'a, Result<Grant, BudgetStoreError>> {
        self.reserve_for(hold.clone(), demand, now).boxed()
    }

    /// Replaces what the run holds by what it has used.
    fn settle<'a>(
        &'a self,
        hold: &'a Hold,
        used: u64,
        now: u64,
    ) -> BoxFuture<'a, Result<(), BudgetStoreError>> {
        self.settle_for(hold.clone(), used, now).boxed()
    }
}

/// Returns the name of the attribute with what a run holds. It has the time at which the hold lapses.
fn attribute_of(hold: &Hold) -> String {
    format!("{HOLD_PREFIX}{}#{}", hold.lapses_at, hold.run)
}

/// Returns when the hold in the attribute of this name lapses. A name that is malformed has lapsed.
fn lapses_at(attribute: &str) -> u64 {
    let time = attribute.strip_prefix(HOLD_PREFIX).and_then(|rest| rest.split('#').next());
    time.and_then(|time| time.parse().ok()).unwrap_or(0)
}

/// Returns how many tokens these holds have together.
fn sum_of(holds: &[(&String, u64)]) -> u64 {
    holds.iter().fold(0, |sum, (_, tokens)| sum.saturating_add(*tokens))
}

/// Returns a number as an attribute.
fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns what came of a conditional write that was sent.
///
/// # Errors
/// [`BudgetStoreError`] if the table cannot be written. Its cause is kept as text, because the `Debug` of the SDK's error
/// contains the body of the response.
fn sent(
    result: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>,
) -> Result<Written, BudgetStoreError> {
    let Err(error) = result else { return Ok(Written::Done) };
    match error.as_service_error() {
        Some(
            UpdateItemError::ProvisionedThroughputExceededException(_)
            | UpdateItemError::RequestLimitExceeded(_)
            | UpdateItemError::ThrottlingException(_),
        ) => Ok(Written::Throttled),
        Some(UpdateItemError::ConditionalCheckFailedException(found)) => {
            Ok(Written::Stale(found.item().map(Record::read).unwrap_or_default()))
        }
        _ => Err(BudgetStoreError::new(error_chain(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_tells_lapsed_holds_from_others() {
        let own = attribute_of(&Hold {
            budget: "b".into(),
            limit: 100,
            run: "own".into(),
            tokens: 5,
            lapses_at: 5,
            forget_at: 100,
        });
        let item: Item = [
            ("id", AttributeValue::S("budget#b".into())),
            ("taken", number(31)),
            ("expires", number(100)),
            (own.as_str(), number(1)),
            ("hold#10#a", number(2)),
            ("hold#11#b", number(4)),
            ("hold#12#c", number(8)),
            ("hold#malformed", number(16)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();

        let record = Record::read(&item);
        let (mut lapsed, others) = record.others(&own, 10);

        lapsed.sort();
        let lapsed: Vec<(&str, u64)> = lapsed.iter().map(|(name, tokens)| (name.as_str(), *tokens)).collect();
        assert_eq!(
            (record.taken, lapsed, others),
            (Some(31), vec![("hold#10#a", 2), ("hold#malformed", 16)], 12)
        );
    }

    #[test]
    fn missing_item_has_no_tokens() {
        let record = Record::default();
        assert_eq!((record.taken, record.others("hold#1#own", 0).1), (None, 0));
    }

    #[test]
    fn negative_number_is_read_as_it_is() {
        let item: Item = [("taken".to_owned(), AttributeValue::N("-5".into()))].into();
        assert_eq!(Record::read(&item).taken, Some(-5));
    }
}
