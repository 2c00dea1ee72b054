//! What becomes of each gated call of a history: of a tool that may need an approval or ask a question, or one that an
//! answer in `resume` names.
//!
//! Everything here comes from the client: the history, the results in it, the answers, even which call an answer is
//! for. Only what this server has signed is believed. Each call is judged alone, by the first rule that applies, and
//! none of them refuses a run: whatever was cut, forged or lost, the thread goes on, and no tool runs without a proof.

use serde_json::Value;
use tokio::time::Instant;
use tracing::warn;

use super::Agent;
use super::answers::Answers;
use super::call::Granted;
use super::calls::HistoryCall;
use super::resume::{Decision, decide};
use super::signed::{Arguments, says_nothing, signature};
use super::waiting::{Called, Prover};
use crate::approval::{Identity, Proof, Signature};
use crate::protocol::{Message, MessageBody, ResumeEntry, RunAgentInput};

/// The result of a call that is declined. It says what is known and no more: a history without a result does not show
/// that the tool did not run.
pub(super) const DECLINED: &str = r#"{"error":"No result of this call is known. It was not run for this message. If it was approved or needed no approval, it may have run before.","interrupt":"unknown"}"#;
/// What a model reads in place of a result that this server did not sign.
pub(super) const UNVERIFIED: &str = "The result of this call could not be verified.";

/// The most tool messages of one call whose signatures are checked. A call has one, and a decline before it at the most.
const MAX_MESSAGES: usize = 16;
/// The most calls of one id, from the last one on, that answers may be for.
const MAX_CALLS_OF_ID: usize = 4;

/// What was found of a gated call.
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    /// The places of tool messages that the client's list must not keep: those that only repeat an answer, which is a
    /// front end's echo and no result, and those beside which an answer decides.
    pub(super) superseded: Vec<usize>,
    /// How many answers had a proof that does not hold.
    pub(super) forged: usize,
}

/// What becomes of a gated call.
pub(super) enum Verdict {
    /// This message holds its result.
    Stands(usize),
    /// An answer decides.
    Decided(Decision),
    /// Nothing is run or sent. The model reads that the result could not be verified.
    Unverified,
    /// It stays open: the client has answered the front end's calls beside it, and will answer this one.
    StaysOpen,
    /// It is not run, and the client is sent a result that says so.
    Declined(Cause),
    /// The keys have to be read again before anything can be said.
    NeedsKeys {
        /// Whether it has a tool message that is no echo, so that the client may have its result.
        has_message: bool,
        /// Whether an answer may decide beside a tool message that is not signed, which then leaves the client's list.
        may_supersede: bool,
    },
}

/// Why a call is declined, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    NoAnswer,
    NoProof,
    SeveralAnswers,
    Closed,
    Arguments,
}

impl Cause {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::NoProof => "no_proof",
            Self::SeveralAnswers => "several_answers",
            Self::Closed => "approvals_closed",
            Self::Arguments => "arguments",
        }
    }
}

/// Judges the gated calls of one input.
pub(super) struct Judge<'a, C> {
    agent: &'a Agent<C>,
    caller: &'a C,
    identity: Option<&'a Identity>,
    prover: Option<Prover<'a>>,
    input: &'a RunAgentInput,
    answers: Answers<'a>,
    /// The place of the last message of the user or the assistant.
    last_spoken: Option<usize>,
    /// Whether a result of a frontend call stands behind that message, which made the call.
    has_frontend_result: bool,
}

/// What is known of a call.
#[derive(Default)]
struct Facts<'a> {
    /// The places of its results that this server signed.
    signed: Vec<usize>,
    /// The places of those that only repeat an answer.
    echoes: Vec<usize>,
    /// The places of all others.
    unsigned: Vec<usize>,
    /// The answers whose proof holds.
    proven: Vec<(Proof, &'a ResumeEntry, String)>,
    /// Its arguments, where an answer needs them.
    arguments: Option<Value>,
    forged: usize,
    /// Whether a signature or a proof is by a key that may have come since the keys were read.
    has_newer_key: bool,
    cause: Option<Cause>,
}

impl<'a, C: Send + Sync + 'static> Judge<'a, C> {
    pub(super) fn new(
        agent: &'a Agent<C>,
        caller: &'a C,
        identity: Option<&'a Identity>,
        input: &'a RunAgentInput,
        calls: &[HistoryCall<'a>],
    ) -> Self {
        let is_spoken = |message: &Message| {
            matches!(message.body, MessageBody::User { .. } | MessageBody::Assistant { .. })
        };
        let last_spoken = input.messages.iter().rposition(is_spoken);
        let is_frontend_result = |call: &HistoryCall<'_>| {
            Some(call.message) == last_spoken
                && !call.answers.is_empty()
                && !agent.inner.toolbox.has(&call.call.function.name)
        };
        Self {
            agent,
            caller,
            identity,
            prover: agent.prover(identity, &input.thread_id, &input.run_id),
            input,
            answers: Answers::read(input, calls),
            last_spoken,
            has_frontend_result: calls.iter().any(is_frontend_result),
        }
    }

    /// Whether a call is gated, or its result has to be signed.
    pub(super) fn is_judged(&self, call: &HistoryCall<'_>) -> bool {
        self.is_gated(call) || self.must_be_signed(call)
    }

    fn is_gated(&self, call: &HistoryCall<'_>) -> bool {
        self.agent.inner.toolbox.may_wait(&call.call.function.name) || self.answers.name(&call.call.id)
    }

    fn must_be_signed(&self, call: &HistoryCall<'_>) -> bool {
        let is_required = self.agent.inner.requires_signed_results;
        is_required && !call.answers.is_empty() && self.agent.inner.toolbox.has(&call.call.function.name)
    }

    /// Whether a signature has to be checked, so that there must be a key.
    pub(super) fn needs_key(&self, calls: &[HistoryCall<'_>]) -> bool {
        let has_signature = |place: &usize| signature(&self.input.messages[*place]).is_some();
        let is_signed = |call: &HistoryCall<'_>| {
            self.answers.name(&call.call.id) || call.answers.iter().any(has_signature)
        };
        self.prover.is_some() && calls.iter().any(|call| self.is_judged(call) && is_signed(call))
    }

    /// Judges a call by the keys that are known here.
    pub(super) async fn judge(&self, call: &HistoryCall<'a>) -> Judgement {
        let facts = self.facts(call).await;
        if facts.has_newer_key && facts.signed.iter().all(|place| self.is_decline(*place)) {
            let has_message = !facts.signed.is_empty() || !facts.unsigned.is_empty();
            let may_supersede = self.answers.name(&call.call.id) && !facts.unsigned.is_empty();
            let verdict = Verdict::NeedsKeys { has_message, may_supersede };
            return Judgement { verdict, superseded: facts.echoes, forged: 0 };
        }
        self.rule(call, facts).await
    }

    /// Judges a call by what the keys are after they were read again.
    pub(super) async fn judge_again(&self, call: &HistoryCall<'a>) -> Judgement {
        let facts = self.facts(call).await;
        self.rule(call, facts).await
    }

    /// How many answers name no call of the history.
    pub(super) fn ignored_answers(&self) -> usize {
        self.answers.ignored
    }

    /// Waits until the keys have been read since `moment`.
    pub(super) async fn read_keys_since(&self, moment: Instant) {
        if let Some(prover) = self.prover {
            prover.approvals.read_keys_since(moment).await;
        }
    }

    async fn rule(&self, call: &HistoryCall<'a>, mut facts: Facts<'a>) -> Judgement {
        let (mut superseded, unsigned) = (std::mem::take(&mut facts.echoes), facts.unsigned.clone());
        let forged = facts.forged;
        let verdict = self.verdict(call, facts).await;
        if matches!(verdict, Verdict::Decided(_)) {
            superseded.extend(unsigned);
        }
        Judgement { verdict, superseded, forged }
    }

    async fn verdict(&self, call: &HistoryCall<'a>, mut facts: Facts<'a>) -> Verdict {
        if let Some(place) = self.standing(&facts.signed) {
            return Verdict::Stands(place);
        }
        if !self.is_gated(call) {
            return Verdict::Unverified;
        }
        if facts.proven.len() == 1
            && (facts.unsigned.is_empty() || self.has_store())
            && let (Some((proof, entry, idempotency_key)), Some(arguments)) =
                (facts.proven.pop(), facts.arguments.take())
            && let Some(prover) = self.prover
        {
            let audit = self.agent.audit(self.identity).await;
            let (id, tool) = (call.call.id.clone(), call.call.function.name.clone());
            let granted = Granted { id, tool, arguments, answer: None, proof, idempotency_key };
            return Verdict::Decided(decide(self.agent, self.caller, prover, &audit, granted, entry));
        }
        if !facts.unsigned.is_empty() {
            return Verdict::Unverified;
        }
        let is_last = Some(call.message) == self.last_spoken;
        if !self.input.answers_interrupts() && is_last && self.has_frontend_result {
            return Verdict::StaysOpen;
        }
        let several = if facts.proven.len() > 1 { Some(Cause::SeveralAnswers) } else { None };
        let none = if facts.forged > 0 { Cause::NoProof } else { Cause::NoAnswer };
        Verdict::Declined(several.or(facts.cause).unwrap_or(none))
    }

    /// Whether approvals are remembered.
    fn has_store(&self) -> bool {
        self.prover.is_some_and(|prover| prover.approvals.once().is_some())
    }

    /// The result that counts, of several that are signed: the first that does not only decline.
    fn standing(&self, signed: &[usize]) -> Option<usize> {
        let result = signed.iter().find(|place| !self.is_decline(**place));
        result.or(signed.first()).copied()
    }

    fn is_decline(&self, place: usize) -> bool {
        matches!(
            &self.input.messages[place].body,
            MessageBody::Tool { content, .. } if content.text() == DECLINED
        )
    }

    async fn facts(&self, call: &HistoryCall<'a>) -> Facts<'a> {
        let mut facts = Facts::default();
        let is_answered = self.answers.name(&call.call.id);
        let has_signature = |place: &usize| signature(&self.input.messages[*place]).is_some();
        let arguments = (is_answered || call.answers.iter().any(has_signature))
            .then(|| Arguments::read(&call.call.function.arguments));
        for (number, place) in call.answers.iter().enumerate() {
            let arguments = arguments.as_ref().filter(|_| number < MAX_MESSAGES);
            self.look_at_message(*place, call, arguments, &mut facts).await;
        }
        if facts.signed.is_empty()
            && is_answered
            && let Some(arguments) = arguments
        {
            self.look_at_answers(call, arguments, &mut facts).await;
        }
        facts
    }

    async fn look_at_message(
        &self,
        place: usize,
        call: &HistoryCall<'a>,
        arguments: Option<&Arguments>,
        facts: &mut Facts<'a>,
    ) {
        let message = &self.input.messages[place];
        let checked = match (self.prover, arguments) {
            (Some(prover), Some(arguments)) => prover.check_result(message, call.call, arguments).await,
            _ => Signature::Forged,
        };
        match checked {
            Signature::Genuine => facts.signed.push(place),
            // Without a signature it says no more than a client that leaves the result out.
            Signature::Forged if !self.is_gated(call) && says_nothing(message) => {
                facts.signed.push(place);
            }
            Signature::Forged if self.answers.has_echo(&call.call.id, message) => facts.echoes.push(place),
            Signature::Forged => facts.unsigned.push(place),
            Signature::KeyMayBeNewer => {
                facts.has_newer_key = true;
                facts.unsigned.push(place);
            }
        }
    }

    async fn look_at_answers(&self, call: &HistoryCall<'a>, arguments: Arguments, facts: &mut Facts<'a>) {
        let Some(prover) = self.prover else {
            facts.cause = Some(Cause::Closed);
            return;
        };
        let Some(answers) = self.answers.to(&call.call.id) else {
            facts.cause = Some(Cause::SeveralAnswers);
            return;
        };
        if call.later_of_id >= MAX_CALLS_OF_ID {
            return;
        }
        let Arguments { canonical: Some(arguments), digest } = arguments else {
            facts.cause = Some(Cause::Arguments);
            return;
        };
        for (proof, entry) in answers {
            let (id, tool) = (&call.call.id, call.call.function.name.as_str());
            let called = Called { run_id: proof.run_id(), id, tool, arguments: digest };
            let subject = prover.subject(called);
            match prover.approvals.check(proof, &subject).await {
                Signature::Genuine => {
                    let key = subject.idempotency_key();
                    facts.proven.push((proof.clone(), *entry, key));
                }
                Signature::Forged => {
                    facts.forged += 1;
                    if let Some(difference) = prover.approvals.difference(proof, &subject).await {
                        let tool = self.agent.inner.toolbox.get(tool).map(|tool| tool.spec().name.as_str());
                        warn!(tool, difference, "the proof of an answer does not hold");
                    }
                }
                Signature::KeyMayBeNewer => {
                    facts.has_newer_key = true;
                    facts.forged += 1;
                }
            }
        }
        facts.arguments = Some(arguments);
    }
}
