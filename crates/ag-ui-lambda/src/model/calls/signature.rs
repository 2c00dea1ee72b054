//! Merges the opaque values that come with several pieces of one call.

use serde_json::{Map, Value};

/// Merges the opaque value (signature) of a call so far with the value of a later piece. JSON objects are merged member
/// by member; any other later value replaces the earlier one. If only one of the two is given, it is returned.
pub(super) fn merge_signatures(known: Option<&str>, later: Option<&str>) -> Option<String> {
    let (Some(known), Some(later)) = (known, later) else { return later.or(known).map(ToOwned::to_owned) };
    let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    match (read(known), read(later)) {
        (Some(mut members), Some(more)) => {
            merge_members(&mut members, more);
            Some(Value::Object(members).to_string())
        }
        _ => Some(later.to_owned()),
    }
}

/// Merges the members of `more` into `members`: objects recursively, and lists without adding an item twice. Any other
/// value is replaced.
fn merge_members(members: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (members.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => merge_members(known, more),
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
    fn opaque_values_of_several_pieces_are_merged() {
        for (why, known, later, expected) in [
            ("the first", None, Some("a"), Some("a")),
            ("no later value", Some("a"), None, Some("a")),
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
            assert_eq!(merge_signatures(known, later).as_deref(), expected, "{why}");
        }
    }
}
