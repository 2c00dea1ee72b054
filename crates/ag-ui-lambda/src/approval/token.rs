//! The signed token that the id of an interrupt carries.
//!
//! ```text
//! agui2.<key id>.<kind>.<signed>.<expires>.<issuing run>.<run of the call>.<tool call>.<nonce>.<question>.<mac>
//! ```
//!
//! The [header](TokenHeader) is readable: version, key id, kind and times as plain text; the ids, the nonce and the
//! digest of the question in URL-safe Base64. The rest of the [binding](Binding) (thread, tool, arguments, principal and
//! agent) is not in the token, since the server knows it when the answer comes. The MAC is an HMAC-SHA256 over header and
//! binding.
//!
//! The time of signing shows whether the key may be newer than the keys that this process has read. The previous format
//! `agui1` lacks it, and is still verified.

use subtle::ConstantTimeEq as _;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::binding::Binding;
use super::keys::{KeyHint, SigningKey};
use super::mac::{MacInput, decode_base64url, decode_base64url_text, encode_base64url};
use crate::protocol::{InterruptId, RunId, ToolCallId};

/// The format that is issued.
const VERSION: &str = "agui2";
/// The previous format, which has no time of signing.
const VERSION_1: &str = "agui1";

/// What a call waits for. The kind is signed, so that an answer to one kind is not valid for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InterruptKind {
    /// The call waits for a person's approval before the tool runs.
    Approval,
    /// The tool has asked a question and waits for its answer.
    Question {
        /// Whether the call was approved before the tool asked; `false` if it needed no approval.
        is_approved: bool,
        /// The digest of the question, to be compared with what the tool asks when it runs again.
        question_digest: [u8; 32],
    },
}

impl InterruptKind {
    /// Returns the code of the kind in a token: `a`, `q`, or `aq` for a question after an approval.
    fn code(self) -> &'static str {
        match self {
            Self::Approval => "a",
            Self::Question { is_approved: false, .. } => "q",
            Self::Question { is_approved: true, .. } => "aq",
        }
    }

    /// Returns the digest of the question that the call waits for; empty for an approval.
    fn question_digest(&self) -> &[u8] {
        match self {
            Self::Approval => &[],
            Self::Question { question_digest, .. } => question_digest,
        }
    }

    /// Reads a kind from its code and the digest of the question, which are parts of a token. `None` if the code is
    /// unknown, or if the digest does not have the length that the kind requires.
    fn parse(code: &str, question_digest: &[u8]) -> Option<Self> {
        let is_approved = match code {
            "a" => return question_digest.is_empty().then_some(Self::Approval),
            "q" => false,
            "aq" => true,
            _ => return None,
        };
        Some(Self::Question { is_approved, question_digest: question_digest.try_into().ok()? })
    }
}

/// All parts of a token except the MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenHeader {
    /// The id of the key that signed the token.
    pub(super) key_id: String,
    pub(super) kind: InterruptKind,
    /// The run that issued the token, and so interrupted.
    pub(super) issuing_run_id: RunId,
    /// The run that made the call: the issuing run, or an earlier one.
    pub(super) run_id: RunId,
    pub(super) call_id: ToolCallId,
    /// When the token was signed, in seconds since the Unix epoch; `None` in the format `agui1`.
    pub(super) signed_at: Option<u64>,
    /// When the token expires, in seconds since the Unix epoch.
    pub(super) expires_at: u64,
    /// A random number, so that no two tokens are equal even if a client uses the ids of runs twice.
    pub(super) nonce: [u8; 16],
}

impl TokenHeader {
    /// Computes the MAC of a token with this header, for the call of `binding`, with `key`.
    fn mac(&self, binding: &Binding<'_>, key: &SigningKey) -> [u8; 32] {
        let mut input = match self.signed_at {
            Some(signed_at) => {
                let mut input = MacInput::new("ag-ui-lambda interrupt 2");
                input.put(signed_at.to_be_bytes());
                input
            }
            None => MacInput::new("ag-ui-lambda interrupt 1"),
        };
        input.put(&self.key_id);
        input.put(self.kind.code());
        input.put(self.expires_at.to_be_bytes());
        input.put(self.issuing_run_id.as_str());
        input.put(self.run_id.as_str());
        input.put(self.call_id.as_str());
        input.put(self.nonce);
        input.put(self.kind.question_digest());
        binding.put_into(&mut input);
        input.hmac_sha256(key)
    }
}

/// Creates a random nonce for one token.
pub(super) fn random_nonce() -> [u8; 16] {
    Uuid::new_v4().into_bytes()
}

/// A token that proves that this server interrupted a run for a call. Its signature is not verified when it is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InterruptToken {
    header: TokenHeader,
    mac: [u8; 32],
}

impl InterruptToken {
    /// Creates a token with this header for the call of `binding`, signed with `key`. The `key_id` of the header has to
    /// be the id of `key`.
    pub(super) fn sign(header: TokenHeader, binding: &Binding<'_>, key: &SigningKey) -> Self {
        let mac = header.mac(binding, key);
        Self { header, mac }
    }

    /// Parses the id of an interrupt as a token, and does not verify it; `None` if the id is not a token in a known
    /// format.
    pub(crate) fn parse(id: &InterruptId) -> Option<Self> {
        let parts: Vec<&str> = id.as_str().split('.').collect();
        let (signed_at, key_id, kind, rest) = match parts[..] {
            [VERSION, key_id, kind, signed_at, ref rest @ ..] => {
                (Some(signed_at.parse().ok()?), key_id, kind, rest)
            }
            [VERSION_1, key_id, kind, ref rest @ ..] => (None, key_id, kind, rest),
            _ => return None,
        };
        let [expires_at, issuing_run_id, run_id, call_id, nonce, question_digest, mac] = *rest else {
            return None;
        };
        let header = TokenHeader {
            key_id: key_id.to_owned(),
            kind: InterruptKind::parse(kind, &decode_base64url(question_digest)?)?,
            issuing_run_id: decode_base64url_text(issuing_run_id)?.into(),
            run_id: decode_base64url_text(run_id)?.into(),
            call_id: decode_base64url_text(call_id)?.into(),
            signed_at,
            expires_at: expires_at.parse().ok()?,
            nonce: decode_base64url(nonce)?.try_into().ok()?,
        };
        let token = Self { header, mac: decode_base64url(mac)?.try_into().ok()? };
        // Each token has exactly one text: a number with a leading zero, for example, is not accepted.
        (token.to_interrupt_id() == *id).then_some(token)
    }

    /// Encodes the token as the id of an interrupt, which the client sends back with the answer.
    pub(crate) fn to_interrupt_id(&self) -> InterruptId {
        let TokenHeader { key_id, kind, issuing_run_id, run_id, call_id, signed_at, expires_at, nonce } =
            &self.header;
        let ids =
            [issuing_run_id.as_str(), run_id.as_str(), call_id.as_str()].map(encode_base64url).join(".");
        let rest = [nonce.as_slice(), kind.question_digest(), &self.mac].map(encode_base64url).join(".");
        let code = kind.code();
        match signed_at {
            Some(signed_at) => format!("{VERSION}.{key_id}.{code}.{signed_at}.{expires_at}.{ids}.{rest}"),
            None => format!("{VERSION_1}.{key_id}.{code}.{expires_at}.{ids}.{rest}"),
        }
        .into()
    }

    /// Returns a name of the token for a [`ReplayStore`](super::ReplayStore): a hash of 32 ASCII characters, from which
    /// the token cannot be found. It is part of the key under which the answer to a question is reserved.
    pub(crate) fn store_key(&self) -> String {
        encode_base64url(&Sha256::digest(self.mac)[..24])
    }

    /// Returns the header of the token: all its parts except the MAC.
    pub(super) fn header(&self) -> &TokenHeader {
        &self.header
    }

    /// Returns the id of the key that signed the token, and the time of signing. Nothing is verified.
    pub(super) fn key_hint(&self) -> KeyHint<'_> {
        KeyHint { id: &self.header.key_id, signed_at: self.header.signed_at }
    }

    /// Returns what the call waits for: an approval, or the answer to a question.
    pub(crate) fn kind(&self) -> InterruptKind {
        self.header.kind
    }

    /// Returns the run that made the call, which may be an earlier one than the run that issued the token.
    pub(crate) fn run_id(&self) -> &RunId {
        &self.header.run_id
    }

    /// Returns the id of the call that waits.
    pub(crate) fn call_id(&self) -> &ToolCallId {
        &self.header.call_id
    }

    /// Returns when the token expires, in seconds since the Unix epoch.
    pub(crate) fn expires_at(&self) -> u64 {
        self.header.expires_at
    }

    /// Whether `key` signed this token for the call of `binding`. The MACs are compared in constant time. Whether the
    /// token has expired is not checked.
    pub(super) fn verify_with(&self, key: &SigningKey, binding: &Binding<'_>) -> bool {
        let is_named = self.header.key_id == key.id;
        is_named && self.header.mac(binding, key).ct_eq(&self.mac).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::binding::testing::BindingParts;
    use super::super::{ApprovalKeys, Approvals, SignatureStatus};
    use super::*;

    fn approvals(key: &str) -> Approvals {
        Approvals::new(ApprovalKeys::literal(key.repeat(32).into()).unwrap())
    }

    #[tokio::test]
    async fn token_is_valid_for_its_own_binding_only() {
        let approvals = approvals("k");
        let own = BindingParts::new();
        let token =
            approvals.issue_token(InterruptKind::Approval, None, &own.run_id, &own.binding()).await.unwrap();
        let parsed = InterruptToken::parse(&token.to_interrupt_id()).unwrap();
        assert_eq!(parsed, token);
        assert_eq!(approvals.verify_token(&parsed, &own.binding()).await, SignatureStatus::Valid);

        for (why, other) in [
            ("thread", own.with(|other| other.thread_id = "t2".into())),
            ("run", own.with(|other| other.run_id = "r2".into())),
            ("call", own.with(|other| other.call_id = "c2".into())),
            ("tool", own.with(|other| other.tool = "refund_all".into())),
            ("arguments", own.with(|other| other.arguments_digest = [8; 32])),
            ("source", own.with(|other| other.principal.source = "iam")),
            ("issuer", own.with(|other| other.principal.issuer = Some("idp2".into()))),
            ("org", own.with(|other| other.principal.org = None)),
            ("user", own.with(|other| other.principal.user = Some("bob".into()))),
            ("agent", own.with(|other| other.agent = Some("/support".into()))),
            ("an agent with an empty path", own.with(|other| other.agent = Some(String::new()))),
            (
                "where one field ends and the next begins",
                own.with(|other| {
                    other.principal.org = Some("acmea".into());
                    other.principal.user = Some("da".into());
                }),
            ),
            (
                "which field has which value",
                own.with(|other| {
                    other.principal.org = Some("ada".into());
                    other.principal.user = Some("acme".into());
                }),
            ),
            (
                "an empty field is not an absent one",
                own.with(|other| other.principal.issuer = Some("".into())),
            ),
        ] {
            assert_eq!(
                approvals.verify_token(&parsed, &other.binding()).await,
                SignatureStatus::Invalid,
                "{why}"
            );
        }
    }

    #[tokio::test]
    async fn header_is_signed_and_has_exactly_one_text() {
        let approvals = approvals("k");
        let own = BindingParts::new();
        let question = InterruptKind::Question { is_approved: false, question_digest: [5; 32] };
        let token = approvals.issue_token(question, None, &own.run_id, &own.binding()).await.unwrap();
        let id = token.to_interrupt_id().as_str().to_owned();
        let part = |index: usize| id.split('.').nth(index).unwrap();
        let with_part = |index: usize, text: &str| {
            let mut parts: Vec<&str> = id.split('.').collect();
            parts[index] = text;
            InterruptId::from(parts.join("."))
        };

        let incremented = |index: usize| (part(index).parse::<u64>().unwrap() + 1).to_string();
        let approval = with_part(2, "a").as_str().replace(part(9), "");
        let undated = id.replace("agui2", "agui1").replace(&format!(".{}.", part(3)), ".");
        for (why, changed) in [
            ("another key", with_part(1, "00000000")),
            ("another kind", with_part(2, "aq")),
            ("a question turned into an approval", approval.into()),
            ("a later time of signing", with_part(3, &incremented(3))),
            ("no time of signing", undated.into()),
            ("a later expiry", with_part(4, &incremented(4))),
            ("another issuing run", with_part(5, &encode_base64url("r2"))),
            ("another run of the call", with_part(6, &encode_base64url("r2"))),
            ("another call", with_part(7, &encode_base64url("c2"))),
            ("another nonce", with_part(8, &encode_base64url([0; 16]))),
            ("another question", with_part(9, &encode_base64url([6; 32]))),
            ("another mac", with_part(10, &encode_base64url([0; 32]))),
        ] {
            let parsed = InterruptToken::parse(&changed).unwrap();
            // The server finds the call and its run by what the token names.
            let named = own.with(|own| {
                own.run_id = parsed.run_id().clone();
                own.call_id = parsed.call_id().clone();
            });
            assert_eq!(
                approvals.verify_token(&parsed, &named.binding()).await,
                SignatureStatus::Invalid,
                "{why}"
            );
        }
        for (why, text) in [
            ("another version", with_part(0, "agui3")),
            ("the previous version", with_part(0, "agui1")),
            ("an unknown kind", with_part(2, "x")),
            ("an approval with a question", with_part(2, "a")),
            ("a question without its digest", with_part(9, "")),
            ("a short digest of the question", with_part(9, "AAAA")),
            ("a short nonce", with_part(8, "AAAA")),
            ("a second text of the same time of signing", with_part(3, &format!("0{}", part(3)))),
            ("a second text of the same expiry", with_part(4, &format!("0{}", part(4)))),
            ("padding", with_part(10, &format!("{}=", part(10)))),
            ("a short mac", with_part(10, "AAAA")),
            ("too few parts", "agui2.a".into()),
            ("too many parts", format!("{id}.").into()),
            ("nothing", "".into()),
        ] {
            assert_eq!(InterruptToken::parse(&text), None, "{why}");
        }
    }

    #[tokio::test]
    async fn token_of_previous_format_is_still_valid() {
        let approvals = approvals("k");
        let own = BindingParts::new();
        let signed =
            approvals.issue_token(InterruptKind::Approval, None, &own.run_id, &own.binding()).await.unwrap();
        let keys = ApprovalKeys::literal("k".repeat(32).into()).unwrap().loaded().unwrap();
        let undated = InterruptToken::sign(
            TokenHeader { signed_at: None, ..signed.header },
            &own.binding(),
            &keys.current,
        );

        let id = undated.to_interrupt_id();
        assert!(id.as_str().starts_with("agui1."), "{id:?}");
        let parsed = InterruptToken::parse(&id).unwrap();
        assert_eq!(parsed, undated);
        assert_eq!(approvals.verify_token(&parsed, &own.binding()).await, SignatureStatus::Valid);
    }

    #[tokio::test]
    async fn token_of_one_agent_is_invalid_for_the_others() {
        let approvals = approvals("k");
        let own = BindingParts::new().with(|own| own.agent = Some("/support".into()));
        let token =
            approvals.issue_token(InterruptKind::Approval, None, &own.run_id, &own.binding()).await.unwrap();
        for (agent, status) in [
            (Some("/support"), SignatureStatus::Valid),
            (Some("/sales"), SignatureStatus::Invalid),
            (None, SignatureStatus::Invalid),
        ] {
            let at = own.with(|at| at.agent = agent.map(str::to_owned));
            assert_eq!(approvals.verify_token(&token, &at.binding()).await, status, "{agent:?}");
        }
    }

    #[tokio::test]
    async fn token_of_another_key_is_invalid() {
        let own = BindingParts::new();
        let token = approvals("k")
            .issue_token(InterruptKind::Approval, None, &own.run_id, &own.binding())
            .await
            .unwrap();

        assert_eq!(approvals("l").verify_token(&token, &own.binding()).await, SignatureStatus::Invalid);
    }

    #[tokio::test]
    async fn two_tokens_of_one_call_and_second_differ() {
        let own = BindingParts::new();
        let approvals = approvals("k").clock(|| std::time::UNIX_EPOCH);
        let issue = || async {
            approvals
                .issue_token(InterruptKind::Approval, None, &own.run_id, &own.binding())
                .await
                .unwrap()
                .to_interrupt_id()
        };

        assert_ne!(issue().await, issue().await);
    }
}
