//! A run in process: a scripted model, tools, an input; then its events.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ag_ui_lambda::agent::{Agent, AgentBuilder, Refusal};
use ag_ui_lambda::approval::Identity;
use ag_ui_lambda::model::{Model, Request, Script, Scripted};
use ag_ui_lambda::protocol::RunAgentInput;
use ag_ui_lambda::transcript::Counting;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{oracle, outline};

/// Who calls, in tests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) user: Option<String>,
}

/// A run to be made.
pub(crate) struct Scenario {
    pub(crate) agent: AgentBuilder<Caller>,
    pub(crate) caller: Caller,
    pub(crate) identity: Option<Identity>,
    pub(crate) input: Value,
    /// Whether the client that reads the run is one before 1.0, whatever the input says.
    is_read_before_1_0: bool,
    deadline: Option<Duration>,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// A run that was made.
pub(crate) struct Told {
    pub(crate) events: Vec<Value>,
    /// What the model was asked, turn by turn.
    pub(crate) requests: Vec<Request>,
}

/// A run whose model plays these turns.
pub(crate) fn scenario(turns: impl IntoIterator<Item = Script>) -> Scenario {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let model = Watched { model: Scripted::turns(turns), seen: Arc::clone(&seen) };
    Scenario {
        agent: Agent::builder(model),
        caller: Caller::default(),
        identity: Some(Identity::anonymous()),
        input: json!({
            "threadId": "t", "runId": "r", "protocolVersion": "1.0",
            "messages": [{"id": "u1", "role": "user", "content": "Hello"}],
        }),
        is_read_before_1_0: false,
        deadline: None,
        seen,
    }
}

/// A model whose requests can be read afterwards.
pub(crate) struct Watched {
    pub(crate) model: Scripted,
    pub(crate) seen: Arc<Mutex<Vec<Request>>>,
}

impl Model for Watched {
    fn name(&self) -> &str {
        self.model.name()
    }

    fn stream(&self, request: &Request) -> ag_ui_lambda::model::DeltaStream {
        self.seen.lock().unwrap().push(request.clone());
        self.model.stream(request)
    }
}

impl Scenario {
    pub(crate) fn with(self, build: impl FnOnce(AgentBuilder<Caller>) -> AgentBuilder<Caller>) -> Self {
        Self { agent: build(self.agent), ..self }
    }

    /// Sets a member of the input.
    pub(crate) fn input(mut self, key: &str, value: Value) -> Self {
        self.input[key] = value;
        self
    }

    pub(crate) fn read_before_1_0(self) -> Self {
        Self { is_read_before_1_0: true, ..self }
    }

    pub(crate) fn deadline_in(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Makes the run and checks its order.
    pub(crate) async fn run(self) -> Told {
        self.try_run().await.unwrap()
    }

    pub(crate) async fn try_run(self) -> Result<Told, Refusal> {
        let input = RunAgentInput::read(self.input.clone()).unwrap().input;
        let deadline = self.deadline.map(|deadline| Instant::now() + deadline);
        let agent = self.agent.build().unwrap();
        let run = agent.run_stamped(self.caller, self.identity, input, deadline, Counting::default()).await?;
        let events: Vec<Value> = run.map(|event| serde_json::to_value(event).unwrap()).collect().await;
        let client = oracle::Client::of(&self.input);
        let client = if self.is_read_before_1_0 { client.before_1_0() } else { client };
        assert_eq!(client.read(&events).err(), None, "\n{}", outline::outline(&events));
        let requests = std::mem::take(&mut *self.seen.lock().unwrap());
        Ok(Told { events, requests })
    }
}

impl Told {
    pub(crate) fn outline(&self) -> String {
        outline::outline(&self.events)
    }
}
