//! The values of the two secrets: what comes after one, and whether one is fit to be in force.
//!
//! Which secret it is, is seen in its value: JSON with the member `token` or `key`, or a plain string, which is a token.
//! Whether a value is usable is asked of those who read it, so that both can't come to differ.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::approval::ApprovalKeys;
use crate::endpoint::SharedToken;

/// Goes through headers and shells as it is.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// As many characters as template.yaml generates: 285 bits.
const TOKEN_CHARACTERS: usize = 48;
/// As many characters as template.yaml generates: 381 bits.
const KEY_CHARACTERS: usize = 64;

/// Why a value is no token and no key. No message has any of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ValueFault {
    #[error("it has no value")]
    Absent,
    #[error("it is not text")]
    NotText,
    #[error("it is a JSON object without exactly one of the string members `token` and `key`")]
    Unknown,
    #[error("it is a key where a token is in force, or a token where a key is")]
    OtherKind,
    #[error("{0}")]
    Unusable(Box<dyn std::error::Error + Send + Sync>),
    #[error("the system gives no random bytes")]
    NoRandomness,
}

enum Held {
    /// A token as it is.
    Plain,
    /// A JSON object with the token in it.
    Token(Map<String, Value>),
    /// A JSON object with the key in it.
    Key(Map<String, Value>),
}

/// A new value in the form of this one, with all its other members.
pub(super) fn renewed(current: &SecretString) -> Result<SecretString, ValueFault> {
    let (mut object, member, characters) = match Held::read(current)? {
        Held::Plain => return Ok(random(TOKEN_CHARACTERS)?.into()),
        Held::Token(object) => (object, "token", TOKEN_CHARACTERS),
        Held::Key(object) => (object, "key", KEY_CHARACTERS),
    };
    object.insert(member.to_owned(), random(characters)?.into());
    Ok(Value::Object(object).to_string().into())
}

/// Whether the agent's function would take this value after the one in force: a token after a token, a key after a key.
pub(super) fn test(value: &SecretString, current: &SecretString) -> Result<(), ValueFault> {
    let held = Held::read(value)?;
    if matches!(held, Held::Key(_)) != matches!(Held::read(current)?, Held::Key(_)) {
        return Err(ValueFault::OtherKind);
    }
    match held {
        Held::Plain | Held::Token(_) => {
            SharedToken::check(value).map_err(|fault| ValueFault::Unusable(fault.into()))
        }
        Held::Key(_) => ApprovalKeys::check(value).map_err(ValueFault::Unusable),
    }
}

impl Held {
    fn read(value: &SecretString) -> Result<Self, ValueFault> {
        let Ok(Value::Object(object)) = serde_json::from_str(value.expose_secret()) else {
            return Ok(Self::Plain);
        };
        match (object.get("token"), object.get("key")) {
            (Some(Value::String(_)), None) => Ok(Self::Token(object)),
            (None, Some(Value::String(_))) => Ok(Self::Key(object)),
            _ => Err(ValueFault::Unknown),
        }
    }
}

fn random(characters: usize) -> Result<String, ValueFault> {
    let mut text = String::with_capacity(characters);
    let mut bytes = [0; KEY_CHARACTERS];
    while text.len() < characters {
        getrandom::fill(&mut bytes).map_err(|_| ValueFault::NoRandomness)?;
        // A multiple of 62: with the bytes above it the first characters would come more often.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let missing = characters - text.len();
        text.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).take(missing));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn renew(value: &str) -> Value {
        let new = renewed(&value.into()).unwrap();
        serde_json::from_str(new.expose_secret()).unwrap_or_else(|_| new.expose_secret().into())
    }

    #[test]
    fn a_new_value_has_the_form_of_the_one_before_it_and_its_other_members() {
        for (why, current, member, characters) in [
            ("a token", r#"{"token":"old"}"#, "token", 48),
            ("a key", r#"{"key":"0123456789abcdef0123456789abcdef"}"#, "key", 64),
            ("with other members", r#" {"owner":["ops",7],"token":"old"} "#, "token", 48),
        ] {
            let mut new = renew(current);
            let mut old: Value = serde_json::from_str(current).unwrap();

            let value = new[member].take();
            let text = value.as_str().unwrap();
            assert!(text.len() == characters && text.bytes().all(|b| b.is_ascii_alphanumeric()), "{why}");
            assert_ne!(value, old[member].take(), "{why}");
            assert_eq!(new, old, "{why}");
        }
        for plain in ["old", "\"old\"", "12345", r#"{"token":"#] {
            let new = renewed(&plain.into()).unwrap();
            assert_eq!(new.expose_secret().len(), 48, "{plain} is a token as it is");
        }
    }

    #[test]
    fn what_is_neither_a_token_nor_a_key_is_not_rotated() {
        for value in [
            r#"{"token":"t","key":"k"}"#,
            r#"{"password":"planted"}"#,
            r#"{"token":7}"#,
            r#"{"key":null}"#,
            "{}",
        ] {
            let fault = renewed(&value.into()).unwrap_err();
            assert!(matches!(fault, ValueFault::Unknown), "{value}");
            let token = "in force".into();
            assert!(matches!(test(&value.into(), &token), Err(ValueFault::Unknown)), "{value}");
            assert!(matches!(test(&token, &value.into()), Err(ValueFault::Unknown)), "{value}");
        }
    }

    #[test]
    fn a_value_is_tested_as_its_reader_reads_it() {
        for (value, said) in [
            (r#"{"token":" "}"#, "the token is empty"),
            (" ", "the token is empty"),
            (r#"{"key":"planted-and-too-short"}"#, "the key of approvals has fewer than 32 characters"),
            (
                r#"{"token":"planted","token":"twice"}"#,
                "the secret is a JSON object without one string member `token`",
            ),
        ] {
            let value = value.into();
            assert_eq!(test(&value, &value).unwrap_err().to_string(), said);
        }
        for value in [r#"{"token":"t"}"#, "plain", r#"{"key":"0123456789abcdef0123456789abcdef"}"#] {
            let value = value.into();
            test(&value, &value).unwrap();
            test(&renewed(&value).unwrap(), &value).unwrap();
        }
    }

    #[test]
    fn a_token_never_comes_after_a_key_nor_a_key_after_a_token() {
        let key = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;
        for token in [r#"{"token":"t"}"#, "plain"] {
            for (value, current) in [(key, token), (token, key)] {
                let fault = test(&value.into(), &current.into()).unwrap_err();
                assert!(matches!(fault, ValueFault::OtherKind), "{value} after {current}");
            }
        }
        test(&"plain".into(), &r#"{"token":"t"}"#.into()).unwrap();
    }

    #[test]
    fn every_character_comes_about_as_often_as_any_other() {
        let text: String = (0..4000).map(|_| random(62).unwrap()).collect();

        let characters: BTreeSet<char> = text.chars().collect();
        assert_eq!(characters.len(), 62);
        // 4000 each are expected, and 10 standard deviations are 627 either way; with the bytes from 248 the first eight
        // would come 4844 times.
        for character in characters {
            let count = text.chars().filter(|c| *c == character).count();
            assert!((3373..=4627).contains(&count), "{character}: {count}");
        }
    }
}
