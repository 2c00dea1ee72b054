//! Generates random JSON documents and random edits of them for property tests.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A change at a random place of a document.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    /// The number of the child to descend to, at each level; taken modulo the number of children.
    path: Vec<usize>,
    kind: EditKind,
    value: Value,
}

#[derive(Debug, Clone, Copy)]
enum EditKind {
    Set,
    Insert,
    Remove,
    Duplicate,
}

/// Generates any JSON document. It uses few member names, so that edits meet existing members, and includes names that
/// JSON Pointers escape or that JavaScript reserves for prototypes.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "[a-z~/\u{e9}\u{1f600}\"]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// Generates a member name out of a few, some of which JSON Pointers escape or JavaScript reserves.
fn name() -> impl Strategy<Value = String> {
    let odd = ["", "a", "b", "0", "1", "-", "a/b", "~1", "~", "__proto__", "constructor", "prototype"];
    prop::sample::select(odd.to_vec()).prop_map(ToOwned::to_owned)
}

/// Generates an edit of a random place, which fits any document.
pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let kinds = [EditKind::Set, EditKind::Insert, EditKind::Remove, EditKind::Duplicate];
    let way = prop::collection::vec(any::<usize>(), 0..4);
    (way, prop::sample::select(kinds.to_vec()), json(), name()).prop_map(|(way, kind, value, name)| {
        // An object takes the value under this name.
        Edit { path: way, kind, value: json!({ "name": name, "value": value }) }
    })
}

impl Edit {
    /// Applies the edit to a document: sets, inserts, removes or duplicates a value at the edit's place.
    pub(crate) fn apply(&self, document: &mut Value) {
        let mut at = document;
        for turn in &self.path {
            let is_leaf = match at {
                Value::Object(members) => members.is_empty(),
                Value::Array(items) => items.is_empty(),
                _ => true,
            };
            if is_leaf {
                break;
            }
            at = match at {
                Value::Object(members) => {
                    let which = turn % members.len();
                    members.values_mut().nth(which).unwrap()
                }
                Value::Array(items) => {
                    let which = turn % items.len();
                    &mut items[which]
                }
                _ => unreachable!("a leaf has no inside"),
            };
        }
        let (name, value) = (self.value["name"].as_str().unwrap(), self.value["value"].clone());
        let place = self.path.first().copied().unwrap_or_default();
        match (at, self.kind) {
            (Value::Object(members), EditKind::Insert | EditKind::Duplicate) => {
                members.insert(name.to_owned(), value);
            }
            (Value::Object(members), EditKind::Remove) => {
                members.remove(name);
            }
            (Value::Array(items), EditKind::Insert) => items.insert(place % (items.len() + 1), value),
            (Value::Array(items), EditKind::Duplicate) => items.extend(items.clone()),
            (Value::Array(items), EditKind::Remove) if !items.is_empty() => {
                items.remove(place % items.len());
            }
            (at, _) => *at = value,
        }
    }
}
