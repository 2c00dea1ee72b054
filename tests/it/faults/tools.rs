//! A tool that fails, panics, hangs or returns 20 MB: the model reads that the call has failed, and the run goes on.

use super::{ending, recovers};
use crate::support::function::{Function, Reply, test_function};
use crate::support::gated_run::event;
use crate::support::log::wait_for_log_line;

/// Calls the tool of this name, whose call must fail with this sentence, while the run succeeds. The next run does, too.
async fn fails(function: &Function, tool: &str, sentence: &str) {
    let run = Reply::send(function, &event(&format!("call {tool}"))).await;

    assert_eq!(run.result_of(tool)["error"], sentence, "{}", run.text);
    assert_eq!(ending(&run.events), "success", "{}", run.text);
    recovers(function, &[&run.text]).await;
}

#[tokio::test]
async fn failing_tool_fails_its_call_only() {
    let function = test_function(&[]).await;
    fails(&function, "leak", "The tool failed.").await;
    wait_for_log_line(&function, "tool failed").await;
}

#[tokio::test]
async fn refusing_tool_leaves_its_cause_in_the_log() {
    let function = test_function(&[]).await;
    fails(&function, "regret", "Not today.").await;
    wait_for_log_line(&function, "tool refused").await;
    assert!(function.logs().iter().any(|line| line.contains("planted-cause-5c81")), "{:#?}", function.logs());
}

#[tokio::test]
async fn panicking_tool_fails_its_call_only() {
    let function = test_function(&[]).await;
    fails(&function, "explode", "The tool failed.").await;
    wait_for_log_line(&function, "tool panicked").await;
}

#[tokio::test]
async fn hanging_tool_is_stopped_at_its_time_limit() {
    let function = test_function(&[("AGUI_TOOL_TIMEOUT_S", "1")]).await;
    fails(&function, "meet", "The tool did not finish in time.").await;
    wait_for_log_line(&function, "tool timed out").await;
}

#[tokio::test]
async fn result_of_20_mb_fails_its_call_only() {
    let function = test_function(&[]).await;
    fails(&function, "list", "The result of the tool is too large.").await;
    wait_for_log_line(&function, "bytes, and at most 2097152 are allowed").await;
    let peak_kib = function.peak_memory_kib().unwrap();
    assert!(peak_kib < 128 * 1024, "{peak_kib} KiB");
}

#[tokio::test]
async fn limit_of_results_can_be_changed() {
    let function = test_function(&[("AGUI_MAX_RESULT_BYTES", "3")]).await;
    // The result has four bytes.
    fails(&function, "look", "The result of the tool is too large.").await;
}
