//! The tool message that a front end adds beside its answer, and the client's list of messages behind it.

use std::sync::{Arc, Mutex};

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::model::{Request, Script, Scripted, Turn};
use ag_ui_lambda::tool::{NoArgs, ToolContext, tool_fn};
use serde_json::{Value, json};

use super::shop::{KEY, Shop, calls, refund, run};

fn echo(content: impl Into<Value>) -> Value {
    json!({"id": "echo", "role": "tool", "toolCallId": "c1", "content": content.into()})
}

#[tokio::test]
async fn an_echo_is_known_by_what_it_says_and_not_by_how_it_is_written() {
    let shop = Shop::new();
    let asked = calls(&[("price", json!({"order_id": "1", "amount": 20}))]);
    let told = shop.send(&asked).await;
    let edited = json!({"approved": true, "editedArgs": {"order_id": "1", "amount": 30.0}});
    for (why, content, is_echo) in [
        ("as it was sent", json!(edited.to_string()), true),
        (
            "in another order, with another number for the same",
            json!("{ \"editedArgs\": {\"amount\": 30, \"order_id\": \"1\"},\n\"approved\": true }"),
            true,
        ),
        ("in a part", json!([{"type": "text", "text": edited.to_string()}]), true),
        ("the status alone", json!(r#"{"status":"resolved"}"#), true),
        ("another status", json!(r#"{"status":"cancelled"}"#), false),
        ("other arguments", json!(edited.to_string().replace("30", "31")), false),
        ("a sentence", json!("approved"), false),
    ] {
        shop.ledger.lock().unwrap().clear();
        let mut next = asked.after(&told).resolve(&told.id(), edited.clone());
        next.messages().push(echo(content));

        let answered = shop.send(&next).await;

        assert_eq!(shop.done().len(), usize::from(is_echo), "{why}: {}", answered.outline());
        let has_snapshot = answered.events[1]["type"] == "MESSAGES_SNAPSHOT";
        assert_eq!(has_snapshot, is_echo, "{why}: {}", answered.outline());
    }
}

#[tokio::test]
async fn the_echo_of_an_answer_to_a_question_is_no_result_either() {
    let shop = Shop::new();
    let asked = calls(&[("choose", json!({}))]);
    let question = shop.send(&asked).await;
    let mut next = asked.after(&question).resolve(&question.id(), json!({"size": 42}));
    next.messages().push(echo(r#"{"size":42}"#));

    let told = shop.send(&next).await;

    assert_eq!(told.result("c1"), Some(json!({"chosen": 42})));
    let tools: Vec<Value> =
        next.after(&told).messages().iter().filter(|message| message["role"] == "tool").cloned().collect();
    assert_eq!(tools.len(), 1, "{tools:?}");
    assert_eq!(tools[0]["content"], r#"{"chosen":42}"#);
}

#[tokio::test]
async fn the_echo_of_an_answer_that_is_asked_again_leaves_the_list_all_the_same() {
    let shop = Shop::new();
    let asked = calls(&[refund()]);
    let told = shop.send(&asked).await;
    let mut next = asked.after(&told).resolve(&told.id(), json!({"approved": "perhaps"}));
    next.messages().push(echo(r#"{"approved":"perhaps"}"#));

    let again = shop.send(&next).await;
    assert_eq!(again.id(), told.id());
    let mut next = next.after(&again).approve(&again.id());
    assert!(next.messages().iter().all(|message| message["role"] != "tool"));
    next.messages().push(echo(r#"{"approved":true}"#));
    let told = shop.send(&next).await;

    assert_eq!((shop.done().len(), told.result("c1").unwrap()["amount"].clone()), (1, json!(20.0)));
}

#[tokio::test]
async fn the_other_messages_are_repeated_as_they_came() {
    let shop = Shop::new();
    let asked = calls(&[refund()]);
    let told = shop.send(&asked).await;
    let mut next = asked.after(&told).approve(&told.id());
    let strange = json!([
        {"id": "w", "role": "wizard", "spell": {"hocus": null}},
        {"id": "p", "role": "user", "content": [{"type": "hologram", "beam": 1}], "mood": "good"},
        {"id": "s", "role": "system", "content": "Be brief.", "metadata": {"com.acme": [1.5, null]}},
        {"id": "r", "role": "reasoning", "content": "Hm.", "encryptedValue": "sealed"},
        {"id": "n", "role": "assistant", "content": null, "name": null, "toolCalls": null},
    ]);
    for (place, message) in strange.as_array().unwrap().iter().enumerate() {
        next.messages().insert(place, message.clone());
    }
    let mut expected = next.messages().clone();
    // Clients read null as absent, and refuse to be sent it.
    expected[4] = json!({"id": "n", "role": "assistant"});
    next.messages().push(echo(r#"{"approved":true}"#));

    let told = shop.send(&next).await;

    assert_eq!(told.events[1]["messages"], Value::Array(expected));
    assert_eq!(shop.done().len(), 1);
}

/// An agent with a tool that waits for an approval, and what its model was asked.
fn agent(turns: impl IntoIterator<Item = Script>) -> (Agent<()>, Arc<Mutex<Vec<Request>>>) {
    let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
    let (seen, turns) =
        (Arc::clone(&requests), Mutex::new(turns.into_iter().collect::<Vec<_>>().into_iter()));
    let model = Scripted::new(move |request| {
        seen.lock().unwrap().push(request.clone());
        turns.lock().unwrap().next().unwrap_or_else(|| Script::new().text("Done."))
    });
    let waits = async |_: ToolContext<()>, _: NoArgs| Ok("done");
    let approvals = Approvals::new(ApprovalKeys::literal(KEY.into()).unwrap());
    let agent = Agent::builder(model)
        .tool(tool_fn("waits", "Waits.", waits).needs_approval())
        .sends_messages()
        .approvals(approvals);
    (agent.build().unwrap(), requests)
}

/// The messages that a run ended with.
fn last_messages(events: &[Value]) -> Value {
    events.iter().rfind(|event| event["type"] == "MESSAGES_SNAPSHOT").unwrap()["messages"].clone()
}

#[tokio::test]
async fn the_messages_that_are_sent_once_more_at_the_end_have_no_echo() {
    let (agent, _) = agent([Script::new().call("c1", "waits", &json!({}))]);
    let asked = run(&agent, &json!([{"id": "u", "role": "user", "content": "Go"}]), json!([])).await;
    let id = &asked.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let mut messages = last_messages(&asked);
    messages.as_array_mut().unwrap().push(echo(r#"{"approved":true}"#));
    let answer = json!([{"interruptId": id, "status": "resolved", "payload": {"approved": true}}]);

    let told = run(&agent, &messages, answer).await;

    let roles: Vec<Value> =
        last_messages(&told).as_array().unwrap().iter().map(|message| message["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant"]);
    assert_eq!(last_messages(&told)[2]["content"], "done");
}

#[tokio::test]
async fn the_result_of_a_run_that_ended_early_is_signed_so_that_the_model_reads_it() {
    let failing =
        Script::new().call("c1", "waits", &json!({})).fail(ag_ui_lambda::model::ModelErrorKind::Refused);
    let (agent, requests) = agent([failing]);
    let failed = run(&agent, &json!([{"id": "u", "role": "user", "content": "Go"}]), json!([])).await;
    assert_eq!(failed.last().unwrap()["type"], "RUN_ERROR");
    let mut messages = last_messages(&failed);
    messages.as_array_mut().unwrap().push(json!({"id": "v", "role": "user", "content": "And now?"}));

    run(&agent, &messages, json!([])).await;

    let requests = requests.lock().unwrap();
    let Some(Turn::Results(results)) = requests.last().unwrap().history.get(2) else {
        panic!("{:?}", requests.last())
    };
    assert_eq!(results[0].content.text(), r#"{"error":"The run ended before this tool finished."}"#);
}
