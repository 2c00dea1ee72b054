//! The tokens that this process has issued lately, to explain to a developer why a token is invalid.
//!
//! A MAC shows only that something differs, and not what. The tokens are kept in local mode only, since they hold
//! personal data, and no decision depends on them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::binding::Binding;
use super::token::{InterruptToken, TokenHeader};
use crate::auth::Principal;
use crate::protocol::{RunId, ThreadId, ToolCallId};

/// How many tokens are remembered.
const MAX_TOKENS: usize = 256;

/// The latest tokens that this process has issued, the newest first.
#[derive(Default)]
pub(super) struct RecentTokens {
    tokens: Mutex<VecDeque<IssuedToken>>,
}

/// The header of a token, and its binding.
struct IssuedToken {
    header: TokenHeader,
    thread_id: ThreadId,
    run_id: RunId,
    call_id: ToolCallId,
    tool: String,
    arguments_digest: [u8; 32],
    principal: Principal,
    agent: Option<String>,
}

impl RecentTokens {
    /// Keeps an issued token with the call that it is bound to. At most 256 tokens are kept; the oldest one is
    /// forgotten.
    pub(super) fn add(&self, token: &InterruptToken, binding: &Binding<'_>) {
        let issued = IssuedToken {
            header: token.header().clone(),
            thread_id: binding.thread_id.clone(),
            run_id: binding.run_id.clone(),
            call_id: binding.call_id.clone(),
            tool: binding.tool.to_owned(),
            arguments_digest: binding.arguments_digest,
            principal: binding.principal.clone(),
            agent: binding.agent.map(ToOwned::to_owned),
        };
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.truncate(MAX_TOKENS - 1);
        tokens.push_front(issued);
    }

    /// Returns what differs between the request and the token that was issued: `token` and `binding` come from the
    /// request, and the issued token is found by the nonce. If no token has it, the text says that the token was not
    /// signed since the start.
    pub(super) fn explain_mismatch(&self, token: &InterruptToken, binding: &Binding<'_>) -> String {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(issued) = tokens.iter().find(|issued| issued.header.nonce == token.header().nonce) else {
            return "it was not signed since this function started, or the caller, the thread, the arguments or the \
                    id differ"
                .into();
        };
        let differences: Vec<&str> = [
            ("the caller", issued.principal != *binding.principal),
            ("the agent", issued.agent.as_deref() != binding.agent),
            ("the thread", issued.thread_id != *binding.thread_id),
            ("the arguments", issued.arguments_digest != binding.arguments_digest),
            ("the tool", issued.tool != binding.tool),
            ("the call", issued.call_id != *binding.call_id || issued.run_id != *binding.run_id),
            ("the interrupt's id", issued.header != *token.header()),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect();
        match differences.as_slice() {
            [] => "the interrupt's id".into(),
            differences => differences.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ApprovalKeys, Approvals, InterruptKind};
    use super::*;
    use crate::protocol::InterruptId;

    fn approvals(key: &str) -> Approvals {
        Approvals::new(ApprovalKeys::literal(key.repeat(32).into()).unwrap())
    }

    #[tokio::test]
    async fn mismatch_is_explained_only_with_developer_hints() {
        let (thread, other_thread) = (ThreadId::from("t"), ThreadId::from("t2"));
        let (run, call) = (RunId::from("r"), ToolCallId::from("c"));
        let ada = Principal { user: Some("ada".into()), ..Principal::anonymous() };
        let anonymous = Principal::anonymous();
        let binding = |thread_id, principal, tool, arguments_digest| Binding {
            thread_id,
            run_id: &run,
            call_id: &call,
            tool,
            arguments_digest,
            principal,
            agent: None,
        };
        let own = binding(&thread, &ada, "refund", [7; 32]);
        let local = approvals("k").developer_hints(true);
        let token = local.issue_token(InterruptKind::Approval, None, &run, &own).await.unwrap();
        for (other, expected) in [
            (binding(&thread, &anonymous, "refund", [7; 32]), "the caller"),
            (binding(&other_thread, &ada, "refund", [8; 32]), "the thread, the arguments"),
            (binding(&thread, &ada, "find", [7; 32]), "the tool"),
            (Binding { agent: Some("/b"), ..binding(&thread, &ada, "refund", [7; 32]) }, "the agent"),
        ] {
            let difference = local.explain_mismatch(&token, &other).await;
            assert_eq!(difference.as_deref(), Some(expected));
        }

        let id = token.to_interrupt_id().as_str().to_owned();
        let expires_at = token.expires_at().to_string();
        let postponed = InterruptId::from(id.replace(&expires_at, "9999999999"));
        let changed = InterruptToken::parse(&postponed).unwrap();
        let difference = local.explain_mismatch(&changed, &own).await.unwrap();
        assert_eq!(difference, "the interrupt's id");

        let other_key = approvals("x").issue_token(InterruptKind::Approval, None, &run, &own).await.unwrap();
        let difference = local.explain_mismatch(&other_key, &own).await.unwrap();
        assert!(difference.starts_with("the key"), "{difference}");

        let restarted = approvals("k").developer_hints(true);
        let difference = restarted.explain_mismatch(&token, &own).await.unwrap();
        assert!(difference.contains("since this function started"), "{difference}");

        assert_eq!(approvals("k").explain_mismatch(&token, &own).await, None);
    }
}
