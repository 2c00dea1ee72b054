//! Answers that arrive after a redeployment: the tools may ask, accept or require something else by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ag_ui_lambda::agent::{Agent, RunRequest};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::auth::Principal;
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{Interrupts, MissingGrant, NoArgs, Tool, ToolContext, ToolError};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::shop::{KEY, Shop, ShopResponse, refund_call, request_calls};

/// Returns the types of the events in a response.
fn event_types(response: &ShopResponse) -> Vec<&str> {
    response.events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn changed_question_is_asked_again() {
    let shop = Shop::new();
    let request = request_calls(&[("shoes", json!({}))]);
    let approval = shop.send(&request).await;
    let approved = request.following(&approval).approve(&approval.interrupt_id());
    let question = shop.send(&approved).await;
    let answer = |response: &ShopResponse| {
        approved.following(response).resolve(&response.interrupt_id(), json!({"size": 42}))
    };

    let changed = shop.redeployed().send(&answer(&question)).await;

    let [interrupt] = changed.interrupts().try_into().unwrap();
    assert_eq!(
        interrupt["message"],
        "The question has changed since it was answered. Which size, for children?"
    );
    assert_ne!(interrupt["id"], question.interrupt_id());
    assert_eq!(shop.executed_calls(), []);
    // The answer to the new question counts for it, and does not answer the old one.
    let old = shop.send(&approved.following(&question).resolve(&interrupt["id"], json!({"size": 36}))).await;
    assert_eq!((old.interrupts().len(), shop.executed_calls()), (1, vec![]));
    let response = shop
        .redeployed()
        .send(&approved.following(&question).resolve(&interrupt["id"], json!({"size": 36})))
        .await;
    assert_eq!(response.result_of("c1"), Some(json!({"ordered": 36})));
}

#[tokio::test]
async fn invalid_answers_do_not_extend_the_expiry() {
    let shop = Shop { send_expires_at: true, ..Shop::new() };
    let request = request_calls(&[("shoes", json!({}))]);
    let approval = shop.send(&request).await;
    let passes = |seconds: u64| {
        shop.now.fetch_add(seconds, Ordering::SeqCst);
    };
    let ends = |response: &ShopResponse| response.interrupts()[0]["expiresAt"].clone();
    assert_eq!(ends(&approval), "2027-01-15T08:15:00Z");
    let approved = request.following(&approval).approve(&approval.interrupt_id());

    // A question has its own expiry, counted from when it is first asked.
    passes(800);
    let mut question = shop.send(&approved).await;
    assert_eq!(ends(&question), "2027-01-15T08:28:20Z");
    for _ in 0..3 {
        passes(200);
        let wrong = approved.following(&question).resolve(&question.interrupt_id(), json!({"size": 60}));
        question = shop.send(&wrong).await;
        assert_eq!(ends(&question), "2027-01-15T08:28:20Z");
    }
    // A changed question does not extend the expiry either.
    let changed = approved.following(&question).resolve(&question.interrupt_id(), json!({"size": 42}));
    question = shop.redeployed().send(&changed).await;
    assert_eq!(ends(&question), "2027-01-15T08:28:20Z");

    passes(300);
    let late = approved.following(&question).resolve(&question.interrupt_id(), json!({"size": 42}));
    assert_eq!(shop.redeployed().send(&late).await.result_of("c1").unwrap()["interrupt"], "expired");
    assert_eq!(shop.executed_calls(), []);
}

#[tokio::test]
async fn one_invalid_answer_keeps_the_model_waiting() {
    let shop = Shop::new();
    let request = request_calls(&[refund_call(), refund_call()]);
    let response = shop.send(&request).await;
    let [first, second] = response.interrupts().try_into().unwrap();

    let unclear = json!({"approved": "perhaps"});
    let next = request.following(&response).approve(&first["id"]).resolve(&second["id"], unclear);
    let resumed = shop.send(&next).await;

    assert_eq!(event_types(&resumed), ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
    assert!(resumed.result_of("c1").is_some());
    assert_eq!(resumed.interrupt_id(), second["id"]);
}

/// A tool that is available to everyone until its rule panics.
struct PanickingTool(Arc<AtomicBool>);

impl Tool<()> for PanickingTool {
    type Args = NoArgs;
    type Output = &'static str;

    fn name(&self) -> &str {
        "moody"
    }

    fn description(&self) -> &str {
        "Waits."
    }

    fn authorize_caller(&self, _: &()) -> Result<(), MissingGrant> {
        assert!(!self.0.load(Ordering::SeqCst), "the rule is broken");
        Ok(())
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts::default().question(true)
    }

    async fn call(&self, context: ToolContext<()>, _: NoArgs) -> Result<&'static str, ToolError> {
        context.ask::<u8>("How many?")?;
        Ok("done")
    }
}

#[tokio::test]
async fn panic_in_authorize_caller_hides_the_tool() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let model = Scripted::new(|request| match request.history.last() {
        Some(Turn::Results(_)) => Script::new().text("Done."),
        _ => Script::new().call("c1", "moody", &json!({})),
    });
    let approvals = Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap());
    let agent = Agent::builder(model)
        .tool(PanickingTool(Arc::clone(&is_broken)))
        .approvals(approvals)
        .anonymous_approvals(true)
        .build()
        .unwrap();
    let anonymous = Principal::anonymous();
    let run = async |messages: Value, resume: Value| {
        let input = json!({"threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": messages, "resume": resume});
        let input = RunAgentInput::read(input).unwrap().input;
        let run = agent.run(RunRequest::new((), input).principal(anonymous.clone())).await.unwrap();
        run.map(|event| serde_json::to_value(event).unwrap()).collect::<Vec<Value>>().await
    };
    let result = |events: &[Value]| {
        events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap()["content"].clone()
    };
    let user = json!({"id": "u1", "role": "user", "content": "Go"});
    let events = run(json!([user]), json!([])).await;
    let id = &events.last().unwrap()["outcome"]["interrupts"][0]["id"];
    is_broken.store(true, Ordering::SeqCst);

    let call = json!({"id": "c1", "type": "function", "function": {"name": "moody", "arguments": "{}"}});
    let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
    let resumed = run(messages, json!([{"interruptId": id, "status": "resolved", "payload": 7}])).await;
    let made = run(json!([user]), json!([])).await;

    for events in [resumed, made] {
        assert_eq!(result(&events), r#"{"error":"There is no tool of that name."}"#);
        assert_eq!(events.last().unwrap()["outcome"]["type"], "success");
    }
    let response = serde_json::to_value(agent.capabilities(&(), Some(&anonymous))).unwrap();
    assert_eq!(response["tools"]["items"], json!([]));
}
