//! What may have changed by the time an answer comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::approval::{ApprovalKeys, Approvals, Identity};
use ag_ui_lambda::model::{Script, Scripted, Turn};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::tool::{Interrupts, Lack, NoArgs, Tool, ToolContext, ToolError};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::shop::{KEY, Shop, Told, calls, refund};

fn kinds(told: &Told) -> Vec<&str> {
    told.events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn given_a_question_that_is_another_one_by_now_then_it_is_put_and_the_old_answer_is_not_used() {
    let shop = Shop::new();
    let asked = calls(&[("shoes", json!({}))]);
    let approval = shop.send(&asked).await;
    let approved = asked.after(&approval).approve(&approval.id());
    let question = shop.send(&approved).await;
    let answer = |told: &Told| approved.after(told).resolve(&told.id(), json!({"size": 42}));

    let changed = shop.later().send(&answer(&question)).await;

    let [interrupt] = changed.interrupts().try_into().unwrap();
    assert_eq!(
        interrupt["message"],
        "The question has changed since it was answered. Which size, for children?"
    );
    assert_ne!(interrupt["id"], question.id());
    assert_eq!(shop.done(), []);
    // An answer to the new one is none to the old one, and counts for its own.
    let old = shop.send(&approved.after(&question).resolve(&interrupt["id"], json!({"size": 36}))).await;
    assert_eq!((old.interrupts().len(), shop.done()), (1, vec![]));
    let told =
        shop.later().send(&approved.after(&question).resolve(&interrupt["id"], json!({"size": 36}))).await;
    assert_eq!(told.result("c1"), Some(json!({"ordered": 36})));
}

#[tokio::test]
async fn given_answers_that_do_not_fit_then_the_question_keeps_its_time() {
    let shop = Shop { send_expires_at: true, ..Shop::new() };
    let asked = calls(&[("shoes", json!({}))]);
    let approval = shop.send(&asked).await;
    let passes = |seconds: u64| {
        shop.now.fetch_add(seconds, Ordering::SeqCst);
    };
    let ends = |told: &Told| told.interrupts()[0]["expiresAt"].clone();
    assert_eq!(ends(&approval), "2027-01-15T08:15:00Z");
    let approved = asked.after(&approval).approve(&approval.id());

    // A question has a life of its own, from when it is first put.
    passes(800);
    let mut question = shop.send(&approved).await;
    assert_eq!(ends(&question), "2027-01-15T08:28:20Z");
    for _ in 0..3 {
        passes(200);
        let wrong = approved.after(&question).resolve(&question.id(), json!({"size": 60}));
        question = shop.send(&wrong).await;
        assert_eq!(ends(&question), "2027-01-15T08:28:20Z");
    }
    // A change of the question is no reason for more time either.
    let changed = approved.after(&question).resolve(&question.id(), json!({"size": 42}));
    question = shop.later().send(&changed).await;
    assert_eq!(ends(&question), "2027-01-15T08:28:20Z");

    passes(300);
    let late = approved.after(&question).resolve(&question.id(), json!({"size": 42}));
    assert_eq!(shop.later().send(&late).await.result("c1").unwrap()["interrupt"], "expired");
    assert_eq!(shop.done(), []);
}

#[tokio::test]
async fn given_one_answer_that_counts_and_one_that_does_not_then_the_model_is_not_asked() {
    let shop = Shop::new();
    let asked = calls(&[refund(), refund()]);
    let told = shop.send(&asked).await;
    let [first, second] = told.interrupts().try_into().unwrap();

    let unclear = json!({"approved": "perhaps"});
    let next = asked.after(&told).approve(&first["id"]).resolve(&second["id"], unclear);
    let resumed = shop.send(&next).await;

    assert_eq!(kinds(&resumed), ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
    assert!(resumed.result("c1").is_some());
    assert_eq!(resumed.id(), second["id"]);
}

/// Offered to all, until its rule breaks.
struct Moody(Arc<AtomicBool>);

impl Tool<()> for Moody {
    type Args = NoArgs;
    type Output = &'static str;

    fn name(&self) -> &str {
        "moody"
    }

    fn description(&self) -> &str {
        "Waits."
    }

    fn admits(&self, _: &()) -> Result<(), Lack> {
        assert!(!self.0.load(Ordering::SeqCst), "the rule is broken");
        Ok(())
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts { question: true, ..Interrupts::default() }
    }

    async fn call(&self, context: ToolContext<()>, _: NoArgs) -> Result<&'static str, ToolError> {
        context.ask::<u8>("How many?")?;
        Ok("done")
    }
}

#[tokio::test]
async fn given_a_rule_of_whom_a_tool_is_offered_to_that_panics_then_it_is_offered_to_nobody() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let model = Scripted::new(|request| match request.history.last() {
        Some(Turn::Results(_)) => Script::new().text("Done."),
        _ => Script::new().call("c1", "moody", &json!({})),
    });
    let approvals = Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap());
    let agent =
        Agent::builder(model).tool(Moody(Arc::clone(&is_broken))).approvals(approvals).build().unwrap();
    let anonymous = Identity::anonymous();
    let run = async |messages: Value, resume: Value| {
        let input = json!({"threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": messages, "resume": resume});
        let input = RunAgentInput::read(input).unwrap().input;
        let run = agent.run((), Some(anonymous.clone()), input, None).await.unwrap();
        run.map(|event| serde_json::to_value(event).unwrap()).collect::<Vec<Value>>().await
    };
    let result = |events: &[Value]| {
        events.iter().find(|event| event["type"] == "TOOL_CALL_RESULT").unwrap()["content"].clone()
    };
    let user = json!({"id": "u1", "role": "user", "content": "Go"});
    let asked = run(json!([user]), json!([])).await;
    let id = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
    is_broken.store(true, Ordering::SeqCst);

    let call = json!({"id": "c1", "type": "function", "function": {"name": "moody", "arguments": "{}"}});
    let messages = json!([user, {"id": "a1", "role": "assistant", "toolCalls": [call]}]);
    let resumed = run(messages, json!([{"interruptId": id, "status": "resolved", "payload": 7}])).await;
    let made = run(json!([user]), json!([])).await;

    for events in [resumed, made] {
        assert_eq!(result(&events), r#"{"error":"There is no tool of that name."}"#);
        assert_eq!(events.last().unwrap()["outcome"]["type"], "success");
    }
    let told = serde_json::to_value(agent.capabilities(&(), Some(&anonymous))).unwrap();
    assert_eq!(told["tools"]["items"], json!([]));
}
