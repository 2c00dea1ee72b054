//! The request that docs/approvals.md shows is accepted exactly as it is printed there.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use ag_ui_lambda::agent::{Agent, RunRequest};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::auth::Principal;
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{ToolContext, tool_fn};
use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::shop::KEY;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Refund {
    order_id: String,
    amount: f64,
}

/// Returns an agent with a fixed clock and the key of the tests, whose model makes the documented call.
fn agent(now: u64, call: &Value) -> Agent<()> {
    let (id, name) = (call["id"].as_str().unwrap().to_owned(), call["function"]["name"].clone());
    assert_eq!(name, "refund_order");
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    let model = Scripted::new(move |request| match request.history.last() {
        Some(Turn::Results(_)) => Script::new().text("Done."),
        _ => Script::new().call(&id, "refund_order", &arguments),
    });
    let refund = async |_: ToolContext<()>, args: Refund| Ok(args);
    let approvals = Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap())
        .clock(move || UNIX_EPOCH + Duration::from_secs(now));
    let tool = tool_fn("refund_order", "Refunds an order.", refund).needs_approval();
    Agent::builder(model).tool(tool).approvals(approvals).anonymous_approvals(true).build().unwrap()
}

/// Runs the agent and returns its events, or the error of a run that does not start.
async fn run(agent: &Agent<()>, input: Value) -> Result<Vec<Value>, String> {
    let received = RunAgentInput::read(input).map_err(|error| error.to_string())?;
    assert_eq!((received.dropped, received.unknown_members), (vec![], 0));
    let run = agent.run(RunRequest::new((), received.input).principal(Principal::anonymous())).await;
    let run = run.map_err(|refusal| refusal.to_string())?;
    Ok(run.map(|event| serde_json::to_value(event).unwrap()).collect().await)
}

#[tokio::test]
async fn documented_request_is_accepted_unchanged() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/approvals.md")).unwrap();
    let block = docs.split("```json\n").find(|block| block.contains("\"resume\"")).unwrap();
    let body: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
    let id = body["resume"][0]["interruptId"].as_str().unwrap();
    let signed: u64 = id.split('.').nth(3).unwrap().parse().unwrap();
    let call = &body["messages"][1]["toolCalls"][0];
    let agent = agent(signed, call);

    let events = run(&agent, body.clone()).await.unwrap();

    let result = events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    let result: Value = serde_json::from_str(result["content"].as_str().unwrap()).unwrap();
    if result["interrupt"].is_string() {
        let mut first = body.clone();
        first["runId"] = "run-1".into();
        first["messages"].as_array_mut().unwrap().truncate(1);
        first["resume"] = json!([]);
        let asked = run(&agent, first).await.unwrap();
        let fresh = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
        panic!("the docs may have this id: {fresh}");
    }
    assert_eq!(result, json!({"order_id": "1234", "amount": 20.0}));
    assert_eq!(events.last().unwrap()["outcome"]["type"], "success");
}
