//! The values of the two secrets: generates the next one, and checks that it can be used.
//!
//! The value itself shows which secret it is: a JSON object with the member `token` or `key`, or plain text, which is a
//! token. The check calls the code that reads the secrets later, [`SharedToken`] and [`ApprovalKeys`].

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::approval::ApprovalKeys;
use crate::auth::SharedToken;
use crate::secrets::value::{KEY_MEMBER, SecretValue, TOKEN_MEMBER};

/// The characters of generated values. None of them needs an escape in a header or a shell.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of a generated token, which is also that of template.yaml: 285 bits.
const TOKEN_CHARACTERS: usize = 48;
/// The length of a generated key, which is also that of template.yaml: 381 bits.
const KEY_CHARACTERS: usize = 64;

/// Why a value cannot be used as a token or as a key. No message contains any part of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretValueError {
    /// The new version has no value yet.
    #[error("it has no value")]
    Absent,
    /// The value is binary.
    #[error("it is not text")]
    NotText,
    /// The value is a JSON object in which neither a token nor a key can be found.
    #[error("it is a JSON object without exactly one of the string members `token` and `key`")]
    Unknown,
    /// The new value is a key and the current one a token, or the other way round.
    #[error("the new value is a key but the current one is a token, or the other way round")]
    OtherKind,
    /// The code that reads the secret would refuse the value, with this error.
    #[error("{0}")]
    Unusable(Box<dyn std::error::Error + Send + Sync>),
    /// The system has no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// What a secret holds, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecretFormat {
    /// The value is the token as it is.
    PlainToken,
    /// The value is a JSON object with the token in it.
    Token,
    /// The value is a JSON object with the key in it.
    Key,
}

/// Generates a new random value in the format of the `current` one. All other members of a JSON object stay as they
/// are.
///
/// # Errors
/// [`SecretValueError`] if the format of the current value is unknown, or if the system has no random bytes.
pub(super) fn generate(current: &SecretString) -> Result<SecretString, SecretValueError> {
    let (member, characters) = match SecretFormat::of(current)? {
        SecretFormat::PlainToken => return Ok(random_text(TOKEN_CHARACTERS)?.into()),
        SecretFormat::Token => (TOKEN_MEMBER, TOKEN_CHARACTERS),
        SecretFormat::Key => (KEY_MEMBER, KEY_CHARACTERS),
    };
    let object = serde_json::from_str(current.expose_secret().trim());
    let mut object: Map<String, Value> = object.map_err(|_| SecretValueError::Unknown)?;
    object.insert(member.to_owned(), random_text(characters)?.into());
    Ok(Value::Object(object).to_string().into())
}

/// Checks that the new `value` can replace the `current` one: the agent's function would accept it, and both are
/// tokens or both are keys.
///
/// # Errors
/// [`SecretValueError`] with the reason if it cannot.
pub(super) fn check_successor(value: &SecretString, current: &SecretString) -> Result<(), SecretValueError> {
    let is_key = |format| format == SecretFormat::Key;
    let format = SecretFormat::of(value)?;
    if is_key(format) != is_key(SecretFormat::of(current)?) {
        return Err(SecretValueError::OtherKind);
    }
    match format {
        SecretFormat::PlainToken | SecretFormat::Token => {
            SharedToken::check(value).map_err(|error| SecretValueError::Unusable(error.into()))
        }
        SecretFormat::Key => {
            ApprovalKeys::check(value).map_err(|error| SecretValueError::Unusable(error.into()))
        }
    }
}

impl SecretFormat {
    /// Determines the format of a value: plain text is a token, and a JSON object must have exactly one of the
    /// members `token` and `key`.
    ///
    /// # Errors
    /// [`SecretValueError::Unknown`] for any other JSON object.
    fn of(value: &SecretString) -> Result<Self, SecretValueError> {
        let SecretValue::Object(object) = SecretValue::read(value) else { return Ok(Self::PlainToken) };
        let is_only = |name, other| object.text(name).is_some() && !object.contains(other);
        match (is_only(TOKEN_MEMBER, KEY_MEMBER), is_only(KEY_MEMBER, TOKEN_MEMBER)) {
            (true, _) => Ok(Self::Token),
            (_, true) => Ok(Self::Key),
            _ => Err(SecretValueError::Unknown),
        }
    }
}

/// Returns that many random characters of [`ALPHABET`], each equally likely.
///
/// # Errors
/// [`SecretValueError::NoRandomness`] if the system has no random bytes.
fn random_text(characters: usize) -> Result<String, SecretValueError> {
    let mut text = String::with_capacity(characters);
    let mut bytes = [0; KEY_CHARACTERS];
    while text.len() < characters {
        getrandom::fill(&mut bytes).map_err(|_| SecretValueError::NoRandomness)?;
        // 248 is a multiple of 62. With larger bytes the first characters would be more likely than the others.
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

    fn generate_json(value: &str) -> Value {
        let new = generate(&value.into()).unwrap();
        serde_json::from_str(new.expose_secret()).unwrap_or_else(|_| new.expose_secret().into())
    }

    #[test]
    fn generated_value_keeps_format_and_other_members() {
        for (why, current, member, characters) in [
            ("a token", r#"{"token":"old"}"#, "token", 48),
            ("a key", r#"{"key":"0123456789abcdef0123456789abcdef"}"#, "key", 64),
            ("with other members", r#" {"owner":["ops",7],"token":"old"} "#, "token", 48),
        ] {
            let mut new = generate_json(current);
            let mut old: Value = serde_json::from_str(current).unwrap();

            let value = new[member].take();
            let text = value.as_str().unwrap();
            assert!(text.len() == characters && text.bytes().all(|b| b.is_ascii_alphanumeric()), "{why}");
            assert_ne!(value, old[member].take(), "{why}");
            assert_eq!(new, old, "{why}");
        }
        for plain in ["old", "\"old\"", "12345", r#"{"token":"#] {
            let new = generate(&plain.into()).unwrap();
            assert_eq!(new.expose_secret().len(), 48, "{plain} is a token as it is");
        }
    }

    #[test]
    fn value_without_token_or_key_is_refused() {
        for value in [
            r#"{"token":"t","key":"k"}"#,
            r#"{"password":"planted"}"#,
            r#"{"token":7}"#,
            r#"{"key":null}"#,
            "{}",
        ] {
            let error = generate(&value.into()).unwrap_err();
            assert!(matches!(error, SecretValueError::Unknown), "{value}");
            let token = "in force".into();
            assert!(
                matches!(check_successor(&value.into(), &token), Err(SecretValueError::Unknown)),
                "{value}"
            );
            assert!(
                matches!(check_successor(&token, &value.into()), Err(SecretValueError::Unknown)),
                "{value}"
            );
        }
    }

    #[test]
    fn successor_is_checked_as_its_reader_reads_it() {
        for (value, message) in [
            (r#"{"token":" "}"#, "the token is empty"),
            (" ", "the token is empty"),
            (r#"{"token":"planted-and-too-short"}"#, "the token has fewer than 32 characters"),
            (r#"{"token":"planted"#, "the secret begins like JSON and is not a JSON object"),
            (r#"{"key":"planted-and-too-short"}"#, "the key of approvals has fewer than 32 characters"),
            (
                r#"{"token":"planted","token":"twice"}"#,
                "it is a JSON object without exactly one of the string members `token` and `key`",
            ),
        ] {
            let value = value.into();
            assert_eq!(check_successor(&value, &value).unwrap_err().to_string(), message);
        }
        let token = "0123456789abcdef0123456789abcdef";
        for value in
            [format!(r#"{{"token":"{token}"}}"#), token.to_owned(), format!(r#"{{"key":"{token}"}}"#)]
        {
            let value = value.into();
            check_successor(&value, &value).unwrap();
            check_successor(&generate(&value).unwrap(), &value).unwrap();
        }
    }

    #[test]
    fn token_and_key_never_follow_each_other() {
        let key = r#"{"key":"0123456789abcdef0123456789abcdef"}"#;
        for token in [r#"{"token":"t"}"#, "plain"] {
            for (value, current) in [(key, token), (token, key)] {
                let error = check_successor(&value.into(), &current.into()).unwrap_err();
                assert!(matches!(error, SecretValueError::OtherKind), "{value} after {current}");
            }
        }
        check_successor(&"a plain token of thirty-two characters".into(), &r#"{"token":"t"}"#.into())
            .unwrap();
    }

    #[test]
    fn characters_are_equally_likely() {
        let text: String = (0..4000).map(|_| random_text(62).unwrap()).collect();

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
