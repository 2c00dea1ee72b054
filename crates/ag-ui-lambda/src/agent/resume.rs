//! What an answer whose proof holds makes of its call.
//!
//! The answer itself is the client's word and is not signed. What may have changed since the call was made is looked at
//! once more: the tool's schema, the caller's rights, the policy.

use serde_json::Value;
use tracing::info;

use super::Agent;
use super::authorization::{Audit, Denial};
use super::call::{Granted, NO_SUCH_TOOL};
use super::waiting::{Prover, Raised, Unmet, may_run};
use crate::approval::Kind;
use crate::protocol::{ResumeEntry, ResumeStatus};
use crate::tool::{Answer, Approval, approval_schema, refusal};

/// What the model reads of a call that went as far as its question and has come to need approval since.
const UNAPPROVED: &str = "This call needs approval by now. Nothing was run for this answer.";

/// What becomes of a call that an answer decides about.
pub(super) enum Decision {
    /// It runs.
    Run(Box<Granted>),
    /// It does not run for this answer; this is its result, unless an earlier answer ran it.
    NotRun(Box<Granted>, String),
    /// The answer says neither yes nor no: the same is asked again, unless an earlier answer has decided.
    AskAgain(Box<Granted>, Raised),
}

/// What an answer says to a call whose proof holds.
enum Said {
    Yes { arguments: Value, answer: Option<Answer> },
    No(String),
    Neither(Raised),
}

/// Decides about a call, by an answer whose proof holds.
pub(super) fn decide<C: Send + Sync + 'static>(
    agent: &Agent<C>,
    caller: &C,
    prover: Prover<'_>,
    audit: &Audit,
    asked: Granted,
    entry: &ResumeEntry,
) -> Decision {
    match said(agent, caller, prover, audit, &asked, entry) {
        Said::Yes { arguments, answer } => Decision::Run(Box::new(Granted { arguments, answer, ..asked })),
        Said::No(text) => Decision::NotRun(Box::new(asked), text),
        Said::Neither(raised) => Decision::AskAgain(Box::new(asked), raised),
    }
}

fn said<C: Send + Sync + 'static>(
    agent: &Agent<C>,
    caller: &C,
    prover: Prover<'_>,
    audit: &Audit,
    granted: &Granted,
    entry: &ResumeEntry,
) -> Said {
    let told = |answer: &str| info!(tool = granted.tool, answer, "interrupt answered");
    let denied = |denial: Denial| audit.denied(&granted.tool, denial);
    let unmet = |unmet: Unmet| {
        told(unmet.word());
        denied(Denial::Unmet(granted.proof.kind()));
        Said::No(unmet.result())
    };
    if prover.approvals.now() >= granted.proof.expires() {
        return unmet(Unmet::Expired);
    }
    if entry.status == ResumeStatus::Cancelled {
        return unmet(Unmet::Cancelled);
    }
    let said = entry.payload.as_ref().unwrap_or(&Value::Null);
    let kind = granted.proof.kind();
    if kind == Kind::Approval && said["approved"] == Value::Bool(false) {
        return unmet(Unmet::Denied);
    }
    let tool = match agent.offered(&granted.tool, caller, true) {
        Ok(tool) => tool,
        Err(denial) => {
            told("not_offered");
            denied(denial);
            return Said::No(refusal(NO_SUCH_TOOL));
        }
    };
    let mut arguments = granted.arguments.clone();
    if kind == Kind::Approval {
        let editable = tool.interrupts().editable;
        let again = |fault: &str| {
            told("unusable");
            let schema = approval_schema(tool.spec().parameters.as_ref().filter(|_| editable));
            let message = format!("{fault} {}", may_run(&granted.tool));
            Said::Neither(Raised::by(&granted.proof, message, schema))
        };
        if said["approved"] != Value::Bool(true) {
            return again("The answer does not fit: `approved` must be true or false.");
        }
        // A yes is taken whole or not at all: what is not read might have been meant to change it.
        let is_known = |name: &String| name == "approved" || name == "editedArgs";
        if !said.as_object().is_some_and(|said| said.keys().all(is_known)) {
            return again(
                "The answer does not fit: it may hold `approved` and, where it is offered, `editedArgs`.",
            );
        }
        let edited = &said["editedArgs"];
        if !edited.is_null() {
            if !editable {
                return again("The answer does not fit: these arguments can't be edited.");
            }
            if let Err(fault) = tool.check(edited) {
                return again(&fault);
            }
            arguments = edited.clone();
        }
    }
    // What has changed since it was asked: the schema, the caller's rights, the policy.
    let still = tool.check(&arguments).and_then(|()| tool.approval(caller, &arguments));
    let refused = match still {
        Ok(Approval::Needed) if matches!(kind, Kind::Question { is_approved: false, .. }) => {
            denied(Denial::Unmet(Kind::Approval));
            UNAPPROVED.into()
        }
        Ok(Approval::NotNeeded | Approval::Needed) => {
            told("given");
            let answer = match kind {
                Kind::Approval => None,
                Kind::Question { question, .. } => {
                    Some(Answer { value: said.clone(), question: Some(question) })
                }
            };
            return Said::Yes { arguments, answer };
        }
        Ok(Approval::Refused(sentence)) => {
            denied(Denial::Policy);
            sentence
        }
        Err(sentence) => sentence,
    };
    told("refused");
    Said::No(refusal(&refused))
}
