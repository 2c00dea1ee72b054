//! Decides what becomes of a call when a person has answered, and the token of the answer is valid.
//!
//! The token proves what was asked. The answer itself is not signed: the client writes it. What may have changed since the call was
//! made is checked once more: the schema of the tool, the caller's rights and the tool's decision.

use serde_json::Value;
use tracing::info;

use super::call::ApprovedCall;
use super::request::{DeclineReason, NO_SUCH_TOOL, PendingInterrupt, approval_answer_schema};
use super::signer::RunSigner;
use crate::agent::authorize::Denial;
use crate::agent::observe::audit::Audit;
use crate::agent::run::context::CallerAccess;
use crate::approval::InterruptKind;
use crate::protocol::{ResumeEntry, ResumeStatus};
use crate::tool::{Decision, ErasedTool, UserAnswer, error_result};

/// What the model reads of a call that has asked its question without an approval and needs one since.
const NEEDS_APPROVAL_NOW: &str = "This call needs approval by now. Nothing was run for this answer.";

/// What is done with a call after an answer with a valid token.
pub(super) enum ResumeAction {
    /// It runs.
    Run(Box<ApprovedCall>),
    /// It does not run for this answer. The text is its result, unless another answer has run it.
    Decline(Box<ApprovedCall>, String),
    /// The answer cannot be used: the person is asked again, unless another answer has decided.
    AskAgain(Box<ApprovedCall>, PendingInterrupt),
}

/// What follows from an answer for its call.
enum AnswerVerdict {
    /// The call may run with these arguments.
    Accepted { arguments: Value, answer: Option<UserAnswer> },
    /// The call does not run. The text is its result.
    Declined(String),
    /// The person has to be asked again.
    Unusable(PendingInterrupt),
}

/// What became of an answer, for the log.
#[derive(Clone, Copy)]
enum LoggedAnswer {
    Given,
    Declined(DeclineReason),
    /// The tool or its schema refuses the call by now.
    Refused,
    Unusable,
    /// The caller may not use the tool by now.
    NotOffered,
}

/// Evaluates one answer.
struct Evaluation<'a, C> {
    access: &'a CallerAccess<C>,
    audit: &'a Audit,
    /// The call, with the arguments that the person was asked about.
    call: &'a ApprovedCall,
    /// The payload of the answer.
    payload: &'a Value,
    /// The time, in seconds since the Unix epoch.
    now: u64,
}

/// Decides whether a call runs, is declined, or is asked about again, by a person's answer whose token is valid.
/// `entry` is the answer; `call` has the arguments that the person was asked about.
pub(super) async fn resume_call<C: Send + Sync + 'static>(
    access: &CallerAccess<C>,
    signer: &RunSigner,
    call: ApprovedCall,
    entry: &ResumeEntry,
) -> ResumeAction {
    let audit = access.audit().await;
    let payload = entry.payload.as_ref().unwrap_or(&Value::Null);
    let now = signer.approvals.now();
    let evaluation = Evaluation { access, audit: &audit, call: &call, payload, now };
    match evaluation.evaluate_answer(&entry.status) {
        AnswerVerdict::Accepted { arguments, answer } => {
            ResumeAction::Run(Box::new(ApprovedCall { arguments, answer, ..call }))
        }
        AnswerVerdict::Declined(result) => ResumeAction::Decline(Box::new(call), result),
        AnswerVerdict::Unusable(pending) => ResumeAction::AskAgain(Box::new(call), pending),
    }
}

impl<C: Send + Sync + 'static> Evaluation<'_, C> {
    /// Evaluates the answer, whose status is `status`. The call is accepted if the answer came in time, the person
    /// approved the call or answered its question, and the caller and the tool still allow the call. Otherwise the call
    /// is declined, or the person has to be asked again.
    fn evaluate_answer(&self, status: &ResumeStatus) -> AnswerVerdict {
        let token = &self.call.token;
        if self.now >= token.expires_at() {
            return self.decline(DeclineReason::Expired);
        }
        if *status == ResumeStatus::Cancelled {
            return self.decline(DeclineReason::Cancelled);
        }
        let is_approval = token.kind() == InterruptKind::Approval;
        if is_approval && self.payload["approved"] == Value::Bool(false) {
            return self.decline(DeclineReason::Denied);
        }
        let tool = match self.access.tool(&self.call.tool) {
            Ok(tool) => tool.as_ref(),
            Err(denial) => {
                self.log(LoggedAnswer::NotOffered);
                self.audit.log_denied(&self.call.tool, denial);
                return AnswerVerdict::Declined(error_result(NO_SUCH_TOOL));
            }
        };
        let arguments = if is_approval { self.approved_arguments(tool) } else { Ok(&self.call.arguments) };
        match arguments {
            Ok(arguments) => self.recheck(tool, arguments),
            Err(problem) => self.ask_again(tool, &problem),
        }
    }

    /// Returns the arguments that an approval grants: the edited ones if the answer has any, otherwise those of the
    /// call. The error is a sentence for the person, who is then asked again.
    fn approved_arguments(&self, tool: &dyn ErasedTool<C>) -> Result<&Value, String> {
        if self.payload["approved"] != Value::Bool(true) {
            return Err("The answer does not fit: `approved` must be true or false.".into());
        }
        // An approval with an unknown member is not accepted: the member may be meant to change the call.
        let is_known = |name: &String| name == "approved" || name == "editedArgs";
        if !self.payload.as_object().is_some_and(|payload| payload.keys().all(is_known)) {
            return Err(
                "The answer does not fit: it may hold `approved` and, where it is offered, `editedArgs`."
                    .into(),
            );
        }
        let edited = &self.payload["editedArgs"];
        if edited.is_null() {
            return Ok(&self.call.arguments);
        }
        if !tool.interrupts().editable {
            return Err("The answer does not fit: these arguments can't be edited.".into());
        }
        tool.check_arguments(edited).map_err(|error| error.to_string())?;
        Ok(edited)
    }

    /// Checks the schema of the tool and the tool's decision once more for these arguments, because both may have
    /// changed since the person was asked. The call is accepted or declined.
    fn recheck(&self, tool: &dyn ErasedTool<C>, arguments: &Value) -> AnswerVerdict {
        let kind = self.call.token.kind();
        let decision =
            tool.check_arguments(arguments).and_then(|()| tool.authorize(&self.access.caller, arguments));
        let sentence = match decision {
            Ok(Decision::RequireApproval)
                if matches!(kind, InterruptKind::Question { is_approved: false, .. }) =>
            {
                self.audit.log_denied(&self.call.tool, Denial::NotGranted(InterruptKind::Approval));
                NEEDS_APPROVAL_NOW.into()
            }
            Ok(Decision::Allow | Decision::RequireApproval) => {
                self.log(LoggedAnswer::Given);
                let answer = match kind {
                    InterruptKind::Approval => None,
                    InterruptKind::Question { question_digest, .. } => Some(UserAnswer {
                        value: self.payload.clone(),
                        question_digest: Some(question_digest),
                    }),
                };
                return AnswerVerdict::Accepted { arguments: arguments.clone(), answer };
            }
            Ok(Decision::Deny(sentence)) => {
                self.audit.log_denied(&self.call.tool, Denial::Policy);
                sentence
            }
            Err(error) => error.to_string(),
        };
        self.log(LoggedAnswer::Refused);
        AnswerVerdict::Declined(error_result(&sentence))
    }

    /// Returns a verdict with which the person is asked again, with the same token. `problem` is a sentence about what
    /// is wrong with the answer.
    fn ask_again(&self, tool: &dyn ErasedTool<C>, problem: &str) -> AnswerVerdict {
        self.log(LoggedAnswer::Unusable);
        let question = tool.approval_message(&self.access.caller, &self.call.arguments);
        let message = format!("{problem} {question}");
        AnswerVerdict::Unusable(PendingInterrupt::new(
            &self.call.token,
            message,
            approval_answer_schema(tool),
        ))
    }

    /// Declines the call for this reason, in the log and the audit log, too. It is called when the person has denied
    /// the call, has cancelled, or has answered too late.
    fn decline(&self, reason: DeclineReason) -> AnswerVerdict {
        self.log(LoggedAnswer::Declined(reason));
        self.audit.log_denied(&self.call.tool, Denial::NotGranted(self.call.token.kind()));
        AnswerVerdict::Declined(reason.result())
    }

    /// Writes the log line `interrupt answered`, with what became of the answer.
    fn log(&self, answer: LoggedAnswer) {
        let answer = match answer {
            LoggedAnswer::Given => "given",
            LoggedAnswer::Declined(reason) => reason.as_str(),
            LoggedAnswer::Refused => "refused",
            LoggedAnswer::Unusable => "unusable",
            LoggedAnswer::NotOffered => "not_offered",
        };
        info!(tool = self.call.tool, answer, "interrupt answered");
    }
}
