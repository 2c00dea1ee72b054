//! What this process has signed lately, so that a developer reads what is different about a proof that does not hold.
//!
//! A mac tells that something differs and never what. Only in local mode is there a ledger: it holds identities, and no
//! decision is made by it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::proof::Clear;
use super::{Identity, Proof, Subject};
use crate::protocol::{RunId, ThreadId, ToolCallId};

/// How many proofs are remembered.
const MAX_ENTRIES: usize = 256;

#[derive(Default)]
pub(super) struct Ledger {
    entries: Mutex<VecDeque<Entry>>,
}

/// A proof and what it is about.
struct Entry {
    clear: Clear,
    thread_id: ThreadId,
    run_id: RunId,
    call_id: ToolCallId,
    tool: String,
    arguments: [u8; 32],
    identity: Identity,
}

impl Ledger {
    pub(super) fn add(&self, proof: &Proof, subject: &Subject<'_>) {
        let entry = Entry {
            clear: proof.clear().clone(),
            thread_id: subject.thread_id.clone(),
            run_id: subject.run_id.clone(),
            call_id: subject.call_id.clone(),
            tool: subject.tool.to_owned(),
            arguments: subject.arguments,
            identity: subject.identity.clone(),
        };
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.truncate(MAX_ENTRIES - 1);
        entries.push_front(entry);
    }

    /// What differs between a proof that does not hold, with its subject, and what was signed.
    pub(super) fn difference(&self, proof: &Proof, subject: &Subject<'_>) -> String {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.iter().find(|entry| entry.clear.nonce == proof.clear().nonce) else {
            return "it was not signed since this function started, or the caller, the thread, the arguments or the \
                    id differ"
                .into();
        };
        let differences: Vec<&str> = [
            ("the caller", entry.identity != *subject.identity),
            ("the thread", entry.thread_id != *subject.thread_id),
            ("the arguments", entry.arguments != subject.arguments),
            ("the tool", entry.tool != subject.tool),
            ("the call", entry.call_id != *subject.call_id || entry.run_id != *subject.run_id),
            ("the interrupt's id", entry.clear != *proof.clear()),
        ]
        .into_iter()
        .filter_map(|(what, differs)| differs.then_some(what))
        .collect();
        match differences.as_slice() {
            [] => "the interrupt's id".into(),
            differences => differences.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ApprovalKeys, Approvals, Kind};
    use super::*;
    use crate::protocol::InterruptId;

    fn approvals(key: &str) -> Approvals {
        Approvals::new(ApprovalKeys::literal(key.repeat(32).into()).unwrap())
    }

    #[tokio::test]
    async fn what_differs_is_named_and_nothing_without_a_ledger() {
        let (thread, other_thread) = (ThreadId::from("t"), ThreadId::from("t2"));
        let (run, call) = (RunId::from("r"), ToolCallId::from("c"));
        let ada = Identity { user: Some("ada".into()), ..Identity::anonymous() };
        let nobody = Identity::anonymous();
        let subject = |thread_id, identity, tool, arguments| Subject {
            thread_id,
            run_id: &run,
            call_id: &call,
            tool,
            arguments,
            identity,
        };
        let own = subject(&thread, &ada, "refund", [7; 32]);
        let approvals_here = approvals("k").developer_hints(true);
        let proof = approvals_here.prove(Kind::Approval, None, &run, &own).await.unwrap();
        for (other, expected) in [
            (subject(&thread, &nobody, "refund", [7; 32]), "the caller"),
            (subject(&other_thread, &ada, "refund", [8; 32]), "the thread, the arguments"),
            (subject(&thread, &ada, "find", [7; 32]), "the tool"),
        ] {
            let difference = approvals_here.difference(&proof, &other).await;
            assert_eq!(difference.as_deref(), Some(expected));
        }

        let id = proof.id().as_str().to_owned();
        let expires = proof.expires().to_string();
        let later = InterruptId::from(id.replace(&expires, "9999999999"));
        let changed = Proof::read(&later).unwrap();
        let difference = approvals_here.difference(&changed, &own).await.unwrap();
        assert_eq!(difference, "the interrupt's id");

        let by_another = approvals("x").prove(Kind::Approval, None, &run, &own).await.unwrap();
        let difference = approvals_here.difference(&by_another, &own).await.unwrap();
        assert!(difference.starts_with("the key"), "{difference}");

        let restarted = approvals("k").developer_hints(true);
        let difference = restarted.difference(&proof, &own).await.unwrap();
        assert!(difference.contains("since this function started"), "{difference}");

        assert_eq!(approvals("k").difference(&proof, &own).await, None);
    }
}
