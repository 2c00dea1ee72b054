//! Shows what may not happen by itself: where it is added to the agent it needs a permission of the caller's and a person's
//! approval.

use ag_ui_lambda::tool::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::caller::Caller;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundArgs {
    /// Number of the order, e.g. `1234`.
    order_id: String,
    /// How much to pay back, in the order's currency.
    #[schemars(range(min = 0.01))]
    amount: f64,
}

/// A refund that was made.
#[derive(Debug, Serialize)]
pub struct Refund {
    order_id: String,
    amount: f64,
    status: &'static str,
}

/// The sample pays nothing. A real one hands the key on to its payment service, which then pays once.
pub async fn refund_order(
    context: ToolContext<Caller>,
    RefundArgs { order_id, amount }: RefundArgs,
) -> Result<Refund, ToolError> {
    info!(idempotency_key = context.idempotency_key(), "refund made");
    Ok(Refund { order_id, amount, status: "refunded" })
}
