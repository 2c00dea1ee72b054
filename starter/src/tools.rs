//! The tools of the agent. Each one is an async function with `#[tool]`; its doc comment is what the
//! model reads about it. Replace them with your own.

use ag_ui_lambda::prelude::*;
use tracing::info;

use crate::caller::Caller;

/// Adds the tools to an agent, each with the rules about who may call it. The function and the tests
/// use the same list.
pub fn add_to(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent
        .tool(find_order_tool())
        .tool(cancel_order_tool().needs_permission("orders:write").needs_approval())
}

// No doc comment: the model would read it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrderArgs {
    /// Number of the order, e.g. `A-17`.
    order: String,
}

/// An order, as the model and the user interface read it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Order {
    number: &'static str,
    #[serde(skip)]
    org: &'static str,
    total: f64,
    status: &'static str,
}

/// Sample data. Real tools ask a database or a service.
const ORDERS: &[Order] = &[
    Order { number: "A-17", org: "acme", total: 12.5, status: "paid" },
    Order { number: "A-18", org: "acme", total: 80.0, status: "shipped" },
    Order { number: "G-4", org: "globex", total: 7.0, status: "paid" },
];

/// Looks an order up.
#[tool]
async fn find_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
    order_of(context.caller(), &args.order)
}

/// Cancels an order that was not shipped yet.
#[tool]
async fn cancel_order(context: ToolContext<Caller>, args: OrderArgs) -> Result<Order, ToolError> {
    let order = order_of(context.caller(), &args.order)?;
    if order.status == "shipped" {
        return Err(ToolError::refused("The order was shipped, so it cannot be cancelled."));
    }
    // A real tool passes this key on, so that a repeated call does not cancel twice.
    info!(idempotency_key = context.idempotency_key(), "order cancelled");
    Ok(Order { status: "cancelled", ..order })
}

/// Returns an order of the caller's organisation. Orders of others are refused like unknown ones.
fn order_of(caller: &Caller, number: &str) -> Result<Order, ToolError> {
    let Some(org) = caller.org.as_deref() else {
        return Err(ToolError::refused("Only members of an organisation have orders."));
    };
    let found = ORDERS.iter().find(|order| order.number == number && order.org == org);
    found.copied().ok_or_else(|| ToolError::refused("There is no such order."))
}

#[cfg(test)]
mod tests {
    use ag_ui_lambda::demo;
    use ag_ui_lambda::model::{Script, Scripted};
    use ag_ui_lambda::testing::TestAgent;
    use serde_json::json;

    use super::*;

    /// A member of acme with these permissions.
    fn ada(permissions: &[&str]) -> Caller {
        let permissions = permissions.iter().map(ToString::to_string).collect();
        Caller { org: Some("acme".into()), permissions }
    }

    /// The agent with a model that calls the tool which a message names.
    fn agent() -> TestAgent<Caller> {
        TestAgent::new(add_to(Agent::builder(demo(Default::default()))).build().unwrap())
    }

    #[tokio::test]
    async fn orders_of_others_are_refused_like_unknown_ones() {
        let anonymous = Caller::default();
        for (caller, order, sentence) in [
            (ada(&[]), "G-4", "There is no such order."),
            (ada(&[]), "X-1", "There is no such order."),
            (anonymous, "A-17", "Only members of an organisation have orders."),
        ] {
            let args = OrderArgs { order: order.into() };

            let result = find_order(ToolContext::for_test(caller), args).await;

            assert_eq!(result.unwrap_err().to_string(), sentence, "{order}");
        }
    }

    #[tokio::test]
    async fn the_model_reads_an_order_and_answers() {
        let model = Scripted::turns([
            Script::new().call("call-1", "find_order", &json!({ "order": "A-17" })),
            Script::new().text("It costs 12.50."),
        ]);
        let agent = TestAgent::new(add_to(Agent::builder(model)).build().unwrap());

        let run = agent.caller(ada(&[])).says("What does A-17 cost?").await;

        let order = json!({ "number": "A-17", "total": 12.5, "status": "paid" });
        assert_eq!(run.call("find_order").result_json(), order);
        assert_eq!(run.text, "It costs 12.50.");
    }

    #[tokio::test]
    async fn an_order_is_cancelled_after_an_approval() {
        let mut ada = agent().caller(ada(&["orders:write"]));

        let asked = ada.says(r#"/cancel_order {"order": "A-17"}"#).await;
        assert_eq!(asked.call("cancel_order").result, None); // it waits

        let run = ada.approve(asked.interrupt()).await;
        assert_eq!(run.call("cancel_order").result_json()["status"], "cancelled");
    }

    #[tokio::test]
    async fn a_caller_without_the_permission_is_not_offered_the_tool() {
        let run = agent().caller(ada(&[])).says(r#"/cancel_order {"order": "A-17"}"#).await;

        assert_eq!(run.calls, []);
        assert_eq!(run.interrupts, []);
    }
}
