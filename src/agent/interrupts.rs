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
use super::gated::{Cause, DECLINED, Judge, Judgement, UNVERIFIED, Verdict};
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
    /// What was found of the gated calls, and not applied yet.
    judgements: Vec<(usize, Judgement)>,
    /// The calls that an answer decides about.
    decided: Vec<(usize, ClosedCall, Decision)>,
    /// The ids that have a result in this run: a client can't tell two results of one id apart.
    answered: HashSet<&'a ToolCallId>,
    /// How many calls were declined, and how many of those results the client is sent.
    declined: usize,
    sent: usize,
}

impl<'a, C: Send + Sync + 'static> GatedCalls<'a, C> {
    /// Judges the gated calls, and settles those for which nothing has to run, unless the keys have to be read again.
    pub(super) async fn open<S: Stamps>(
        run: &'a Run<'a, C>,
        input: &'a RunAgentInput,
        calls: Vec<HistoryCall<'a>>,
        transcript: &mut Transcript<S>,
    ) -> Self {
        let judge = Judge::new(run.agent, &run.caller, run.identity.as_ref(), input, &calls);
        let mut judgements = Vec::new();
        for (index, call) in calls.iter().enumerate().filter(|(_, call)| judge.is_judged(call)) {
            judgements.push((index, judge.judge(call).await));
        }
        let (decided, answered) = (Vec::new(), HashSet::new());
        let mut gated =
            Self { run, input, judge, calls, judgements, decided, answered, declined: 0, sent: 0 };
        if !gated.needs_keys() {
            gated.settle_all(transcript);
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
        if self.needs_keys() {
            self.judge.read_keys_since(Instant::now()).await;
            for (index, judgement) in &mut self.judgements {
                if matches!(judgement.verdict, Verdict::NeedsKeys) {
                    *judgement = self.judge.judge_again(&self.calls[*index]).await;
                }
            }
            self.settle_all(transcript);
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

    fn needs_keys(&self) -> bool {
        self.judgements.iter().any(|(_, judgement)| matches!(judgement.verdict, Verdict::NeedsKeys))
    }

    /// Sets the client's list of messages right, and settles the calls for which nothing has to run.
    fn settle_all<S: Stamps>(&mut self, transcript: &mut Transcript<S>) {
        let judgements = std::mem::take(&mut self.judgements);
        let forged: usize = judgements.iter().map(|(_, judgement)| judgement.forged).sum();
        if forged > 0 {
            warn!(forged, "answers whose proof does not hold are ignored");
        }
        let superseded: Vec<usize> =
            judgements.iter().flat_map(|(_, judgement)| &judgement.superseded).copied().collect();
        if !superseded.is_empty() {
            // A client puts a result behind a tool message that the call has, and CopilotKit shows the first.
            transcript.replace_messages(self.input.messages_without(&superseded));
        }
        for (index, judgement) in judgements {
            self.settle(index, judgement.verdict, transcript);
        }
        if self.declined > self.sent {
            info!(
                declined = self.declined,
                sent = self.sent,
                "more calls are declined than the client is sent results"
            );
        }
    }

    fn settle<S: Stamps>(&mut self, index: usize, verdict: Verdict, transcript: &mut Transcript<S>) {
        let result = match verdict {
            Verdict::Stands(place) => content(&self.input.messages[place]),
            Verdict::Unverified | Verdict::NeedsKeys => Some(UNVERIFIED.into()),
            Verdict::StaysOpen => None,
            Verdict::Declined(cause) => {
                self.decline(index, cause, transcript);
                Some(DECLINED.into())
            }
            Verdict::Decided(decision) => match self.take_up(index, transcript) {
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
    fn decline<S: Stamps>(&mut self, index: usize, cause: Cause, transcript: &mut Transcript<S>) {
        self.declined += 1;
        if self.sent == self.run.agent.inner.limits.tool_calls || !self.calls[index].is_first_of_id {
            return;
        }
        let Some(closed) = self.take_up(index, transcript) else { return };
        self.sent += 1;
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
