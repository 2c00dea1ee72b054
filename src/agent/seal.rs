//! What goes to the client and comes back on a provider's behalf: signatures, and reasoning that only the provider
//! can read.
//!
//! A value is marked with the model that made it, so that it goes back to that model and to no other. Nothing is
//! proven by it: a client may send what it likes, and the provider checks its own signatures.

use serde::{Deserialize, Serialize};

use crate::model::{CallSignature, Reasoning, ReasoningKind};

/// The opaque `encryptedValue` of the protocol, as JSON text.
#[derive(Debug, Serialize, Deserialize)]
struct Seal {
    /// Name of the model that made the value.
    model: String,
    #[serde(flatten)]
    value: Value,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Value {
    Signature(String),
    Redacted(String),
}

impl Seal {
    fn text(model: &str, value: Value) -> String {
        let seal = Self { model: model.to_owned(), value };
        serde_json::to_string(&seal).expect("strings are JSON")
    }

    /// None for what is no seal, or one of nothing.
    fn read(text: &str) -> Option<Self> {
        let seal: Self = serde_json::from_str(text).ok()?;
        let (Value::Signature(value) | Value::Redacted(value)) = &seal.value;
        if value.is_empty() { None } else { Some(seal) }
    }
}

/// The sealed form of a signature, of reasoning or of a call.
pub(super) fn signature(model: &str, signature: &str) -> String {
    Seal::text(model, Value::Signature(signature.to_owned()))
}

/// The sealed form of reasoning that only the provider can read.
pub(super) fn redacted(model: &str, data: &str) -> String {
    Seal::text(model, Value::Redacted(data.to_owned()))
}

/// The reasoning of a message; none without a seal of this crate's, since nobody knows whose it is.
pub(super) fn reasoning(text: &str, sealed: Option<&str>) -> Option<Reasoning> {
    let seal = Seal::read(sealed?)?;
    let kind = match seal.value {
        Value::Signature(signature) => ReasoningKind::Signed(signature),
        Value::Redacted(data) => ReasoningKind::Redacted(data),
    };
    Some(Reasoning { model: seal.model, text: text.to_owned(), kind })
}

/// The signature of a call.
pub(super) fn call(sealed: Option<&str>) -> Option<CallSignature> {
    let seal = Seal::read(sealed?)?;
    match seal.value {
        Value::Signature(value) => Some(CallSignature { model: seal.model, value }),
        Value::Redacted(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_read_with_its_model() {
        let signed = reasoning("Hm.", Some(&signature("anthropic/m", "c2ln"))).unwrap();
        let hidden = reasoning("", Some(&redacted("anthropic/m", "aGlk"))).unwrap();
        let call = call(Some(&signature("gemini/m", "c2ln"))).unwrap();

        assert_eq!((signed.model.as_str(), signed.text.as_str()), ("anthropic/m", "Hm."));
        assert_eq!(signed.kind, ReasoningKind::Signed("c2ln".into()));
        assert_eq!(hidden.kind, ReasoningKind::Redacted("aGlk".into()));
        assert_eq!((call.model.as_str(), call.value.as_str()), ("gemini/m", "c2ln"));
    }

    #[test]
    fn what_others_sealed_is_nobodys() {
        for text in [
            "",
            "c2ln",
            "{}",
            r#"{"model":"m"}"#,
            r#"{"model":"m","signature":""}"#,
            r#"{"model":1,"signature":"s"}"#,
        ] {
            assert_eq!(reasoning("Hm.", Some(text)), None, "{text}");
            assert_eq!(call(Some(text)), None, "{text}");
        }
        assert_eq!(reasoning("Hm.", None), None);
        assert_eq!(call(Some(&redacted("m", "d"))), None);
    }
}
