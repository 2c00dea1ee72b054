//! The code of docs/testing.md. Its tests run here.

use ag_ui_lambda::demo;
use ag_ui_lambda::model::{Script, Scripted};
use ag_ui_lambda::prelude::*;
use ag_ui_lambda::testing::TestAgent;
use serde_json::json;

struct Caller {
    org: String,
    permissions: Vec<String>,
}

impl Grants for Caller {
    /// Whether the caller has the permission.
    fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| held == permission)
    }
}

fn caller(claims: &Claims) -> Result<Caller, Forbidden> {
    let org = claims.text("org").ok_or(Forbidden)?.to_owned();
    Ok(Caller { org, permissions: claims.list("permissions") })
}

/// Ada, who may refund orders of the shop.
fn ada() -> Caller {
    Caller { org: "acme".into(), permissions: vec!["refunds:write".into()] }
}

#[derive(Deserialize, JsonSchema)]
struct OrderArgs {
    order: String,
}

#[derive(Serialize)]
struct Order {
    total: f64,
}

/// Finds orders of one organisation.
async fn find_order(context: ToolContext<Caller>, _: OrderArgs) -> Result<Order, ToolError> {
    if context.caller().org != "acme" {
        return Err(ToolError::refused("There is no such order."));
    }
    Ok(Order { total: 12.5 })
}

/// Refunds an order.
async fn refund(args: OrderArgs) -> Result<String, ToolError> {
    Ok(format!("Order {} is refunded.", args.order))
}

#[tokio::test]
async fn an_order_of_another_organisation_is_refused() {
    let context = ToolContext::for_test(Caller { org: "other".into(), permissions: Vec::new() });
    let result = find_order(context, OrderArgs { order: "A-17".into() }).await;
    assert!(matches!(result, Err(ToolError::Refused { .. })));
}

fn with_tools(agent: AgentBuilder<Caller>) -> AgentBuilder<Caller> {
    agent.tool(tool_fn("find_order", "Looks an order up.", find_order)).tool(
        tool_fn("refund", "Refunds an order.", refund).needs_permission("refunds:write").needs_approval(),
    )
}

#[tokio::test]
async fn the_model_reads_the_order() {
    let model = Scripted::turns([
        Script::new().call("call-1", "find_order", &json!({ "order": "A-17" })),
        Script::new().text("It is on its way."),
    ]);
    let agent = TestAgent::new(with_tools(Agent::builder(model)).build().unwrap());

    let run = agent.caller(ada()).says("Where is A-17?").await;

    assert_eq!(run.call("find_order").result_json()["total"], 12.5);
    assert_eq!(run.text, "It is on its way.");
}

/// An agent whose model calls the tool that the message names.
fn agent() -> TestAgent<Caller> {
    TestAgent::new(with_tools(Agent::builder(demo(Default::default()))).build().unwrap())
}

#[tokio::test]
async fn claims_decide_what_a_caller_may_do() {
    let claims = Claims::from_session("bob").with_claim("org", "other");
    let run = agent().caller(caller(&claims).unwrap()).says(r#"/find_order {"order": "A-17"}"#).await;
    assert_eq!(run.call("find_order").result_json()["error"], "There is no such order.");

    assert_eq!(caller(&Claims::from_session("eve")).err(), Some(Forbidden)); // the client receives 403
}

#[tokio::test]
async fn a_refund_waits_for_an_approval() {
    let mut ada = agent().caller(ada());

    let asked = ada.says(r#"/refund {"order": "A-17"}"#).await;
    assert_eq!(asked.call("refund").result, None); // it waits

    let run = ada.approve(asked.interrupt()).await; // or `deny`, or `cancel`
    assert_eq!(run.call("refund").result.as_deref(), Some("Order A-17 is refunded."));
}

#[tokio::test]
async fn the_page_shows_a_map() {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let mut ada = agent().caller(ada()).with_frontend_tool("show_map", "Shows a map.", schema);

    let run = ada.says(r#"/show_map {"city": "Berlin"}"#).await;
    assert_eq!(run.call("show_map").arguments["city"], "Berlin");

    let run = ada.returns(run.call("show_map"), "The map is shown.").await;
    assert_eq!(run.error, None);
}
