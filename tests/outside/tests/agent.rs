//! The agent, tested with the test kit.

use ag_ui_lambda::model::{Script, Scripted, demo};
use ag_ui_lambda::testing::{TestAgent, TestClient};
use ag_ui_lambda::{Agent, Claims};
use outside::{Caller, agent};
use serde_json::json;

/// A client of Ada, whose organisation has orders. `permissions` are what she may do.
fn ada(permissions: &[&str]) -> TestClient<Caller> {
    let agent = agent(Agent::builder(demo(Default::default()))).unwrap();
    let permissions = permissions.iter().map(ToString::to_string).collect();
    TestAgent::new(agent).caller(Caller { org: "acme".into(), permissions })
}

#[tokio::test]
async fn model_reads_the_order_and_answers() {
    let model = Scripted::turns([
        Script::new().call("call-1", "find_order", &json!({ "order": "A-17" })),
        Script::new().text("It costs 12.50."),
    ]);
    let agent = TestAgent::new(agent(Agent::builder(model)).unwrap());

    let run = agent.caller(Caller { org: "acme".into(), permissions: Vec::new() }).says("A-17?").await;

    assert_eq!(run.call("find_order").result_json(), json!({ "number": "A-17", "total": 12.5 }));
    assert_eq!(run.text, "It costs 12.50.");
}

#[tokio::test]
async fn refund_waits_for_an_approval() {
    let mut ada = ada(&["orders:refund"]);

    let asked = ada.says(r#"/refund_order {"order": "A-17"}"#).await;
    assert_eq!(asked.call("refund_order").result, None);

    let run = ada.approve(asked.interrupt()).await;
    assert_eq!(run.call("refund_order").result.as_deref(), Some("Order A-17 is refunded."));
}

#[tokio::test]
async fn caller_without_the_permission_is_not_offered_the_refund() {
    let run = ada(&[]).says(r#"/refund_order {"order": "A-17"}"#).await;

    // The demo model says so, because it calls only what it is offered.
    assert_eq!(run.calls, []);
    assert_eq!(run.interrupts, []);
}

#[test]
fn caller_without_an_organisation_is_refused() {
    assert!(Caller::from_claims(&Claims::from_session("ada")).is_err());
    let claims = Claims::from_session("ada").with_claim("org", "acme");
    assert_eq!(Caller::from_claims(&claims).unwrap().org, "acme");
}
