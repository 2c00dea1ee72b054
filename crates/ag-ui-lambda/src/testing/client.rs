//! A client of one caller, with one thread.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::run::{Run, RunCall};
use crate::agent::{Agent, PreparedRun, RunOutcome, RunReport, RunRequest};
use crate::auth::Principal;
use crate::protocol::{
    self, Event, EventKind, Interrupt, Message, MessageBody, ResumeEntry, ResumeStatus, RunAgentInput, Tool,
    ToolCallId, apply_patch,
};
use crate::transcript::Conversation;

/// A client in a unit test: it keeps the messages and the state of one thread, and sends them with each run, as a user
/// interface does.
///
/// [`TestAgent::caller`](super::TestAgent::caller) creates it. Its methods need a tokio runtime with time, as
/// `#[tokio::test]` has it.
///
/// ```
/// use ag_ui_lambda::testing::TestAgent;
/// use ag_ui_lambda::{Agent, NoArgs, ToolContext, ToolError, demo, tool_fn};
///
/// async fn restart(_: ToolContext<()>, _: NoArgs) -> Result<String, ToolError> {
///     Ok("It is restarted.".into())
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// // The demo model calls the tool that the message names.
/// let agent = Agent::<()>::builder(demo(Default::default()))
///     .tool(tool_fn("restart", "Restarts the server.", restart).needs_approval())
///     .build()?;
/// let mut client = TestAgent::new(agent).caller(());
///
/// let asked = client.says("/restart {}").await;
/// assert_eq!(asked.call("restart").result, None);
///
/// let run = client.approve(asked.interrupt()).await;
/// assert_eq!(run.call("restart").result.as_deref(), Some("It is restarted."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The frontend tools that the client offers.
    tools: Vec<Tool>,
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
            tools: Vec::new(),
            calls: Vec::new(),
            interrupts: Vec::new(),
        }
    }

    /// Sets the client's copy of the shared state, which it sends with the next run.
    #[must_use]
    pub fn with_state(self, state: Value) -> Self {
        Self { state, ..self }
    }

    /// Offers a frontend tool to the model, with each run from now on. `parameters` is the JSON Schema of its arguments.
    ///
    /// A run that calls the tool ends without a result of the call, and [`returns`](Self::returns) continues the thread.
    ///
    /// ```
    /// use ag_ui_lambda::testing::TestAgent;
    /// use ag_ui_lambda::{Agent, demo};
    /// use serde_json::json;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// // The demo model calls the tool that the message names.
    /// let agent = TestAgent::new(Agent::builder(demo(Default::default())).build()?);
    /// let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    /// let mut client = agent.caller(()).with_frontend_tool("show_map", "Shows a map.", schema);
    ///
    /// let run = client.says(r#"/show_map {"city": "Berlin"}"#).await;
    /// assert_eq!(run.call("show_map").arguments["city"], "Berlin");
    /// assert_eq!(run.call("show_map").result, None);
    ///
    /// let run = client.returns(run.call("show_map"), "The map is shown.").await;
    /// assert!(run.text.contains("The map is shown."));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_frontend_tool(
        mut self,
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: impl Into<Value>,
    ) -> Self {
        let (name, description, parameters) = (name.into(), description.into(), Some(parameters.into()));
        self.tools.push(Tool { name, description, parameters, metadata: None });
        self
    }

    /// Sends a message of the user, and reads the run to its end.
    ///
    /// If interrupts of the thread wait for an answer, the message takes the place of the answers, as in a client that has lost
    /// them: the calls that wait are not run, each gets a result that says so, and the thread continues.
    ///
    /// # Panics
    /// Panics if the agent refuses to start the run. A run that fails or is cancelled does not panic: see [`Run::outcome`].
    pub async fn says(&mut self, text: impl Into<String>) -> Run {
        let id = format!("user-message-{}", self.runs + 1);
        let message = Message::new(id, MessageBody::User { content: text.into().into() });
        self.messages.push(json!(message));
        self.run(Vec::new()).await
    }

    /// Returns the result of a call of a frontend tool, and reads the run that continues. If the run has several such
    /// calls, [`add_result`](Self::add_result) adds the results of the others first.
    ///
    /// # Panics
    /// As [`says`](Self::says), if interrupts of the thread wait for an answer, and if the call already has a result.
    pub async fn returns(&mut self, call: &RunCall, result: impl Into<String>) -> Run {
        self.assert_no_interrupts();
        self.add_result(call, result);
        self.run(Vec::new()).await
    }

    /// Adds the result of a call of a frontend tool to the thread, so that the client sends it with its next run.
    ///
    /// [`returns`](Self::returns) does this for a run with one such call. This method is for a run with several, and for
    /// one that also has interrupts: add the results, and then answer the interrupts.
    ///
    /// # Panics
    /// Panics if the call already has a result.
    #[track_caller]
    pub fn add_result(&mut self, call: &RunCall, result: impl Into<String>) {
        let held = self.calls.iter_mut().rfind(|held| held.id == call.id);
        let held = held.filter(|held| held.result.is_none());
        let held =
            held.unwrap_or_else(|| panic!("no call of {:?} waits for a result in this thread", call.name));
        let content = result.into();
        held.result = Some(content.clone());
        let body = MessageBody::Tool { tool_call_id: call.id.clone(), content: content.into(), error: None };
        self.messages.push(json!(Message::new(format!("result-of-{}", call.id), body)));
    }

    /// Panics if interrupts of the thread wait for an answer.
    fn assert_no_interrupts(&self) {
        let open = self.interrupts.len();
        assert!(
            open == 0,
            "the thread waits for the answers to {open} interrupts: call `approve`, `deny`, `cancel`, `answer` or \
             `answer_all` first"
        );
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

    /// Dismisses this interrupt without an answer, as a user does who closes the form, and reads the run that continues.
    ///
    /// # Panics
    /// As [`answer_all`](Self::answer_all).
    pub async fn cancel(&mut self, interrupt: &Interrupt) -> Run {
        self.answer_all([(interrupt, None)]).await
    }

    /// Answers the question of this interrupt, and reads the run that continues. The answer to an approval may also hold
    /// edited arguments: `{"approved": true, "editedArgs": {..}}`.
    ///
    /// # Panics
    /// As [`answer_all`](Self::answer_all).
    pub async fn answer(&mut self, interrupt: &Interrupt, answer: impl Into<Value>) -> Run {
        self.answer_all([(interrupt, Some(answer.into()))]).await
    }

    /// Answers several interrupts at once, and reads the run that continues. An answer is a JSON value; `None` dismisses
    /// the interrupt, as [`cancel`](Self::cancel) does. If only some are dismissed, the others are `Some(json!(..))`.
    ///
    /// # Panics
    /// Panics if an interrupt of the thread waits for an answer and is not among `answers`, because clients answer all of them
    /// at once, and if the agent refuses to start the run.
    pub async fn answer_all<'a, A>(&mut self, answers: impl IntoIterator<Item = (&'a Interrupt, A)>) -> Run
    where
        A: Into<Option<Value>>,
    {
        let entry = |(interrupt, answer): (&Interrupt, A)| resume_entry(interrupt, answer.into());
        let resume: Vec<ResumeEntry> = answers.into_iter().map(entry).collect();
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
        input.tools = self.tools.clone();
        input.resume = resume;
        let mut body = json!(input);
        body["messages"] = self.messages.clone().into();
        // As a server reads it: this keeps the messages as they were sent, for runs that send them back.
        let input = match RunAgentInput::read(body) {
            Ok(received) => received.input,
            Err(error) => panic!("the thread cannot be sent: {error}"),
        };
        let request = RunRequest::of_shared_caller(Arc::clone(&self.caller), input);
        let run = match self.agent.prepare(request.principal(self.principal.clone())).await {
            Ok(run) => run,
            Err(error) => panic!("the run was refused before it began: {error}"),
        };
        let outcome = Arc::new(OnceLock::new());
        let reported = Arc::clone(&outcome);
        let report_to = Box::new(move |_: Arc<C>, report: RunReport| {
            let _is_first = reported.set(report.outcome);
        });
        let run = Agent::start(PreparedRun { report_to: Some(report_to), ..run });
        let events = run.collect().await;
        self.read(events, *outcome.get().expect("a run that was read to its end has its report"))
    }

    /// Applies the events of a run with this outcome to the thread, and collects what the run has shown.
    fn read(&mut self, events: Vec<Event>, outcome: RunOutcome) -> Run {
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
                    if let Some(protocol::RunOutcome::Interrupt { interrupts: asked }) = outcome {
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
        let (text, state) = (texts.join("\n"), self.state.clone());
        Run { outcome, events, text, calls, state, interrupts, result, error }
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

/// Creates the answer to an interrupt, which is dismissed without a payload.
fn resume_entry(interrupt: &Interrupt, payload: Option<Value>) -> ResumeEntry {
    let status = if payload.is_some() { ResumeStatus::Resolved } else { ResumeStatus::Cancelled };
    ResumeEntry { interrupt_id: interrupt.id.clone(), status, payload, metadata: None }
}

impl HeldCall {
    /// Returns the call as it is now.
    fn seen(&self) -> RunCall {
        let arguments =
            serde_json::from_str(&self.arguments).unwrap_or_else(|_| self.arguments.clone().into());
        RunCall { id: self.id.clone(), name: self.name.clone(), arguments, result: self.result.clone() }
    }
}
