//! The signature of a tool's result, which travels with the result in the client's history.
//!
//! ```text
//! aguir2.<key id>.<signed>.<run that sent it>.<mac>
//! ```
//!
//! The MAC is an HMAC-SHA256 over these parts, the [binding](Binding) of the call and the digest of the content, under a
//! label of its own: the signature of a result is never valid as an interrupt token, nor the other way round. The
//! previous format `aguir1` lacks the time of signing, and is still verified.

use subtle::ConstantTimeEq as _;

use super::binding::Binding;
use super::keys::{KeyHint, SigningKey};
use super::mac::{MacInput, decode_base64url, decode_base64url_text, encode_base64url};
use crate::protocol::RunId;

/// The format that is issued.
const VERSION: &str = "aguir2";
/// The previous format, which has no time of signing.
const VERSION_1: &str = "aguir1";

/// The signature of a tool's result. It is not verified when it is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResultSignature {
    key_id: String,
    /// When the result was signed, in seconds since the Unix epoch; `None` in the format `aguir1`.
    signed_at: Option<u64>,
    /// The run that sent the result.
    run_id: RunId,
    mac: [u8; 32],
}

impl ResultSignature {
    /// Signs the result of the call of `binding` with `key`. `content` is the SHA-256 digest of the result, and `now`
    /// is the time of signing, in seconds since the Unix epoch.
    pub(super) fn sign(binding: &Binding<'_>, content: [u8; 32], key: &SigningKey, now: u64) -> Self {
        let mut signature = Self {
            key_id: key.id.clone(),
            signed_at: Some(now),
            run_id: binding.run_id.clone(),
            mac: [0; 32],
        };
        signature.mac = signature.expected_mac(key, binding, content);
        signature
    }

    /// Parses the text of a signature, and does not verify it; `None` if the text is not in a known format.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let (signed_at, key_id, run_id, mac) = match parts[..] {
            [VERSION, key_id, signed_at, run_id, mac] => (Some(signed_at.parse().ok()?), key_id, run_id, mac),
            [VERSION_1, key_id, run_id, mac] => (None, key_id, run_id, mac),
            _ => return None,
        };
        let signature = Self {
            key_id: key_id.to_owned(),
            signed_at,
            run_id: decode_base64url_text(run_id)?.into(),
            mac: decode_base64url(mac)?.try_into().ok()?,
        };
        // Each signature has exactly one text.
        (signature.encode() == text).then_some(signature)
    }

    /// Encodes the signature as the text that the metadata of a tool message carries.
    pub(crate) fn encode(&self) -> String {
        let Self { key_id, signed_at, run_id, mac } = self;
        let (run_id, mac) = (encode_base64url(run_id.as_str()), encode_base64url(mac));
        match signed_at {
            Some(signed_at) => format!("{VERSION}.{key_id}.{signed_at}.{run_id}.{mac}"),
            None => format!("{VERSION_1}.{key_id}.{run_id}.{mac}"),
        }
    }

    /// Returns the id of the key that made the signature, and the time of signing. Nothing is verified.
    pub(super) fn key_hint(&self) -> KeyHint<'_> {
        KeyHint { id: &self.key_id, signed_at: self.signed_at }
    }

    /// Returns the run that sent the result.
    pub(crate) fn run_id(&self) -> &RunId {
        &self.run_id
    }

    /// Whether `key` made this signature for the call of `binding` and a result with the digest `content`. The MACs are
    /// compared in constant time.
    pub(super) fn verify_with(&self, key: &SigningKey, binding: &Binding<'_>, content: [u8; 32]) -> bool {
        let is_named = self.key_id == key.id && self.run_id == *binding.run_id;
        is_named && self.expected_mac(key, binding, content).ct_eq(&self.mac).into()
    }

    /// Computes the MAC that the signature has if `key` made it for the call of `binding` and a result with the digest
    /// `content`. The field `mac` is not read.
    fn expected_mac(&self, key: &SigningKey, binding: &Binding<'_>, content: [u8; 32]) -> [u8; 32] {
        let mut input = match self.signed_at {
            Some(signed_at) => {
                let mut input = MacInput::new("ag-ui-lambda result 2");
                input.put(signed_at.to_be_bytes());
                input
            }
            None => MacInput::new("ag-ui-lambda result 1"),
        };
        input.put(&self.key_id);
        binding.put_into(&mut input);
        input.put(content);
        input.hmac_sha256(key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::binding::testing::BindingParts;
    use super::super::{ApprovalKeys, Approvals, InterruptKind, SignatureStatus};
    use super::*;

    #[tokio::test]
    async fn signature_has_one_text_and_is_not_a_token() {
        let approvals = Approvals::new(ApprovalKeys::literal("k".repeat(32).into()).unwrap());
        let own = BindingParts::new();
        let binding = own.binding();
        let signature = approvals.sign_result(&binding, [8; 32]).await.unwrap();
        let text = signature.encode();
        assert_eq!(ResultSignature::parse(&text), Some(signature.clone()));
        assert_eq!(approvals.verify_result(&signature, &binding, [8; 32]).await, SignatureStatus::Valid);
        assert_eq!(approvals.verify_result(&signature, &binding, [9; 32]).await, SignatureStatus::Invalid);
        let other_run = RunId::from("r2");
        let elsewhere = Binding { run_id: &other_run, ..own.binding() };
        assert_eq!(approvals.verify_result(&signature, &elsewhere, [8; 32]).await, SignatureStatus::Invalid);

        let token =
            approvals.issue_token(InterruptKind::Approval, None, &own.run_id, &binding).await.unwrap();
        let token_mac = token.to_interrupt_id().as_str().rsplit('.').next().unwrap().to_owned();
        let swapped = format!("{}.{token_mac}", text.rsplit_once('.').unwrap().0);
        let swapped = ResultSignature::parse(&swapped).unwrap();
        assert_eq!(approvals.verify_result(&swapped, &binding, [8; 32]).await, SignatureStatus::Invalid);

        for (why, text) in [
            ("nothing", String::new()),
            ("padding", format!("{text}=")),
            ("another version", text.replace("aguir2", "aguir3")),
            ("the previous version", text.replace("aguir2", "aguir1")),
            ("too many parts", format!("{text}.")),
            ("an interrupt token", token.to_interrupt_id().as_str().to_owned()),
        ] {
            assert_eq!(ResultSignature::parse(&text), None, "{why}");
        }
    }
}
