//! Formats the events of a run as short readable lines for snapshots.

use std::collections::BTreeMap;

use serde_json::Value;

/// Formats the events of a run for a snapshot, one line for each with type, ids and payload. Timestamps are left out.
pub(crate) fn outline<'a>(events: impl IntoIterator<Item = &'a Value>) -> String {
    events.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Formats the runs of a recorded thread for a snapshot. Message ids are numbered in order of appearance, and consecutive
/// deltas of one message or call are joined.
pub(crate) fn thread_outline(runs: &[Vec<Value>]) -> String {
    let mut ids: Vec<Value> = Vec::new();
    let mut lines = Vec::new();
    for (number, run) in (1..).zip(runs) {
        lines.push(format!("-- run {number}"));
        let mut joined: Vec<(Value, usize)> = Vec::new();
        for event in run {
            let mut event = event.clone();
            for key in ["messageId", "parentMessageId"] {
                let Some(id) = event.get_mut(key) else { continue };
                let known = ids.iter().position(|known| known == id).unwrap_or_else(|| {
                    ids.push(id.clone());
                    ids.len() - 1
                });
                *id = format!("m{}", known + 1).into();
            }
            match joined.last_mut() {
                Some((before, count)) if continues(before, &event) => {
                    let delta = [&*before, &event].map(|event| event["delta"].as_str().unwrap()).concat();
                    before["delta"] = delta.into();
                    *count += 1;
                }
                _ => joined.push((event, 1)),
            }
        }
        lines.extend(joined.iter().map(|(event, count)| match count {
            1 => line(event),
            _ => format!("{} x{count}", line(event)),
        }));
    }
    lines.join("\n")
}

/// Whether an event appends to the same message or call as the event before it, so that both can be joined.
fn continues(before: &Value, event: &Value) -> bool {
    event["delta"].is_string()
        && ["type", "messageId", "toolCallId"].iter().all(|key| before[key] == event[key])
}

/// Formats one event as a line.
fn line(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or("?").to_owned();
    let kind = text("type");
    let rest = match kind.as_str() {
        "RUN_STARTED" => String::new(),
        "RUN_FINISHED" => {
            let mut rest = event["outcome"]["type"].as_str().unwrap_or("-").to_owned();
            for interrupt in event["outcome"]["interrupts"].as_array().into_iter().flatten() {
                let member = |key: &str| interrupt[key].as_str().unwrap_or("?");
                rest.push_str(&format!(" {} {}", member("reason"), member("toolCallId")));
            }
            for shown in [
                &event["outcome"]["pendingToolCallIds"],
                &event["metadata"]["ag_ui_lambda"]["reason"],
                &event["usage"],
            ] {
                if !shown.is_null() {
                    rest.push_str(&format!(" {}", sorted(shown)));
                }
            }
            rest
        }
        "RUN_ERROR" => text("code"),
        "TOOL_CALL_START" => {
            format!("{} {} in {}", text("toolCallId"), text("toolCallName"), text("parentMessageId"))
        }
        "TOOL_CALL_ARGS" => format!("{} {}", text("toolCallId"), text("delta")),
        "TOOL_CALL_END" => text("toolCallId"),
        "REASONING_ENCRYPTED_VALUE" => {
            format!("{} {} {}", text("subtype"), text("entityId"), text("encryptedValue"))
        }
        "TOOL_CALL_RESULT" => {
            format!("{} {} {}", text("toolCallId"), text("messageId"), sorted(&event["content"]))
        }
        "STEP_STARTED" | "STEP_FINISHED" => text("stepName"),
        "MESSAGES_SNAPSHOT" => {
            let messages = event["messages"].as_array().into_iter().flatten();
            let line = |message: &Value| {
                let member = |key: &str| message[key].as_str().unwrap_or("?").to_owned();
                format!("{} {}", member("role"), member("id"))
            };
            messages.map(line).collect::<Vec<_>>().join(", ")
        }
        "STATE_SNAPSHOT" => sorted(&event["snapshot"]),
        "STATE_DELTA" => sorted(&event["delta"]),
        "ACTIVITY_SNAPSHOT" => {
            format!("{} {} {}", text("messageId"), text("activityType"), sorted(&event["content"]))
        }
        "ACTIVITY_DELTA" => {
            format!("{} {} {}", text("messageId"), text("activityType"), sorted(&event["patch"]))
        }
        "CUSTOM" => format!("{} {}", text("name"), sorted(&event["value"])),
        _ if event["delta"].is_string() => format!("{} {}", text("messageId"), event["delta"]),
        _ => text("messageId"),
    };
    format!("{kind} {rest}").trim_end().to_owned()
}

/// Formats JSON with the members sorted by name, because some features of serde_json keep the order of insertion.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            let members = members.into_iter().map(|(name, value)| format!("{name:?}:{}", sorted(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        value => value.to_string(),
    }
}
