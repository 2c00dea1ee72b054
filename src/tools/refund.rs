//! Shows a tool that must not run unchecked: `main.rs` makes it need a permission of the caller and the approval of a person.

use ag_ui_lambda::tool::{ToolContext, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::caller::Caller;

// The arguments of `refund_order`. Not a doc comment, because that would be in the schema that the model reads.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundArgs {
    /// Number of the order, e.g. `1234`.
    order_id: String,
    /// How much to pay back, in the order's currency.
    #[schemars(range(min = 0.01))]
    amount: f64,
}

/// What [`refund_order`] returns to the model.
#[derive(Debug, Serialize)]
pub struct Refund {
    order_id: String,
    amount: f64,
    status: &'static str,
}

/// The tool `refund_order`: refunds an order. This sample pays nothing and only logs the idempotency key. A real tool
/// passes the key on to its payment service, so that a repeated call does not pay twice.
pub async fn refund_order(
    context: ToolContext<Caller>,
    RefundArgs { order_id, amount }: RefundArgs,
) -> Result<Refund, ToolError> {
    info!(idempotency_key = context.idempotency_key(), "refund made");
    Ok(Refund { order_id, amount, status: "refunded" })
}
