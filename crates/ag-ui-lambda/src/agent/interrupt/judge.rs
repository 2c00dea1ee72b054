//! Decides what becomes of each gated call of a history: of a call whose tool may need an approval or ask a question, or that an
//! answer in `resume` names.
//!
//! The client sends everything that is judged here: the history, the results in it, the answers, and even which call an answer is
//! for. Only what this server has signed counts. Each call is judged alone, by the first rule that applies. No call makes the run
//! fail: whatever was cut, forged or lost, the thread goes on, and no tool runs without a valid token.

use serde_json::Value;
use tokio::time::Instant;
use tracing::warn;

use super::answers::Answers;
use super::call::ApprovedCall;
use super::resume::resume_call;
use super::signed_results::{CallArguments, signature};
use super::verdict::{Judgement, UnansweredCause, Verdict};
use crate::agent::run::context::CallerAccess;
use crate::agent::run::history::calls::HistoryCall;
use crate::agent::run::placeholder_result::PlaceholderResult;
use crate::approval::{InterruptToken, SignatureStatus};
use crate::protocol::{Message, MessageBody, ResumeEntry, RunAgentInput};

/// The largest number of tool messages of one call whose signatures are verified. A call has one result, and at most one
/// placeholder before it.
const MAX_TOOL_MESSAGES: usize = 16;
/// The largest number of calls with one id that answers may be for, counted from the last call.
const MAX_CALLS_OF_ID: usize = 4;

/// Judges the gated calls of one input.
pub(crate) struct Judge<'a, C> {
    access: &'a CallerAccess<C>,
    input: &'a RunAgentInput,
    answers: Answers<'a>,
    /// The index of the last message of the user or the assistant.
    last_turn: Option<usize>,
    /// Whether that message made a call of a frontend tool, and the history has the result of the call.
    has_frontend_result: bool,
}

/// An answer whose token is valid.
struct ValidAnswer<'a> {
    token: InterruptToken,
    entry: &'a ResumeEntry,
    /// The digest that identifies the call.
    call_digest: String,
}

/// What was verified about a call.
#[derive(Default)]
struct Evidence<'a> {
    /// The indexes of the results that this server has signed.
    signed: Vec<usize>,
    /// The indexes of the tool messages that only repeat an answer.
    echoes: Vec<usize>,
    /// The indexes of all other tool messages.
    unsigned: Vec<usize>,
    answers: Vec<ValidAnswer<'a>>,
    /// The arguments of the call, if an answer needs them.
    arguments: Option<Value>,
    /// How many answers have an invalid token.
    forged: usize,
    /// Whether a signature or a token may be of a key that is newer than the keys that are cached.
    has_newer_key: bool,
    /// Why none of the answers could be verified.
    cause: Option<UnansweredCause>,
}

impl<'a, C: Send + Sync + 'static> Judge<'a, C> {
    /// Creates the judge for the history of `input`, and reads the answers in `resume`. `calls` are all calls of that
    /// history. With approvals, a run creates one before it starts, to find out whether a key is needed, and one when
    /// the driver settles the calls.
    pub(crate) fn new(
        access: &'a CallerAccess<C>,
        input: &'a RunAgentInput,
        calls: &[HistoryCall<'a>],
    ) -> Self {
        let is_turn = |message: &Message| {
            matches!(message.body, MessageBody::User { .. } | MessageBody::Assistant { .. })
        };
        let last_turn = input.messages.iter().rposition(is_turn);
        let is_frontend_result = |call: &HistoryCall<'_>| {
            Some(call.message_index) == last_turn
                && !call.tool_messages.is_empty()
                && !access.agent.tools.contains(&call.call.function.name)
        };
        let has_frontend_result = calls.iter().any(is_frontend_result);
        Self { access, input, answers: Answers::read(input, calls), last_turn, has_frontend_result }
    }

    /// Whether the result that the history has for this call must not be used unchecked: calls of the tool may wait for
    /// a person, an answer names the call, or the result has to be signed.
    pub(crate) fn is_judged(&self, call: &HistoryCall<'_>) -> bool {
        self.is_gated(call) || self.must_be_signed(call)
    }

    /// Whether calls of this tool may wait for a person, or `resume` holds an answer to this call.
    fn is_gated(&self, call: &HistoryCall<'_>) -> bool {
        self.access.agent.tools.may_interrupt(&call.call.function.name)
            || self.answers.has_answer(&call.call.id)
    }

    /// Whether the agent requires signed results, and the call is of a backend tool and has a result in the history.
    /// The model then reads the result only if this server has signed it.
    fn must_be_signed(&self, call: &HistoryCall<'_>) -> bool {
        let agent = &self.access.agent;
        agent.require_signed_results
            && !call.tool_messages.is_empty()
            && agent.tools.contains(&call.call.function.name)
    }

    /// Whether any of these calls has an answer or a signed result that has to be verified, so that the run cannot
    /// start without a key. An answer is verified only if a person can be asked for the caller. This method is called before
    /// the run starts.
    pub(crate) fn needs_key(&self, calls: &[HistoryCall<'_>]) -> bool {
        self.access.signer.is_some()
            && calls.iter().any(|call| {
                let has_answer = self.access.can_interrupt() && self.answers.has_answer(&call.call.id);
                self.is_judged(call) && (has_answer || self.has_signature(call))
            })
    }

    /// Whether a tool message of the call carries a signature. The signature is not verified.
    fn has_signature(&self, call: &HistoryCall<'_>) -> bool {
        call.tool_messages.iter().any(|index| signature(&self.input.messages[*index]).is_some())
    }

    /// Decides what becomes of a call, with the keys that are cached. The verdict is [`Verdict::NeedsKeys`] if a
    /// signature may be of a key that was created after the keys were read, and if the decision depends on that
    /// signature. `GatedCalls::open` calls it.
    pub(super) async fn judge(&self, call: &HistoryCall<'a>) -> Judgement {
        let evidence = self.evidence(call).await;
        if evidence.has_newer_key && evidence.signed.iter().all(|index| self.is_unanswered(*index)) {
            let has_message = !evidence.signed.is_empty() || !evidence.unsigned.is_empty();
            let may_supersede = self.answers.has_answer(&call.call.id) && !evidence.unsigned.is_empty();
            let verdict = Verdict::NeedsKeys { has_message, may_supersede };
            return Judgement { verdict, superseded: evidence.echoes, forged: 0 };
        }
        self.judge_evidence(call, evidence).await
    }

    /// Decides what becomes of a call for which [`judge`](Self::judge) returned [`Verdict::NeedsKeys`]. It is called
    /// after the keys were read again, and returns another verdict.
    pub(super) async fn judge_with_new_keys(&self, call: &HistoryCall<'a>) -> Judgement {
        let evidence = self.evidence(call).await;
        self.judge_evidence(call, evidence).await
    }

    /// Returns how many answers in `resume` name no call of the history. The number is only logged.
    pub(super) fn ignored_answers(&self) -> usize {
        self.answers.ignored
    }

    /// Waits until a read of the keys of approvals that began at `moment` or later has succeeded or failed. `moment` is
    /// a time in the past. Returns at once if no person can be asked for the caller. `GatedCalls::finish` calls it
    /// before the calls that need newer keys are judged again.
    pub(super) async fn wait_for_keys_read_since(&self, moment: Instant) {
        if let Some(signer) = &self.access.signer {
            signer.approvals.wait_for_keys_read_since(moment).await;
        }
    }

    /// Decides what becomes of a call by `evidence`, the verified signatures and answers of the call, and lists the
    /// tool messages that the client has to drop.
    async fn judge_evidence(&self, call: &HistoryCall<'a>, mut evidence: Evidence<'a>) -> Judgement {
        let mut superseded = std::mem::take(&mut evidence.echoes);
        let (unsigned, forged) = (evidence.unsigned.clone(), evidence.forged);
        let verdict = self.verdict(call, evidence).await;
        if matches!(verdict, Verdict::Answered(_)) {
            superseded.extend(unsigned);
        }
        Judgement { verdict, superseded, forged }
    }

    /// Applies the rules to `evidence`, the verified signatures and answers of the call. The first rule that applies
    /// decides.
    async fn verdict(&self, call: &HistoryCall<'a>, mut evidence: Evidence<'a>) -> Verdict {
        if let Some(index) = self.signed_result(&evidence.signed) {
            return Verdict::HasResult(index);
        }
        if !self.is_gated(call) {
            return Verdict::Unverified;
        }
        if evidence.answers.len() == 1
            && (evidence.unsigned.is_empty() || self.has_replay_store())
            && let (Some(answer), Some(arguments)) = (evidence.answers.pop(), evidence.arguments.take())
            && let Some(signer) = &self.access.signer
        {
            let ValidAnswer { token, entry, call_digest } = answer;
            let (id, tool) = (call.call.id.clone(), call.call.function.name.clone());
            let call = ApprovedCall { id, tool, arguments, answer: None, token, call_digest };
            return Verdict::Answered(resume_call(self.access, signer, call, entry).await);
        }
        if !evidence.unsigned.is_empty() {
            return Verdict::Unverified;
        }
        let is_last = Some(call.message_index) == self.last_turn;
        if !self.input.answers_interrupts() && is_last && self.has_frontend_result {
            return Verdict::StaysOpen;
        }
        if evidence.answers.len() > 1 {
            return Verdict::Unanswered(UnansweredCause::SeveralAnswers);
        }
        let cause = match evidence.forged {
            0 => UnansweredCause::NoAnswer,
            _ => UnansweredCause::InvalidToken,
        };
        Verdict::Unanswered(evidence.cause.unwrap_or(cause))
    }

    /// Whether a replay store is configured, which makes each approval count at most once.
    fn has_replay_store(&self) -> bool {
        let signer = self.access.signer.as_ref();
        signer.is_some_and(|signer| signer.approvals.configured_replay_store().is_some())
    }

    /// Chooses the result of a call among its signed tool messages, which `signed` lists by index: the first that is
    /// not the placeholder for an unanswered call, otherwise the first; `None` if there is no signed message.
    fn signed_result(&self, signed: &[usize]) -> Option<usize> {
        let result = signed.iter().find(|index| !self.is_unanswered(**index));
        result.or(signed.first()).copied()
    }

    /// Whether the message with this index is the placeholder result of a call that got no valid answer.
    fn is_unanswered(&self, index: usize) -> bool {
        PlaceholderResult::of_message(&self.input.messages[index]) == Some(PlaceholderResult::Unanswered)
    }

    /// Verifies the signatures of the tool messages of a call and, unless one of them is valid, the tokens of its
    /// answers. Returns what was found.
    async fn evidence(&self, call: &HistoryCall<'a>) -> Evidence<'a> {
        let mut evidence = Evidence::default();
        let has_answer = self.answers.has_answer(&call.call.id);
        let arguments = (has_answer || self.has_signature(call))
            .then(|| CallArguments::read(&call.call.function.arguments));
        for (number, index) in call.tool_messages.iter().enumerate() {
            let arguments = arguments.as_ref().filter(|_| number < MAX_TOOL_MESSAGES);
            self.verify_message(*index, call, arguments, &mut evidence).await;
        }
        if evidence.signed.is_empty()
            && has_answer
            && let Some(arguments) = arguments
        {
            self.verify_answers(call, arguments, &mut evidence).await;
        }
        evidence
    }

    /// Verifies the signature of the tool message with this index, and adds the index to one of the lists of
    /// `evidence`: signed, only repeating an answer, or unsigned. Without `arguments`, the arguments of the call, the
    /// signature counts as invalid.
    async fn verify_message(
        &self,
        index: usize,
        call: &HistoryCall<'a>,
        arguments: Option<&CallArguments>,
        evidence: &mut Evidence<'a>,
    ) {
        let message = &self.input.messages[index];
        let status = match (&self.access.signer, arguments) {
            (Some(signer), Some(arguments)) => signer.verify_result(message, call.call, arguments).await,
            _ => SignatureStatus::Invalid,
        };
        // Without a signature this placeholder still counts: a client that leaves the result out achieves the same.
        let is_unfinished = || PlaceholderResult::of_message(message) == Some(PlaceholderResult::Unfinished);
        match status {
            SignatureStatus::Valid => evidence.signed.push(index),
            SignatureStatus::Invalid if !self.is_gated(call) && is_unfinished() => {
                evidence.signed.push(index);
            }
            SignatureStatus::Invalid if self.answers.has_echo(&call.call.id, message) => {
                evidence.echoes.push(index);
            }
            SignatureStatus::Invalid => evidence.unsigned.push(index),
            SignatureStatus::KeyMayBeNewer => {
                evidence.has_newer_key = true;
                evidence.unsigned.push(index);
            }
        }
    }

    /// Verifies the tokens of the answers to a call. Answers with a valid token are added to `evidence`; the others are
    /// counted in `evidence.forged`. If no token can be verified at all, `evidence.cause` gets the reason.
    async fn verify_answers(
        &self,
        call: &HistoryCall<'a>,
        arguments: CallArguments,
        evidence: &mut Evidence<'a>,
    ) {
        let Some(signer) = self.access.signer.as_ref().filter(|_| self.access.can_interrupt()) else {
            evidence.cause = Some(UnansweredCause::ApprovalsClosed);
            return;
        };
        let Some(answers) = self.answers.for_call(&call.call.id) else {
            evidence.cause = Some(UnansweredCause::SeveralAnswers);
            return;
        };
        if call.later_of_id >= MAX_CALLS_OF_ID {
            return;
        }
        let CallArguments { value: Some(arguments), digest } = arguments else {
            evidence.cause = Some(UnansweredCause::InvalidArguments);
            return;
        };
        for (token, entry) in answers {
            let tool = call.call.function.name.as_str();
            let binding = signer.binding(token.run_id(), &call.call.id, tool, digest);
            match signer.approvals.verify_token(token, &binding).await {
                SignatureStatus::Valid => {
                    let call_digest = binding.call_digest();
                    let token = token.clone();
                    evidence.answers.push(ValidAnswer { token, entry, call_digest });
                }
                SignatureStatus::Invalid => {
                    evidence.forged += 1;
                    if let Some(difference) = signer.approvals.explain_mismatch(token, &binding).await {
                        let tool = self.access.agent.tools.get(tool).map(|tool| tool.spec().name.as_str());
                        warn!(tool, difference, "the token of an answer is invalid");
                    }
                }
                SignatureStatus::KeyMayBeNewer => {
                    evidence.has_newer_key = true;
                    evidence.forged += 1;
                }
            }
        }
        evidence.arguments = Some(arguments);
    }
}
