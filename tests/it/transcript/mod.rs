//! The transcript: clients accept the order of its events after any sequence of calls.

mod interrupts;
mod messages;
mod predictions;
mod random_runs;
mod state;

use ag_ui_lambda::protocol::{Event, FunctionCall, Interrupt, Prediction, ToolCall};
use ag_ui_lambda::transcript::{RunError, SequentialIds, Transcript};
use serde_json::Value;

use crate::support::event_order;
use crate::support::outline::outline;

/// Begins a run with sequential ids.
fn begin_run() -> Transcript<SequentialIds> {
    Transcript::begin("t".into(), "r".into(), SequentialIds::default())
}

/// Converts events to JSON.
pub(crate) fn values(events: impl IntoIterator<Item = Event>) -> Vec<Value> {
    events.into_iter().map(|event| serde_json::to_value(event).unwrap()).collect()
}

/// Checks the order of the events of a complete run, and formats them.
fn checked_outline(events: impl IntoIterator<Item = Event>) -> String {
    let events = values(events);
    assert_eq!(event_order::check(&events), Ok(()), "\n{}", outline(&events));
    outline(&events)
}

/// Returns the reason for which a run is cancelled.
pub(crate) fn cancelled(code: &'static str) -> RunError {
    RunError { code, message: "The run was stopped." }
}

/// Returns an interrupt for a call.
pub(crate) fn interrupt(id: &str, call: &str) -> Interrupt {
    Interrupt {
        id: id.into(),
        reason: "tool_call".into(),
        message: None,
        tool_call_id: Some(call.into()),
        response_schema: None,
        expires_at: None,
        metadata: None,
        subagent_run_id: None,
    }
}

/// Returns a call as it stands in the history of the next run.
pub(crate) fn earlier_call(id: &str, tool: &str) -> ToolCall {
    let function = FunctionCall { name: tool.into(), arguments: "{}".into() };
    ToolCall { id: id.into(), function, encrypted_value: None, metadata: None }
}

/// Returns the members of an object.
pub(crate) fn object(value: Value) -> serde_json::Map<String, Value> {
    let Value::Object(members) = value else { panic!("an object") };
    members
}

/// Predicts a member of the state from an argument of `write`.
fn prediction(state_key: &str, tool_argument: &str) -> Prediction {
    Prediction { state_key: state_key.into(), tool: "write".into(), tool_argument: tool_argument.into() }
}

/// Returns a run with this state, whose member `document` is predicted from the argument `text` of `write`.
pub(crate) fn predicting(state: Value) -> Transcript<SequentialIds> {
    begin_run().with_state(state).with_predictions(vec![prediction("document", "text")])
}
