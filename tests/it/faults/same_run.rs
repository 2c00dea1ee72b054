//! Two runs with the same ids: a client, or a proxy in front of it, sends a request twice.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ending, recovers};
use crate::support::function::{Reply, test_function};
use crate::support::gated_run::{Gate, Reading, event};

/// Checks that two runs with the same ids have both succeeded, each with messages of its own.
fn both_succeeded(runs: [&[Value]; 2]) {
    let [first, second] = runs.map(|events| {
        assert_eq!(ending(events), "success", "{events:#?}");
        assert_eq!((&events[0]["threadId"], &events[0]["runId"]), (&"t".into(), &"r".into()));
        events.iter().filter_map(|event| event["messageId"].as_str()).collect::<BTreeSet<_>>()
    });
    assert!(!first.is_empty() && first.is_disjoint(&second), "{first:?} {second:?}");
}

#[tokio::test]
async fn equal_runs_at_the_same_time_both_succeed() {
    let function = test_function(&[("AWS_LAMBDA_MAX_CONCURRENCY", "2")]).await;
    let gates = [Gate::new().await, Gate::new().await];
    let mut first = Reading::start(&function, &gates[0].event()).await;
    let mut second = Reading::start(&function, &gates[1].event()).await;
    first.until(1, "one ").await;
    second.until(1, "one ").await;

    for gate in gates.iter().rev() {
        drop(gate.reached().await);
        drop(gate.reached().await);
    }
    first.until(1, "three ").await;
    second.until(1, "three ").await;

    let received = [first.text.clone(), second.text.clone()];
    both_succeeded([&first.end().await, &second.end().await]);
    recovers(&function, &[&received[0], &received[1]]).await;
}

#[tokio::test]
async fn equal_runs_one_after_another_both_succeed() {
    let function = test_function(&[]).await;
    let first = Reply::send(&function, &event("call look")).await;
    let second = Reply::send(&function, &event("call look")).await;

    both_succeeded([&first.events, &second.events]);
    recovers(&function, &[&first.text, &second.text]).await;
}
