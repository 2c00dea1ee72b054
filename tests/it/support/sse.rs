//! A stream as a client reads it.

use serde_json::Value;

/// The events of a stream; comments are passed over.
pub(crate) fn events(stream: &str) -> Vec<Value> {
    let frames = stream.split_terminator("\n\n").filter(|frame| !frame.starts_with(':'));
    frames.map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap()).collect()
}
