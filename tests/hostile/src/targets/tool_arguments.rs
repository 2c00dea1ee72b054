//! Arguments that a model writes for tools: they are checked against the schema of the tool, and the tool's changes of the
//! shared state are patches that a client can apply.

use std::sync::{Arc, Mutex};

use ag_ui_lambda::Endpoint;
use ag_ui_lambda::auth::{AuthMode, Claims};
use ag_ui_lambda::model::{Script, Scripted};
use serde_json::{Value, json};

use super::Session;
use super::agents::{Ledger, agent, paused_runtime, run_request};
use crate::breakage::{break_value, hostile_text, hostile_value, split, to_text};
use crate::choices::Choices;
use crate::conversations::state;
use crate::responses::{Outcome, serve};

/// Calls of a turn: the name of each tool, and the pieces of its arguments.
type Calls = Vec<(&'static str, Vec<String>)>;

/// Prepares the target.
pub(super) fn start(_: u64) -> Session {
    let runtime = paused_runtime();
    let calls: Arc<Mutex<Calls>> = Arc::default();
    let endpoint = runtime.block_on(async { endpoint(Arc::clone(&calls)) });
    Box::new(move |choices| {
        let turn: Calls = (0..=choices.number(3)).map(|_| call(choices)).collect();
        choices.show("calls", format!("{turn:?}").as_bytes());
        *calls.lock().unwrap() = turn;
        let question = json!({ "id": "u", "role": "user", "content": "Go." });
        let input = json!({ "threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": [question],
            "state": state(choices) });
        let served = runtime.block_on(serve(&endpoint, run_request(input.to_string().into())))?;
        let results = served.events.iter().filter(|event| event["type"] == "TOOL_CALL_RESULT");
        let is_error =
            |result: &Value| result["content"].as_str().is_some_and(|text| text.starts_with("{\"error\""));
        Ok(if results.into_iter().any(is_error) { Outcome::Refused } else { Outcome::Accepted })
    })
}

/// Creates the endpoint. Its model makes the calls, and then ends.
fn endpoint(calls: Arc<Mutex<Calls>>) -> Endpoint<()> {
    let model = Scripted::new(move |_| {
        let calls = std::mem::take(&mut *calls.lock().unwrap());
        calls.iter().enumerate().fold(Script::new().text("Well."), |script, (index, (name, pieces))| {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            // Some providers number the calls of each turn again, or give two calls one id.
            script.call_in_pieces(&format!("c{}", index / 2), name, &pieces)
        })
    });
    let agent = agent(model, &Ledger::default()).build().unwrap();
    Endpoint::builder(agent, |_: &Claims| Ok(())).require(AuthMode::Authorizer).build().unwrap()
}

/// Makes a call: valid arguments that are broken most times, or no JSON at all.
fn call(choices: &mut Choices<'_>) -> (&'static str, Vec<String>) {
    let name = *choices.one_of(&["put", "put", "order", "order", "refund", "ask", "unknown", "PUT"]);
    let mut arguments = match name {
        "order" => {
            json!({ "id": "A-17", "count": 3, "kind": "book", "lines": [{ "text": "a", "lines": [] }], "price": 1.5 })
        }
        "refund" => json!({ "amount": 5 }),
        "ask" => json!({}),
        _ => {
            let pointer = *choices.one_of(&[
                "",
                "/a",
                "/a/-",
                "/a/0",
                "/a/2/b",
                "/recipe/title",
                "/new/x/y",
                "/a/9",
                "x",
                "/~",
            ]);
            json!({ "pointer": pointer, "value": hostile_value(choices) })
        }
    };
    let text = match choices.number(6) {
        0 => hostile_text(choices).into_bytes(),
        1 | 2 => arguments.to_string().into_bytes(),
        _ => {
            break_value(choices, &mut arguments);
            to_text(choices, &arguments)
        }
    };
    let pieces =
        split(choices, &text).iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
    (name, pieces)
}
