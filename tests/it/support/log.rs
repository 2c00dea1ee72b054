//! Reads the function's log as JSON, line by line.

use serde_json::Value;

use super::function::Function;

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
