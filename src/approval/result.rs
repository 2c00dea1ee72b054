//! The signature that a tool's result carries, and what it is about.
//!
//! ```text
//! aguir1.<key id>.<run that told it>.<mac>
//! ```
//!
//! It is made like a proof, with a label of its own: no signature of a result is the proof of an approval, nor the
//! other way round.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::Subject;
use super::keys::Key;
use super::proof::{Fields, base64};
use crate::protocol::RunId;

const VERSION: &str = "aguir1";

/// A signature, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResultSignature {
    key_id: String,
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
    pub(super) fn sign(subject: &Subject<'_>, content: [u8; 32], key: &Key) -> Self {
        let mac = mac(&key.id, subject, content, key);
        Self { key_id: key.id.clone(), run_id: subject.run_id.clone(), mac }
    }

    /// Reads a text that this version may have written; None for any other.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let [VERSION, key_id, run_id, mac] = parts[..] else { return None };
        let signature = Self {
            key_id: key_id.to_owned(),
            run_id: String::from_utf8(URL_SAFE_NO_PAD.decode(run_id).ok()?).ok()?.into(),
            mac: URL_SAFE_NO_PAD.decode(mac).ok()?.try_into().ok()?,
        };
        // One signature has one text.
        (signature.text() == text).then_some(signature)
    }

    pub(crate) fn text(&self) -> String {
        let Self { key_id, run_id, mac } = self;
        format!("{VERSION}.{key_id}.{}.{}", base64(run_id.as_str()), base64(mac))
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The run that told the result.
    pub(crate) fn run_id(&self) -> &RunId {
        &self.run_id
    }

    /// Whether the key made this signature; in constant time.
    pub(super) fn is_by(&self, key: &Key, subject: &Subject<'_>, content: [u8; 32]) -> bool {
        let is_named = self.key_id == key.id && self.run_id == *subject.run_id;
        is_named && mac(&self.key_id, subject, content, key).ct_eq(&self.mac).into()
    }
}

fn mac(key_id: &str, subject: &Subject<'_>, content: [u8; 32], key: &Key) -> [u8; 32] {
    let mut fields = Fields::new("ag-ui-lambda result 1");
    fields.put(key_id);
    subject.put(&mut fields);
    fields.put(content);
    fields.mac(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{ApprovalKeys, Approvals, Identity, Kind, digest};
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
        assert!(approvals.has_signed(&signature, &subject, [8; 32]).await.unwrap());
        assert!(!approvals.has_signed(&signature, &subject, [9; 32]).await.unwrap());
        let other_run = RunId::from("r2");
        let elsewhere = Subject { run_id: &other_run, ..subject };
        assert!(!approvals.has_signed(&signature, &elsewhere, [8; 32]).await.unwrap());

        let proof = approvals.prove(Kind::Approval, None, &run_id, &subject).await.unwrap();
        let proof_mac = proof.id().as_str().rsplit('.').next().unwrap().to_owned();
        let swapped = format!("{}.{proof_mac}", text.rsplit_once('.').unwrap().0);
        let swapped = ResultSignature::read(&swapped).unwrap();
        assert!(!approvals.has_signed(&swapped, &subject, [8; 32]).await.unwrap());

        for (why, text) in [
            ("nothing", String::new()),
            ("padding", format!("{text}=")),
            ("another version", text.replace("aguir1", "aguir2")),
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
