//! The time of an invocation is nearly over: when the run starts, within a turn of the model, and within a tool.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ag_ui_dev::Invocation;
use serde_json::Value;

use super::{ending, recovers};
use crate::support::function::{Reply, test_function};
use crate::support::gated_run::event;
use crate::support::log::wait_for_log_line;

/// Runs with this message and this time until the deadline. The run must be cancelled before the deadline, and the next run
/// must succeed.
async fn is_cancelled(message: &str, seconds: u64) -> Reply {
    let function = test_function(&[]).await;
    let deadline = SystemTime::now() + Duration::from_secs(seconds);
    let invocation = Invocation { deadline: Some(deadline), ..Default::default() };
    let run = Reply::read(function.invoke_with(&event(message), invocation).await.unwrap()).await;

    assert_eq!(ending(&run.events), "DEADLINE", "{}", run.text);
    let sent_at =
        UNIX_EPOCH + Duration::from_millis(run.events.last().unwrap()["timestamp"].as_u64().unwrap());
    assert!(sent_at < deadline, "the last event is sent before the function would be stopped");
    wait_for_log_line(&function, "run finished").await;
    recovers(&function, &[&run.text]).await;
    run
}

#[tokio::test]
async fn run_near_its_deadline_is_cancelled_at_once() {
    let run = is_cancelled("hello", 1).await;

    let kinds: Vec<&Value> = run.events.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["RUN_STARTED", "RUN_FINISHED"], "the model is not asked");
}

#[tokio::test]
async fn turn_is_cancelled_before_the_deadline() {
    let run = is_cancelled("wait", 4).await;

    assert!(run.text.contains("I wait"), "what was written stays: {}", run.text);
}

#[tokio::test]
async fn tool_is_cancelled_before_the_deadline() {
    let run = is_cancelled("call meet", 4).await;

    assert_eq!(run.result_of("meet")["error"], "The run ended before this tool finished.");
}
