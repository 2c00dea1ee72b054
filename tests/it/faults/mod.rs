//! What happens when something fails. `docs/faults.md` has a row for each fault, with its tests: those in this folder, and others
//! that show a row elsewhere.
//!
//! After each fault the same is checked: what the client has received contains nothing internal, the log contains no secret
//! and no text of the conversation, and the next run in the same process succeeds. The order of the events, with a valid last
//! event, is checked wherever a response is read.

mod clients;
mod clock;
mod deadline;
mod documented_table;
mod frozen;
mod model;
mod same_run;
mod secrets;
mod tools;
mod two_runs;

use serde_json::Value;

use crate::support::function::{Function, TOKEN, send_hello};
use crate::support::secrets::registered;

/// Texts that only the log may have: causes of the faults in these tests, and traces of the program.
const INTERNAL: [&str; 8] = [
    "planted-cause-5c81",
    "on purpose",
    "hunter2",
    "panicked",
    "AccessDenied",
    "127.0.0.1",
    "arn:aws",
    ".rs:",
];

/// Checks what must hold after a fault: nothing internal is in `received`, the texts that the client has received, and the
/// next run in the same process succeeds. The log is checked when the function is dropped.
pub(crate) async fn recovers(function: &Function, received: &[&str]) {
    recovers_with(function, TOKEN, received).await;
}

/// Checks what [`recovers`] does, for a function with this shared token.
async fn recovers_with(function: &Function, token: &str, received: &[&str]) {
    received.iter().for_each(|text| has_nothing_internal(text));
    assert!(function.is_running(), "{:#?}", function.logs());
    let next = send_hello(function, token).await;
    assert_eq!(next.status, 200, "{}", next.text);
    assert_eq!(next.events.last().unwrap()["outcome"]["type"], "success", "{}", next.text);
}

/// Checks that a text which a client has received contains no secret and nothing of the function's inside.
fn has_nothing_internal(text: &str) {
    let found = INTERNAL.into_iter().find(|internal| text.contains(internal));
    assert_eq!(found, None, "{}", &text[..text.floor_char_boundary(5000)]);
    let secrets = registered().clone();
    let found = secrets.iter().find(|secret| text.contains(*secret));
    assert_eq!(found, None, "a secret was sent to the client");
}

/// Returns the code of the error with which a run has ended, the reason for which it was cancelled, or else its outcome.
fn ending(events: &[Value]) -> &str {
    let last = events.last().unwrap();
    let reason = last["metadata"]["ag_ui_lambda"]["reason"].as_str();
    last["code"].as_str().or(reason).or(last["outcome"]["type"].as_str()).unwrap()
}
