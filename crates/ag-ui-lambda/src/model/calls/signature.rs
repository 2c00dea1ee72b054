//! What a provider wants back with a call, where it comes with several pieces of it.

use serde_json::{Map, Value};

/// What is known and what comes later, as one: an object gets the members that it lacks, and anything else is replaced.
pub(super) fn joined(known: Option<&str>, later: Option<&str>) -> Option<String> {
    let (Some(known), Some(later)) = (known, later) else { return later.or(known).map(ToOwned::to_owned) };
    let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    match (read(known), read(later)) {
        (Some(mut members), Some(more)) => {
            add(&mut members, more);
            Some(Value::Object(members).to_string())
        }
        _ => Some(later.to_owned()),
    }
}

/// Members that come again as they were change nothing.
fn add(members: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (members.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => add(known, more),
            (Some(Value::Array(known)), Value::Array(more)) => {
                let new: Vec<Value> = more.into_iter().filter(|item| !known.contains(item)).collect();
                known.extend(new);
            }
            (_, value) => drop(members.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_several_pieces_are_joined() {
        for (why, known, later, expected) in [
            ("the first", None, Some("a"), Some("a")),
            ("none later", Some("a"), None, Some("a")),
            ("no objects", Some("a"), Some("b"), Some("b")),
            ("other members", Some(r#"{"a":1}"#), Some(r#"{"b":2}"#), Some(r#"{"a":1,"b":2}"#)),
            (
                "the same again",
                Some(r#"{"a":{"x":1},"b":[1]}"#),
                Some(r#"{"b":[1]}"#),
                Some(r#"{"a":{"x":1},"b":[1]}"#),
            ),
            (
                "inside",
                Some(r#"{"a":{"x":1}}"#),
                Some(r#"{"a":{"y":[2]}}"#),
                Some(r#"{"a":{"x":1,"y":[2]}}"#),
            ),
            ("more of a list", Some(r#"{"a":[1]}"#), Some(r#"{"a":[1,2]}"#), Some(r#"{"a":[1,2]}"#)),
        ] {
            assert_eq!(joined(known, later).as_deref(), expected, "{why}");
        }
    }
}
