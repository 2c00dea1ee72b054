//! What goes to the client and comes back on a provider's behalf: signatures, and reasoning that only the provider
//! can read.
//!
//! A value is marked with the model that made it, so that it goes back to that model and to no other. Nothing is
//! proven by it: a client may send what it likes, and the provider checks its own signatures.

use serde::{Deserialize, Serialize};

use crate::model::{CallSignature, Reasoning, ReasoningKind};

/// The opaque `encryptedValue` of the protocol, as JSON text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Seal {
    /// Name of the model that made what is sealed.
    model: String,
    /// The signature of reasoning or of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    /// Reasoning that only the provider can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redacted: Option<String>,
    /// The provider wants the text of the reasoning back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
    /// What the provider wants back with the turn that the call or the message is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turn: Option<String>,
}

impl Seal {
    fn of(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("strings are JSON")
    }

    /// None for what is no seal. A value of nothing is none.
    fn read(text: &str) -> Option<Self> {
        let seal: Self = serde_json::from_str(text).ok()?;
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let (signature, redacted, turn) = (given(seal.signature), given(seal.redacted), given(seal.turn));
        Some(Self { signature, redacted, turn, ..seal })
    }
}

/// The sealed form of a signature, of reasoning or of a call.
pub(super) fn signature(model: &str, signature: &str) -> String {
    Seal { signature: Some(signature.to_owned()), ..Seal::of(model) }.text()
}

/// The sealed form of reasoning that only the provider can read.
pub(super) fn redacted(model: &str, data: &str) -> String {
    Seal { redacted: Some(data.to_owned()), ..Seal::of(model) }.text()
}

/// The mark on reasoning whose text goes back to its model.
pub(super) fn plain(model: &str) -> String {
    Seal { plain: true, ..Seal::of(model) }.text()
}

/// The sealed form of what goes back with a turn, beside the signature of the call that bears it.
pub(super) fn turn(model: &str, signature: Option<&str>, value: &str) -> String {
    let signature = signature.map(ToOwned::to_owned);
    Seal { signature, turn: Some(value.to_owned()), ..Seal::of(model) }.text()
}

/// The reasoning of a message; none without a seal of this crate's, since nobody knows whose it is.
pub(super) fn reasoning(text: &str, sealed: Option<&str>) -> Option<Reasoning> {
    let seal = Seal::read(sealed?)?;
    let kind = match (seal.signature, seal.redacted) {
        (Some(signature), _) => ReasoningKind::Signed(signature),
        (None, Some(data)) => ReasoningKind::Redacted(data),
        (None, None) if seal.plain && !text.is_empty() => ReasoningKind::Plain,
        (None, None) => return None,
    };
    Some(Reasoning { model: seal.model, text: text.to_owned(), kind })
}

/// The signature of a call.
pub(super) fn call(sealed: Option<&str>) -> Option<CallSignature> {
    let seal = Seal::read(sealed?)?;
    seal.signature.map(|value| CallSignature { model: seal.model, value })
}

/// What goes back with the turn of a call or of a message.
pub(super) fn of_turn(sealed: Option<&str>) -> Option<Reasoning> {
    let seal = Seal::read(sealed?)?;
    let kind = ReasoningKind::OfTurn(seal.turn?);
    Some(Reasoning { model: seal.model, text: String::new(), kind })
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
        assert_eq!(reasoning("", Some(&plain("m"))), None, "nothing to send back");
    }

    #[test]
    fn a_call_bears_its_own_signature_and_what_is_of_its_turn() {
        for own in [Some("c2ln"), None] {
            let sealed = turn("openrouter/m", own, "{}");

            assert_eq!(call(Some(&sealed)).map(|signature| signature.value).as_deref(), own);
            assert_eq!(of_turn(Some(&sealed)).unwrap().kind, ReasoningKind::OfTurn("{}".into()));
            assert_eq!(of_turn(Some(&signature("m", "s"))), None);
        }
        assert_eq!(reasoning("Hm.", Some(&plain("m"))).unwrap().kind, ReasoningKind::Plain);
    }
}
