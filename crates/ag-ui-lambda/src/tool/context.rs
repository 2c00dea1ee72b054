//! What a tool may know of the run it works for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::schema::{self, Validator};
use super::voice::{self, Voice};
use super::{Answer, Progress, Question, State, ToolError};
use crate::protocol::{RunId, ThreadId, ToolCallId};

/// The trusted side of a tool's input: who calls, and until when; and what a tool may say while it works.
///
/// It is cheap to clone. But for [`state`](Self::state), which is the client's, and the answer to a question of the
/// tool's own, it holds nothing that the model or the client's text can change.
#[derive(Debug)]
pub struct ToolContext<C> {
    caller: Arc<C>,
    run: Arc<RunInfo>,
    call_id: ToolCallId,
    deadline: Instant,
    voice: Voice,
    consent: Option<Arc<Consent>>,
}

/// What a person has said to a call.
#[derive(Debug)]
struct Consent {
    idempotency_key: String,
    /// The answer to the tool's question.
    answer: Option<Answer>,
    /// Whether the tool has put its question.
    has_asked: AtomicBool,
}

/// The names of a run. The client chose them: they name a conversation, they prove nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// The conversation.
    pub thread_id: ThreadId,
    /// The run.
    pub run_id: RunId,
}

impl<C> ToolContext<C> {
    /// A context, for the loop and for tests of tools: what a tool says in it, nobody hears.
    pub fn new(caller: Arc<C>, run: Arc<RunInfo>, call_id: ToolCallId, deadline: Instant) -> Self {
        let (voice, _unheard) = voice::channel(Arc::new(json!({})));
        Self { caller, run, call_id, deadline, voice, consent: None }
    }

    /// The same context with this shared state, for tests of tools.
    #[must_use]
    pub fn with_state(self, state: Value) -> Self {
        let (voice, _unheard) = voice::channel(Arc::new(state));
        Self { voice, ..self }
    }

    /// The same context in a run that hears what the tool says.
    pub(crate) fn with_voice(self, voice: Voice) -> Self {
        Self { voice, ..self }
    }

    /// The same context for a call that a person has approved, or has answered a question of; for tests of tools.
    #[must_use]
    pub fn consented(self, idempotency_key: impl Into<String>, answer: Option<Value>) -> Self {
        let answer = answer.map(|value| Answer { value, question: None });
        self.proven(idempotency_key.into(), answer)
    }

    /// The same context for a call whose approval, or whose answer, was proven.
    pub(crate) fn proven(self, idempotency_key: String, answer: Option<Answer>) -> Self {
        let consent = Consent { idempotency_key, answer, has_asked: AtomicBool::new(false) };
        Self { consent: Some(Arc::new(consent)), ..self }
    }

    /// Who calls, as the application made it from proven claims.
    pub fn caller(&self) -> &C {
        &self.caller
    }

    /// The run that the call belongs to.
    pub fn run(&self) -> &RunInfo {
        &self.run
    }

    /// The call.
    pub fn call_id(&self) -> &ToolCallId {
        &self.call_id
    }

    /// Names a call that a person has approved or answered, the same however often the approval is brought: hand it
    /// to what must be done once. None for a call that waited for nobody.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.consent.as_deref().map(|consent| consent.idempotency_key.as_str())
    }

    /// Asks the user, and waits across runs: without an answer the call ends here, and the run with it. When the
    /// answer comes, the tool is called again **from its start**, with the same arguments, and this gives the answer.
    /// So nothing that must happen once may stand before it. A call can ask one question.
    ///
    /// An answer is for the question that was put: where the message or the schema is another one by then, this one is
    /// put anew. So a message must say the same each time, with no clock and no chance in it.
    ///
    /// What the person sent has to fit the schema of `A` and to be what serde can read `A` from. Without the feature
    /// `validate` only the second holds.
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
    /// let tool = tool_fn("order", "Orders a shirt.", order).asks();
    /// # let _: &dyn std::any::Any = &tool;
    /// ```
    ///
    /// # Errors
    /// [`ToolError::Asked`], which the tool must return, as long as there is no answer that fits;
    /// [`ToolError::Failed`] for a second question.
    pub fn ask<A: DeserializeOwned + JsonSchema>(&self, message: impl Into<String>) -> Result<A, ToolError> {
        let question = Question::new::<A>(message.into());
        let Some((consent, answer)) = self.consent.as_deref().and_then(|consent| {
            let answer = consent.answer.as_ref()?;
            Some((consent, answer))
        }) else {
            return Err(ToolError::Asked(question));
        };
        if consent.has_asked.swap(true, Ordering::Relaxed) {
            return Err(ToolError::Failed("a call can ask one question only".into()));
        }
        if answer.question.is_some_and(|answered| answered != question.digest) {
            return Err(ToolError::Asked(question.again("The question has changed since it was answered.")));
        }
        let validator = Validator::new(&Value::Object(question.schema.clone()))
            .map_err(|problem| ToolError::Failed(problem.into()))?;
        if let Err(faults) = validator.check(&answer.value) {
            return Err(ToolError::Asked(question.again(&format!("The answer does not fit: {faults}."))));
        }
        serde_json::from_value(answer.value.clone()).map_err(|fault| {
            let fault = schema::shortened(&fault.to_string());
            ToolError::Asked(question.again(&format!("The answer does not fit: {fault}.")))
        })
    }

    /// When the tool is given up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The state that the run shares with its client.
    pub fn state(&self) -> State {
        State::new(self.voice.clone())
    }

    /// What the user interface shows of the tool's work.
    pub fn progress(&self) -> Progress {
        Progress::new(self.voice.clone())
    }
}

impl<C> Clone for ToolContext<C> {
    fn clone(&self) -> Self {
        Self {
            caller: Arc::clone(&self.caller),
            run: Arc::clone(&self.run),
            call_id: self.call_id.clone(),
            deadline: self.deadline,
            voice: self.voice.clone(),
            consent: self.consent.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: Value, question: &Question) -> ToolContext<()> {
        let run = RunInfo { thread_id: "t".into(), run_id: "r".into() };
        let context = ToolContext::new(Arc::new(()), Arc::new(run), "c".into(), Instant::now());
        context.proven("key".into(), Some(Answer { value: answer, question: Some(question.digest) }))
    }

    fn asked<T>(asked: Result<T, ToolError>) -> Question {
        match asked {
            Err(ToolError::Asked(question)) => question,
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("an answer"),
        }
    }

    #[test]
    fn an_answer_is_given_to_the_question_it_was_for_and_to_no_other() {
        let question = Question::new::<u8>("How many?".into());
        assert_eq!(answered(json!(7), &question).ask::<u8>("How many?").unwrap(), 7);

        let other_words = asked(answered(json!(7), &question).ask::<u8>("How few?"));
        assert_eq!(other_words.message(), "The question has changed since it was answered. How few?");
        // The same value fits both schemas.
        let other_schema = asked(answered(json!(7), &question).ask::<u16>("How many?"));
        assert_ne!(other_schema.digest, question.digest);
    }

    #[test]
    fn what_is_said_about_an_earlier_answer_is_no_part_of_the_question() {
        let question = Question::new::<u8>("How many?".into());

        let again = asked(answered(json!("few"), &question).ask::<u8>("How many?"));

        assert!(again.message().starts_with("The answer does not fit: "), "{}", again.message());
        assert_eq!(answered(json!(7), &again).ask::<u8>("How many?").unwrap(), 7);
    }
}
