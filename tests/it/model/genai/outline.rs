//! What a reader understood of a stream, in a form that both readers share.

use serde_json::{Map, Value, json};

/// A turn as one reader understood it.
pub(super) struct Outline(Map<String, Value>);

impl Outline {
    /// Creates the outline of a turn with `text`, `reasoning`, `calls` as `[name, arguments]`, `tokens` and `end`. The calls of a
    /// failed turn are left out, because they are not executed.
    pub(super) fn new(mut turn: Value) -> Self {
        if turn["end"] == "error" {
            turn["calls"] = json!([]);
        }
        // Empty and missing members are left out.
        if let Some(tokens) = turn["tokens"].as_object_mut() {
            tokens.retain(|_, count| count.as_u64().is_some_and(|count| count > 0));
        }
        if turn["tokens"].as_object().is_some_and(Map::is_empty) {
            turn["tokens"] = Value::Null;
        }
        for call in turn["calls"].as_array_mut().unwrap() {
            let arguments = call[1].take();
            call[1] = match &arguments {
                Value::Null => json!({}),
                Value::String(text) if text.is_empty() => json!({}),
                Value::String(text) => serde_json::from_str(text).unwrap_or(arguments),
                _ => arguments,
            };
        }
        match turn {
            Value::Object(members) => Self(members),
            other => panic!("no outline: {other}"),
        }
    }

    /// Returns the members that differ, from both outlines; `None` if all are equal. genai reports no tokens of a failed turn, so
    /// they are not compared then.
    pub(super) fn differs_from(&self, other: &Self) -> Option<(Value, Value)> {
        let has_failed = [self, other].iter().any(|outline| outline.0["end"] == "error");
        let is_compared = |name: &str| !(has_failed && name == "tokens");
        let differs = |name: &&String| is_compared(name) && self.0.get(*name) != other.0.get(*name);
        let names: Vec<&String> = self.0.keys().filter(differs).collect();
        let of = |outline: &Self| names.iter().map(|&name| (name.clone(), outline.0[name].clone())).collect();
        (!names.is_empty()).then(|| (of(self), of(other)))
    }
}
