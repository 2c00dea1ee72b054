//! The gated calls of a history in the run that goes on from it: what the client is sent of each, and what runs.
//!
//! [`gated`](super::gated) says what becomes of a call; here it happens. Before anything can stop the run, the client's
//! list of messages is set right and what is declined has its result. Then the keys are read again if they must be, and
//! what a person has approved or answered runs.

use std::collections::HashSet;

use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::{info, warn};

use super::calls::{HistoryCall, ModelResult, content};
use super::gated::{Cause, DECLINED, Judge, UNVERIFIED, Verdict};
use super::listener::Listener;
use super::resume::Decision;
use super::run::Run;
use super::signed::Answered;
use super::stream::Outbox;
use crate::protocol::{RunAgentInput, ToolCallId};
use crate::transcript::{ClosedCall, Stamps, Transcript};

/// The calls of a history, and those of them that are gated and not settled yet.
pub(super) struct GatedCalls<'a, C> {
    run: &'a Run<'a, C>,
    input: &'a RunAgentInput,
    judge: Judge<'a, C>,
    /// All calls of the history, with what the model reads of each.
    pub(super) calls: Vec<HistoryCall<'a>>,
    /// What was found of the gated calls that are not settled yet.
    unsettled: Vec<Unsettled>,
    /// The calls that an answer decides about.
    decided: Vec<(usize, ClosedCall, Decision)>,
    /// The places of the messages that the client's list must not keep.
    superseded: Vec<usize>,
    /// The ids that have a result in this run: a client can't tell two results of one id apart.
    answered: HashSet<&'a ToolCallId>,
    /// How many calls were declined, and how many of those results the client is sent.
    declined: usize,
    sent: usize,
    /// How many calls have a result however the run ends, and may yet be declined.
    held: usize,
    /// When the calls were judged: keys that are read since then decide.
    judged_at: Instant,
}

struct Unsettled {
    /// The call's place among the calls of the history.
    index: usize,
    verdict: Verdict,
    /// The call, where it has a result however the run ends.
    closed: Option<ClosedCall>,
}

impl<'a, C: Send + Sync + 'static> GatedCalls<'a, C> {
    /// Judges the gated calls, sets the client's list of messages right, and settles the calls for which nothing has to
    /// run or to be read again.
    pub(super) async fn open<S: Stamps>(
        run: &'a Run<'a, C>,
        input: &'a RunAgentInput,
        calls: Vec<HistoryCall<'a>>,
        transcript: &mut Transcript<S>,
    ) -> Self {
        let judge = Judge::new(run.agent, &run.caller, run.identity.as_ref(), input, &calls);
        let mut gated = Self {
            run,
            input,
            judge,
            calls,
            unsettled: Vec::new(),
            decided: Vec::new(),
            superseded: Vec::new(),
            answered: HashSet::new(),
            declined: 0,
            sent: 0,
            held: 0,
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
                gated.unsettled.push(Unsettled { index, verdict: judgement.verdict, closed: None });
            }
        }
        warn_of_forged(forged);
        gated.replace_messages(0, transcript);
        // A second list of messages has to come before any result, which it would not hold.
        let may_be_another = |unsettled: &Unsettled| {
            matches!(unsettled.verdict, Verdict::NeedsKeys { may_supersede: true, .. })
        };
        if !gated.unsettled.iter().any(may_be_another) {
            gated.settle_known(transcript);
        }
        gated
    }

    /// Reads the keys again if a call needs that, and runs what an answer has decided, side by side.
    pub(super) async fn finish<S: Stamps>(
        &mut self,
        transcript: &mut Transcript<S>,
        listener: &mut Listener,
        outbox: &Outbox,
    ) {
        if !self.unsettled.is_empty() {
            self.judge.read_keys_since(self.judged_at).await;
            let (before, mut forged) = (self.superseded.len(), 0);
            for unsettled in &mut self.unsettled {
                if matches!(unsettled.verdict, Verdict::NeedsKeys { .. }) {
                    let judgement = self.judge.judge_again(&self.calls[unsettled.index]).await;
                    forged += judgement.forged;
                    self.superseded.extend(judgement.superseded);
                    unsettled.verdict = judgement.verdict;
                }
            }
            warn_of_forged(forged);
            self.superseded.sort_unstable();
            self.superseded.dedup();
            self.replace_messages(before, transcript);
            self.settle_known(transcript);
            outbox.flush(transcript).await;
        }
        let run = self.run;
        let mut running = FuturesUnordered::new();
        for (index, closed, decision) in std::mem::take(&mut self.decided) {
            running.push(async move {
                let came = match decision {
                    Decision::Run(granted) => run.granted(*granted).await,
                    Decision::NotRun(granted, text) => run.not_run(&granted, text).await,
                    Decision::AskAgain(granted, raised) => run.asked_again(&granted, raised).await,
                };
                (came, index, closed)
            });
        }
        while let Some((came, index, closed)) = listener.attend(&mut running, transcript, outbox).await {
            let call = &mut self.calls[index];
            let result = run.tell(came, Answered::from(call.call), closed, transcript).await;
            call.result = result.map_or(ModelResult::Open, ModelResult::Content);
            outbox.flush(transcript).await;
        }
    }

    /// Has the client's list hold no message that is superseded, if there are more of them than `before`.
    ///
    /// A client puts a result behind a tool message that the call has, and CopilotKit shows the first.
    fn replace_messages<S: Stamps>(&self, before: usize, transcript: &mut Transcript<S>) {
        if self.superseded.len() > before {
            let messages = self.input.messages_without(&self.superseded, transcript.knows_1_0());
            transcript.replace_messages(messages);
        }
    }

    /// Settles the calls that need no keys. Of the others those have a result from here on, however the run ends, that
    /// have no tool message yet.
    fn settle_known<S: Stamps>(&mut self, transcript: &mut Transcript<S>) {
        let mut unsettled = std::mem::take(&mut self.unsettled);
        // Of several calls under one id that has a result which an answer decides about.
        unsettled.sort_by_key(|unsettled| match unsettled.verdict {
            Verdict::Decided(_) => 0,
            Verdict::NeedsKeys { .. } => 1,
            _ => 2,
        });
        for Unsettled { index, verdict, closed } in unsettled {
            if let Verdict::NeedsKeys { has_message, .. } = verdict {
                let may_be_held = !has_message && self.may_be_declined(index);
                let closed = may_be_held.then(|| self.take_up(index, transcript)).flatten();
                self.held += usize::from(closed.is_some());
                self.unsettled.push(Unsettled { index, verdict, closed });
            } else {
                self.held -= usize::from(closed.is_some());
                self.settle(index, verdict, closed, transcript);
            }
        }
        if self.unsettled.is_empty() && self.declined > self.sent {
            info!(
                declined = self.declined,
                sent = self.sent,
                "more calls are declined than the client is sent results"
            );
        }
    }

    fn settle<S: Stamps>(
        &mut self,
        index: usize,
        verdict: Verdict,
        closed: Option<ClosedCall>,
        transcript: &mut Transcript<S>,
    ) {
        let result = match verdict {
            Verdict::Stands(place) => content(&self.input.messages[place]),
            Verdict::Unverified | Verdict::NeedsKeys { .. } => Some(UNVERIFIED.into()),
            Verdict::StaysOpen => None,
            Verdict::Declined(cause) => {
                self.decline(index, cause, closed, transcript);
                Some(DECLINED.into())
            }
            Verdict::Decided(decision) => match closed.or_else(|| self.take_up(index, transcript)) {
                Some(closed) => {
                    self.decided.push((index, closed, decision));
                    None
                }
                // Another call of its id is answered in this run.
                None => {
                    self.declined += 1;
                    Some(DECLINED.into())
                }
            },
        };
        self.calls[index].result = result.map_or(ModelResult::Open, ModelResult::Content);
    }

    /// Answers a call that is not run, unless the client has been sent many such results or another one of that id.
    fn decline<S: Stamps>(
        &mut self,
        index: usize,
        cause: Cause,
        closed: Option<ClosedCall>,
        transcript: &mut Transcript<S>,
    ) {
        self.declined += 1;
        let may_be_sent = self.may_be_declined(index);
        let closed = closed.or_else(|| may_be_sent.then(|| self.take_up(index, transcript)).flatten());
        let Some(closed) = closed else { return };
        self.sent += 1;
        let call = self.calls[index].call;
        let tool = self.run.agent.inner.toolbox.get(&call.function.name).map(|tool| &tool.spec().name);
        info!(tool, cause = cause.as_str(), "call declined");
        let result = DECLINED.into();
        let signature = self.run.prover().and_then(|prover| prover.sign_now(call.into(), &result));
        transcript.tool_result_with(closed, result, signature);
    }

    /// Whether the client may be sent that the call is declined: not of too many calls, and not of one whose result it would
    /// put behind another.
    fn may_be_declined(&self, index: usize) -> bool {
        let limit = self.run.agent.inner.limits.tool_calls;
        self.sent + self.held < limit && self.calls[index].is_first_of_id
    }

    /// Takes up a call to answer it; `None` if another call of its id has been.
    fn take_up<S: Stamps>(&mut self, index: usize, transcript: &mut Transcript<S>) -> Option<ClosedCall> {
        let call = self.calls[index].call;
        self.answered.insert(&call.id).then(|| transcript.earlier_call(call))
    }
}

fn warn_of_forged(forged: usize) {
    if forged > 0 {
        warn!(forged, "answers whose proof does not hold are ignored");
    }
}
