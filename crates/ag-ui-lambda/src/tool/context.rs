//! The context of a call: what a tool knows about the caller and the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::events::{ToolEventSender, tool_event_channel};
use super::schema::{self, Validator};
use super::{Progress, Question, SharedState, ToolError, UserAnswer, unify_integers};
use crate::protocol::{InputLimits, RunId, ThreadId, ToolCallId};

/// How long a call in a unit test may take: the deadline of [`ToolContext::for_test`] is so far away.
const TEST_TIME: Duration = Duration::from_secs(60);

/// The trusted input of a tool: who calls and until when. It also gives access to what a tool can show while it runs.
///
/// Neither the model nor the client's text can change what it contains, with two exceptions: the
/// [`state`](Self::state) and the answer of [`ask`](Self::ask) come from the client. It is cheap to clone.
///
/// A unit test of a tool creates it with [`for_test`](Self::for_test).
///
/// ```
/// use ag_ui_lambda::{NoArgs, ToolContext, ToolError};
///
/// struct Caller {
///     org: String,
/// }
///
/// async fn count_orders(context: ToolContext<Caller>, _: NoArgs) -> Result<String, ToolError> {
///     let step = context.progress().step("Counting").await;
///     context.state().set("/orders", 3).await?;
///     step.end().await;
///     Ok(format!("{} has 3 orders.", context.caller().org))
/// }
/// ```
#[derive(Debug)]
pub struct ToolContext<C> {
    caller: Arc<C>,
    run: Arc<RunInfo>,
    call_id: ToolCallId,
    deadline: Instant,
    /// Where the state and the progress of the tool are sent.
    events: ToolEventSender,
    /// The approval or the answer with which the call resumed; `None` for a call that did not wait.
    approval: Option<Arc<Approval>>,
}

/// A person's approval of a call, or answer to its question.
#[derive(Debug)]
struct Approval {
    idempotency_key: String,
    /// The answer to the tool's question.
    answer: Option<UserAnswer>,
    /// Whether the tool has asked its question.
    has_asked: AtomicBool,
}

/// The ids of a run. The client chose them: they name a conversation, and prove nothing about the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunInfo {
    /// Identifies the conversation.
    pub thread_id: ThreadId,
    /// Identifies the run within the conversation.
    pub run_id: RunId,
}

impl RunInfo {
    /// Creates the ids of a run.
    pub(crate) fn new(thread_id: impl Into<ThreadId>, run_id: impl Into<RunId>) -> Self {
        Self { thread_id: thread_id.into(), run_id: run_id.into() }
    }
}

impl<C> ToolContext<C> {
    /// Creates a context with which a unit test calls a tool, on behalf of `caller`.
    ///
    /// The shared state is an empty object, which the tool can change. Its progress is dropped: a
    /// [`TestAgent`](crate::testing::TestAgent) shows what a client receives. No person has approved or answered
    /// anything, and the deadline is a minute away. The ids of the run and the call are fixed texts.
    ///
    /// ```
    /// use ag_ui_lambda::{NoArgs, ToolContext, ToolError};
    /// use serde_json::json;
    ///
    /// struct Caller {
    ///     name: String,
    /// }
    ///
    /// async fn greet(context: ToolContext<Caller>, _: NoArgs) -> Result<String, ToolError> {
    ///     let greeting: Option<String> = context.state().get("/greeting")?;
    ///     Ok(format!("{}, {}!", greeting.unwrap_or("Hello".into()), context.caller().name))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let context = ToolContext::for_test(Caller { name: "Ada".into() }).with_state(json!({ "greeting": "Welcome" }));
    /// assert_eq!(greet(context, NoArgs {}).await?, "Welcome, Ada!");
    /// # Ok::<(), ToolError>(())
    /// # }).unwrap();
    /// ```
    pub fn for_test(caller: C) -> Self {
        let run = RunInfo::new("test-thread", "test-run");
        let deadline = Instant::now() + TEST_TIME;
        Self::new(Arc::new(caller), Arc::new(run), "test-call".into(), deadline)
    }

    /// Creates the context of a call. The shared state is an empty object, and events that the tool emits are dropped.
    /// Every call of a run begins with it, and so does [`for_test`](Self::for_test).
    pub(crate) fn new(caller: Arc<C>, run: Arc<RunInfo>, call_id: ToolCallId, deadline: Instant) -> Self {
        let (events, _receiver) = tool_event_channel(Arc::new(json!({})), InputLimits::default());
        Self { caller, run, call_id, deadline, events, approval: None }
    }

    /// Replaces the shared state, for tests of tools. Events that the tool emits are dropped.
    #[must_use]
    pub fn with_state(self, state: Value) -> Self {
        let (events, _receiver) = tool_event_channel(Arc::new(state), InputLimits::default());
        Self { events, ..self }
    }

    /// Connects the context with a run: the tool reads and changes the shared state of the run, and emits its events
    /// there. This method is called for every call of a run.
    pub(crate) fn with_events(self, events: ToolEventSender) -> Self {
        Self { events, ..self }
    }

    /// Sets the time at which the call is dropped, for tests of tools that look at their [`deadline`](Self::deadline).
    #[must_use]
    pub fn with_deadline(self, deadline: Instant) -> Self {
        Self { deadline, ..self }
    }

    /// Makes this the context of a call that a person has approved, for tests of tools. `idempotency_key` is what
    /// [`idempotency_key`](Self::idempotency_key) returns.
    #[must_use]
    pub fn with_approval(self, idempotency_key: impl Into<String>) -> Self {
        let answer = self.approval.as_ref().and_then(|approval| approval.answer.clone());
        self.with_verified_approval(idempotency_key.into(), answer)
    }

    /// Makes this the context of a call whose question a person has answered, for tests of tools. [`ask`](Self::ask)
    /// returns this answer to any question, if the answer fits its schema. The idempotency key is a fixed text unless
    /// [`with_approval`](Self::with_approval) sets it.
    #[must_use]
    pub fn with_answer(self, answer: impl Into<Value>) -> Self {
        let key = self.idempotency_key().unwrap_or("test-idempotency-key-of-32-chars").to_owned();
        self.with_verified_approval(key, Some(UserAnswer { value: answer.into(), question_digest: None }))
    }

    /// Makes this the context of a call that resumes after a person has approved it or answered its question. The run
    /// calls it only after the token of the interrupt was verified; tests of tools call it through
    /// [`with_approval`](Self::with_approval) and [`with_answer`](Self::with_answer).
    pub(crate) fn with_verified_approval(self, idempotency_key: String, answer: Option<UserAnswer>) -> Self {
        let approval = Approval { idempotency_key, answer, has_asked: AtomicBool::new(false) };
        Self { approval: Some(Arc::new(approval)), ..self }
    }

    /// Returns the caller, which the application created from proven claims.
    pub fn caller(&self) -> &C {
        &self.caller
    }

    /// Returns the ids of the run that the call belongs to.
    pub fn run(&self) -> &RunInfo {
        &self.run
    }

    /// Returns the id of the call.
    pub fn call_id(&self) -> &ToolCallId {
        &self.call_id
    }

    /// Returns the idempotency key of a call that a person has approved or answered: 32 ASCII characters, which stay
    /// the same if the client sends the approval again. `None` for a call that did not wait for a person.
    ///
    /// Pass the key on to a system that must do something only once.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.approval.as_deref().map(|approval| approval.idempotency_key.as_str())
    }

    /// Asks the user a question, and returns the answer once there is one.
    ///
    /// Without an answer this method returns an error with the question. The tool returns that error, and the call and
    /// the run end. When the user has answered, in another run, the tool is called again **from its start** with the
    /// same arguments, and this method returns the answer. So nothing that must happen only once may come before the
    /// call of this method. A call can ask one question.
    ///
    /// An answer is valid only for the question that was asked. If the message or the schema has changed since, the
    /// changed question is asked. So the message must be the same each time, without a time or a random value in it.
    ///
    /// The answer has to match the schema of `A`, and serde has to be able to read an `A` from it. Without the feature
    /// `validate` only serde checks the answer.
    ///
    /// ```
    /// # use ag_ui_lambda::tool::{NoArgs, ToolContext, ToolError, tool_fn};
    /// #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// struct Choice { size: u8 }
    ///
    /// async fn order(context: ToolContext<()>, _: NoArgs) -> Result<u8, ToolError> {
    ///     let choice: Choice = context.ask("Which size?")?;
    ///     Ok(choice.size)
    /// }
    ///
    /// let tool = tool_fn("order", "Orders a shirt.", order).may_ask();
    /// # let _: &dyn std::any::Any = &tool;
    /// ```
    ///
    /// # Errors
    /// [`ToolError::NeedsAnswer`] as long as there is no answer that fits: the tool has to return this error.
    /// [`ToolError::Failed`] for a second question.
    pub fn ask<A: DeserializeOwned + JsonSchema>(&self, message: impl Into<String>) -> Result<A, ToolError> {
        let question = Question::new::<A>(message.into());
        let Some((approval, answer)) = self.approval.as_deref().and_then(|approval| {
            let answer = approval.answer.as_ref()?;
            Some((approval, answer))
        }) else {
            return Err(ToolError::NeedsAnswer(question));
        };
        if approval.has_asked.swap(true, Ordering::Relaxed) {
            return Err(ToolError::Failed("a call can ask one question only".into()));
        }
        if answer.question_digest.is_some_and(|answered| answered != question.digest) {
            return Err(ToolError::NeedsAnswer(
                question.with_notice("The question has changed since it was answered."),
            ));
        }
        let validator = Validator::new(&Value::Object(question.schema.clone()))?;
        if let Err(mismatch) = validator.validate(&answer.value) {
            return Err(ToolError::NeedsAnswer(
                question.with_notice(&format!("The answer does not fit: {mismatch}.")),
            ));
        }
        let mut value = answer.value.clone();
        unify_integers(&mut value);
        serde_json::from_value(value).map_err(|error| {
            let reason = schema::truncate(&error.to_string());
            ToolError::NeedsAnswer(question.with_notice(&format!("The answer does not fit: {reason}.")))
        })
    }

    /// Returns the time at which the call is dropped if it has not completed.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns a handle to the state that the run shares with its client. The client may have written anything into the
    /// state.
    pub fn state(&self) -> SharedState {
        SharedState::new(self.events.clone())
    }

    /// Returns the handle with which the tool shows its progress to the user.
    pub fn progress(&self) -> Progress {
        Progress::new(self.events.clone())
    }
}

impl<C> Clone for ToolContext<C> {
    /// Returns another handle to the same context.
    fn clone(&self) -> Self {
        Self {
            caller: Arc::clone(&self.caller),
            run: Arc::clone(&self.run),
            call_id: self.call_id.clone(),
            deadline: self.deadline,
            events: self.events.clone(),
            approval: self.approval.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The context of a call that resumed with an answer to this question.
    fn answered(answer: Value, question: &Question) -> ToolContext<()> {
        let answer = UserAnswer { value: answer, question_digest: Some(question.digest) };
        ToolContext::for_test(()).with_verified_approval("key".into(), Some(answer))
    }

    /// The question that a tool asked instead of returning a result.
    fn question_of<T>(result: Result<T, ToolError>) -> Question {
        match result {
            Err(ToolError::NeedsAnswer(question)) => question,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("an answer"),
        }
    }

    #[test]
    fn ask_accepts_an_answer_to_the_same_question_only() {
        let question = Question::new::<u8>("How many?".into());
        for answer in [json!(7), json!(7.0)] {
            assert_eq!(answered(answer, &question).ask::<u8>("How many?").unwrap(), 7);
        }

        let other_message = question_of(answered(json!(7), &question).ask::<u8>("How few?"));
        assert_eq!(other_message.message(), "The question has changed since it was answered. How few?");
        // The value 7 matches both schemas.
        let other_schema = question_of(answered(json!(7), &question).ask::<u16>("How many?"));
        assert_ne!(other_schema.digest, question.digest);
    }

    #[test]
    fn context_for_a_test_has_what_its_setters_set() {
        let context = ToolContext::for_test("ada");
        assert_eq!((*context.caller(), context.idempotency_key()), ("ada", None));
        assert_eq!(*context.state().value(), json!({}));
        question_of(context.ask::<u8>("How many?"));

        let deadline = Instant::now();
        let set =
            context.with_state(json!({"a": 1})).with_deadline(deadline).with_answer(7).with_approval("key");
        assert_eq!((set.deadline(), set.idempotency_key()), (deadline, Some("key")));
        assert_eq!(set.state().get::<u8>("/a").unwrap(), Some(1));
        assert_eq!(set.ask::<u8>("How many?").unwrap(), 7);
        let answered = ToolContext::for_test(()).with_answer("few");
        assert_eq!(answered.idempotency_key().map(str::len), Some(32));
        question_of(answered.ask::<u8>("How many?"));
    }

    #[test]
    fn notice_about_an_earlier_answer_keeps_the_question() {
        let question = Question::new::<u8>("How many?".into());

        let repeated = question_of(answered(json!("few"), &question).ask::<u8>("How many?"));

        assert!(repeated.message().starts_with("The answer does not fit: "), "{}", repeated.message());
        assert_eq!(answered(json!(7), &repeated).ask::<u8>("How many?").unwrap(), 7);
    }
}
