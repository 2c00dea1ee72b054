//! The call that a signature is bound to, and the digests of a call's arguments.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::mac::{MacInput, encode_base64url};
use crate::auth::Principal;
use crate::protocol::{RunId, ThreadId, ToolCallId};

/// The largest integer up to which an IEEE 754 double can represent every integer: 2^53.
const MAX_SAFE_INTEGER: u64 = 1 << 53;

/// What a signature is bound to: one tool call of one caller in one thread, and the agent that has the tool.
///
/// A signature is valid only together with an equal binding. The server derives all fields from the request that it
/// handles, and never from the signature itself.
pub(crate) struct Binding<'a> {
    pub(crate) thread_id: &'a ThreadId,
    /// The run that made the call. For the signature of a result: the run that sent the result.
    pub(crate) run_id: &'a RunId,
    pub(crate) call_id: &'a ToolCallId,
    /// The name of the tool.
    pub(crate) tool: &'a str,
    /// The digest of the arguments, by [`arguments_digest`] or [`text_arguments_digest`].
    pub(crate) arguments_digest: [u8; 32],
    pub(crate) principal: &'a Principal,
    /// The path of the agent; `None` for the first agent of an endpoint, and for an agent without an endpoint.
    pub(crate) agent: Option<&'a str>,
}

impl Binding<'_> {
    /// Computes a digest that identifies the call: 32 ASCII characters. The replay store finds a call by it, and the
    /// idempotency key of the call is made of it.
    ///
    /// The digest is the same in every run that resumes the call, and does not depend on the signing key.
    pub(crate) fn call_digest(&self) -> String {
        let mut input = MacInput::new("ag-ui-lambda idempotency key 1");
        self.put_into(&mut input);
        encode_base64url(&input.sha256()[..24])
    }

    /// Appends all fields of the binding to `input`, over which a MAC or a digest is computed.
    pub(super) fn put_into(&self, input: &mut MacInput) {
        input.put(self.run_id.as_str());
        input.put(self.call_id.as_str());
        input.put(self.thread_id.as_str());
        input.put(self.tool);
        input.put(self.arguments_digest);
        input.put_principal(self.principal);
        // The first agent adds nothing, so that a second agent of an endpoint changes no signature of the first one.
        if let Some(agent) = self.agent {
            input.put(agent);
        }
    }
}

/// Arguments contain an integer beyond ±2^53, which the canonical form of RFC 8785 cannot tell from its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnsafeInteger;

/// Computes the SHA-256 digest of a JSON value, such as the arguments of a call, in the canonical form of RFC 8785. The
/// order of members, whitespace and the spelling of numbers do not change the digest.
///
/// # Errors
/// [`UnsafeInteger`] if the value contains an integer beyond ±2^53: RFC 8785 writes numbers as doubles, so that two
/// such integers could have one digest.
///
/// Source: RFC 8785, section 3.2.2.3 and appendix D.
pub(crate) fn arguments_digest(arguments: &Value) -> Result<[u8; 32], UnsafeInteger> {
    if !has_only_safe_integers(arguments) {
        return Err(UnsafeInteger);
    }
    let canonical = serde_json_canonicalizer::to_vec(arguments).map_err(|_| UnsafeInteger)?;
    Ok(Sha256::digest(canonical).into())
}

/// Computes the digest of arguments that are not valid JSON or have no canonical form, from their text. The digest
/// differs from every digest that [`arguments_digest`] computes. It is only for the signature of such a call's error
/// result.
pub(crate) fn text_arguments_digest(arguments: &str) -> [u8; 32] {
    let mut input = MacInput::new("ag-ui-lambda arguments as text 1");
    input.put(arguments);
    input.sha256()
}

/// Whether every integer in a value, at any depth, is at most 2^53 in magnitude.
fn has_only_safe_integers(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            magnitude.is_none_or(|magnitude| magnitude <= MAX_SAFE_INTEGER)
        }
        Value::Array(items) => items.iter().all(has_only_safe_integers),
        Value::Object(members) => members.values().all(has_only_safe_integers),
        _ => true,
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// The parts of a binding, owned, so that a test can change them one by one.
    #[derive(Clone)]
    pub(crate) struct BindingParts {
        pub(crate) thread_id: ThreadId,
        pub(crate) run_id: RunId,
        pub(crate) call_id: ToolCallId,
        pub(crate) tool: String,
        pub(crate) arguments_digest: [u8; 32],
        pub(crate) principal: Principal,
        pub(crate) agent: Option<String>,
    }

    impl BindingParts {
        /// Returns the parts of a call of the tool `refund` by the user `ada`.
        pub(crate) fn new() -> Self {
            let principal = Principal {
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
                arguments_digest: [7; 32],
                principal,
                agent: None,
            }
        }

        /// Returns a copy of these parts after `change` was applied to the copy.
        pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
            let mut changed = self.clone();
            change(&mut changed);
            changed
        }

        /// Returns the binding that has these parts.
        pub(crate) fn binding(&self) -> Binding<'_> {
            Binding {
                thread_id: &self.thread_id,
                run_id: &self.run_id,
                call_id: &self.call_id,
                tool: &self.tool,
                arguments_digest: self.arguments_digest,
                principal: &self.principal,
                agent: self.agent.as_deref(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::BindingParts;
    use super::*;

    #[test]
    fn arguments_digest_ignores_how_json_is_written() {
        let digest_of = |text: &str| arguments_digest(&serde_json::from_str(text).unwrap());

        assert_eq!(
            digest_of(r#"{"a":1,"b":[2.0,"é"]}"#),
            digest_of("{ \"b\": [2, \"\\u00e9\"], \"a\": 1.0 }")
        );
        assert_ne!(digest_of(r#"{"a":[1,2]}"#), digest_of(r#"{"a":[2,1]}"#));
        assert_ne!(digest_of(r#"{"a":"1"}"#), digest_of(r#"{"a":1}"#));
        assert_ne!(digest_of(r#"{"a":null}"#), digest_of("{}"));
    }

    #[test]
    fn arguments_digest_rejects_integers_beyond_two_to_the_53() {
        for (number, is_safe) in [
            (json!(9_007_199_254_740_992_u64), true),
            (json!(9_007_199_254_740_993_u64), false),
            (json!(-9_007_199_254_740_993_i64), false),
            (json!(1e300), true),
        ] {
            assert_eq!(arguments_digest(&json!({ "a": [number] })).is_ok(), is_safe, "{number}");
        }
    }

    #[test]
    fn text_arguments_digest_differs_from_that_of_json() {
        assert_ne!(text_arguments_digest("{}"), arguments_digest(&json!({})).unwrap());
        assert_ne!(text_arguments_digest("{}"), arguments_digest(&json!("{}")).unwrap());
        assert_ne!(text_arguments_digest("{"), text_arguments_digest("{{"));
    }

    #[test]
    fn call_digest_depends_on_call_and_principal() {
        let parts = BindingParts::new();
        let digest = parts.binding().call_digest();

        assert_eq!(digest, parts.binding().call_digest());
        assert_ne!(digest, parts.with(|other| other.run_id = "r2".into()).binding().call_digest());
        assert_ne!(digest, parts.with(|other| other.principal.user = None).binding().call_digest());
        assert_ne!(digest, parts.with(|other| other.agent = Some("/b".into())).binding().call_digest());
        assert_eq!(digest.len(), 32);
    }
}
