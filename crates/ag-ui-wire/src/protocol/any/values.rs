//! Generates the values that the other generators build on.

use proptest::prelude::*;
use serde_json::Value;

use crate::protocol::JsonObject;

/// Generates an optional value.
pub(super) fn maybe<S: Strategy>(of: S) -> impl Strategy<Value = Option<S::Value>> {
    prop::option::of(of)
}

/// Generates a list of up to two values.
pub(super) fn many<S: Strategy>(of: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop::collection::vec(of, 0..3)
}

/// Generates an id of any type.
pub(super) fn id<T: From<String> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    text().prop_map(T::from)
}

/// Generates a short text: common characters, or any.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9/~_ -]{0,8}", prop::collection::vec(any::<char>(), 0..4).prop_map(String::from_iter)]
}

/// Generates a JSON object.
pub(super) fn object() -> impl Strategy<Value = JsonObject> {
    prop::collection::vec((text(), json()), 0..3).prop_map(JsonObject::from_iter)
}

/// Generates any JSON value but null, for an optional member.
pub(super) fn non_null() -> impl Strategy<Value = Value> {
    json().prop_map(|value| if value.is_null() { Value::from("null") } else { value })
}

/// Generates any JSON value.
pub(super) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Numbers of many digits may lose their last one in JSON.
        any::<i16>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..3)
                .prop_map(|members| Value::Object(JsonObject::from_iter(members))),
        ]
    })
}
