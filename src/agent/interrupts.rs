//! The gated calls of a history in the run that goes on from it: what the client is sent of each, and what runs.
//!
//! [`gated`](super::gated) says what becomes of a call; here it happens. Before anything can stop the run, the client's
//! list of messages is set right and what is declined has its result. Then the keys are read again if they must be, and
//! what a person has approved or answered runs.

use std::collections::HashSet;

use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use tracing::{info, warn};

use super::call::Came;
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
    /// The calls that an answer decides about.
    decided: Vec<(usize, ClosedCall, Decision)>,
    /// The calls that nothing can be said of before the keys are read again.
    need_keys: Vec<(usize, Option<ClosedCall>)>,
    /// The ids that have a result in this run: a client can't tell two results of one id apart.
    answered: HashSet<&'a ToolCallId>,
    /// How many calls were declined, whether the client was sent that or not.
    declined: usize,
}

impl<'a, C: Send + Sync + 'static> GatedCalls<'a, C> {
    /// Judges the gated calls, and settles those for which nothing has to run or to be read again.
    pub(super) async fn open<S: Stamps>(
        run: &'a Run<'a, C>,
        input: &'a RunAgentInput,
        calls: Vec<HistoryCall<'a>>,
        transcript: &mut Transcript<S>,
    ) -> Self {
        let judge = Judge::new(run.agent, &run.caller, run.identity.as_ref(), input, &calls);
        let (mut echoes, mut forged, mut verdicts) = (Vec::new(), 0, Vec::new());
        for (index, call) in calls.iter().enumerate().filter(|(_, call)| judge.is_judged(call)) {
            let judgement = judge.judge(call).await;
            echoes.extend(judgement.echoes);
            forged += judgement.forged;
            verdicts.push((index, judgement.verdict));
        }
        if forged > 0 {
            warn!(forged, "answers whose proof does not hold are ignored");
        }
        if !echoes.is_empty() {
            transcript.replace_messages(input.messages_without(&echoes));
        }
        let (decided, need_keys, answered) = (Vec::new(), Vec::new(), HashSet::new());
        let mut gated = Self { run, input, judge, calls, decided, need_keys, answered, declined: 0 };
        for (index, verdict) in verdicts {
            match verdict {
                // However the run ends, it has a result.
                Verdict::NeedsKeys { may_have_result: true } => {
                    let closed = gated.take_up(index, transcript);
                    gated.need_keys.push((index, closed));
                }
                Verdict::NeedsKeys { may_have_result: false } => gated.need_keys.push((index, None)),
                verdict => gated.settle(index, verdict, None, transcript),
            }
        }
        if gated.declined > 0 {
            info!(declined = gated.declined, "calls without a known result are declined");
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
        if !self.need_keys.is_empty() {
            self.judge.read_keys_since(Instant::now()).await;
            for (index, closed) in std::mem::take(&mut self.need_keys) {
                let judgement = self.judge.judge_again(&self.calls[index]).await;
                self.settle(index, judgement.verdict, closed, transcript);
            }
            outbox.flush(transcript).await;
        }
        let run = self.run;
        let mut running = FuturesUnordered::new();
        for (index, closed, decision) in std::mem::take(&mut self.decided) {
            running.push(async move {
                let came = match decision {
                    Decision::Run(granted) => run.granted(*granted).await,
                    Decision::NotRun(granted, text) => run.not_run(&granted, text).await,
                    Decision::AskAgain(raised) => Came::Waits(raised),
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
                None => Some(DECLINED.into()),
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
        let may_be_sent =
            self.declined <= self.run.agent.inner.limits.tool_calls && self.calls[index].is_first_of_id;
        let closed = closed.or_else(|| may_be_sent.then(|| self.take_up(index, transcript)).flatten());
        let Some(closed) = closed else { return };
        let call = self.calls[index].call;
        let tool = self.run.agent.inner.toolbox.get(&call.function.name).map(|tool| &tool.spec().name);
        info!(tool, cause = cause.as_str(), "call declined");
        let result = DECLINED.into();
        let signature = self.run.prover().and_then(|prover| prover.sign_now(call.into(), &result));
        transcript.tool_result_with(closed, result, signature);
    }

    /// Takes up a call to answer it; `None` if another call of its id has been.
    fn take_up<S: Stamps>(&mut self, index: usize, transcript: &mut Transcript<S>) -> Option<ClosedCall> {
        let call = self.calls[index].call;
        self.answered.insert(&call.id).then(|| transcript.earlier_call(call))
    }
}
