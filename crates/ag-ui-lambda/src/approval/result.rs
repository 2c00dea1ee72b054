//! The signature that a tool's result carries, and what it is about.
//!
//! ```text
//! aguir2.<key id>.<signed>.<run that told it>.<mac>
//! ```
//!
//! `aguir1`, the format before, is the same without the time of signing, and is still verified.
//!
//! It is made like a proof, with a label of its own: no signature of a result is the proof of an approval, nor the
//! other way round.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::Subject;
use super::keys::{Key, KeyName};
use super::proof::{Fields, base64};
use crate::protocol::RunId;

const VERSION: &str = "aguir2";
/// The format without the time of signing.
const VERSION_1: &str = "aguir1";

/// A signature, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResultSignature {
    key_id: String,
    /// In seconds since the Unix epoch; `None` in the format `aguir1`.
    signed_at: Option<u64>,
    run_id: RunId,
    mac: [u8; 32],
}

/// Digest of arguments that have no canonical form: of their text. It is none of those that
/// [`digest`](super::digest) makes.
pub(crate) fn digest_text(arguments: &str) -> [u8; 32] {
    let mut fields = Fields::new("ag-ui-lambda arguments as text 1");
    fields.put(arguments);
    fields.digest()
}

impl ResultSignature {
    /// `now` is in seconds since the Unix epoch.
    pub(super) fn sign(subject: &Subject<'_>, content: [u8; 32], key: &Key, now: u64) -> Self {
        let mut signature = Self {
            key_id: key.id.clone(),
            signed_at: Some(now),
            run_id: subject.run_id.clone(),
            mac: [0; 32],
        };
        signature.mac = signature.mac_by(key, subject, content);
        signature
    }

    /// Reads a text that this version may have written; None for any other.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let (signed_at, key_id, run_id, mac) = match parts[..] {
            [VERSION, key_id, signed_at, run_id, mac] => (Some(signed_at.parse().ok()?), key_id, run_id, mac),
            [VERSION_1, key_id, run_id, mac] => (None, key_id, run_id, mac),
            _ => return None,
        };
        let signature = Self {
            key_id: key_id.to_owned(),
            signed_at,
            run_id: String::from_utf8(URL_SAFE_NO_PAD.decode(run_id).ok()?).ok()?.into(),
            mac: URL_SAFE_NO_PAD.decode(mac).ok()?.try_into().ok()?,
        };
        // One signature has one text.
        (signature.text() == text).then_some(signature)
    }

    pub(crate) fn text(&self) -> String {
        let Self { key_id, signed_at, run_id, mac } = self;
        let (run_id, mac) = (base64(run_id.as_str()), base64(mac));
        match signed_at {
            Some(signed_at) => format!("{VERSION}.{key_id}.{signed_at}.{run_id}.{mac}"),
            None => format!("{VERSION_1}.{key_id}.{run_id}.{mac}"),
        }
    }

    pub(super) fn key(&self) -> KeyName<'_> {
        KeyName { id: &self.key_id, signed_at: self.signed_at }
    }

    /// The run that told the result.
    pub(crate) fn run_id(&self) -> &RunId {
        &self.run_id
    }

    /// Whether the key made this signature; in constant time.
    pub(super) fn is_by(&self, key: &Key, subject: &Subject<'_>, content: [u8; 32]) -> bool {
        let is_named = self.key_id == key.id && self.run_id == *subject.run_id;
        is_named && self.mac_by(key, subject, content).ct_eq(&self.mac).into()
    }

    fn mac_by(&self, key: &Key, subject: &Subject<'_>, content: [u8; 32]) -> [u8; 32] {
        let mut fields = match self.signed_at {
            Some(signed_at) => {
                let mut fields = Fields::new("ag-ui-lambda result 2");
                fields.put(signed_at.to_be_bytes());
                fields
            }
            None => Fields::new("ag-ui-lambda result 1"),
        };
        fields.put(&self.key_id);
        subject.put(&mut fields);
        fields.put(content);
        fields.mac(key)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{ApprovalKeys, Approvals, Identity, Kind, Signature, digest};
    use super::*;
    use crate::protocol::{ThreadId, ToolCallId};

    #[tokio::test]
    async fn a_signature_has_one_text_and_is_no_proof() {
        let approvals = Approvals::new(ApprovalKeys::literal("k".repeat(32).into()).unwrap());
        let identity = Identity::anonymous();
        let (thread_id, run_id, call_id): (ThreadId, RunId, ToolCallId) =
            ("t".into(), "r".into(), "c".into());
        let subject = Subject {
            thread_id: &thread_id,
            run_id: &run_id,
            call_id: &call_id,
            tool: "refund",
            arguments: [7; 32],
            identity: &identity,
        };
        let signature = approvals.sign_result(&subject, [8; 32]).await.unwrap();
        let text = signature.text();
        assert_eq!(ResultSignature::read(&text), Some(signature.clone()));
        assert_eq!(approvals.check_result(&signature, &subject, [8; 32]).await, Signature::Genuine);
        assert_eq!(approvals.check_result(&signature, &subject, [9; 32]).await, Signature::Forged);
        let other_run = RunId::from("r2");
        let elsewhere = Subject { run_id: &other_run, ..subject };
        assert_eq!(approvals.check_result(&signature, &elsewhere, [8; 32]).await, Signature::Forged);

        let proof = approvals.prove(Kind::Approval, None, &run_id, &subject).await.unwrap();
        let proof_mac = proof.id().as_str().rsplit('.').next().unwrap().to_owned();
        let swapped = format!("{}.{proof_mac}", text.rsplit_once('.').unwrap().0);
        let swapped = ResultSignature::read(&swapped).unwrap();
        assert_eq!(approvals.check_result(&swapped, &subject, [8; 32]).await, Signature::Forged);

        for (why, text) in [
            ("nothing", String::new()),
            ("padding", format!("{text}=")),
            ("another version", text.replace("aguir2", "aguir3")),
            ("the version before", text.replace("aguir2", "aguir1")),
            ("too many parts", format!("{text}.")),
            ("a proof", proof.id().as_str().to_owned()),
        ] {
            assert_eq!(ResultSignature::read(&text), None, "{why}");
        }
    }

    #[test]
    fn arguments_as_text_are_not_those_that_look_like_them() {
        assert_ne!(digest_text("{}"), digest(&json!({})).unwrap());
        assert_ne!(digest_text("{}"), digest(&json!("{}")).unwrap());
        assert_ne!(digest_text("{"), digest_text("{{"));
    }
}
