//! The calls of a history that wait for a person, and what the answers to them are worth.
//!
//! Everything here comes from the client: the history, the answers, even which call an answer is for. Only what a
//! proof holds for is believed, and it holds for a call as it was asked about. A call that waits has to be answered
//! whole: with neither a result nor one answer that counts, the run is refused, and nothing of it has happened.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tracing::{info, warn};

use super::authorization::{Audit, Denial};
use super::call::{Granted, NO_SUCH_TOOL};
use super::waiting::{Called, Prover, Raised, Unmet, may_run};
use super::{Agent, Refusal};
use crate::approval::{Identity, Kind, Proof, digest};
use crate::protocol::{
    InterruptId, Message, MessageBody, ResumeEntry, ResumeStatus, RunAgentInput, ToolCall, ToolCallId,
};
use crate::tool::{Answer, Approval, approval_schema, parse, refusal};

/// What the model reads of a call that went as far as its question and has come to need approval since.
const UNAPPROVED: &str = "This call needs approval by now. It was not run.";

/// A call of an earlier run that this one goes on with.
pub(super) struct Resumed {
    pub(super) call: ToolCall,
    pub(super) verdict: Verdict,
}

/// What becomes of it.
pub(super) enum Verdict {
    /// It runs.
    Grant(Box<Granted>),
    /// It does not run for this answer; this is its result, unless an earlier answer ran it.
    NotRun(Box<Granted>, String),
    /// The answer says neither yes nor no: the same is asked again.
    Again(Raised),
}

/// A call that waits, with the answers that name it.
struct Waiting<'a> {
    call: &'a ToolCall,
    answers: Vec<(Proof, &'a ResumeEntry)>,
}

/// Reads what an input answers.
pub(super) async fn read<C: Send + Sync + 'static>(
    agent: &Agent<C>,
    caller: &C,
    identity: Option<&Identity>,
    input: &RunAgentInput,
) -> Result<Vec<Resumed>, Refusal> {
    let prover = agent.prover(identity, &input.thread_id, &input.run_id);
    let mut resumed = Vec::new();
    for Waiting { call, answers } in waiting(input) {
        if answers.is_empty() && !agent.inner.toolbox.may_wait(&call.function.name) {
            continue;
        }
        // A call that nothing is proven of may be any call: it is left for a person to look at.
        let prover = prover.ok_or(Refusal::InterruptOpen)?;
        let arguments = parse(&call.function.arguments).map_err(|_| Refusal::InterruptOpen)?;
        let digest = digest(&arguments).map_err(|_| Refusal::InterruptOpen)?;
        let mut proven = Vec::new();
        let mut forged = 0;
        for (proof, entry) in answers {
            let called =
                Called { run_id: proof.run_id(), id: &call.id, tool: &call.function.name, arguments: digest };
            let subject = prover.subject(called);
            let holds = prover.approvals.holds(&proof, &subject).await;
            if holds.map_err(|_| Refusal::ApprovalKeyUnavailable)? {
                let idempotency_key = subject.idempotency_key();
                proven.push((proof, entry, idempotency_key));
            } else {
                forged += 1;
            }
        }
        if forged > 0 {
            warn!(forged, "answers whose proof does not hold are ignored");
        }
        let one = <[_; 1]>::try_from(proven).map_err(|_| Refusal::InterruptOpen)?;
        let [(proof, entry, idempotency_key)] = one;
        let granted = Granted {
            id: call.id.clone(),
            tool: call.function.name.clone(),
            arguments,
            answer: None,
            proof,
            idempotency_key,
        };
        let audit = agent.audit(identity).await;
        let verdict = verdict(agent, caller, prover, &audit, granted, entry);
        resumed.push(Resumed { call: call.clone(), verdict });
    }
    Ok(resumed)
}

/// The calls without a result. Answers that name none of them are nobody's.
fn waiting(input: &RunAgentInput) -> Vec<Waiting<'_>> {
    let mut waiting = unanswered(&input.messages);
    let places: HashMap<&ToolCallId, usize> =
        waiting.iter().enumerate().map(|(place, waiting)| (&waiting.call.id, place)).collect();
    let mut first: HashMap<&InterruptId, &ResumeEntry> = HashMap::new();
    let mut ignored = 0;
    for entry in &input.resume {
        // Said twice is said once; said in two ways is not said at all, since both then count.
        let known = *first.entry(&entry.interrupt_id).or_insert(entry);
        if !std::ptr::eq(known, entry) && known.status == entry.status && known.payload == entry.payload {
            continue;
        }
        let proof = Proof::read(&entry.interrupt_id);
        match proof.and_then(|proof| Some((*places.get(proof.call_id())?, proof))) {
            Some((place, proof)) => waiting[place].answers.push((proof, entry)),
            None => ignored += 1,
        }
    }
    if ignored > 0 {
        warn!(ignored, "answers to interrupts that are not open are ignored");
    }
    waiting
}

/// The calls without a result. Of two with one id the first counts, as it does for the model.
fn unanswered(messages: &[Message]) -> Vec<Waiting<'_>> {
    let mut known: HashSet<&ToolCallId> = messages
        .iter()
        .filter_map(|message| match &message.body {
            MessageBody::Tool { tool_call_id, .. } => Some(tool_call_id),
            _ => None,
        })
        .collect();
    let calls = messages.iter().flat_map(|message| match &message.body {
        MessageBody::Assistant { tool_calls, .. } => tool_calls.as_slice(),
        _ => &[],
    });
    calls.filter(|call| known.insert(&call.id)).map(|call| Waiting { call, answers: Vec::new() }).collect()
}

/// What an answer says to a call whose proof holds.
enum Said {
    Yes { arguments: Value, answer: Option<Answer> },
    No(String),
    Neither(Raised),
}

/// What becomes of a call whose proof holds.
fn verdict<C: Send + Sync + 'static>(
    agent: &Agent<C>,
    caller: &C,
    prover: Prover<'_>,
    audit: &Audit,
    asked: Granted,
    entry: &ResumeEntry,
) -> Verdict {
    match said(agent, caller, prover, audit, &asked, entry) {
        Said::Yes { arguments, answer } => Verdict::Grant(Box::new(Granted { arguments, answer, ..asked })),
        Said::No(text) => Verdict::NotRun(Box::new(asked), text),
        Said::Neither(raised) => Verdict::Again(raised),
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
