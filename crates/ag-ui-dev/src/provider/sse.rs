//! What several wires use: frames of server-sent events, and objects that are merged.

use bytes::Bytes;
use serde_json::Value;

/// Writes an SSE frame without an event name.
pub(super) fn data_frame(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// Writes an SSE frame whose event name is the `type` of its data.
pub(super) fn named_frame(value: &Value) -> Bytes {
    let name = value["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {value}\n\n"))
}

/// Adds the members of `more` to `base`; those of `more` win.
pub(super) fn merge(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}
