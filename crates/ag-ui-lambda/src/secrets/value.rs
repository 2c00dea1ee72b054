//! Reads the value of a secret, which is plain text or a JSON object of texts.
//!
//! Every user of a secret reads its value through this module, so that the function that rotates a secret and the one
//! that uses it cannot come to differ. No text is kept outside of a [`SecretString`], which clears its memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The member that holds the token in the secret of the shared token.
pub(crate) const TOKEN_MEMBER: &str = "token";

/// The member that holds the key in the secret of approvals.
pub(crate) const KEY_MEMBER: &str = "key";

/// The value of a secret.
pub(crate) enum SecretValue {
    /// The value is not a JSON object. This is its text, without the white space around it.
    Plain(SecretString),
    /// The value is a JSON object.
    Object(SecretObject),
}

impl SecretValue {
    /// Parses the value of a secret: a JSON object, or else plain text. Malformed JSON is plain text, too.
    pub(crate) fn read(value: &SecretString) -> Self {
        let text = value.expose_secret().trim();
        match serde_json::from_str(text) {
            Ok(object) => Self::Object(object),
            Err(_) => Self::Plain(text.into()),
        }
    }

    /// Returns the JSON object; `None` if the value is plain text.
    pub(crate) fn into_object(self) -> Option<SecretObject> {
        match self {
            Self::Plain(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

/// The members of a JSON object that is the value of a secret.
pub(crate) struct SecretObject {
    /// The members by name.
    members: HashMap<String, SecretMember>,
}

/// The member of one name, or the last of several members with the same name.
struct SecretMember {
    /// The text of the member; `None` if it, or another one with its name, is not a string.
    text: Option<SecretString>,
    /// Whether the object has several members of this name.
    is_repeated: bool,
}

impl SecretObject {
    /// Returns the text of the member `name`. `None` if it is missing, is not a string, or is there more than once.
    pub(crate) fn text(&self, name: &str) -> Option<&SecretString> {
        self.members.get(name).filter(|member| !member.is_repeated)?.text.as_ref()
    }

    /// Whether the object has a member `name`, of whatever type and number. Only the function that rotates secrets uses
    /// this method.
    #[cfg(feature = "lambda")]
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Returns the texts of all members by name; the last of several members with the same name counts. `None` if any
    /// member is not a string. The secret with the API keys of models is read with it.
    #[cfg(feature = "http-models")]
    pub(crate) fn into_texts(self) -> Option<HashMap<String, SecretString>> {
        self.members.into_iter().map(|(name, member)| Some((name, member.text?))).collect()
    }
}

impl<'de> Deserialize<'de> for SecretObject {
    /// Reads a JSON object, and keeps of each member only whether it is a string, its text, and whether its name is
    /// repeated.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Reads the members of an object.
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = SecretObject;

            /// Names the expected type in the error of a value that is not an object.
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            /// Collects the members of the object.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretObject, A::Error> {
                let mut members = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let text = match value {
                        Value::String(text) => Some(SecretString::from(text)),
                        _ => None,
                    };
                    match members.entry(name) {
                        Entry::Vacant(entry) => {
                            entry.insert(SecretMember { text, is_repeated: false });
                        }
                        Entry::Occupied(mut entry) => {
                            let member = entry.get_mut();
                            member.is_repeated = true;
                            member.text = member.text.take().and(text);
                        }
                    }
                }
                Ok(SecretObject { members })
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members of a value that is a JSON object.
    fn object(value: &str) -> SecretObject {
        SecretValue::read(&value.into()).into_object().expect("the value is a JSON object")
    }

    #[test]
    fn text_that_is_not_a_json_object_is_plain_and_trimmed() {
        for (value, expected) in [
            ("t0ken\n", "t0ken"),
            (r#""t0ken""#, r#""t0ken""#),
            ("12345", "12345"),
            (r#"["t0ken"]"#, r#"["t0ken"]"#),
            (r#"{"token":"#, r#"{"token":"#),
            (" ", ""),
        ] {
            match SecretValue::read(&value.into()) {
                SecretValue::Plain(text) => assert_eq!(text.expose_secret(), expected, "{value}"),
                SecretValue::Object(_) => panic!("{value} is not a JSON object"),
            }
        }
    }

    #[test]
    fn member_counts_only_if_it_is_one_string() {
        for (value, expected) in [
            (r#"{"token":"a"}"#, Some("a")),
            (r#" {"n":[1,{}],"token":"\u0061"} "#, Some("a")),
            (r#"{"token":7}"#, None),
            (r#"{"tokem":"a"}"#, None),
            (r#"{"token":"a","token":"b"}"#, None),
            (r#"{"token":7,"token":"b"}"#, None),
            (r#"{"token":"a","token":7}"#, None),
        ] {
            let object = object(value);
            assert_eq!(object.text("token").map(ExposeSecret::expose_secret), expected, "{value}");
        }
    }

    #[cfg(feature = "http-models")]
    #[test]
    fn object_of_texts_has_nothing_but_strings() {
        let texts = object(r#"{"A":"a1","B":"b1","A":"a2"}"#).into_texts().unwrap();
        assert_eq!((texts["A"].expose_secret(), texts["B"].expose_secret()), ("a2", "b1"));
        assert!(object(r#"{"A":"a1","B":7}"#).into_texts().is_none());
    }
}
