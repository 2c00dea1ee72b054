//! Reads an event stream as a client does.

use serde_json::Value;

/// Returns the events in the frames of an SSE stream, as JSON. Comments are skipped.
pub fn events(stream: &str) -> Vec<Value> {
    let frames = stream.split_terminator("\n\n").filter(|frame| !frame.starts_with(':'));
    frames.map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap()).collect()
}
