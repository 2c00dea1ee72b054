//! The proof that an interrupt's id carries, and what it is about.
//!
//! ```text
//! agui2.<key id>.<kind>.<signed>.<expires>.<run that asks>.<run of the call>.<tool call>.<nonce>.<question>.<mac>
//! ```
//!
//! Version, key, kind, times, the ids, the nonce and the question's digest stand in clear (from the ids on in URL-safe
//! base64); thread, tool, arguments and identity are not in it, since the server knows them when the answer comes. The
//! mac is an HMAC-SHA256 over all of them, each with its length before it, so that no two subjects are the same bytes.
//!
//! The time of signing says whether the key may be newer than the keys that are known here. `agui1`, the format before,
//! is the same without it, and is still verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::Identity;
use super::keys::{Key, KeyName};
use crate::protocol::{InterruptId, RunId, ThreadId, ToolCallId};

const VERSION: &str = "agui2";
/// The format without the time of signing.
const VERSION_1: &str = "agui1";
/// The largest integer that every double up to it can hold: 2^53.
const LARGEST: u64 = 1 << 53;

/// What a call waits for. It is signed, so that an answer to one is none to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A yes before the tool runs.
    Approval,
    /// An answer to what the tool asks, in a call that was approved or needed no approval.
    Question {
        is_approved: bool,
        /// Digest of what is asked. When the answer comes only the tool knows what it asks by then.
        question: [u8; 32],
    },
}

/// What a proof is about, as the server knows it.
pub(crate) struct Subject<'a> {
    pub(crate) thread_id: &'a ThreadId,
    /// The run that made the call; for a result, the run that told it.
    pub(crate) run_id: &'a RunId,
    pub(crate) call_id: &'a ToolCallId,
    pub(crate) tool: &'a str,
    /// Digest of the arguments.
    pub(crate) arguments: [u8; 32],
    pub(crate) identity: &'a Identity,
}

/// What a proof says in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clear {
    pub(super) key_id: String,
    pub(super) kind: Kind,
    /// The run that asks.
    pub(super) asked_in: RunId,
    /// The run that made the call.
    pub(super) run_id: RunId,
    pub(super) call_id: ToolCallId,
    /// When it was signed, in seconds since the Unix epoch; `None` in the format `agui1`.
    pub(super) signed_at: Option<u64>,
    /// Seconds since the Unix epoch.
    pub(super) expires: u64,
    /// Random: no two proofs have one id, whatever ids of runs a client uses twice.
    pub(super) nonce: [u8; 16],
}

/// A proof, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    clear: Clear,
    mac: [u8; 32],
}

/// Arguments with a number that RFC 8785 can't tell from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inexact;

/// Digest of arguments: SHA-256 of their canonical form.
///
/// RFC 8785 writes numbers as doubles, so that two large integers can look the same; such arguments have none.
///
/// Source: RFC 8785, section 3.2.2.3 and appendix D.
pub(crate) fn digest(arguments: &Value) -> Result<[u8; 32], Inexact> {
    if !is_exact(arguments) {
        return Err(Inexact);
    }
    let canonical = serde_json_canonicalizer::to_vec(arguments).map_err(|_| Inexact)?;
    Ok(Sha256::digest(canonical).into())
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let whole = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            whole.is_none_or(|whole| whole <= LARGEST)
        }
        Value::Array(items) => items.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        _ => true,
    }
}

impl Kind {
    fn letters(self) -> &'static str {
        match self {
            Self::Approval => "a",
            Self::Question { is_approved: false, .. } => "q",
            Self::Question { is_approved: true, .. } => "aq",
        }
    }

    /// Digest of what is asked; nothing for an approval, which is of the call itself.
    fn question(&self) -> &[u8] {
        match self {
            Self::Approval => &[],
            Self::Question { question, .. } => question,
        }
    }

    fn read(letters: &str, question: &[u8]) -> Option<Self> {
        let is_approved = match letters {
            "a" => return question.is_empty().then_some(Self::Approval),
            "q" => false,
            "aq" => true,
            _ => return None,
        };
        Some(Self::Question { is_approved, question: question.try_into().ok()? })
    }
}

impl Subject<'_> {
    /// Names the call, the same in each run and for each key: what a tool hands on to be done once.
    pub(crate) fn idempotency_key(&self) -> String {
        let mut fields = Fields::new("ag-ui-lambda idempotency key 1");
        self.put(&mut fields);
        base64(&fields.digest()[..24])
    }

    pub(super) fn put(&self, fields: &mut Fields) {
        fields.put(self.run_id.as_str());
        fields.put(self.call_id.as_str());
        fields.put(self.thread_id.as_str());
        fields.put(self.tool);
        fields.put(self.arguments);
        fields.put_identity(self.identity);
    }
}

/// A number for one proof.
pub(super) fn nonce() -> [u8; 16] {
    Uuid::new_v4().into_bytes()
}

impl Proof {
    pub(super) fn sign(clear: Clear, subject: &Subject<'_>, key: &Key) -> Self {
        let mac = mac(&clear, subject, key);
        Self { clear, mac }
    }

    /// Reads an id that this version may have written; None for any other.
    pub(crate) fn read(id: &InterruptId) -> Option<Self> {
        let parts: Vec<&str> = id.as_str().split('.').collect();
        let (signed_at, key_id, kind, rest) = match parts[..] {
            [VERSION, key_id, kind, signed_at, ref rest @ ..] => {
                (Some(signed_at.parse().ok()?), key_id, kind, rest)
            }
            [VERSION_1, key_id, kind, ref rest @ ..] => (None, key_id, kind, rest),
            _ => return None,
        };
        let [expires, asked_in, run_id, call_id, nonce, question, mac] = *rest else { return None };
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let text = |part: &str| String::from_utf8(bytes(part)?).ok();
        let clear = Clear {
            key_id: key_id.to_owned(),
            kind: Kind::read(kind, &bytes(question)?)?,
            asked_in: text(asked_in)?.into(),
            run_id: text(run_id)?.into(),
            call_id: text(call_id)?.into(),
            signed_at,
            expires: expires.parse().ok()?,
            nonce: bytes(nonce)?.try_into().ok()?,
        };
        let proof = Self { clear, mac: bytes(mac)?.try_into().ok()? };
        // One proof has one text.
        (proof.id() == *id).then_some(proof)
    }

    /// The text of it: an interrupt's id.
    pub(crate) fn id(&self) -> InterruptId {
        let Clear { key_id, kind, asked_in, run_id, call_id, signed_at, expires, nonce } = &self.clear;
        let ids = [asked_in.as_str(), run_id.as_str(), call_id.as_str()].map(base64).join(".");
        let rest = [nonce.as_slice(), kind.question(), &self.mac].map(base64).join(".");
        let kind = kind.letters();
        match signed_at {
            Some(signed_at) => format!("{VERSION}.{key_id}.{kind}.{signed_at}.{expires}.{ids}.{rest}"),
            None => format!("{VERSION_1}.{key_id}.{kind}.{expires}.{ids}.{rest}"),
        }
        .into()
    }

    /// Names the proof where it is claimed.
    pub(crate) fn name(&self) -> String {
        base64(&Sha256::digest(self.mac)[..24])
    }

    pub(super) fn clear(&self) -> &Clear {
        &self.clear
    }

    pub(super) fn key(&self) -> KeyName<'_> {
        KeyName { id: &self.clear.key_id, signed_at: self.clear.signed_at }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.clear.kind
    }

    /// The run that made the call.
    pub(crate) fn run_id(&self) -> &RunId {
        &self.clear.run_id
    }

    pub(crate) fn call_id(&self) -> &ToolCallId {
        &self.clear.call_id
    }

    /// Seconds since the Unix epoch.
    pub(crate) fn expires(&self) -> u64 {
        self.clear.expires
    }

    /// Whether the key made this proof for the subject; in constant time.
    pub(super) fn is_by(&self, key: &Key, subject: &Subject<'_>) -> bool {
        let is_named = self.clear.key_id == key.id;
        is_named && mac(&self.clear, subject, key).ct_eq(&self.mac).into()
    }
}

fn mac(clear: &Clear, subject: &Subject<'_>, key: &Key) -> [u8; 32] {
    let mut fields = match clear.signed_at {
        Some(signed_at) => {
            let mut fields = Fields::new("ag-ui-lambda interrupt 2");
            fields.put(signed_at.to_be_bytes());
            fields
        }
        None => Fields::new("ag-ui-lambda interrupt 1"),
    };
    fields.put(&clear.key_id);
    fields.put(clear.kind.letters());
    fields.put(clear.expires.to_be_bytes());
    fields.put(clear.asked_in.as_str());
    fields.put(clear.run_id.as_str());
    fields.put(clear.call_id.as_str());
    fields.put(clear.nonce);
    fields.put(clear.kind.question());
    subject.put(&mut fields);
    fields.mac(key)
}

/// Bytes from which each field can be read back: none, or its length and itself.
pub(super) struct Fields(Vec<u8>);

impl Fields {
    /// `use_of` keeps bytes that are made for one use from any other.
    pub(super) fn new(use_of: &str) -> Self {
        let mut fields = Self(Vec::new());
        fields.put(use_of);
        fields
    }

    pub(super) fn put(&mut self, field: impl AsRef<[u8]>) {
        let field = field.as_ref();
        self.0.push(1);
        self.0.extend((field.len() as u64).to_be_bytes());
        self.0.extend(field);
    }

    pub(super) fn put_identity(&mut self, Identity { source, issuer, org, user }: &Identity) {
        self.put(source);
        for field in [issuer, org, user] {
            self.put_optional(field.as_deref());
        }
    }

    fn put_optional(&mut self, field: Option<&str>) {
        match field {
            Some(field) => self.put(field),
            None => self.0.push(0),
        }
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// HMAC-SHA256.
    pub(super) fn mac(&self, key: &Key) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes a key of any length");
        mac.update(&self.0);
        mac.finalize().into_bytes().into()
    }
}

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{ApprovalKeys, Approvals, Signature};
    use super::*;

    /// A subject whose parts can be changed one by one.
    #[derive(Clone)]
    struct Owned {
        thread_id: ThreadId,
        run_id: RunId,
        call_id: ToolCallId,
        tool: String,
        arguments: [u8; 32],
        identity: Identity,
    }

    impl Owned {
        fn new() -> Self {
            let identity = Identity {
                source: "jwt",
                issuer: Some("idp".into()),
                org: Some("acme".into()),
                user: Some("ada".into()),
            };
            Self {
                thread_id: "t".into(),
                run_id: "r".into(),
                call_id: "c".into(),
                tool: "refund".into(),
                arguments: [7; 32],
                identity,
            }
        }

        fn but(&self, change: impl FnOnce(&mut Self)) -> Self {
            let mut changed = self.clone();
            change(&mut changed);
            changed
        }

        fn subject(&self) -> Subject<'_> {
            Subject {
                thread_id: &self.thread_id,
                run_id: &self.run_id,
                call_id: &self.call_id,
                tool: &self.tool,
                arguments: self.arguments,
                identity: &self.identity,
            }
        }
    }

    fn approvals(key: &str) -> Approvals {
        Approvals::new(ApprovalKeys::literal(key.repeat(32).into()).unwrap())
    }

    #[tokio::test]
    async fn a_proof_holds_for_its_own_subject_and_for_no_other() {
        let approvals = approvals("k");
        let own = Owned::new();
        let proof = approvals.prove(Kind::Approval, None, &own.run_id, &own.subject()).await.unwrap();
        let read = Proof::read(&proof.id()).unwrap();
        assert_eq!(read, proof);
        assert_eq!(approvals.check(&read, &own.subject()).await, Signature::Genuine);

        for (why, other) in [
            ("thread", own.but(|other| other.thread_id = "t2".into())),
            ("run", own.but(|other| other.run_id = "r2".into())),
            ("call", own.but(|other| other.call_id = "c2".into())),
            ("tool", own.but(|other| other.tool = "refund_all".into())),
            ("arguments", own.but(|other| other.arguments = [8; 32])),
            ("source", own.but(|other| other.identity.source = "iam")),
            ("issuer", own.but(|other| other.identity.issuer = Some("idp2".into()))),
            ("org", own.but(|other| other.identity.org = None)),
            ("user", own.but(|other| other.identity.user = Some("bob".into()))),
            (
                "a border between two fields",
                own.but(|other| {
                    other.identity.org = Some("acmea".into());
                    other.identity.user = Some("da".into());
                }),
            ),
            (
                "which of two fields is there",
                own.but(|other| {
                    other.identity.org = Some("ada".into());
                    other.identity.user = Some("acme".into());
                }),
            ),
            ("an empty field is not an absent one", own.but(|other| other.identity.issuer = Some("".into()))),
        ] {
            assert_eq!(approvals.check(&read, &other.subject()).await, Signature::Forged, "{why}");
        }
    }

    #[tokio::test]
    async fn what_stands_in_clear_is_signed_and_has_one_text() {
        let approvals = approvals("k");
        let own = Owned::new();
        let question = Kind::Question { is_approved: false, question: [5; 32] };
        let proof = approvals.prove(question, None, &own.run_id, &own.subject()).await.unwrap();
        let id = proof.id().as_str().to_owned();
        let part = |index: usize| id.split('.').nth(index).unwrap();
        let with = |index: usize, text: &str| {
            let mut parts: Vec<&str> = id.split('.').collect();
            parts[index] = text;
            InterruptId::from(parts.join("."))
        };

        let later = |index: usize| (part(index).parse::<u64>().unwrap() + 1).to_string();
        let approval = with(2, "a").as_str().replace(part(9), "");
        let undated = id.replace("agui2", "agui1").replace(&format!(".{}.", part(3)), ".");
        for (why, forged) in [
            ("another key", with(1, "00000000")),
            ("another kind", with(2, "aq")),
            ("a question's made an approval's", approval.into()),
            ("a later signing", with(3, &later(3))),
            ("no time of signing", undated.into()),
            ("a later end", with(4, &later(4))),
            ("another run that asks", with(5, &base64("r2"))),
            ("another run of the call", with(6, &base64("r2"))),
            ("another call", with(7, &base64("c2"))),
            ("another nonce", with(8, &base64([0; 16]))),
            ("another question", with(9, &base64([6; 32]))),
            ("another mac", with(10, &base64([0; 32]))),
        ] {
            let read = Proof::read(&forged).unwrap();
            // The call and its run are what the server looks for by what the proof says.
            let named = own.but(|own| {
                own.run_id = read.run_id().clone();
                own.call_id = read.call_id().clone();
            });
            assert_eq!(approvals.check(&read, &named.subject()).await, Signature::Forged, "{why}");
        }
        for (why, text) in [
            ("another version", with(0, "agui3")),
            ("the version before", with(0, "agui1")),
            ("no such kind", with(2, "x")),
            ("an approval of a question", with(2, "a")),
            ("a question without one", with(9, "")),
            ("a short question", with(9, "AAAA")),
            ("a short nonce", with(8, "AAAA")),
            ("a second text of the same signing", with(3, &format!("0{}", part(3)))),
            ("a second text of the same end", with(4, &format!("0{}", part(4)))),
            ("padding", with(10, &format!("{}=", part(10)))),
            ("a short mac", with(10, "AAAA")),
            ("too few parts", "agui2.a".into()),
            ("too many parts", format!("{id}.").into()),
            ("nothing", "".into()),
        ] {
            assert_eq!(Proof::read(&text), None, "{why}");
        }
    }

    #[tokio::test]
    async fn a_proof_of_the_format_before_still_holds() {
        let approvals = approvals("k");
        let own = Owned::new();
        let signed = approvals.prove(Kind::Approval, None, &own.run_id, &own.subject()).await.unwrap();
        let keys = ApprovalKeys::literal("k".repeat(32).into()).unwrap().kept().unwrap();
        let undated = Proof::sign(Clear { signed_at: None, ..signed.clear }, &own.subject(), &keys.current);

        let id = undated.id();
        assert!(id.as_str().starts_with("agui1."), "{id:?}");
        let read = Proof::read(&id).unwrap();
        assert_eq!(read, undated);
        assert_eq!(approvals.check(&read, &own.subject()).await, Signature::Genuine);
    }

    #[tokio::test]
    async fn another_key_proves_nothing() {
        let own = Owned::new();
        let proof = approvals("k").prove(Kind::Approval, None, &own.run_id, &own.subject()).await.unwrap();

        assert_eq!(approvals("l").check(&proof, &own.subject()).await, Signature::Forged);
    }

    #[tokio::test]
    async fn two_proofs_of_one_call_in_one_run_and_second_have_two_ids() {
        let own = Owned::new();
        let approvals = approvals("k").clock(|| std::time::UNIX_EPOCH);
        let prove = || async {
            approvals.prove(Kind::Approval, None, &own.run_id, &own.subject()).await.unwrap().id()
        };

        assert_ne!(prove().await, prove().await);
    }

    #[test]
    fn arguments_are_digested_by_what_they_are_and_not_by_how_they_are_written() {
        let digest_of = |text: &str| digest(&serde_json::from_str(text).unwrap());

        assert_eq!(
            digest_of(r#"{"a":1,"b":[2.0,"é"]}"#),
            digest_of("{ \"b\": [2, \"\\u00e9\"], \"a\": 1.0 }")
        );
        assert_ne!(digest_of(r#"{"a":[1,2]}"#), digest_of(r#"{"a":[2,1]}"#));
        assert_ne!(digest_of(r#"{"a":"1"}"#), digest_of(r#"{"a":1}"#));
        assert_ne!(digest_of(r#"{"a":null}"#), digest_of("{}"));
    }

    #[test]
    fn two_integers_that_look_alike_as_doubles_have_no_digest() {
        for (number, is_exact) in [
            (json!(9_007_199_254_740_992_u64), true),
            (json!(9_007_199_254_740_993_u64), false),
            (json!(-9_007_199_254_740_993_i64), false),
            (json!(1e300), true),
        ] {
            assert_eq!(digest(&json!({ "a": [number] })).is_ok(), is_exact, "{number}");
        }
    }

    #[test]
    fn the_idempotency_key_is_that_of_the_call() {
        let own = Owned::new();
        let key = own.subject().idempotency_key();

        assert_eq!(key, own.subject().idempotency_key());
        assert_ne!(key, own.but(|other| other.run_id = "r2".into()).subject().idempotency_key());
        assert_ne!(key, own.but(|other| other.identity.user = None).subject().idempotency_key());
        assert_eq!(key.len(), 32);
    }
}
