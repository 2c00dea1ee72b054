//! What several wires use: frames of server-sent events, and objects that are merged.

use bytes::Bytes;
use serde_json::Value;

/// Returns an SSE frame with this JSON and without an event name.
pub(super) fn data_frame(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// Returns an SSE frame with this JSON, whose member `type` is also the event name.
pub(super) fn named_frame(value: &Value) -> Bytes {
    let name = value["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {value}\n\n"))
}

/// Adds the members of `more` to the object `base` and returns it. A member that both have gets the value in `more`.
pub(super) fn merge(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}
