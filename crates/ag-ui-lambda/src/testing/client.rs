//! A client of one caller, with one thread.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::run::{Run, RunCall};
use crate::agent::{Agent, RunRequest};
use crate::auth::Principal;
use crate::protocol::{
    Event, EventKind, Interrupt, Message, MessageBody, ResumeEntry, ResumeStatus, RunAgentInput, RunOutcome,
    ToolCallId, apply_patch,
};
use crate::transcript::Conversation;

/// A client in a unit test: it keeps the messages and the state of one thread, and sends them with each run, as a user
/// interface does.
///
/// [`TestAgent::caller`](super::TestAgent::caller) creates it. Its methods need a tokio runtime with time, as
/// `#[tokio::test]` has it.
#[derive(Debug)]
pub struct TestClient<C> {
    agent: Agent<C>,
    caller: Arc<C>,
    /// The proven identity of the caller, which no other client has.
    principal: Principal,
    /// How many runs the thread has had, from which the ids of its runs and of the user's messages are made.
    runs: usize,
    /// The messages of the thread.
    messages: Vec<Value>,
    /// The client's copy of the shared state.
    state: Value,
    /// The calls of the thread, in the order in which they began.
    calls: Vec<HeldCall>,
    /// The interrupts that wait for an answer.
    interrupts: Vec<Interrupt>,
}

/// A call of the thread, as far as the client has received it.
#[derive(Debug)]
struct HeldCall {
    id: ToolCallId,
    name: String,
    /// The JSON text of the arguments.
    arguments: String,
    /// The text of the result.
    result: Option<String>,
}

impl<C: Send + Sync + 'static> TestClient<C> {
    /// Creates a client with an empty thread.
    pub(super) fn new(agent: Agent<C>, caller: C) -> Self {
        let user = Some(Uuid::new_v4().to_string());
        Self {
            agent,
            caller: Arc::new(caller),
            principal: Principal { source: "test", issuer: None, org: None, user },
            runs: 0,
            messages: Vec::new(),
            state: json!({}),
            calls: Vec::new(),
            interrupts: Vec::new(),
        }
    }

    /// Sets the client's copy of the shared state, which it sends with the next run.
    #[must_use]
    pub fn with_state(self, state: Value) -> Self {
        Self { state, ..self }
    }

    /// Sends a message of the user, and reads the run to its end.
    ///
    /// # Panics
    /// Panics if interrupts of the thread wait for an answer, because clients send no message meanwhile, and if the agent
    /// refuses to start the run. A run that fails does not panic: see [`Run::error`].
    pub async fn says(&mut self, text: impl Into<String>) -> Run {
        let open = self.interrupts.len();
        assert!(
            open == 0,
            "the thread waits for the answers to {open} interrupts: call `approve`, `deny`, `answer` or `answer_all` first"
        );
        let id = format!("user-message-{}", self.runs + 1);
        let message = Message::new(id, MessageBody::User { content: text.into().into() });
        self.messages.push(json!(message));
        self.run(Vec::new()).await
    }

    /// Approves the call that waits with this interrupt, and reads the run that continues.
    ///
    /// # Panics
    /// As [`answer_all`](Self::answer_all).
    pub async fn approve(&mut self, interrupt: &Interrupt) -> Run {
        self.answer(interrupt, json!({ "approved": true })).await
    }

    /// Denies the call that waits with this interrupt, and reads the run that continues.
    ///
    /// # Panics
    /// As [`answer_all`](Self::answer_all).
    pub async fn deny(&mut self, interrupt: &Interrupt) -> Run {
        self.answer(interrupt, json!({ "approved": false })).await
    }

    /// Answers the question of this interrupt, and reads the run that continues. The answer to an approval may also hold
    /// edited arguments: `{"approved": true, "editedArgs": {..}}`.
    ///
    /// # Panics
    /// As [`answer_all`](Self::answer_all).
    pub async fn answer(&mut self, interrupt: &Interrupt, answer: impl Into<Value>) -> Run {
        self.answer_all([(interrupt, answer.into())]).await
    }

    /// Answers several interrupts at once, and reads the run that continues.
    ///
    /// # Panics
    /// Panics if an interrupt of the thread waits for an answer and is not among `answers`, because clients answer all of them
    /// at once, and if the agent refuses to start the run.
    pub async fn answer_all<'a>(&mut self, answers: impl IntoIterator<Item = (&'a Interrupt, Value)>) -> Run {
        let resume: Vec<ResumeEntry> = answers
            .into_iter()
            .map(|(interrupt, payload)| ResumeEntry {
                interrupt_id: interrupt.id.clone(),
                status: ResumeStatus::Resolved,
                payload: Some(payload),
                metadata: None,
            })
            .collect();
        let is_open = |interrupt: &&Interrupt| resume.iter().all(|entry| entry.interrupt_id != interrupt.id);
        let open = self.interrupts.iter().filter(is_open).count();
        assert!(
            open == 0,
            "{open} interrupts of the thread have no answer: clients answer all of them at once, see `answer_all`"
        );
        self.run(resume).await
    }

    /// Sends the thread with these answers to the agent, and reads the run to its end.
    async fn run(&mut self, resume: Vec<ResumeEntry>) -> Run {
        self.runs += 1;
        let mut input = RunAgentInput::new("test-thread", format!("test-run-{}", self.runs), Vec::new());
        input.state = Some(self.state.clone());
        input.resume = resume;
        let mut body = json!(input);
        body["messages"] = self.messages.clone().into();
        // As a server reads it: this keeps the messages as they were sent, for runs that send them back.
        let input = match RunAgentInput::read(body) {
            Ok(received) => received.input,
            Err(error) => panic!("the thread cannot be sent: {error}"),
        };
        let request = RunRequest::of_shared_caller(Arc::clone(&self.caller), input);
        let events = match self.agent.run(request.principal(self.principal.clone())).await {
            Ok(run) => run.collect().await,
            Err(error) => panic!("the run was refused before it began: {error}"),
        };
        self.read(events)
    }

    /// Applies the events of a run to the thread, and collects what the run has shown.
    fn read(&mut self, events: Vec<Event>) -> Run {
        let mut conversation = Conversation::new(std::mem::take(&mut self.messages));
        let (mut texts, mut calls) = (Vec::<String>::new(), BTreeSet::new());
        let (mut interrupts, mut result, mut error) = (Vec::new(), None, None);
        for event in &events {
            conversation.apply(event);
            match &event.kind {
                EventKind::TextMessageStart { .. } => texts.push(String::new()),
                EventKind::TextMessageContent { delta, .. } => {
                    if let Some(text) = texts.last_mut() {
                        text.push_str(delta);
                    }
                }
                EventKind::StateSnapshot { snapshot } => self.state = snapshot.clone(),
                EventKind::StateDelta { delta } => {
                    if let Err(error) = apply_patch(&mut self.state, delta) {
                        panic!("the agent has sent a change that does not fit the client's state: {error}");
                    }
                }
                EventKind::RunFinished { outcome, result: returned, .. } => {
                    if let Some(RunOutcome::Interrupt { interrupts: asked }) = outcome {
                        interrupts.clone_from(asked);
                    }
                    self.interrupts.clone_from(&interrupts);
                    result.clone_from(returned);
                }
                EventKind::RunError { code, message, .. } => error = code.clone().or(Some(message.clone())),
                kind => calls.extend(self.read_call(kind)),
            }
        }
        self.messages = conversation.into_json();
        let calls = calls.into_iter().map(|index: usize| self.calls[index].seen()).collect();
        Run { events, text: texts.join("\n"), calls, state: self.state.clone(), interrupts, result, error }
    }

    /// Applies an event of a tool call, and returns the index of the call among those of the thread; `None` for other
    /// events. Ids may repeat in a thread, so an event belongs to the last call with its id.
    fn read_call(&mut self, event: &EventKind) -> Option<usize> {
        let id = match event {
            EventKind::ToolCallStart { tool_call_id: id, tool_call_name: name, .. } => {
                let (id, name) = (id.clone(), name.clone());
                self.calls.push(HeldCall { id, name, arguments: String::new(), result: None });
                return Some(self.calls.len() - 1);
            }
            EventKind::ToolCallArgs { tool_call_id, .. } | EventKind::ToolCallResult { tool_call_id, .. } => {
                tool_call_id
            }
            _ => return None,
        };
        let index = self.calls.iter().rposition(|call| call.id == *id)?;
        match event {
            EventKind::ToolCallArgs { delta, .. } => self.calls[index].arguments.push_str(delta),
            EventKind::ToolCallResult { content, .. } => self.calls[index].result = Some(content.text()),
            _ => {}
        }
        Some(index)
    }
}

impl HeldCall {
    /// Returns the call as it is now.
    fn seen(&self) -> RunCall {
        let arguments =
            serde_json::from_str(&self.arguments).unwrap_or_else(|_| self.arguments.clone().into());
        RunCall { id: self.id.clone(), name: self.name.clone(), arguments, result: self.result.clone() }
    }
}
