//! Carries out what was decided about the gated calls of a history, in the run that continues it.
//!
//! Before anything can cancel the run, the client's list of messages is corrected, and each call without a valid answer gets a
//! placeholder result. Then the keys are read again if they must be, and what a person has approved or answered runs.

use std::collections::HashSet;

use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::{info, warn};

use super::judge::Judge;
use super::resume::ResumeAction;
use super::signer::CallRef;
use super::verdict::{UnansweredCause, Verdict};
use crate::agent::run::context::RunContext;
use crate::agent::run::history::calls::{DecidedCall, HistoryCall, ModelResult};
use crate::agent::run::io::RunIo;
use crate::agent::run::placeholder_result::PlaceholderResult;
use crate::log_events::RESULTS_NOT_VERIFIED;
use crate::protocol::{RunAgentInput, ToolCallId};
use crate::transcript::{ClosedCall, IdSource, Transcript};

/// The calls of a history, and what is left to do for the gated ones: those that may have waited for a person.
pub(crate) struct GatedCalls<'a, C> {
    context: &'a RunContext<'a, C>,
    input: &'a RunAgentInput,
    judge: Judge<'a, C>,
    /// All calls of the history, with what the model reads as the result of each.
    calls: Vec<HistoryCall<'a>>,
    /// The gated calls that are judged and not settled.
    unsettled: Vec<UnsettledCall>,
    /// The calls that a person has answered: the index, the call in the transcript, and what is done with the call.
    answered: Vec<(usize, ClosedCall, ResumeAction)>,
    /// The indexes of the messages that the client has to drop.
    superseded: Vec<usize>,
    /// The ids of the calls that get a result in this run. A client cannot tell two results with one id apart.
    ids_with_result: HashSet<&'a ToolCallId>,
    /// How many calls have no valid answer.
    unanswered: usize,
    /// How many calls have a result that cannot be verified, so that the model reads a sentence in its place.
    unverified: usize,
    /// For how many of the calls without a valid answer the client is sent a placeholder result.
    sent: usize,
    /// How many unsettled calls will get a result however the run ends, which may be a placeholder.
    reserved: usize,
    /// When the calls were judged. Calls that need newer keys are judged again with keys that are read after this time.
    judged_at: Instant,
}

/// A gated call that is judged and not settled.
struct UnsettledCall {
    /// The index of the call among the calls of the history.
    index: usize,
    verdict: Verdict,
    /// The call in the transcript, if it will get a result however the run ends.
    closed: Option<ClosedCall>,
}

impl<'a, C: Send + Sync + 'static> GatedCalls<'a, C> {
    /// Decides what becomes of each call of the history that may have waited for a person, makes the client drop tool
    /// messages that are not results, and sends placeholder results for the calls without a valid answer.
    /// [`finish`](Self::finish) does the rest.
    ///
    /// `calls` are all calls of the history of `input`. The driver calls this before anything can cancel the run.
    pub(crate) async fn open<S: IdSource>(
        context: &'a RunContext<'a, C>,
        input: &'a RunAgentInput,
        calls: Vec<HistoryCall<'a>>,
        io: &mut RunIo<S>,
    ) -> Self {
        let mut gated = Self {
            context,
            input,
            judge: Judge::new(context.access, input, &calls),
            calls,
            unsettled: Vec::new(),
            answered: Vec::new(),
            superseded: Vec::new(),
            ids_with_result: HashSet::new(),
            unanswered: 0,
            unverified: 0,
            sent: 0,
            reserved: 0,
            judged_at: Instant::now(),
        };
        let ignored = gated.judge.ignored_answers();
        if ignored > 0 {
            info!(ignored, "answers that name no call of the history are ignored");
        }
        let mut forged = 0;
        for index in 0..gated.calls.len() {
            if gated.judge.is_judged(&gated.calls[index]) {
                let judgement = gated.judge.judge(&gated.calls[index]).await;
                forged += judgement.forged;
                gated.superseded.extend(judgement.superseded);
                gated.unsettled.push(UnsettledCall { index, verdict: judgement.verdict, closed: None });
            }
        }
        warn_of_forged_answers(forged);
        gated.drop_superseded_messages(0, &mut io.transcript);
        // If the list of messages may have to be sent again, no result may be sent before: the list would not hold it.
        let may_send_list_again = |unsettled: &UnsettledCall| {
            matches!(unsettled.verdict, Verdict::NeedsKeys { may_supersede: true, .. })
        };
        if !gated.unsettled.iter().any(may_send_list_again) {
            gated.settle_judged(&mut io.transcript);
        }
        gated
    }

    /// Reads the keys again if a call needs newer keys, and then runs the calls that a person has approved or answered,
    /// all at the same time. Each result is sent to the client. The driver calls it once, before the model is asked.
    pub(crate) async fn finish<S: IdSource>(&mut self, io: &mut RunIo<S>) {
        if !self.unsettled.is_empty() {
            self.judge.wait_for_keys_read_since(self.judged_at).await;
            let (before, mut forged) = (self.superseded.len(), 0);
            for unsettled in &mut self.unsettled {
                if matches!(unsettled.verdict, Verdict::NeedsKeys { .. }) {
                    let judgement = self.judge.judge_with_new_keys(&self.calls[unsettled.index]).await;
                    forged += judgement.forged;
                    self.superseded.extend(judgement.superseded);
                    unsettled.verdict = judgement.verdict;
                }
            }
            warn_of_forged_answers(forged);
            self.superseded.sort_unstable();
            self.superseded.dedup();
            self.drop_superseded_messages(before, &mut io.transcript);
            self.settle_judged(&mut io.transcript);
            io.flush().await;
        }
        let context = self.context;
        let mut running = FuturesUnordered::new();
        for (index, closed, action) in std::mem::take(&mut self.answered) {
            running.push(async move {
                let outcome = match action {
                    ResumeAction::Run(call) => context.run_approved(*call).await,
                    ResumeAction::Decline(call, result) => context.decline(&call, result).await,
                    ResumeAction::AskAgain(call, pending) => context.ask_again(&call, pending).await,
                };
                (outcome, index, closed)
            });
        }
        while let Some((outcome, index, closed)) = io.next_result(&mut running).await {
            let call = &mut self.calls[index];
            let result = context.send_outcome(outcome, CallRef::from(call.call), closed, io).await;
            call.result = result.map_or(ModelResult::WaitsForPerson, ModelResult::Content);
            call.has_new_result = true;
        }
    }

    /// Returns all calls of the history with what the model reads as the result of each. The driver calls it last.
    pub(crate) fn into_decided_calls(self) -> Vec<DecidedCall> {
        self.calls.into_iter().map(DecidedCall::from).collect()
    }

    /// Makes the client drop the superseded tool messages, which only repeat an answer or belong to a call that an
    /// answer has decided: sends the client its list of messages without them. Nothing is sent if there are no more of
    /// them than `before`, their number when the list was last sent.
    ///
    /// Otherwise the client would put the result of a call after the superseded tool message, and CopilotKit shows the
    /// first tool message of a call. `open` and `finish` call it after they have judged calls.
    fn drop_superseded_messages<S: IdSource>(&self, before: usize, transcript: &mut Transcript<S>) {
        if self.superseded.len() > before {
            let messages = self.input.messages_without(&self.superseded, transcript.knows_1_0());
            transcript.replace_messages(messages);
        }
    }

    /// Carries out the verdicts of all judged calls that need no newer keys. The others stay unsettled; for those of
    /// them that have no tool message, the transcript reserves a result, so that the client gets one however the run
    /// ends. `open` and `finish` call it after they have judged calls.
    fn settle_judged<S: IdSource>(&mut self, transcript: &mut Transcript<S>) {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        // Of several calls with one id, the one that an answer decides about comes first and gets the result.
        unsettled.sort_by_key(|unsettled| match unsettled.verdict {
            Verdict::Answered(_) => 0,
            Verdict::NeedsKeys { .. } => 1,
            _ => 2,
        });
        for UnsettledCall { index, verdict, closed } in unsettled {
            if let Verdict::NeedsKeys { has_message, .. } = verdict {
                let is_reserved = !has_message && self.may_send_placeholder(index);
                let closed = is_reserved.then(|| self.resume_call(index, transcript)).flatten();
                self.reserved += usize::from(closed.is_some());
                self.unsettled.push(UnsettledCall { index, verdict, closed });
            } else {
                self.reserved -= usize::from(closed.is_some());
                self.settle(UnsettledCall { index, verdict, closed }, transcript);
            }
        }
        if self.unsettled.is_empty() && self.unanswered > self.sent {
            info!(
                declined = self.unanswered,
                sent = self.sent,
                "more calls were declined than results were sent to the client"
            );
        }
        if self.unsettled.is_empty() && self.unverified > 0 {
            info!(results = self.unverified, "{RESULTS_NOT_VERIFIED}");
        }
    }

    /// Carries out the verdict of one call: sets what the model reads as its result, and sends a placeholder result to
    /// the client or keeps the answered call for [`finish`](Self::finish).
    fn settle<S: IdSource>(&mut self, unsettled: UnsettledCall, transcript: &mut Transcript<S>) {
        let UnsettledCall { index, verdict, closed } = unsettled;
        let result = match verdict {
            Verdict::HasResult(message) => {
                self.calls[index].result = ModelResult::Message(message);
                return;
            }
            Verdict::Unverified | Verdict::NeedsKeys { .. } => {
                self.unverified += 1;
                Some(PlaceholderResult::Unverified.into())
            }
            Verdict::StaysOpen => None,
            Verdict::Unanswered(cause) => {
                self.settle_unanswered(index, cause, closed, transcript);
                Some(PlaceholderResult::Unanswered.into())
            }
            Verdict::Answered(action) => match closed.or_else(|| self.resume_call(index, transcript)) {
                Some(closed) => {
                    self.answered.push((index, closed, action));
                    None
                }
                // Another call with its id gets the result of this run.
                None => {
                    self.unanswered += 1;
                    Some(PlaceholderResult::Unanswered.into())
                }
            },
        };
        self.calls[index].result = result.map_or(ModelResult::WaitsForPerson, ModelResult::Content);
    }

    /// Sends the client a placeholder result for the call with this index, which has no valid answer, and logs `cause`.
    /// `closed` is the call in the transcript if a result is reserved for it.
    ///
    /// Nothing is sent if [`may_send_placeholder`](Self::may_send_placeholder) forbids it, or if another call with the
    /// same id gets a result in this run.
    fn settle_unanswered<S: IdSource>(
        &mut self,
        index: usize,
        cause: UnansweredCause,
        closed: Option<ClosedCall>,
        transcript: &mut Transcript<S>,
    ) {
        self.unanswered += 1;
        let may_be_sent = self.may_send_placeholder(index);
        let closed = closed.or_else(|| may_be_sent.then(|| self.resume_call(index, transcript)).flatten());
        let Some(closed) = closed else { return };
        self.sent += 1;
        let call = self.calls[index].call;
        let tool = self.context.agent().tools.get(&call.function.name).map(|tool| &tool.spec().name);
        info!(tool, cause = cause.as_str(), "call declined");
        let result = PlaceholderResult::Unanswered.into();
        let signer = self.context.access.signer.as_ref();
        let signature = signer.and_then(|signer| signer.try_sign_result(call.into(), &result));
        transcript.tool_result_with(closed, result, signature);
    }

    /// Whether the client may be sent a placeholder result for the call with this index: a run sends a limited number
    /// of placeholders, and only for the first call with an id, because a client shows every result with that id there.
    fn may_send_placeholder(&self, index: usize) -> bool {
        let limit = self.context.agent().limits.tool_calls;
        self.sent + self.reserved < limit && self.calls[index].is_first_of_id
    }

    /// Reopens the call with this index in the transcript, so that the call gets a result in this run; `None` if
    /// another call with the same id gets one.
    fn resume_call<S: IdSource>(
        &mut self,
        index: usize,
        transcript: &mut Transcript<S>,
    ) -> Option<ClosedCall> {
        let call = self.calls[index].call;
        self.ids_with_result.insert(&call.id).then(|| transcript.resume_call(call))
    }
}

/// Logs a warning that this number of answers is ignored because their tokens are invalid. Nothing is logged for 0.
fn warn_of_forged_answers(forged: usize) {
    if forged > 0 {
        warn!(forged, "answers with an invalid token are ignored");
    }
}
