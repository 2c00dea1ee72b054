//! Lambda: entry points and their events, streaming and buffered responses, and the rotation function. All tests start the
//! functions' binaries.

mod agents;
mod base_path;
mod buffered;
mod cors;
mod entry_points;
mod interface_emulator;
mod jwt_entry_points;
mod rotation_function;
mod sample_events;
mod streaming;
mod tenant;
mod unsupported_events;

use serde_json::Value;

use crate::support::log::wait_for_log_line;

/// Reads a sample event from `events/`.
fn sample_event(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name);
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))).unwrap()
}

/// Replaces a member of an event, which must exist.
fn replace(event: &mut Value, pointer: &str, value: impl Into<Value>) {
    *event.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.into();
}

/// Sets the shared token's header to these values, in the format of the event's entry point for repeated headers.
fn send_tokens(event: &mut Value, tokens: &[&str]) {
    const NAME: &str = "x-agui-token";
    let is_in_format_1 = event.get("multiValueHeaders").is_some();
    let single = if is_in_format_1 { tokens.last().map(ToString::to_string) } else { Some(tokens.join(",")) };
    let headers = event["headers"].as_object_mut().unwrap();
    headers.remove(NAME);
    if let Some(single) = single.filter(|single| !single.is_empty()) {
        headers.insert(NAME.into(), single.into());
    }
    if is_in_format_1 {
        let all = event["multiValueHeaders"].as_object_mut().unwrap();
        all.remove(NAME);
        if !tokens.is_empty() {
            all.insert(NAME.into(), tokens.into());
        }
    }
}
