//! What one run has shown to the client of a test.

use serde_json::Value;

use crate::agent::RunOutcome;
use crate::protocol::{Event, Interrupt, ToolCallId};

/// What a client has received of one run. [`TestClient::says`](super::TestClient::says) returns it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Run {
    /// How the run ended: in success, with interrupts, cancelled with a reason such as `MAX_TURNS`, or failed with a code.
    pub outcome: RunOutcome,
    /// All events, in the order in which they were sent.
    pub events: Vec<Event>,
    /// The text that the agent wrote. The texts of several messages are joined by line breaks.
    pub text: String,
    /// The tool calls that began or got their result in this run, in this order. A call that waits for a person has no result,
    /// and it is also in the run that answers.
    pub calls: Vec<RunCall>,
    /// The client's copy of the shared state after the run. It is `{}` if neither the client nor a tool has set it.
    pub state: Value,
    /// What the run has asked a person for, in the order of the calls. The next run has to answer all of it.
    pub interrupts: Vec<Interrupt>,
    /// The member `result` of RUN_FINISHED.
    pub result: Option<Value>,
    /// The code of RUN_ERROR, or its message if it has no code; `None` if the run did not fail. A run that was cancelled did
    /// not fail: see [`outcome`](Self::outcome).
    pub error: Option<String>,
}

/// A tool call of a [`Run`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunCall {
    /// The id of the call.
    pub id: ToolCallId,
    /// The name of the tool.
    pub name: String,
    /// The arguments that the model wrote. They are a string with the model's text if that is not JSON.
    pub arguments: Value,
    /// The text of the result, as the client receives it; `None` if the call has no result.
    pub result: Option<String>,
}

impl Run {
    /// Returns the first call of the tool with this name.
    ///
    /// # Panics
    /// Panics if the run has no such call. The message has the calls and the outcome of the run.
    #[track_caller]
    pub fn call(&self, name: &str) -> &RunCall {
        self.calls.iter().find(|call| call.name == name).unwrap_or_else(|| {
            panic!("the run has no call of {name:?}; {}", self.summary());
        })
    }

    /// Returns the interrupt of a run that has one.
    ///
    /// # Panics
    /// Panics if the run has no interrupt or several. The message has the calls and the outcome of the run.
    #[track_caller]
    pub fn interrupt(&self) -> &Interrupt {
        match self.interrupts.as_slice() {
            [interrupt] => interrupt,
            interrupts => {
                panic!("the run has {} interrupts and not one; {}", interrupts.len(), self.summary())
            }
        }
    }

    /// Describes the calls, the text and the outcome of the run, for the message of a panic.
    fn summary(&self) -> String {
        let calls: Vec<String> =
            self.calls.iter().map(|call| format!("{}({})", call.name, call.arguments)).collect();
        let (calls, outcome) = (calls.join(", "), self.outcome.name());
        let cause = self.outcome.reason().or(self.outcome.code());
        let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        format!("its calls: [{calls}], its text: {:?}, its outcome: {outcome}{cause}", self.text)
    }
}

impl RunCall {
    /// Returns the result as JSON.
    ///
    /// # Panics
    /// Panics if the call has no result or if the result is not JSON.
    #[track_caller]
    pub fn result_json(&self) -> Value {
        match self.result.as_deref().map(serde_json::from_str) {
            Some(Ok(result)) => result,
            Some(Err(_)) => panic!("the result of {:?} is not JSON: {:?}", self.name, self.result),
            None => panic!("the call of {:?} has no result", self.name),
        }
    }
}
