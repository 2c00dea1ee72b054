//! What a provider wants back in a later turn: its signatures, and reasoning that only it can read.
//!
//! The server keeps nothing between runs, so these values travel to the client in `encryptedValue` and come back with the
//! messages of its next run. Each is marked with the model that made it and goes back to that model alone. A client may send
//! any value, so the adapter of the model puts it only where the value of a signature or of reasoning stands.

use serde::{Deserialize, Serialize};

use crate::model::{CallSignature, Reasoning, ReasoningKind};

/// The content of the protocol's opaque `encryptedValue`, as JSON text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct ProviderState {
    /// The name of the model that made the values.
    model: String,
    /// The signature of reasoning or of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    /// Reasoning that only the provider can read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redacted: Option<String>,
    /// Whether the provider wants the text of the reasoning back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
    /// What the provider wants back with the turn that has the call or the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    turn: Option<String>,
}

impl ProviderState {
    /// Creates the state of the model of this name, without any value.
    fn new(model: &str) -> Self {
        Self { model: model.to_owned(), ..Self::default() }
    }

    /// Encodes the state as the JSON text that an `encryptedValue` holds.
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings are JSON")
    }

    /// Parses an `encryptedValue` that a client sends back. Returns `None` if the text does not have the form that
    /// [`to_json`](Self::to_json) writes; who wrote it is not checked. If `signature`, `redacted` or `turn` is an empty
    /// string, it is `None` in the result, as if the text did not have it.
    fn parse(text: &str) -> Option<Self> {
        let state: Self = serde_json::from_str(text).ok()?;
        let non_empty = |value: Option<String>| value.filter(|value| !value.is_empty());
        let (signature, redacted) = (non_empty(state.signature), non_empty(state.redacted));
        let turn = non_empty(state.turn);
        Some(Self { signature, redacted, turn, ..state })
    }
}

/// Encodes, for an `encryptedValue`, a signature that `model` made for its reasoning or for a call.
pub(super) fn signature(model: &str, signature: &str) -> String {
    ProviderState { signature: Some(signature.to_owned()), ..ProviderState::new(model) }.to_json()
}

/// Encodes, for an `encryptedValue`, reasoning of `model` that only its provider can read.
pub(super) fn redacted(model: &str, data: &str) -> String {
    ProviderState { redacted: Some(data.to_owned()), ..ProviderState::new(model) }.to_json()
}

/// Encodes, for an `encryptedValue`, that the text of the reasoning goes back to `model`.
pub(super) fn readable_text(model: &str) -> String {
    ProviderState { plain: true, ..ProviderState::new(model) }.to_json()
}

/// Encodes, for the `encryptedValue` of a call or a message, the `value` that the provider wants back with the turn.
/// `signature` is the signature of the same call, if it has one.
pub(super) fn turn(model: &str, signature: Option<&str>, value: &str) -> String {
    let signature = signature.map(ToOwned::to_owned);
    ProviderState { signature, turn: Some(value.to_owned()), ..ProviderState::new(model) }.to_json()
}

/// Returns the reasoning of a message that a client sends back, so that it can go back to its model. `None` if
/// `encrypted_value` does not name the model, or if there is nothing to send back.
pub(super) fn read_reasoning(text: &str, encrypted_value: Option<&str>) -> Option<Reasoning> {
    let state = ProviderState::parse(encrypted_value?)?;
    let kind = match (state.signature, state.redacted) {
        (Some(signature), _) => ReasoningKind::Signed(signature),
        (None, Some(data)) => ReasoningKind::Redacted(data),
        (None, None) if state.plain && !text.is_empty() => ReasoningKind::Plain,
        (None, None) => return None,
    };
    Some(Reasoning { model: state.model, text: text.to_owned(), kind })
}

/// Returns the signature of a call from the `encryptedValue` that a client sends back; `None` if there is no signature.
pub(super) fn read_call(encrypted_value: Option<&str>) -> Option<CallSignature> {
    let state = ProviderState::parse(encrypted_value?)?;
    state.signature.map(|value| CallSignature { model: state.model, value })
}

/// Returns what a provider wants back with a turn, from the `encryptedValue` of a call or a message that a client sends
/// back; `None` if the value holds nothing for the turn.
pub(super) fn read_turn(encrypted_value: Option<&str>) -> Option<Reasoning> {
    let state = ProviderState::parse(encrypted_value?)?;
    let kind = ReasoningKind::TurnSignature(state.turn?);
    Some(Reasoning { model: state.model, text: String::new(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_back_with_their_model() {
        let signed = read_reasoning("Hm.", Some(&signature("anthropic/m", "c2ln"))).unwrap();
        let hidden = read_reasoning("", Some(&redacted("anthropic/m", "aGlk"))).unwrap();
        let call = read_call(Some(&signature("gemini/m", "c2ln"))).unwrap();

        assert_eq!((signed.model.as_str(), signed.text.as_str()), ("anthropic/m", "Hm."));
        assert_eq!(signed.kind, ReasoningKind::Signed("c2ln".into()));
        assert_eq!(hidden.kind, ReasoningKind::Redacted("aGlk".into()));
        assert_eq!((call.model.as_str(), call.value.as_str()), ("gemini/m", "c2ln"));
    }

    #[test]
    fn values_of_other_servers_are_ignored() {
        for text in [
            "",
            "c2ln",
            "{}",
            r#"{"model":"m"}"#,
            r#"{"model":"m","signature":""}"#,
            r#"{"model":1,"signature":"s"}"#,
        ] {
            assert_eq!(read_reasoning("Hm.", Some(text)), None, "{text}");
            assert_eq!(read_call(Some(text)), None, "{text}");
        }
        assert_eq!(read_reasoning("Hm.", None), None);
        assert_eq!(read_call(Some(&redacted("m", "d"))), None);
        assert_eq!(read_reasoning("", Some(&readable_text("m"))), None, "there is nothing to send back");
    }

    #[test]
    fn call_carries_its_signature_and_what_goes_back_with_its_turn() {
        for call_signature in [Some("c2ln"), None] {
            let encoded = turn("openrouter/m", call_signature, "{}");

            let read = read_call(Some(&encoded)).map(|signature| signature.value);
            assert_eq!(read.as_deref(), call_signature);
            assert_eq!(read_turn(Some(&encoded)).unwrap().kind, ReasoningKind::TurnSignature("{}".into()));
            assert_eq!(read_turn(Some(&signature("m", "s"))), None);
        }
        assert_eq!(read_reasoning("Hm.", Some(&readable_text("m"))).unwrap().kind, ReasoningKind::Plain);
    }
}
