//! JSON that is passed on and not read.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value that is kept as its text, because it is only passed on. A value in memory can be a hundred times as large.
///
/// Two texts are equal if their values are.
///
/// ```
/// use ag_ui_wire::protocol::JsonText;
/// use serde_json::json;
///
/// let message = JsonText::from(json!({ "id": "u1", "role": "user", "content": "Hi" }));
/// assert_eq!(message.as_str(), r#"{"content":"Hi","id":"u1","role":"user"}"#);
/// assert_eq!(message.to_value()["content"], "Hi");
/// ```
#[derive(Clone)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Creates a value from a text that is known to be JSON.
    pub(super) fn from_json(text: String) -> Self {
        Self(RawValue::from_string(text).expect("the text is JSON"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Builds the value.
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.as_str()).unwrap_or_default()
    }
}

impl From<Value> for JsonText {
    /// Writes the text of a value.
    fn from(value: Value) -> Self {
        Self::from_json(value.to_string())
    }
}

impl From<&RawValue> for JsonText {
    /// Copies a piece of a JSON text.
    fn from(value: &RawValue) -> Self {
        Self(value.to_owned())
    }
}

impl PartialEq for JsonText {
    /// Compares the values.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str() || self.to_value() == other.to_value()
    }
}

impl fmt::Debug for JsonText {
    /// Shows the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for JsonText {
    /// Writes the value.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    /// Reads any value.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The buffers of serde's enums cannot hold raw JSON.
        Value::deserialize(deserializer).map(Self::from)
    }
}
