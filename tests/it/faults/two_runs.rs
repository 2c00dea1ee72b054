//! Two runs in one process: whatever happens to one of them, the other one ends in full.

use super::{ending, recovers};
use crate::support::function::{Reply, test_function};
use crate::support::gated_run::{Gate, Reading, event};

#[tokio::test]
async fn failing_run_leaves_the_other_complete() {
    let function = test_function(&[("AWS_LAMBDA_MAX_CONCURRENCY", "2")]).await;
    let gate = Gate::new().await;
    let mut beside = Reading::start(&function, &gate.event()).await;
    beside.until(1, "one ").await;
    let held = gate.reached().await;

    let mut received = Vec::new();
    for (message, end) in [
        ("panic", "INTERNAL"),
        ("fail", "MODEL_REFUSED"),
        ("call explode leak", "success"),
        ("call list", "success"),
        ("babble 1100000", "MAX_ARGUMENT_BYTES"),
        ("flood 200 60000", "MAX_RESPONSE_BYTES"),
    ] {
        let failed = Reply::send(&function, &event(message)).await;
        assert_eq!(ending(&failed.events), end, "{message}");
        // The long texts consist of one letter, and so may a secret of another test.
        received.push(failed.text.replace("aaaaaaaa", ""));
    }

    drop(held);
    drop(gate.reached().await);
    beside.until(1, "three ").await;
    received.push(beside.text.clone());
    assert_eq!(ending(&beside.end().await), "success");
    recovers(&function, &received.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
