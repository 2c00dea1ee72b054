//! Runs in this process, without HTTP: a scripted model, tools and an input go in, events come out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ag_ui_lambda::agent::{Agent, AgentBuilder, RunRequest, StartRunError};
use ag_ui_lambda::auth::Principal;
use ag_ui_lambda::model::{Model, Request, Script, Scripted};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::transcript::SequentialIds;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{event_order, outline};

/// The caller that the tools of these tests see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) user: Option<String>,
}

/// A run that a test prepares: its agent, its caller and its input.
pub(crate) struct Scenario {
    pub(crate) agent: AgentBuilder<Caller>,
    pub(crate) caller: Caller,
    pub(crate) identity: Option<Principal>,
    pub(crate) input: Value,
    /// Whether the events are checked as a client before 1.0 would, even if the input says 1.0.
    is_for_legacy_client: bool,
    deadline: Option<Duration>,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// What a finished run has emitted, and what it has requested of the model.
pub(crate) struct RunResult {
    pub(crate) events: Vec<Value>,
    /// The requests that the model received, turn by turn.
    pub(crate) requests: Vec<Request>,
}

/// Prepares a run of an agent whose scripted model plays one script in each turn. The test then changes it and calls `run`.
pub(crate) fn scenario(turns: impl IntoIterator<Item = Script>) -> Scenario {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let model = RecordingModel { model: Scripted::turns(turns), seen: Arc::clone(&seen) };
    Scenario {
        agent: Agent::builder(model),
        caller: Caller::default(),
        identity: Some(Principal::anonymous()),
        input: json!({
            "threadId": "t", "runId": "r", "protocolVersion": "1.0",
            "messages": [{"id": "u1", "role": "user", "content": "Hello"}],
        }),
        is_for_legacy_client: false,
        deadline: None,
        seen,
    }
}

/// A scripted model that records every request, so that a test can read them afterwards.
pub(crate) struct RecordingModel {
    pub(crate) model: Scripted,
    pub(crate) seen: Arc<Mutex<Vec<Request>>>,
}

impl Model for RecordingModel {
    /// Returns the name of the scripted model.
    fn name(&self) -> &str {
        self.model.name()
    }

    /// Records the request, and streams the next script of the model.
    fn stream(&self, request: &Request) -> ag_ui_lambda::model::DeltaStream {
        self.seen.lock().unwrap().push(request.clone());
        self.model.stream(request)
    }
}

impl Scenario {
    /// Changes the agent's builder by `build`, for example to add a tool.
    pub(crate) fn with_agent(self, build: impl FnOnce(AgentBuilder<Caller>) -> AgentBuilder<Caller>) -> Self {
        Self { agent: build(self.agent), ..self }
    }

    /// Sets the member `key` of the run's input.
    pub(crate) fn input(mut self, key: &str, value: Value) -> Self {
        self.input[key] = value;
        self
    }

    /// Makes `run` check the events by the rules for clients before 1.0.
    pub(crate) fn for_legacy_client(self) -> Self {
        Self { is_for_legacy_client: true, ..self }
    }

    /// Sets the time from the start of the run to its deadline.
    pub(crate) fn deadline_in(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Runs the agent to the end and checks the order of its events. It panics if the run does not start.
    pub(crate) async fn run(self) -> RunResult {
        self.try_run().await.unwrap()
    }

    /// Runs the agent as [`run`](Self::run) does; an error if the run does not start.
    pub(crate) async fn try_run(self) -> Result<RunResult, StartRunError> {
        let input = RunAgentInput::read(self.input.clone()).unwrap().input;
        let deadline = self.deadline.map(|deadline| Instant::now() + deadline);
        let agent = self.agent.build().unwrap();
        let request = RunRequest::new(self.caller, input)
            .principal(self.identity)
            .deadline(deadline)
            .ids(SequentialIds::default());
        let run = agent.run(request).await?;
        let events: Vec<Value> = run.map(|event| serde_json::to_value(event).unwrap()).collect().await;
        let client = event_order::Client::for_input(&self.input);
        let client = if self.is_for_legacy_client { client.legacy() } else { client };
        assert_eq!(client.read(&events).err(), None, "\n{}", outline::outline(&events));
        let requests = std::mem::take(&mut *self.seen.lock().unwrap());
        Ok(RunResult { events, requests })
    }
}

impl RunResult {
    /// Formats the events for a snapshot, one line for each.
    pub(crate) fn outline(&self) -> String {
        outline::outline(&self.events)
    }
}
