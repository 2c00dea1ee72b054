//! Echoes: the tool message that a front end adds beside its answer, and how it leaves the client's list of messages.

use std::sync::{Arc, Mutex};

use ag_ui_lambda::agent::Agent;
use ag_ui_lambda::approval::{ApprovalKeys, Approvals};
use ag_ui_lambda::model::{Request, Script, Scripted, Turn};
use ag_ui_lambda::tool::{NoArgs, ToolContext, tool_fn};
use serde_json::{Value, json};

use super::shop::{KEY, Shop, refund_call, request_calls, run_agent};

/// Returns the tool message that a front end adds beside its answer.
fn echo_message(content: impl Into<Value>) -> Value {
    json!({"id": "echo", "role": "tool", "toolCallId": "c1", "content": content.into()})
}

#[tokio::test]
async fn recognizes_echoes_by_content_not_formatting() {
    let shop = Shop::new();
    let request = request_calls(&[("price", json!({"order_id": "1", "amount": 20}))]);
    let response = shop.send(&request).await;
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
        let mut next = request.following(&response).resolve(&response.interrupt_id(), edited.clone());
        next.messages().push(echo_message(content));

        let answered = shop.send(&next).await;

        assert_eq!(shop.executed_calls().len(), usize::from(is_echo), "{why}: {}", answered.outline());
        let has_snapshot = answered.events[1]["type"] == "MESSAGES_SNAPSHOT";
        assert_eq!(has_snapshot, is_echo, "{why}: {}", answered.outline());
    }
}

#[tokio::test]
async fn answer_echo_does_not_count_as_a_result() {
    let shop = Shop::new();
    let request = request_calls(&[("choose", json!({}))]);
    let question = shop.send(&request).await;
    let mut next = request.following(&question).resolve(&question.interrupt_id(), json!({"size": 42}));
    next.messages().push(echo_message(r#"{"size":42}"#));

    let response = shop.send(&next).await;

    assert_eq!(response.result_of("c1"), Some(json!({"chosen": 42})));
    let tools: Vec<Value> = next
        .following(&response)
        .messages()
        .iter()
        .filter(|message| message["role"] == "tool")
        .cloned()
        .collect();
    assert_eq!(tools.len(), 1, "{tools:?}");
    assert_eq!(tools[0]["content"], r#"{"chosen":42}"#);
}

#[tokio::test]
async fn removes_the_echo_when_the_question_is_asked_again() {
    let shop = Shop::new();
    let request = request_calls(&[refund_call()]);
    let response = shop.send(&request).await;
    let mut next =
        request.following(&response).resolve(&response.interrupt_id(), json!({"approved": "perhaps"}));
    next.messages().push(echo_message(r#"{"approved":"perhaps"}"#));

    let again = shop.send(&next).await;
    assert_eq!(again.interrupt_id(), response.interrupt_id());
    let mut next = next.following(&again).approve(&again.interrupt_id());
    assert!(next.messages().iter().all(|message| message["role"] != "tool"));
    next.messages().push(echo_message(r#"{"approved":true}"#));
    let response = shop.send(&next).await;

    assert_eq!(
        (shop.executed_calls().len(), response.result_of("c1").unwrap()["amount"].clone()),
        (1, json!(20.0))
    );
}

#[tokio::test]
async fn keeps_all_other_messages_unchanged() {
    let shop = Shop::new();
    let request = request_calls(&[refund_call()]);
    let response = shop.send(&request).await;
    let mut next = request.following(&response).approve(&response.interrupt_id());
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
    // Clients treat null as absent, but reject events that contain it.
    expected[4] = json!({"id": "n", "role": "assistant"});
    next.messages().push(echo_message(r#"{"approved":true}"#));

    let response = shop.send(&next).await;

    assert_eq!(response.events[1]["messages"], Value::Array(expected));
    assert_eq!(shop.executed_calls().len(), 1);
}

/// Returns an agent with a tool that needs an approval, and the requests that its model receives.
fn recording_agent(turns: impl IntoIterator<Item = Script>) -> (Agent<()>, Arc<Mutex<Vec<Request>>>) {
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
        .emit_messages_snapshot(true)
        .approvals(approvals)
        .anonymous_approvals(true);
    (agent.build().unwrap(), requests)
}

/// Returns the messages of the snapshot that ends a run.
fn last_messages(events: &[Value]) -> Value {
    events.iter().rfind(|event| event["type"] == "MESSAGES_SNAPSHOT").unwrap()["messages"].clone()
}

#[tokio::test]
async fn messages_snapshot_contains_no_echo() {
    let (agent, _) = recording_agent([Script::new().call("c1", "waits", &json!({}))]);
    let events = run_agent(&agent, &json!([{"id": "u", "role": "user", "content": "Go"}]), json!([])).await;
    let id = &events.last().unwrap()["outcome"]["interrupts"][0]["id"];
    let mut messages = last_messages(&events);
    messages.as_array_mut().unwrap().push(echo_message(r#"{"approved":true}"#));
    let answer = json!([{"interruptId": id, "status": "resolved", "payload": {"approved": true}}]);

    let response = run_agent(&agent, &messages, answer).await;

    let roles: Vec<Value> =
        last_messages(&response).as_array().unwrap().iter().map(|message| message["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "assistant"]);
    assert_eq!(last_messages(&response)[2]["content"], "done");
}

#[tokio::test]
async fn signs_results_of_runs_that_ended_early() {
    let failing =
        Script::new().call("c1", "waits", &json!({})).fail(ag_ui_lambda::model::ModelErrorKind::Refused);
    let (agent, requests) = recording_agent([failing]);
    let failed = run_agent(&agent, &json!([{"id": "u", "role": "user", "content": "Go"}]), json!([])).await;
    assert_eq!(failed.last().unwrap()["type"], "RUN_ERROR");
    let mut messages = last_messages(&failed);
    messages.as_array_mut().unwrap().push(json!({"id": "v", "role": "user", "content": "And now?"}));

    run_agent(&agent, &messages, json!([])).await;

    let requests = requests.lock().unwrap();
    let Some(Turn::Results(results)) = requests.last().unwrap().history.get(2) else {
        panic!("{:?}", requests.last())
    };
    assert_eq!(results[0].content.text(), r#"{"error":"The run ended before this tool finished."}"#);
}
