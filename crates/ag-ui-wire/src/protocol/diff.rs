//! What changed between two JSON documents, as the operations that lead from one to the other.
//!
//! Members of objects are compared by name, elements of arrays by place behind what both have at the beginning and
//! before what both have at the end: so one insertion or removal in a list is one operation, wherever it is.

use serde_json::Value;

use super::{JsonObject, JsonPatch, PatchOperation};

/// The operations that make `to` of `from`; none where they are equal.
pub fn diff(from: &Value, to: &Value) -> JsonPatch {
    let mut differ = Differ::default();
    differ.value(from, to);
    differ.patch
}

/// The operations that make one object of another.
pub fn diff_objects(from: &JsonObject, to: &JsonObject) -> JsonPatch {
    let mut differ = Differ::default();
    differ.object(from, to);
    differ.patch
}

#[derive(Default)]
struct Differ {
    /// JSON Pointer of what is compared.
    path: String,
    patch: JsonPatch,
}

impl Differ {
    fn value(&mut self, from: &Value, to: &Value) {
        match (from, to) {
            (Value::Object(from), Value::Object(to)) => self.object(from, to),
            (Value::Array(from), Value::Array(to)) => self.array(from, to),
            _ if from == to => {}
            _ => self.patch.push(PatchOperation::Replace { path: self.path.clone(), value: to.clone() }),
        }
    }

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

    fn array(&mut self, from: &[Value], to: &[Value]) {
        let head = from.iter().zip(to).take_while(|(from, to)| from == to).count();
        let (from, to) = (&from[head..], &to[head..]);
        let tail = from.iter().rev().zip(to.iter().rev()).take_while(|(from, to)| from == to).count();
        let (from, to) = (&from[..from.len() - tail], &to[..to.len() - tail]);
        let both = from.len().min(to.len());
        for (index, (from, to)) in from.iter().zip(to).enumerate() {
            self.at(&(head + index).to_string(), |differ| differ.value(from, to));
        }
        for _ in both..from.len() {
            // Each removal brings the next element to the same place.
            self.at(&(head + both).to_string(), Self::remove);
        }
        for (index, value) in to.iter().enumerate().skip(both) {
            self.at(&(head + index).to_string(), |differ| differ.add(value));
        }
    }

    fn remove(&mut self) {
        self.patch.push(PatchOperation::Remove { path: self.path.clone() });
    }

    fn add(&mut self, value: &Value) {
        self.patch.push(PatchOperation::Add { path: self.path.clone(), value: value.clone() });
    }

    /// Goes into a member or an element, and out again.
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

    fn differs(from: Value, to: Value) -> Value {
        serde_json::to_value(diff(&from, &to)).unwrap()
    }

    #[test]
    fn a_small_change_is_a_small_patch() {
        for (why, from, to, patch) in [
            ("equal", json!({"a": [1, {"b": null}]}), json!({"a": [1, {"b": null}]}), json!([])),
            (
                "a member deep down",
                json!({"a": {"b": [0, {"c": 1}]}}),
                json!({"a": {"b": [0, {"c": 2}]}}),
                json!([{"op": "replace", "path": "/a/b/1/c", "value": 2}]),
            ),
            (
                "a member comes, one goes",
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
                "two elements gone in the middle",
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
                "names with the signs of a pointer",
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
            ("the whole", json!({}), json!(null), json!([{"op": "replace", "path": "", "value": null}])),
        ] {
            assert_eq!(differs(from, to), patch, "{why}");
        }
    }
}
