//! The difference of two JSON values as a JSON Patch.
//!
//! Members of objects are compared by name. Of two arrays the equal elements at the beginning and at the end are skipped, and
//! those between are compared by index: so one insertion or removal in an array is one operation, wherever it is.

use serde_json::Value;

use super::{JsonObject, JsonPatch, PatchOperation};

/// Returns the JSON Patch that turns `from` into `to`; an empty one if the values are equal.
pub fn diff(from: &Value, to: &Value) -> JsonPatch {
    let mut differ = Differ::default();
    differ.value(from, to);
    differ.patch
}

/// Returns the JSON Patch that turns one object into another, as [`diff`] does for any values.
pub fn diff_objects(from: &JsonObject, to: &JsonObject) -> JsonPatch {
    let mut differ = Differ::default();
    differ.object(from, to);
    differ.patch
}

/// Collects the operations while it walks through two values.
#[derive(Default)]
struct Differ {
    /// The JSON Pointer of the values that are being compared.
    path: String,
    patch: JsonPatch,
}

impl Differ {
    /// Adds the operations that turn the value `from` at the current path into `to`.
    fn value(&mut self, from: &Value, to: &Value) {
        match (from, to) {
            (Value::Object(from), Value::Object(to)) => self.object(from, to),
            (Value::Array(from), Value::Array(to)) => self.array(from, to),
            _ if from == to => {}
            _ => self.patch.push(PatchOperation::Replace { path: self.path.clone(), value: to.clone() }),
        }
    }

    /// Adds the operations that turn an object into another one: first those that remove members.
    fn object(&mut self, from: &JsonObject, to: &JsonObject) {
        for name in from.keys().filter(|name| !to.contains_key(*name)) {
            self.at(name, Self::remove);
        }
        for (name, value) in to {
            self.at(name, |differ| match from.get(name) {
                Some(before) => differ.value(before, value),
                None => differ.add(value),
            });
        }
    }

    /// Adds the operations that turn an array into another one. Equal elements at the beginning and at the end of both are
    /// skipped, and those between are compared by index.
    fn array(&mut self, from: &[Value], to: &[Value]) {
        let start = from.iter().zip(to).take_while(|(from, to)| from == to).count();
        let (from, to) = (&from[start..], &to[start..]);
        let end = from.iter().rev().zip(to.iter().rev()).take_while(|(from, to)| from == to).count();
        let (from, to) = (&from[..from.len() - end], &to[..to.len() - end]);
        let both = from.len().min(to.len());
        for (index, (from, to)) in from.iter().zip(to).enumerate() {
            self.at(&(start + index).to_string(), |differ| differ.value(from, to));
        }
        for _ in both..from.len() {
            // Each removal brings the next element to the same place.
            self.at(&(start + both).to_string(), Self::remove);
        }
        for (index, value) in to.iter().enumerate().skip(both) {
            self.at(&(start + index).to_string(), |differ| differ.add(value));
        }
    }

    /// Adds the operation that removes the value at the current path.
    fn remove(&mut self) {
        self.patch.push(PatchOperation::Remove { path: self.path.clone() });
    }

    /// Adds the operation that inserts `value` at the current path.
    fn add(&mut self, value: &Value) {
        self.patch.push(PatchOperation::Add { path: self.path.clone(), value: value.clone() });
    }

    /// Appends a member's name or an element's index (`token`) to the current path while `change` runs, and restores the
    /// path afterwards.
    fn at(&mut self, token: &str, change: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        for letter in token.chars() {
            match letter {
                '~' => self.path.push_str("~0"),
                '/' => self.path.push_str("~1"),
                letter => self.path.push(letter),
            }
        }
        change(self);
        self.path.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The difference of two values as JSON.
    fn patch(from: Value, to: Value) -> Value {
        serde_json::to_value(diff(&from, &to)).unwrap()
    }

    #[test]
    fn small_change_makes_a_small_patch() {
        for (why, from, to, expected) in [
            ("equal", json!({"a": [1, {"b": null}]}), json!({"a": [1, {"b": null}]}), json!([])),
            (
                "a member deep down",
                json!({"a": {"b": [0, {"c": 1}]}}),
                json!({"a": {"b": [0, {"c": 2}]}}),
                json!([{"op": "replace", "path": "/a/b/1/c", "value": 2}]),
            ),
            (
                "one member added, one removed",
                json!({"old": 1}),
                json!({"new": null}),
                json!([{"op": "remove", "path": "/old"}, {"op": "add", "path": "/new", "value": null}]),
            ),
            (
                "an element at the beginning",
                json!([1, 2, 3]),
                json!([0, 1, 2, 3]),
                json!([{"op": "add", "path": "/0", "value": 0}]),
            ),
            (
                "two elements removed in the middle",
                json!([1, 2, 3, 4]),
                json!([1, 4]),
                json!([{"op": "remove", "path": "/1"}, {"op": "remove", "path": "/1"}]),
            ),
            (
                "two more at the end of equal ones",
                json!([1, 1]),
                json!([1, 1, 1, 1]),
                json!([{"op": "add", "path": "/2", "value": 1}, {"op": "add", "path": "/3", "value": 1}]),
            ),
            (
                "names with characters that a pointer escapes",
                json!({"a/b~": 1}),
                json!({"a/b~": 2}),
                json!([{"op": "replace", "path": "/a~1b~0", "value": 2}]),
            ),
            (
                "another kind",
                json!({"a": {}}),
                json!({"a": []}),
                json!([{"op": "replace", "path": "/a", "value": []}]),
            ),
            (
                "the whole value",
                json!({}),
                json!(null),
                json!([{"op": "replace", "path": "", "value": null}]),
            ),
        ] {
            assert_eq!(patch(from, to), expected, "{why}");
        }
    }
}
