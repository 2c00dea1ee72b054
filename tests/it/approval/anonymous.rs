//! Approvals of callers about whom nothing is proven: closed, unless the agent opens them.

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::tool::{NoArgs, ToolContext, tool_fn};
use serde_json::{Value, json};

use super::shop::{KEY, run_agent};

/// Returns an agent with a tool that needs an approval and one that does not, whose model calls the first of them that it is
/// offered.
fn agent(is_open: bool) -> Agent<()> {
    let model = Scripted::new(|request| match request.history.last() {
        Some(Turn::Results(_)) => Script::new().text("Done."),
        _ if request.offers("pay") => Script::new().call("c1", "pay", &json!({})),
        _ => Script::new().call("c2", "look", &json!({})),
    });
    let pay = async |_: ToolContext<()>, _: NoArgs| Ok("paid");
    let look = async |_: ToolContext<()>, _: NoArgs| Ok("seen");
    Agent::builder(model)
        .tool(tool_fn("pay", "Pays.", pay).needs_approval())
        .tool(tool_fn("look", "Looks.", look))
        .approvals(Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap()))
        .anonymous_approvals(is_open)
        .build()
        .unwrap()
}

/// Returns the results of a run, each with the id of its call.
fn results(events: &[Value]) -> Vec<(&str, &str)> {
    let results = events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.map(|event| (event["toolCallId"].as_str().unwrap(), event["content"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn gated_tools_are_offered_only_if_approvals_are_open() {
    let user = json!([{"id": "u1", "role": "user", "content": "Go"}]);

    let opened = run_agent(&agent(true), &user, json!([])).await;
    assert_eq!(opened.last().unwrap()["outcome"]["type"], "interrupt");

    let closed = run_agent(&agent(false), &user, json!([])).await;
    assert_eq!(closed.last().unwrap()["outcome"]["type"], "success");
    assert_eq!(results(&closed), [("c2", "seen")]);
    let result = closed.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap();
    assert!(result["metadata"]["ag_ui_lambda"]["signature"].is_string(), "it is signed all the same");
}

#[tokio::test]
async fn open_interrupt_is_declined_after_approvals_are_closed() {
    let user = json!({"id": "u1", "role": "user", "content": "Go"});
    let asked = run_agent(&agent(true), &json!([user]), json!([])).await;
    let id = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let call = json!({"id": "c1", "type": "function", "function": {"name": "pay", "arguments": "{}"}});
    let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
    let answers = json!([{"interruptId": id, "status": "resolved", "payload": {"approved": true}}]);

    let opened = run_agent(&agent(true), &messages, answers.clone()).await;
    assert_eq!(results(&opened), [("c1", "paid")]);

    let closed = run_agent(&agent(false), &messages, answers).await;
    let [("c1", result)] = results(&closed)[..] else { panic!("{closed:#?}") };
    assert!(result.contains("No result of this call is known."), "{result}");
    assert_eq!(closed.last().unwrap()["outcome"]["type"], "success");
}
