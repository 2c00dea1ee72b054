//! Streaming: the client reads each delta before the model produces the next one, and every run ends with a valid event.
//!
//! Nothing here depends on timing. The function for tests waits at a gate, which is a connection to the test; while the test
//! keeps it open, the function cannot emit more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ag_ui_dev::Invocation;
use tokio::time::timeout;

use crate::support::function::{Function, Reply, test_function};
use crate::support::gated_run::{Gate, Reading, TIMEOUT, event};

const CAUSE: &str = "planted-cause-5c81";
const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// Runs with this user message.
async fn reply(function: &Function, message: &str) -> Reply {
    timeout(TIMEOUT, Reply::send(function, &event(message))).await.unwrap()
}

/// Returns the tool results of a run.
fn results(reply: &Reply) -> Vec<&str> {
    let results = reply.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
    results.map(|event| event["content"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_delta_is_read_before_the_next() {
    let function = test_function(&[]).await;
    let gate = Gate::new().await;
    let mut reading = Reading::start(&function, &gate.event()).await;

    reading.until(1, r#""delta":"one ""#).await;
    let first = gate.reached().await;
    assert!(!reading.text.contains("two"), "the model has not made it yet");
    drop(first);
    reading.until(1, r#""delta":"two ""#).await;
    let second = gate.reached().await;
    assert!(!reading.text.contains("three"), "nor this one");
    drop(second);

    assert_eq!(reading.end().await.last().unwrap()["outcome"]["type"], "success");
}

#[tokio::test]
async fn comments_keep_a_silent_connection_open() {
    let function = test_function(&[("AGUI_KEEP_ALIVE_S", "1")]).await;
    let gate = Gate::new().await;
    let mut reading = Reading::start(&function, &gate.event()).await;

    reading.until(1, r#""delta":"one ""#).await;
    let held = gate.reached().await;
    reading.until(2, KEEP_ALIVE).await;
    drop(held);
    drop(gate.reached().await);
    reading.until(1, r#""delta":"three ""#).await;

    assert_eq!(reading.end().await.last().unwrap()["type"], "RUN_FINISHED");
}

#[tokio::test]
async fn two_calls_of_a_turn_run_concurrently() {
    let function = test_function(&[]).await;
    let together = reply(&function, "call meet meet").await;

    assert_eq!(results(&together), ["met", "met"]);
}

#[tokio::test]
async fn single_call_times_out_at_the_barrier() {
    let function = test_function(&[("AGUI_TOOL_TIMEOUT_S", "1")]).await;
    let alone = reply(&function, "call meet").await;

    assert_eq!(results(&alone), [r#"{"error":"The tool did not finish in time."}"#]);
    assert_eq!(alone.events.last().unwrap()["outcome"]["type"], "success");
}

#[tokio::test]
async fn four_workers_stream_four_runs_at_once() {
    let function = test_function(&[("AWS_LAMBDA_MAX_CONCURRENCY", "4")]).await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        let gate = Gate::new().await;
        let mut reading = Reading::start(&function, &gate.event()).await;
        reading.until(1, r#""delta":"one ""#).await;
        let held = gate.reached().await;
        runs.push((gate, reading, held));
    }
    // All four runs have started and none has ended. They end in another order.
    for (gate, reading, held) in runs.into_iter().rev() {
        drop(held);
        drop(gate.reached().await);
        assert_eq!(reading.end().await.last().unwrap()["type"], "RUN_FINISHED");
    }
}

#[tokio::test]
async fn panic_ends_one_run_with_internal_error() {
    let function = test_function(&[("AWS_LAMBDA_MAX_CONCURRENCY", "2")]).await;
    let gate = Gate::new().await;
    let mut beside = Reading::start(&function, &gate.event()).await;
    beside.until(1, r#""delta":"one ""#).await;
    let held = gate.reached().await;

    let panicked = reply(&function, "panic").await;
    let next = reply(&function, "hello").await;
    drop(held);
    drop(gate.reached().await);

    let last = panicked.events.last().unwrap();
    assert_eq!((&last["type"], &last["code"]), (&"RUN_ERROR".into(), &"INTERNAL".into()));
    assert!(!panicked.text.contains("on purpose"), "the panic's words are for the log");
    assert_eq!(next.events.last().unwrap()["type"], "RUN_FINISHED");
    assert_eq!(beside.end().await.last().unwrap()["type"], "RUN_FINISHED");
    assert!(function.is_running());
}

#[tokio::test]
async fn failure_cause_reaches_the_log_only() {
    let function = test_function(&[]).await;
    for (why, message, expected) in [
        ("the model fails", "fail", "The model did not accept the request."),
        ("a tool fails", "call leak", r#"{\"error\":\"The tool failed.\"}"#),
        ("a tool panics", "call explode", r#"{\"error\":\"The tool failed.\"}"#),
        ("one of two tools panics", "call explode leak", r#"{\"error\":\"The tool failed.\"}"#),
    ] {
        let reply = reply(&function, message).await;

        assert!(reply.text.contains(expected), "{why}: {}", reply.text);
        assert!(!reply.text.contains(CAUSE) && !reply.text.contains("on purpose"), "{why}: {}", reply.text);
    }
    let log = function.logs().join("\n");
    assert!(log.contains(CAUSE) && log.contains("on purpose"), "the operator can find out: {log}");
}

#[tokio::test]
async fn cancels_the_run_2_s_before_the_timeout() {
    let function = test_function(&[]).await;
    let deadline = SystemTime::now() + Duration::from_secs(4);
    let invocation = Invocation { deadline: Some(deadline), ..Default::default() };
    let answer = function.invoke_with(&event("wait"), invocation).await.unwrap();
    let run = timeout(TIMEOUT, Reply::read(answer)).await.unwrap();

    let last = run.events.last().unwrap();
    assert_eq!(last["outcome"]["type"], "cancelled");
    assert_eq!(last["metadata"]["ag_ui_lambda"]["reason"], "DEADLINE");
    let deadline_ms = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
    let before_ms = i128::try_from(deadline_ms).unwrap() - i128::from(last["timestamp"].as_i64().unwrap());
    // The last event was sent before the function would have been stopped, and not long before the margin.
    assert!((1..=2100).contains(&before_ms), "{before_ms} ms before the deadline");
}

#[tokio::test]
async fn past_deadline_is_ignored() {
    let function = test_function(&[]).await;
    let invocation = Invocation { deadline: Some(UNIX_EPOCH), ..Default::default() };
    let answer = function.invoke_with(&event("hello"), invocation).await.unwrap();

    let run = Reply::read(answer).await;
    assert_eq!(run.events.last().unwrap()["outcome"]["type"], "success");
}
