//! Answers to interrupts: a call that waits for a person runs only with the id that was issued for it, unchanged, and with
//! the arguments that the person has seen.

use std::sync::atomic::{AtomicU64, Ordering};

use ag_ui_lambda::Endpoint;
use ag_ui_lambda::auth::{AuthMode, Claims};
use ag_ui_lambda::model::{Script, Scripted, Turn};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use test_support::conversation::Conversation;
use tokio::runtime::Runtime;

use super::Session;
use super::agents::{Ledger, agent, paused_runtime, run_request};
use crate::breakage::{break_bytes, break_value, hostile_text, hostile_value, to_text};
use crate::choices::Choices;
use crate::responses::{Outcome, serve};
use crate::valid::read_json;

/// A run that has ended with an interrupt: what the client sends next, and what the tool then gets.
struct Waiting {
    /// The input of the next run, with the answer that lets the call run.
    input: Value,
    /// What the ledger has after it.
    ledger: (&'static str, Value),
}

/// Prepares the target: one call waits for an approval, and one for an answer.
pub(super) fn start(_: u64) -> Session {
    let runtime = paused_runtime();
    let ledger = Ledger::default();
    let endpoint = runtime.block_on(async { endpoint(&ledger) });
    let approved = json!({ "approved": true });
    let waiting = [
        interrupted(&runtime, &endpoint, "refund", &approved),
        interrupted(&runtime, &endpoint, "ask", &json!({ "size": 40 })),
    ];
    for (waiting, expected) in
        waiting.iter().zip([("refund", json!({ "amount": 5.0 })), ("ask", json!({ "size": 40 }))])
    {
        runtime.block_on(serve(&endpoint, run_request(waiting.input.to_string().into()))).unwrap();
        assert_eq!(ledger.lock().unwrap().pop(), Some(expected), "the unchanged answer lets the call run");
    }
    Box::new(move |choices| {
        let waiting = choices.one_of(&waiting);
        let body = match choices.raw() {
            Some(raw) => raw.to_vec(),
            None => broken(choices, &waiting.input),
        };
        choices.show("body", &body);
        let served = runtime.block_on(serve(&endpoint, run_request(body.clone())))?;
        let ran: Vec<(&'static str, Value)> = ledger.lock().unwrap().drain(..).collect();
        if !ran.is_empty() {
            check_that_it_may_run(&body, waiting, &ran)?;
        }
        Ok(if ran.is_empty() { Outcome::Refused } else { served.outcome })
    })
}

/// Creates the endpoint. Its model calls the tool that the user names.
fn endpoint(ledger: &Ledger) -> Endpoint<()> {
    let calls = AtomicU64::new(0);
    let model = Scripted::new(move |request| {
        // An id that no other call has, as providers choose it.
        let id = format!("call-{}", calls.fetch_add(1, Ordering::Relaxed));
        match (request.history.last(), request.last_user_text().as_str()) {
            (Some(Turn::User(_)), "refund") => Script::new().call(&id, "refund", &json!({ "amount": 5 })),
            (Some(Turn::User(_)), "ask") => Script::new().call(&id, "ask", &json!({})),
            _ => Script::new().text("Done."),
        }
    });
    let agent = agent(model, ledger).build().unwrap();
    Endpoint::builder(agent, |_: &Claims| Ok(())).require(AuthMode::Authorizer).build().unwrap()
}

/// Runs until the call of this tool waits, and returns the next input.
fn interrupted(runtime: &Runtime, endpoint: &Endpoint<()>, tool: &'static str, answer: &Value) -> Waiting {
    let question = json!({ "id": "u1", "role": "user", "content": tool });
    let input = json!({ "threadId": "t", "runId": "r1", "protocolVersion": "1.0", "messages": [question] });
    let served = runtime.block_on(serve(endpoint, run_request(input.to_string().into()))).unwrap();
    let mut messages = Conversation(vec![question]);
    served.events.iter().for_each(|event| messages.apply(event));
    let interrupt = served.events.last().unwrap()["outcome"]["interrupts"][0]["id"].clone();
    let answered = json!({ "interruptId": interrupt, "status": "resolved", "payload": answer });
    let input = json!({ "threadId": "t", "runId": "r2", "protocolVersion": "1.0", "messages": messages.0,
        "resume": [answered] });
    let got = if tool == "refund" { json!({ "amount": 5.0 }) } else { answer.clone() };
    Waiting { input, ledger: (tool, got) }
}

/// Breaks the id of the interrupt, the answer, the history, or the text.
fn broken(choices: &mut Choices<'_>, input: &Value) -> Vec<u8> {
    let mut input = input.clone();
    match choices.number(8) {
        0 => {}
        1..=3 => {
            let id = input["resume"][0]["interruptId"].as_str().unwrap_or_default().to_owned();
            input["resume"][0]["interruptId"] = broken_id(choices, &id).into();
        }
        4 => break_value(choices, &mut input["resume"]),
        5 => {
            let arguments = *choices.one_of(&[
                "{\"amount\":5000}",
                "{\"amount\":5,\"to\":\"me\"}",
                "{}",
                "{\"amount\":5.0}",
                "",
            ]);
            if let Some(call) = input.pointer_mut("/messages/1/toolCalls/0/function/arguments") {
                *call = arguments.into();
            }
        }
        6 => break_value(choices, &mut input["messages"]),
        _ => {
            let member = *choices.one_of(&["threadId", "runId", "state", "tools", "protocolVersion"]);
            input[member] = hostile_value(choices);
        }
    }
    to_text(choices, &input)
}

/// Breaks the id of an interrupt: a part of it, the text in a part, or the order of the parts.
fn broken_id(choices: &mut Choices<'_>, id: &str) -> String {
    let mut parts: Vec<String> = id.split('.').map(ToOwned::to_owned).collect();
    let (index, other) = (choices.number(parts.len()), choices.number(parts.len()));
    match choices.number(9) {
        0 => parts.swap(index, other),
        1 => parts[index] = String::new(),
        2 => drop(parts.remove(index)),
        3 => parts.insert(index, hostile_text(choices)),
        4 => parts[index] = format!("0{}", parts[index]),
        5 => parts[index] = parts[index].to_uppercase(),
        6 => parts[index] += "=",
        7 => parts[0] = (*choices.one_of(&["agui1", "agui3", "agui2 ", ""])).to_owned(),
        _ => {
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&parts[index]).unwrap_or_default();
            break_bytes(choices, &mut bytes);
            parts[index] = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        }
    }
    parts.join(".")
}

/// Checks that the call that has run was allowed: the answer has the id that was issued, and the tool got what it may get.
fn check_that_it_may_run(
    body: &[u8],
    waiting: &Waiting,
    ran: &[(&'static str, Value)],
) -> Result<(), String> {
    let input = read_json(body).ok_or("a call has run, and the body is not JSON")?;
    let issued = &waiting.input["resume"][0]["interruptId"];
    let answers = input["resume"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !answers.iter().any(|answer| answer["interruptId"] == *issued) {
        return Err(format!("a call has run with an id that was not issued: {ran:?}"));
    }
    if ran.len() > 1 {
        return Err(format!("a call has run more than once: {ran:?}"));
    }
    let (tool, got) = &ran[0];
    let is_expected = match *tool {
        // The answer of the person is not signed.
        "ask" => got["size"].as_u64().is_some_and(|size| (36..=46).contains(&size)),
        _ => *got == waiting.ledger.1,
    };
    if is_expected && *tool == waiting.ledger.0 {
        Ok(())
    } else {
        Err(format!("a call has run that was not approved: {ran:?}"))
    }
}
