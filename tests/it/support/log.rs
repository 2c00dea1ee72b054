//! Reads the function's log.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::function::Function;

/// Waits for a log line with this text. The log has its own pipe, so a line may arrive after the response.
pub(crate) async fn wait_for_log_line(function: &Function, text: &str) {
    let line = async {
        while !function.logs().iter().any(|line| line.contains(text)) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let found = timeout(Duration::from_secs(10), line).await;
    assert!(found.is_ok(), "no line contains {text}: {:#?}", function.logs());
}

/// Stops the function and returns all JSON lines that it has logged.
pub(crate) async fn lines(function: &Function) -> Vec<Value> {
    function.kill().await;
    let log = function.logs();
    let line = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    // The panic hook writes plain text to stderr.
    log.iter().filter(|line| line.starts_with('{')).map(line).collect()
}

/// Returns the lines whose `message` is this text.
pub(crate) fn with_message<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message"] == message).collect()
}
