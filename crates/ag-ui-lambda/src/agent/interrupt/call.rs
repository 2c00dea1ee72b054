//! One call of a backend tool: it runs, it is declined, or it waits for a person.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use tracing::error;

use super::request::{
    DeclineReason, InterruptRequest, NO_SUCH_TOOL, PendingInterrupt, approval_answer_schema,
    no_approver_result,
};
use crate::agent::authorize::Denial;
use crate::agent::run::context::RunContext;
use crate::approval::{InterruptKind, InterruptToken, ReplayStore, Reservation, arguments_digest};
use crate::error_chain::error_chain;
use crate::log_events::REPLAY_STORE_FAILED;
use crate::model::Call;
use crate::protocol::{Content, RunId, ToolCallId};
use crate::tool::{
    Decision, ErasedTool, Question, ToolCallOutcome, ToolContext, UserAnswer, error_result, parse_arguments,
};

/// What a model reads of a call whose arguments cannot be signed.
const UNSAFE_INTEGER: &str = "The arguments have an integer beyond 2^53, which can't be signed. Write it as a string, if the tool takes one.";

/// The outcome of a call. A replay store keeps the outcome and returns it when the same approval is sent again.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum CallOutcome {
    /// The call has a result.
    #[serde(rename = "result")]
    Completed(Content),
    /// The call waits for a person.
    #[serde(rename = "waits")]
    Interrupted(PendingInterrupt),
}

impl CallOutcome {
    /// Returns the outcome of a call that has failed: a result with this error sentence, which the model reads.
    fn error(sentence: &str) -> Self {
        Self::Completed(error_result(sentence).into())
    }

    /// Decodes an outcome that a replay store returned as JSON text. `None`, as for a call that has begun and not
    /// ended, and text that cannot be decoded become a result with the sentence that the outcome is unknown.
    fn from_store(outcome: Option<String>) -> Self {
        let outcome = outcome.and_then(|outcome| serde_json::from_str(&outcome).ok());
        outcome.unwrap_or_else(|| Self::Completed(DeclineReason::OutcomeUnknown.result().into()))
    }
}

/// A call of an earlier run that a person has answered, with the valid token of its interrupt.
pub(super) struct ApprovedCall {
    pub(super) id: ToolCallId,
    pub(super) tool: String,
    /// The arguments that the person was asked about; if the person edited them, the edited ones.
    pub(super) arguments: Value,
    /// The answer to a question of the tool.
    pub(super) answer: Option<UserAnswer>,
    pub(super) token: InterruptToken,
    /// The digest that identifies the call.
    pub(super) call_digest: String,
}

impl ApprovedCall {
    /// Returns the key under which the replay store reserves the answer to this call.
    ///
    /// The key of an approval identifies the call, so that a second token for the call cannot run it again. The key of
    /// an answer to a question identifies the call and the token, because a call that was approved may also ask a
    /// question, and both answers have to count.
    fn reservation_key(&self) -> String {
        match self.token.kind() {
            InterruptKind::Approval => self.call_digest.clone(),
            InterruptKind::Question { .. } => {
                format!("{}.{}", self.call_digest, self.token.store_key())
            }
        }
    }
}

/// A call that is about to run or to wait.
struct Invocation<'a, C> {
    tool: &'a Arc<dyn ErasedTool<C>>,
    call_id: ToolCallId,
    /// The run in which the model made the call.
    made_in: &'a RunId,
    arguments: Value,
}

/// What the token of a question is signed with, if a call asks one.
#[derive(Clone, Copy)]
struct QuestionPolicy {
    /// Whether a person has approved the call.
    is_approved: bool,
    /// When the token of the question expires; `None` for the configured time to live.
    expires_at: Option<u64>,
}

impl<C: Send + Sync + 'static> RunContext<'_, C> {
    /// Decides about a call that the model has just made, and returns its outcome: the result of the tool, an error
    /// result if the call may not run, or an interrupt if a person has to approve the call first.
    ///
    /// `is_complete` is `false` if the arguments were cut off. Such a call gets an error result.
    pub(crate) async fn handle_call(&self, call: &Call, is_complete: bool) -> CallOutcome {
        if !is_complete {
            return CallOutcome::error("The arguments were cut off before their end.");
        }
        if !self.may_call_tools() {
            return CallOutcome::error("No tool may be called.");
        }
        let audit = self.access.audit().await;
        let tool = match self.access.tool(&call.name) {
            Ok(tool) => tool,
            Err(denial) => {
                audit.log_denied(&call.name, denial);
                return CallOutcome::error(NO_SUCH_TOOL);
            }
        };
        let arguments = match parse_arguments(&call.arguments)
            .and_then(|arguments| tool.check_arguments(&arguments).map(|()| arguments))
        {
            Ok(arguments) => arguments,
            Err(error) => return CallOutcome::error(&error.to_string()),
        };
        let decision = tool.authorize(&self.access.caller, &arguments);
        let invocation = Invocation { tool, call_id: call.id.clone(), made_in: &self.ids.run_id, arguments };
        match decision {
            Ok(Decision::Allow) => {
                audit.log_allowed(&call.name, None);
                let context = self.tool_context(call.id.clone());
                let questions = QuestionPolicy { is_approved: false, expires_at: None };
                self.run_tool(invocation, context, questions).await
            }
            Ok(Decision::RequireApproval) => {
                let request = InterruptRequest {
                    kind: InterruptKind::Approval,
                    expires_at: None,
                    message: tool.approval_message(&self.access.caller, &invocation.arguments),
                    schema: approval_answer_schema(tool.as_ref()),
                };
                let outcome = self.interrupt(&invocation, request).await;
                match outcome {
                    CallOutcome::Interrupted(_) => audit.log_waits(&call.name),
                    CallOutcome::Completed(_) => audit.log_denied(&call.name, Denial::ApprovalsClosed),
                }
                outcome
            }
            Ok(Decision::Deny(sentence)) => {
                audit.log_denied(&call.name, Denial::Policy);
                CallOutcome::error(&sentence)
            }
            Err(error) => CallOutcome::error(&error.to_string()),
        }
    }

    /// Runs a call of an earlier run after a person has approved it or answered its question. If the replay store has
    /// seen the answer before, the stored outcome is returned and the tool does not run; neither does it if the store
    /// fails, or if the key of idempotency keys cannot be read.
    pub(super) async fn run_approved(&self, call: ApprovedCall) -> CallOutcome {
        let (key, expires_at) = (call.reservation_key(), call.token.expires_at());
        let unreserved = DeclineReason::NotReserved;
        // Without its key the tool would get another idempotency key than before, and could act twice.
        let Ok(idempotency_key) = self.agent().pseudonyms.idempotency_key(&call.call_digest).await else {
            return CallOutcome::Completed(unreserved.result().into());
        };
        let running = self.resume_tool(call, idempotency_key);
        self.with_replay_guard(&key, expires_at, unreserved, running).await
    }

    /// Completes a call with `result`, without running it, because the person's answer does not allow it to run. The
    /// replay store keeps this outcome, so that the opposite answer, sent later, does not run the call. If another
    /// answer has decided the call before, the stored outcome of that answer is returned instead of `result`.
    pub(super) async fn decline(&self, call: &ApprovedCall, result: String) -> CallOutcome {
        let (key, expires_at) = (call.reservation_key(), call.token.expires_at());
        let decline = async { CallOutcome::Completed(result.into()) };
        self.with_replay_guard(&key, expires_at, DeclineReason::HistoryUnknown, decline).await
    }

    /// Returns `pending`, the interrupt with which the person is asked once more, for a call whose answer cannot be
    /// used. If another answer has decided the call before, the stored outcome of that answer is returned instead. The
    /// replay store is only read, so that the next answer can still count.
    pub(super) async fn ask_again(&self, call: &ApprovedCall, pending: PendingInterrupt) -> CallOutcome {
        let Some(store) = self.replay_store() else { return CallOutcome::Interrupted(pending) };
        match store.lookup(&call.reservation_key()).await {
            Ok(Reservation::New) => CallOutcome::Interrupted(pending),
            Ok(Reservation::Seen { outcome }) => CallOutcome::from_store(outcome),
            Err(error) => {
                error!(cause = error_chain(&error), "{REPLAY_STORE_FAILED}");
                CallOutcome::Interrupted(pending)
            }
        }
    }

    /// Awaits `call` if the replay store has not seen `key` before, and stores the outcome under the key. Otherwise
    /// `call` is dropped and the stored outcome is returned. Without a replay store, `call` is always awaited.
    ///
    /// The store may forget the key at `expires_at`, in seconds since the Unix epoch. If the store cannot reserve the
    /// key, `call` is dropped, and the outcome is a result with the reason `unreserved`.
    async fn with_replay_guard(
        &self,
        key: &str,
        expires_at: u64,
        unreserved: DeclineReason,
        call: impl Future<Output = CallOutcome>,
    ) -> CallOutcome {
        let Some(store) = self.replay_store() else { return call.await };
        match store.reserve(key, expires_at).await {
            Ok(Reservation::New) => {}
            Ok(Reservation::Seen { outcome }) => return CallOutcome::from_store(outcome),
            Err(error) => {
                error!(cause = error_chain(&error), "{REPLAY_STORE_FAILED}");
                return CallOutcome::Completed(unreserved.result().into());
            }
        }
        let outcome = call.await;
        let stored = serde_json::to_string(&outcome).expect("contents and schemas are JSON");
        if let Err(error) = store.store_outcome(key, &stored).await {
            error!(cause = error_chain(&error), "{REPLAY_STORE_FAILED}");
        }
        outcome
    }

    /// Runs the tool of a call that a person has approved or answered. If the caller may no longer use the tool, the
    /// outcome is the same error result as for a tool that does not exist. `run_approved` calls it when the answer
    /// counts for the first time.
    async fn resume_tool(&self, call: ApprovedCall, idempotency_key: String) -> CallOutcome {
        let audit = self.access.audit().await;
        let tool = match self.access.tool(&call.tool) {
            Ok(tool) => tool,
            Err(denial) => {
                audit.log_denied(&call.tool, denial);
                return CallOutcome::error(NO_SUCH_TOOL);
            }
        };
        let ApprovedCall { id, arguments, answer, token, .. } = call;
        audit.log_allowed(&call.tool, Some(token.kind()));
        let context = self.tool_context(id.clone()).with_verified_approval(idempotency_key, answer);
        let questions = match token.kind() {
            InterruptKind::Approval => QuestionPolicy { is_approved: true, expires_at: None },
            // A question that is asked again keeps its time. Otherwise unusable answers would keep an approval alive.
            InterruptKind::Question { is_approved, .. } => {
                QuestionPolicy { is_approved, expires_at: Some(token.expires_at()) }
            }
        };
        let invocation = Invocation { tool, call_id: id, made_in: token.run_id(), arguments };
        self.run_tool(invocation, context, questions).await
    }

    /// Runs the tool of `invocation` and returns its result. If the tool asks the user a question, the outcome is an
    /// interrupt with the question; `questions` says whether a person has approved the call before, and when the token
    /// of the question expires.
    async fn run_tool(
        &self,
        mut invocation: Invocation<'_, C>,
        context: ToolContext<C>,
        questions: QuestionPolicy,
    ) -> CallOutcome {
        let tool = invocation.tool;
        let may_ask = tool.interrupts().question;
        // The token of a question is bound to the arguments, so they are kept while the tool runs.
        let arguments = match may_ask {
            true => invocation.arguments.clone(),
            false => std::mem::take(&mut invocation.arguments),
        };
        let running = tool.call(context, arguments, self.agent().limits.max_result_bytes());
        match self.recorder.run_tool(&tool.spec().name, &invocation.call_id, running).await {
            ToolCallOutcome::Completed(content) => CallOutcome::Completed(content),
            ToolCallOutcome::Question(Question { message, schema, digest }) => {
                let QuestionPolicy { is_approved, expires_at } = questions;
                let kind = InterruptKind::Question { is_approved, question_digest: digest };
                if !may_ask {
                    return CallOutcome::Completed(no_approver_result(kind).into());
                }
                let request = InterruptRequest { kind, expires_at, message, schema };
                self.interrupt(&invocation, request).await
            }
        }
    }

    /// Signs a token for `request` and returns the interrupt with which a person is asked about the call. If no token
    /// can be signed, because the caller may not approve or there is no key, the outcome is a result with the
    /// sentence that nobody can be asked; for arguments that cannot be signed it is an error result.
    async fn interrupt(&self, invocation: &Invocation<'_, C>, request: InterruptRequest) -> CallOutcome {
        let Ok(digest) = arguments_digest(&invocation.arguments) else {
            return CallOutcome::error(UNSAFE_INTEGER);
        };
        let kind = request.kind;
        let pending = match &self.access.signer {
            Some(signer) if self.access.can_interrupt() => {
                let Invocation { tool, call_id, made_in, .. } = invocation;
                let binding = signer.binding(made_in, call_id, &tool.spec().name, digest);
                signer.issue_interrupt(&binding, request).await
            }
            _ => None,
        };
        match pending {
            Some(pending) => CallOutcome::Interrupted(pending),
            None => CallOutcome::Completed(no_approver_result(kind).into()),
        }
    }

    /// Creates the context that a tool gets for the call with this id. Its deadline is the time limit of a tool call or
    /// the end of the run, whichever comes first. This method is called for each call that runs, at once or resumed.
    fn tool_context(&self, id: ToolCallId) -> ToolContext<C> {
        let deadline = self.ends_at.min(Instant::now() + self.agent().limits.tool_timeout);
        let context = ToolContext::new(Arc::clone(&self.access.caller), Arc::clone(&self.ids), id, deadline);
        context.with_events(self.tool_events.clone())
    }

    /// Returns the store that makes each answer count at most once; `None` if none is configured or no person can be
    /// asked for the caller.
    fn replay_store(&self) -> Option<&dyn ReplayStore> {
        self.access.signer.as_ref()?.approvals.configured_replay_store()
    }
}
