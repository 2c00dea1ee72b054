//! Random JSON, and random edits of it.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A change somewhere in a document.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    /// Which way down, at each level.
    way: Vec<usize>,
    kind: Kind,
    value: Value,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Set,
    Insert,
    Remove,
    Double,
}

/// Any document: few names, so that they meet again; among them those that pointers and prototypes trip over.
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

fn name() -> impl Strategy<Value = String> {
    let odd = ["", "a", "b", "0", "1", "-", "a/b", "~1", "~", "__proto__", "constructor", "prototype"];
    prop::sample::select(odd.to_vec()).prop_map(ToOwned::to_owned)
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let kinds = [Kind::Set, Kind::Insert, Kind::Remove, Kind::Double];
    let way = prop::collection::vec(any::<usize>(), 0..4);
    (way, prop::sample::select(kinds.to_vec()), json(), name()).prop_map(|(way, kind, value, name)| {
        // A value that an object takes under a name, too.
        Edit { way, kind, value: json!({ "name": name, "value": value }) }
    })
}

impl Edit {
    pub(crate) fn make(&self, document: &mut Value) {
        let mut at = document;
        for turn in &self.way {
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
        let place = self.way.first().copied().unwrap_or_default();
        match (at, self.kind) {
            (Value::Object(members), Kind::Insert | Kind::Double) => {
                members.insert(name.to_owned(), value);
            }
            (Value::Object(members), Kind::Remove) => {
                members.remove(name);
            }
            (Value::Array(items), Kind::Insert) => items.insert(place % (items.len() + 1), value),
            (Value::Array(items), Kind::Double) => items.extend(items.clone()),
            (Value::Array(items), Kind::Remove) if !items.is_empty() => {
                items.remove(place % items.len());
            }
            (at, _) => *at = value,
        }
    }
}
