//! One call of a tool here: whether it runs or waits for a person, and what comes of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use tracing::{Instrument as _, error};

use super::authorization::Denial;
use super::run::Run;
use super::spans;
use super::turn::MadeCall;
use super::waiting::{Asking, Called, Raised, Unmet, may_run, nobody_to_answer, nobody_to_ask};
use crate::approval::{Claim, GuardError, Kind, Proof, digest};
use crate::causes::causes;
use crate::model::ToolChoice;
use crate::protocol::{Content, RunId, ToolCallId};
use crate::tool::{Answer, Approval, Ending, Entry, Question, ToolContext, approval_schema, parse, refusal};

/// What comes of a call. A guard keeps it for those who bring the same approval again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Came {
    Result(Content),
    Waits(Raised),
}

/// A call that a person has approved or answered, with the proof that it was asked for.
pub(super) struct Granted {
    pub(super) id: ToolCallId,
    pub(super) tool: String,
    /// What the tool is given: what was asked about, or what the approver made of it.
    pub(super) arguments: Value,
    /// The answer to a question.
    pub(super) answer: Option<Answer>,
    pub(super) proof: Proof,
    pub(super) idempotency_key: String,
}

/// How a call may ask a question of its own.
#[derive(Clone, Copy)]
struct MayAsk {
    /// Whether a person has approved the call.
    is_approved: bool,
    /// When the question ends; none for a life of its own.
    expires: Option<u64>,
}

impl Granted {
    /// What is claimed: the call itself for its approval, so that no second proof of it runs it again; and each question
    /// for its answer, since the call goes on behind it.
    fn claim(&self) -> String {
        match self.proof.kind() {
            Kind::Approval => self.idempotency_key.clone(),
            Kind::Question { .. } => format!("{}.{}", self.idempotency_key, self.proof.name()),
        }
    }
}

impl<C: Send + Sync + 'static> Run<'_, C> {
    /// What comes of a call that the model has just made.
    pub(super) async fn made(&self, MadeCall { call, is_whole, .. }: &MadeCall) -> Came {
        let refused = |sentence: &str| Came::Result(refusal(sentence).into());
        if !is_whole {
            return refused("The arguments were cut off before their end.");
        }
        if !self.may_call() {
            return refused("No tool may be called.");
        }
        let audit = self.audit().await;
        let tool = match self.agent.offered(&call.name, &self.caller, self.prover().is_some()) {
            Ok(tool) => tool,
            Err(denial) => {
                audit.denied(&call.name, denial);
                return refused(NO_SUCH_TOOL);
            }
        };
        let arguments = match parse(&call.arguments).and_then(|value| tool.check(&value).map(|()| value)) {
            Ok(arguments) => arguments,
            Err(sentence) => return refused(&sentence),
        };
        match tool.approval(&self.caller, &arguments) {
            Ok(Approval::NotNeeded) => {
                audit.allowed(&call.name, None);
                let context = self.context(call.id.clone());
                let may_ask = MayAsk { is_approved: false, expires: None };
                self.run_tool(tool, &self.info.run_id, context, arguments, may_ask).await
            }
            Ok(Approval::Needed) => {
                let editable = tool.interrupts().editable;
                let schema = approval_schema(tool.spec().parameters.as_ref().filter(|_| editable));
                let message = may_run(&call.name);
                let asking = Asking { kind: Kind::Approval, expires: None, message, schema };
                let came = self.wait(&call.id, &call.name, &self.info.run_id, &arguments, asking).await;
                match came {
                    Came::Waits(_) => audit.waits(&call.name),
                    Came::Result(_) => audit.denied(&call.name, Denial::Closed),
                }
                came
            }
            Ok(Approval::Refused(sentence)) => {
                audit.denied(&call.name, Denial::Policy);
                refused(&sentence)
            }
            Err(sentence) => refused(&sentence),
        }
    }

    /// What comes of a call of an earlier run that a person has approved or answered.
    pub(super) async fn granted(&self, granted: Granted) -> Came {
        let (claim, expires) = (granted.claim(), granted.proof.expires());
        self.once(&claim, expires, Unmet::NotClaimed, self.run_granted(granted)).await
    }

    /// What comes of a call that an answer does not run. A guard knows better, if another answer has run it; and it
    /// keeps a no as it keeps a yes.
    pub(super) async fn not_run(&self, granted: &Granted, result: String) -> Came {
        let not_run = async { Came::Result(result.into()) };
        self.once(&granted.claim(), granted.proof.expires(), Unmet::HistoryUnknown, not_run).await
    }

    /// What comes of a call whose answer says neither yes nor no: it is asked about again, unless a guard knows what an
    /// earlier answer came to. Nothing is claimed.
    pub(super) async fn asked_again(&self, granted: &Granted, raised: Raised) -> Came {
        let Some(guard) = self.prover().and_then(|prover| prover.approvals.once()) else {
            return Came::Waits(raised);
        };
        match guard.look_up(&granted.claim()).await {
            Ok(Claim::First) => Came::Waits(raised),
            Ok(Claim::Again { outcome }) => known(outcome),
            Err(error) => {
                error!(cause = causes(&error), "guard of approvals failed");
                Came::Waits(raised)
            }
        }
    }

    /// Lets a call come to something once, where a guard keeps to what. `unclaimed` is said where it fails.
    async fn once(
        &self,
        claim: &str,
        expires: u64,
        unclaimed: Unmet,
        coming: impl Future<Output = Came>,
    ) -> Came {
        let Some(guard) = self.prover().and_then(|prover| prover.approvals.once()) else {
            return coming.await;
        };
        let not_known = |error: GuardError| error!(cause = causes(&error), "guard of approvals failed");
        match guard.claim(claim, expires).await {
            Ok(Claim::First) => {}
            Ok(Claim::Again { outcome }) => return known(outcome),
            Err(error) => {
                not_known(error);
                return Came::Result(unclaimed.result().into());
            }
        }
        let came = coming.await;
        let outcome = serde_json::to_string(&came).expect("contents and schemas are JSON");
        guard.store(claim, &outcome).await.unwrap_or_else(not_known);
        came
    }

    async fn run_granted(&self, granted: Granted) -> Came {
        let audit = self.audit().await;
        let tool = match self.agent.offered(&granted.tool, &self.caller, true) {
            Ok(tool) => tool,
            Err(denial) => {
                audit.denied(&granted.tool, denial);
                return Came::Result(refusal(NO_SUCH_TOOL).into());
            }
        };
        audit.allowed(&granted.tool, Some(granted.proof.kind()));
        let context = self.context(granted.id).proven(granted.idempotency_key, granted.answer);
        let may_ask = match granted.proof.kind() {
            Kind::Approval => MayAsk { is_approved: true, expires: None },
            // What is asked again keeps its time: else wrong answers would keep an approval alive for ever.
            Kind::Question { is_approved, .. } => {
                MayAsk { is_approved, expires: Some(granted.proof.expires()) }
            }
        };
        self.run_tool(tool, granted.proof.run_id(), context, granted.arguments, may_ask).await
    }

    /// Runs a tool. `run_id` is the run that made the call.
    async fn run_tool(
        &self,
        tool: &Arc<dyn Entry<C>>,
        run_id: &RunId,
        context: ToolContext<C>,
        arguments: Value,
        MayAsk { is_approved, expires }: MayAsk,
    ) -> Came {
        let call_id = context.call_id().clone();
        let kept = tool.interrupts().question.then(|| arguments.clone());
        let began = Instant::now();
        let span = spans::execute_tool(&tool.spec().name, &call_id);
        let ending = tool.call(context, arguments).instrument(span).await;
        self.account.ran(&tool.spec().name, began.elapsed());
        match (ending, kept) {
            (Ending::Answer(content), _) => Came::Result(content),
            (Ending::Question(Question { message, schema, digest }), Some(arguments)) => {
                let kind = Kind::Question { is_approved, question: digest };
                let asking = Asking { kind, expires, message, schema };
                self.wait(&call_id, &tool.spec().name, run_id, &arguments, asking).await
            }
            (Ending::Question(_), None) => Came::Result(nobody_to_answer().into()),
        }
    }

    async fn wait(
        &self,
        id: &ToolCallId,
        tool: &str,
        run_id: &RunId,
        arguments: &Value,
        asking: Asking,
    ) -> Came {
        let Ok(arguments) = digest(arguments) else {
            return Came::Result(refusal(
                "The arguments have an integer beyond 2^53, which can't be signed. Write it as a string, if the tool takes one.",
            ).into());
        };
        let nobody = match asking.kind {
            Kind::Approval => nobody_to_ask(),
            Kind::Question { .. } => nobody_to_answer(),
        };
        let raised = match self.prover() {
            Some(prover) => {
                let call = Called { run_id, id, tool, arguments };
                prover.raise(call, asking).await
            }
            None => None,
        };
        raised.map_or_else(|| Came::Result(nobody.into()), Came::Waits)
    }

    fn context(&self, id: ToolCallId) -> ToolContext<C> {
        let deadline = self.stop_at.min(Instant::now() + self.agent.inner.limits.tool_timeout);
        let context = ToolContext::new(Arc::clone(&self.caller), Arc::clone(&self.info), id, deadline);
        context.with_voice(self.voice.clone())
    }

    /// Not every provider can keep its model from calling.
    pub(super) fn may_call(&self) -> bool {
        self.agent.inner.settings.tool_choice != ToolChoice::None
    }
}

/// What a claimed call came to. It may have been begun and not have come to its end.
fn known(outcome: Option<String>) -> Came {
    let came = outcome.and_then(|outcome| serde_json::from_str(&outcome).ok());
    came.unwrap_or_else(|| Came::Result(Unmet::OutcomeUnknown.result().into()))
}

pub(super) const NO_SUCH_TOOL: &str = "There is no tool of that name.";
