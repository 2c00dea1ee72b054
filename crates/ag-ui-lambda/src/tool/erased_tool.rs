//! A tool whose types are erased, and how one of its calls runs.
//!
//! Every call has an outcome that the model can read. What only the operator may know goes to the log.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tracing::{Span, error, warn};

use super::arguments::{ArgumentsError, deserialize_arguments};
use super::interrupts::{default_approval_message, displayed_question};
use super::schema::Validator;
use super::{Decision, Interrupts, MissingGrant, Question, Tool, ToolContext, ToolError, ToolOutput as _};
use crate::error_chain::error_chain;
use crate::json::text_length;
use crate::log_events::{TOOL_FAILED, TOOL_REFUSED};
use crate::protocol::{self, Content};

/// What the model and the client read in place of a failure's cause.
const FAILED: &str = "The tool failed.";

/// A tool without its types, so that tools of different types can be kept together.
///
/// The methods do what those of [`Tool`] do, and also catch panics of the tool's rules.
pub(crate) trait ErasedTool<C>: Send + Sync {
    /// Returns the definition of the tool that a model is sent: its name, description and schema.
    fn spec(&self) -> &protocol::Tool;
    /// Checks whether this caller may use the tool. The error is the kind of grant that the caller lacks; a panic
    /// counts as an error.
    fn authorize_caller(&self, caller: &C) -> Result<(), MissingGrant>;
    /// Whether the tool has a rule about its callers. Only an agent that denies by default asks.
    fn has_caller_rule(&self) -> bool;
    /// Explains to a developer why this caller may not use the tool; `None` if the tool has no explanation. Only the
    /// list of tools in local mode shows it.
    fn explain_denial(&self, caller: &C) -> Option<String>;
    /// Returns what the calls of the tool may wait for.
    fn interrupts(&self) -> Interrupts;
    /// Decides whether a call with these arguments runs, waits for an approval, or is denied. A panic counts as a
    /// denial. It is an error if serde cannot read the arguments, or if the tool requires an approval without
    /// announcing it in `interrupts`.
    fn authorize(&self, caller: &C, arguments: &Value) -> Result<Decision, ArgumentsError>;
    /// Returns the question that a person reads before approving a call with these arguments. A panic leads to the
    /// default question, and so do arguments that serde cannot read.
    fn approval_message(&self, caller: &C, arguments: &Value) -> String;
    /// Checks the arguments of a call against the schema of the tool or, without the feature `validate`, whether serde
    /// can read them. It is called before [`authorize`](Self::authorize).
    fn check_arguments(&self, arguments: &Value) -> Result<(), ArgumentsError>;
    /// Runs the tool until its deadline, with arguments that [`check_arguments`](Self::check_arguments) accepted.
    /// Returns the result or the tool's question; every failure, including a panic, the end of the time and a result of more
    /// than `max_result_bytes`, becomes an error result.
    fn call(
        &self,
        context: ToolContext<C>,
        arguments: Value,
        max_result_bytes: usize,
    ) -> BoxFuture<'_, ToolCallOutcome>;
}

/// The outcome of a call that has run.
#[derive(Debug, PartialEq)]
pub(crate) enum ToolCallOutcome {
    /// The result that the model and the client read. It may be an [`error_result`].
    Completed(Content),
    /// The tool asks the user a question.
    Question(Question),
}

/// A tool with its definition and the validator of its arguments.
pub(super) struct Registered<T> {
    pub(super) tool: T,
    pub(super) spec: protocol::Tool,
    pub(super) validator: Validator,
}

impl<C, T> ErasedTool<C> for Registered<T>
where
    C: Send + Sync + 'static,
    T: Tool<C>,
{
    /// Returns the definition that was built when the tool was registered.
    fn spec(&self) -> &protocol::Tool {
        &self.spec
    }

    /// Asks the tool whether this caller may use it. A panic is logged and counts as a denial.
    fn authorize_caller(&self, caller: &C) -> Result<(), MissingGrant> {
        let rules = AssertUnwindSafe(|| self.tool.authorize_caller(caller));
        std::panic::catch_unwind(rules).unwrap_or_else(|_panic| {
            error!(tool = self.spec.name, "tool's policy panicked");
            Err(MissingGrant::Other)
        })
    }

    /// Asks the tool whether it has such a rule.
    fn has_caller_rule(&self) -> bool {
        self.tool.has_caller_rule()
    }

    /// Asks the tool for its explanation. After a panic, the explanation is that a rule of the tool panicked.
    fn explain_denial(&self, caller: &C) -> Option<String> {
        let explain = AssertUnwindSafe(|| self.tool.explain_denial(caller));
        std::panic::catch_unwind(explain)
            .unwrap_or_else(|_panic| Some("A rule of the tool panicked, which counts as a no.".into()))
    }

    /// Asks the tool what its calls may wait for.
    fn interrupts(&self) -> Interrupts {
        self.tool.interrupts()
    }

    /// Asks the tool for its decision. A panic is logged and counts as a denial.
    fn authorize(&self, caller: &C, arguments: &Value) -> Result<Decision, ArgumentsError> {
        // A call is also authorized before it waits for a person, where nothing else would catch a panic.
        let rules = AssertUnwindSafe(|| {
            let args = deserialize_arguments(arguments.clone())?;
            Ok::<_, ArgumentsError>(self.tool.authorize(caller, &args))
        });
        let decision = std::panic::catch_unwind(rules).unwrap_or_else(|_panic| {
            error!(tool = self.spec.name, "tool's policy panicked");
            Ok(Decision::Deny(FAILED.into()))
        })?;
        if decision == Decision::RequireApproval && !self.tool.interrupts().approval {
            error!(tool = self.spec.name, "tool needs an approval and does not say so in its interrupts");
            return Err(ArgumentsError::ToolFailed);
        }
        Ok(decision)
    }

    /// Asks the tool for its question, in the form that a person is shown. A panic is logged and leads to the default question.
    fn approval_message(&self, caller: &C, arguments: &Value) -> String {
        let message = AssertUnwindSafe(|| {
            let args = deserialize_arguments(arguments.clone()).ok()?;
            Some(self.tool.approval_message(caller, &args))
        });
        let message = std::panic::catch_unwind(message).unwrap_or_else(|_panic| {
            error!(tool = self.spec.name, "tool's approval message panicked");
            None
        });
        displayed_question(&message.unwrap_or_else(|| default_approval_message(&self.spec.name)))
    }

    /// Validates the arguments; without the feature `validate`, lets serde read them and drops what was read.
    fn check_arguments(&self, arguments: &Value) -> Result<(), ArgumentsError> {
        self.validator.validate(arguments)?;
        #[cfg(not(feature = "validate"))]
        self.check_readable(arguments)?;
        Ok(())
    }

    /// Runs the tool until its deadline. The causes of failures are logged; the model and the client get a sentence.
    fn call(
        &self,
        context: ToolContext<C>,
        arguments: Value,
        max_result_bytes: usize,
    ) -> BoxFuture<'_, ToolCallOutcome> {
        async move {
            let args = match deserialize_arguments(arguments) {
                Ok(args) => args,
                Err(error) => return ToolCallOutcome::Completed(error_result(&error.to_string()).into()),
            };
            let deadline = context.deadline();
            let call = async { self.tool.call(context, args).await?.into_content() };
            let call = AssertUnwindSafe(call).catch_unwind();
            let error_result = match tokio::time::timeout_at(deadline, call).await {
                Ok(Ok(Ok(content))) => match content_bytes(&content) {
                    bytes if bytes <= max_result_bytes => return ToolCallOutcome::Completed(content),
                    bytes => {
                        record_error_type("failed");
                        let cause = format!(
                            "its result has {bytes} bytes, and at most {max_result_bytes} are allowed"
                        );
                        error!(tool = self.spec.name, cause, "{TOOL_FAILED}");
                        error_result("The result of the tool is too large.")
                    }
                },
                Ok(Ok(Err(ToolError::Refused { sentence, cause }))) => {
                    record_error_type("refused");
                    if let Some(cause) = cause {
                        warn!(tool = self.spec.name, cause = error_chain(cause.as_ref()), "{TOOL_REFUSED}");
                    }
                    error_result(&sentence)
                }
                Ok(Ok(Err(ToolError::NeedsAnswer(question)))) if self.tool.interrupts().question => {
                    return ToolCallOutcome::Question(question);
                }
                Ok(Ok(Err(ToolError::NeedsAnswer(_)))) => {
                    error!(
                        tool = self.spec.name,
                        "tool asks a question and does not say so in its interrupts"
                    );
                    error_result(FAILED)
                }
                Ok(Ok(Err(ToolError::Failed(cause)))) => {
                    record_error_type("failed");
                    error!(tool = self.spec.name, cause = error_chain(cause.as_ref()), "{TOOL_FAILED}");
                    error_result(FAILED)
                }
                // The panic hook has already written the panic's message to stderr.
                Ok(Err(_panic)) => {
                    record_error_type("panic");
                    error!(tool = self.spec.name, "tool panicked");
                    error_result(FAILED)
                }
                Err(_elapsed) => {
                    record_error_type("timeout");
                    warn!(tool = self.spec.name, "tool timed out");
                    error_result("The tool did not finish in time.")
                }
            };
            ToolCallOutcome::Completed(error_result.into())
        }
        .boxed()
    }
}

#[cfg(not(feature = "validate"))]
impl<T> Registered<T> {
    /// Checks that serde can read the arguments as the type that the tool takes. Without the feature `validate` this is
    /// the only check, and it comes before a person is asked to approve the call.
    fn check_readable<C>(&self, arguments: &Value) -> Result<(), ArgumentsError>
    where
        T: Tool<C>,
    {
        let read = AssertUnwindSafe(|| deserialize_arguments::<T::Args>(arguments.clone()).map(drop));
        std::panic::catch_unwind(read).unwrap_or_else(|_panic| {
            error!(tool = self.spec.name, "reading a tool's arguments panicked");
            Err(ArgumentsError::ToolFailed)
        })
    }
}

/// Returns the length of a result: of its text, or of the JSON text of its parts.
fn content_bytes(content: &Content) -> usize {
    match content {
        Content::Text(text) => text.len(),
        parts => text_length(parts, usize::MAX),
    }
}

/// Marks the current span, which is the span of the call, as failed. `error_type` is the kind of failure, such as
/// `timeout`.
fn record_error_type(error_type: &str) {
    Span::current().record("otel.status_code", "ERROR").record("error.type", error_type);
}

/// Returns the JSON text of the result of a call that has failed: an object whose member `error` is a sentence for the
/// model and the client. It is JSON because user interfaces parse results.
pub(crate) fn error_result(sentence: &str) -> String {
    json!({ "error": sentence }).to_string()
}
