//! The front doors, through the spawned function: who is let in by which, and in which form each is answered.

mod matrix;
mod origin;
mod strangers;
mod tenant;
mod whole;

use std::time::Duration;

use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::support::function::Function;

/// A sample event.
fn sample(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("events").join(name);
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"))).unwrap()
}

/// Replaces a member of an event that is there.
fn replace(event: &mut Value, pointer: &str, value: impl Into<Value>) {
    *event.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value.into();
}

/// Sends the shared token's header as often as there are values, as the event's door writes that down.
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

/// Waits for a line in the function's log, which comes by a pipe of its own and may come behind the answer.
async fn logged(function: &Function, said: &str) {
    let line = async {
        while !function.logs().iter().any(|line| line.contains(said)) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let found = timeout(Duration::from_secs(10), line).await;
    assert!(found.is_ok(), "no line says {said}: {:#?}", function.logs());
}
