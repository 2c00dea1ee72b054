//! The test kit, used as an author of an agent uses it.

use ag_ui_lambda::agent::{Agent, Limits, RunOutcome};
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::model::{CallResult, ModelErrorKind, Request, Script, Scripted, Turn};
use ag_ui_lambda::protocol::EventKind;
use ag_ui_lambda::testing::{TestAgent, TestClient};
use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
use futures_util::FutureExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
struct RefundArgs {
    amount: u32,
}

#[derive(Deserialize, JsonSchema)]
struct Size {
    size: u8,
}

/// Refunds an amount, and returns who did it.
async fn refund(context: ToolContext<&'static str>, args: RefundArgs) -> Result<Value, ToolError> {
    Ok(json!({ "by": *context.caller(), "amount": args.amount }))
}

/// Counts its calls in the shared state, and shows a custom event.
async fn count(context: ToolContext<&'static str>, _: NoArgs) -> Result<u32, ToolError> {
    let count = context.state().get::<u32>("/count")?.unwrap_or_default() + 1;
    context.state().set("/count", count).await?;
    context.progress().custom("com.acme.counted", count).await?;
    Ok(count)
}

/// Asks for a size, and returns it.
async fn order(context: ToolContext<&'static str>, _: NoArgs) -> Result<u8, ToolError> {
    Ok(context.ask::<Size>("Which size?")?.size)
}

/// The agent of these tests: a message `tool {json}` calls these tools, one for each line, and the model then repeats the
/// results.
fn agent() -> Agent<&'static str> {
    Agent::builder(Scripted::new(play))
        .tool(tool_fn("refund", "Refunds an amount.", refund).needs_approval().editable())
        .tool(tool_fn("count", "Counts.", count))
        .tool(tool_fn("order", "Orders a shirt.", order).may_ask())
        .build()
        .unwrap()
}

/// The script of the model in [`agent`].
fn play(request: &Request) -> Script {
    if let Some(Turn::Results(results)) = request.history.last() {
        let text = |result: &CallResult| result.content.text();
        return Script::new().text("Done: ").text(results.iter().map(text).collect::<Vec<_>>().join(" "));
    }
    let text = request.last_user_text();
    if text == "fail" {
        return Script::new().fail(ModelErrorKind::Throttled);
    }
    (1..).zip(text.lines()).fold(Script::new().text("Wait."), |script, (number, line)| {
        match line.split_once(' ') {
            Some((tool, arguments)) => {
                let arguments = serde_json::from_str(arguments).unwrap();
                script.call(&format!("call-{number}"), tool, &arguments)
            }
            None => script,
        }
    })
}

/// A client of Ada.
fn ada() -> TestClient<&'static str> {
    TestAgent::new(agent()).caller("ada")
}

/// The message with which this panics.
async fn panic_message<T>(future: impl Future<Output = T>) -> String {
    let panic = std::panic::AssertUnwindSafe(future).catch_unwind().await.err().unwrap();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap()
}

#[tokio::test]
async fn a_run_shows_events_text_calls_and_state() {
    let run = ada().with_state(json!({ "count": 4 })).says("count {}").await;

    assert_eq!(run.text, "Wait.\nDone: 5");
    assert_eq!(run.state, json!({ "count": 5 }));
    let call = run.call("count");
    assert_eq!((call.id.as_str(), &call.arguments, call.result_json()), ("call-1", &json!({}), json!(5)));
    assert_eq!(run.calls.len(), 1);
    assert!(run.interrupts.is_empty());
    assert_eq!((run.error, run.result), (None, None));
    let counted =
        |event: &EventKind| matches!(event, EventKind::Custom { name, .. } if name == "com.acme.counted");
    assert!(run.events.iter().any(|event| counted(&event.kind)), "progress is among the events");
}

#[tokio::test]
async fn a_thread_keeps_its_messages_and_its_state() {
    let mut ada = ada();
    ada.says("count {}").await;

    // The script gives the call the same id again.
    let second = ada.says("count {}").await;

    assert_eq!((second.text.as_str(), &second.state), ("Wait.\nDone: 2", &json!({ "count": 2 })));
    assert_eq!(second.calls.len(), 1);
    assert_eq!(second.call("count").result_json(), json!(2));
}

#[tokio::test]
async fn an_approved_call_runs_and_a_denied_one_does_not() {
    let mut ada = ada();
    let asked = ada.says(r#"refund {"amount": 7}"#).await;
    assert_eq!(asked.call("refund").result, None);
    assert_eq!(asked.call("refund").arguments, json!({ "amount": 7 }));

    let approved = ada.approve(asked.interrupt()).await;
    assert_eq!(approved.call("refund").result_json(), json!({ "by": "ada", "amount": 7 }));
    assert_eq!(approved.call("refund").arguments, json!({ "amount": 7 }));
    assert!(approved.text.starts_with("Done: "), "{}", approved.text);

    let asked = ada.says(r#"refund {"amount": 8}"#).await;
    let denied = ada.deny(asked.interrupt()).await;
    assert_eq!(denied.call("refund").result_json()["interrupt"], "denied");

    let asked = ada.says(r#"refund {"amount": 9}"#).await;
    let edited = json!({ "approved": true, "editedArgs": { "amount": 1 } });
    let edited = ada.answer(asked.interrupt(), edited).await;
    assert_eq!(edited.call("refund").result_json(), json!({ "by": "ada", "amount": 1 }));
}

#[tokio::test]
async fn a_question_gets_its_answer() {
    let mut ada = ada();
    let asked = ada.says("order {}").await;
    assert_eq!(asked.interrupt().message.as_deref(), Some("Which size?"));

    let answered = ada.answer(asked.interrupt(), json!({ "size": 42 })).await;

    assert_eq!(answered.call("order").result.as_deref(), Some("42"));
}

#[tokio::test]
async fn a_cancelled_interrupt_has_no_answer() {
    for (message, tool) in [(r#"refund {"amount": 7}"#, "refund"), ("order {}", "order")] {
        let mut ada = ada();
        let asked = ada.says(message).await;

        let cancelled = ada.cancel(asked.interrupt()).await;

        assert_eq!(cancelled.call(tool).result_json()["interrupt"], "cancelled", "{tool}");
        // The thread continues.
        assert_eq!(ada.says("count {}").await.call("count").result_json(), 1);
    }
}

#[tokio::test]
async fn a_frontend_tool_gets_its_result_from_the_client() {
    let mut ada = ada().with_frontend_tool("show_map", "Shows a map.", json!({ "type": "object" }));
    let run = ada.says(r#"show_map {"city": "Berlin"}"#).await;
    let call = run.call("show_map");
    assert_eq!((&call.arguments, &call.result), (&json!({ "city": "Berlin" }), &None));

    let run = ada.returns(call, "It is shown.").await;

    assert_eq!(run.text, "Done: It is shown.");
}

#[tokio::test]
async fn results_of_frontend_tools_go_with_the_answers_of_a_person() {
    let mut ada = ada().with_frontend_tool("show_map", "Shows a map.", json!({ "type": "object" }));
    let run = ada.says("show_map {}\nrefund {\"amount\": 7}\nshow_map {}").await;
    let [first, _, second] = run.calls.as_slice() else { panic!("{:?}", run.calls) };

    ada.add_result(first, "The first.");
    ada.add_result(second, "The second.");
    let run = ada.approve(run.interrupt()).await;

    assert_eq!(run.text, r#"Done: The first. {"amount":7,"by":"ada"} The second."#);
}

#[tokio::test]
async fn a_refused_call_has_the_reason() {
    async fn refused(_: ToolContext<&'static str>, _: NoArgs) -> Result<String, ToolError> {
        Err(ToolError::refused("There is no such order."))
    }
    let limited = tool_fn("limited", "Refunds an amount.", refund).allowed_if(|_, args| args.amount < 10);
    let agent =
        Agent::builder(Scripted::new(play)).tool(tool_fn("refused", "Refuses.", refused)).tool(limited);
    let mut ada = TestAgent::new(agent.build().unwrap()).caller("ada");

    let run = ada.says("refused {}\nlimited {\"amount\": 10}").await;

    assert_eq!(run.call("refused").result_json()["error"], "There is no such order.");
    assert_eq!(run.call("limited").result_json()["error"], "This call is not allowed with these arguments.");
}

#[tokio::test]
async fn several_interrupts_are_answered_at_once() {
    let mut ada = ada();
    let asked = ada.says("refund {\"amount\": 7}\norder {}").await;
    let [refund, order] = asked.interrupts.as_slice() else { panic!("{:?}", asked.interrupts) };

    let message = panic_message(ada.approve(refund)).await;
    assert!(message.starts_with("1 interrupts of the thread have no answer"), "{message}");

    let run = ada.answer_all([(refund, json!({ "approved": true })), (order, json!({ "size": 42 }))]).await;
    assert_eq!(run.call("refund").result_json()["amount"], 7);
    assert_eq!(run.call("order").result_json(), 42);
}

#[tokio::test]
async fn one_interrupt_is_answered_and_another_dismissed() {
    let mut ada = ada();
    let asked = ada.says("refund {\"amount\": 7}\norder {}").await;
    let [refund, order] = asked.interrupts.as_slice() else { panic!("{:?}", asked.interrupts) };

    let run = ada.answer_all([(refund, None), (order, Some(json!({ "size": 42 })))]).await;

    assert_eq!(run.call("refund").result_json()["interrupt"], "cancelled");
    assert_eq!(run.call("order").result_json(), 42);
}

#[tokio::test]
async fn clients_of_one_agent_are_different_users() {
    let agent = TestAgent::new(agent());
    let (mut ada, mut bob) = (agent.caller("ada"), agent.caller("bob"));
    let of_ada = ada.says(r#"refund {"amount": 7}"#).await;
    let of_bob = bob.says(r#"refund {"amount": 7}"#).await;

    // The calls, threads and runs have the same ids. If Ada's interrupt were one of Bob's, he would have answered twice.
    let answers = [
        (of_ada.interrupt(), json!({ "approved": false })),
        (of_bob.interrupt(), json!({ "approved": true })),
    ];
    let run = bob.answer_all(answers).await;

    assert_eq!(run.call("refund").result_json()["by"], "bob");
}

// The pauses between the attempts pass at once.
#[tokio::test(start_paused = true)]
async fn a_run_that_fails_has_its_code() {
    let run = ada().says("fail").await;

    assert_eq!(run.error.as_deref(), Some("MODEL_THROTTLED"));
    assert_eq!(run.outcome, RunOutcome::Error("MODEL_THROTTLED"));
}

#[tokio::test]
async fn run_has_its_outcome() {
    let mut ada = ada();
    assert_eq!(ada.says("count {}").await.outcome, RunOutcome::Success);
    let asked = ada.says(r#"refund {"amount": 7}"#).await;
    assert_eq!(asked.outcome, RunOutcome::Interrupt);
    assert_eq!(ada.approve(asked.interrupt()).await.outcome, RunOutcome::Success);
}

#[tokio::test]
async fn cancelled_run_has_its_reason() {
    let agent = Agent::builder(Scripted::new(play))
        .tool(tool_fn("count", "Counts.", count))
        .limits(Limits { turns: 1, ..Limits::default() })
        .build()
        .unwrap();
    let run = TestAgent::new(agent).caller("ada").says("count {}").await;

    assert_eq!((run.outcome, run.error.as_deref()), (RunOutcome::Cancelled("MAX_TURNS"), None));
    let message = panic_message(async { run.call("order").id.clone() }).await;
    assert!(message.ends_with("its outcome: cancelled (MAX_TURNS)"), "{message}");
}

#[tokio::test]
async fn message_in_place_of_an_answer_continues_the_thread() {
    let mut ada = ada();
    let asked = ada.says(r#"refund {"amount": 7}"#).await;

    let run = ada.says("count {}").await;
    assert_eq!(run.call("refund").result_json()["interrupt"], "unknown");
    assert_eq!(run.call("count").result_json(), 1);
    assert_eq!(run.outcome, RunOutcome::Success);

    // The answer comes too late.
    let late = ada.approve(asked.interrupt()).await;
    assert!(late.calls.iter().all(|call| call.result_json()["by"] != "ada"), "{:?}", late.calls);
}

#[tokio::test]
async fn mistakes_of_a_test_panic_with_a_sentence() {
    let mut client = ada();
    let asked = client.says(r#"refund {"amount": 7}"#).await;
    let answered = client.approve(asked.interrupt()).await;
    for (why, message, expected) in [
        (
            "a call that is not there",
            panic_message(async { asked.call("count").id.clone() }).await,
            r#"the run has no call of "count"; its calls: [refund({"amount":7})], its text: "Wait.", its outcome: interrupt"#,
        ),
        (
            "no interrupt",
            panic_message(async { answered.interrupt().id.clone() }).await,
            r#"the run has 0 interrupts and not one; "#,
        ),
        (
            "no result",
            panic_message(async { asked.call("refund").result_json() }).await,
            r#"the call of "refund" has no result"#,
        ),
        (
            "the result of a frontend tool while an interrupt waits",
            panic_message(async {
                let mut ada = ada().with_frontend_tool("show_map", "Shows a map.", json!({}));
                let run = ada.says("refund {\"amount\": 7}\nshow_map {}").await;
                ada.returns(run.call("show_map"), "It is shown.").await
            })
            .await,
            "the thread waits for the answers to 1 interrupts: ",
        ),
        (
            "a result for a call that has one",
            panic_message(async {
                let mut ada = ada();
                let run = ada.says("count {}").await;
                ada.returns(run.call("count"), "2").await
            })
            .await,
            r#"no call of "count" waits for a result in this thread"#,
        ),
        (
            "an agent with a clone",
            panic_message(async {
                let agent = agent();
                let _clone = agent.clone();
                TestAgent::new(agent)
            })
            .await,
            "TestAgent::new cannot give approvals to an agent that has a clone: ",
        ),
    ] {
        assert!(message.starts_with(expected), "{why}: {message}");
    }
}

#[tokio::test]
async fn agent_with_approvals_keeps_them() {
    let keys = ApprovalKeys::literal("0123456789abcdef0123456789abcdef".to_owned().into()).unwrap();
    let builder = Agent::builder(Scripted::new(play)).approvals(Approvals::new(keys));
    let agent =
        builder.tool(tool_fn("refund", "Refunds an amount.", refund).needs_approval()).build().unwrap();
    // Nothing has to be added, so the agent may have a clone.
    let mut ada = TestAgent::new(agent.clone()).caller("ada");

    let asked = ada.says(r#"refund {"amount": 7}"#).await;

    assert_eq!(ada.approve(asked.interrupt()).await.call("refund").result_json()["amount"], 7);
}
