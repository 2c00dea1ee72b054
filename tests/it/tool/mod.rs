//! What tools can require of a caller and a call, and what they can send to the client.

mod attribute;
mod authorize;
mod dynamic;
mod names;
mod predictions;
mod progress;
mod refund_order;
mod results;
mod shared_state;
mod signature;

use ag_ui_lambda::model::Script;
use serde_json::{Value, json};

use crate::support::event_order;
use crate::support::scenario::{Caller, Scenario, scenario};

/// Prepares a run that calls this tool once and ends.
fn scenario_calling<T: ag_ui_lambda::Tool<Caller>>(tool: T) -> Scenario {
    let name = tool.name().to_owned();
    scenario([Script::new().call("c1", &name, &json!({})), Script::new()])
        .with_agent(|agent| agent.tool(tool))
}

/// Returns what a client knows after these events.
fn client_after(events: &[Value]) -> event_order::Client {
    event_order::Client::default().read(events).unwrap()
}
