//! What the wires have in common: frames of server-sent events, and objects put together.
//!
//! Knows no wire: each is in the file of its name.

use bytes::Bytes;
use serde_json::Value;

/// An SSE frame without an event name.
pub(super) fn data(value: &Value) -> Bytes {
    Bytes::from(format!("data: {value}\n\n"))
}

/// An SSE frame that is named as its data is.
pub(super) fn event(value: &Value) -> Bytes {
    let name = value["type"].as_str().unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {value}\n\n"))
}

/// `base` with what `more` has.
pub(super) fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}
