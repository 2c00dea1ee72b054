//! What must hold for every response: a run has one valid end, and a refusal is JSON with a code.

use std::collections::BTreeSet;

use ag_ui_lambda::endpoint::Endpoint;
use ag_ui_lambda::protocol::Event;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use test_support::event_order;

use crate::valid::read_json;

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted.
    Accepted,
    /// It was refused.
    Refused,
}

/// A response, and the events of its run.
pub struct Served {
    /// Whether the request was accepted.
    pub outcome: Outcome,
    /// The events of the run; empty for a refusal.
    pub events: Vec<Value>,
}

/// Sends a request to an endpoint, reads the response to its end and checks it.
///
/// # Errors
/// The rule that the response breaks.
pub async fn serve<C: Send + Sync + 'static>(
    endpoint: &Endpoint<C>,
    request: Request<Bytes>,
) -> Result<Served, String> {
    let input = read_json(request.body());
    let response = endpoint.handle(request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap_or_else(|never| match never {}).to_bytes();
    drop_ended_tasks().await;
    check(status, &body, input.as_ref())
}

/// Lets the runtime drop the tasks that ended with a response. A server does so while it waits for the next request.
pub async fn drop_ended_tasks() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Checks a response to the input of a run; without `input` only the form of the events and the end are checked.
///
/// # Errors
/// The rule that the response breaks.
pub fn check(status: u16, body: &[u8], input: Option<&Value>) -> Result<Served, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the response is not UTF-8")?;
    if status != 200 {
        check_refusal(status, text)?;
        return Ok(Served { outcome: Outcome::Refused, events: Vec::new() });
    }
    if !text.starts_with("data: ") {
        // What the agent offers, or its health.
        serde_json::from_str::<Value>(text).map_err(|error| format!("the response is not JSON: {error}"))?;
        return Ok(Served { outcome: Outcome::Accepted, events: Vec::new() });
    }
    let events = read_events(text)?;
    check_end(&events)?;
    if let Some(input) = input.filter(|input| has_distinct_ids(input)) {
        let client = event_order::Client::for_input(input);
        let client = if input["protocolVersion"].is_string() { client } else { client.legacy() };
        client.read(&events).map_err(|rule| format!("{rule}\n{text}"))?;
    }
    Ok(Served { outcome: Outcome::Accepted, events })
}

/// Checks that a refusal is JSON with a code and a sentence, and no failure of the server.
fn check_refusal(status: u16, text: &str) -> Result<(), String> {
    let body: Value =
        serde_json::from_str(text).map_err(|error| format!("a refusal is not JSON: {error}"))?;
    let is_text = |name: &str| body["error"][name].as_str().is_some_and(|text| !text.is_empty());
    if !is_text("code") || !is_text("message") {
        return Err(format!("a refusal without code or message: {text}"));
    }
    // 501 is for events that are not served.
    if status == 500 || !(400..=501).contains(&status) {
        return Err(format!("a refusal with status {status}: {text}"));
    }
    Ok(())
}

/// Reads the frames of a run. Each must be an event that a client of the protocol can read.
fn read_events(text: &str) -> Result<Vec<Value>, String> {
    let frames = text.split_terminator("\n\n").filter(|frame| !frame.starts_with(':'));
    frames
        .map(|frame| {
            let data = frame.strip_prefix("data: ").ok_or(format!("a frame without data: {frame}"))?;
            let event: Value = serde_json::from_str(data)
                .map_err(|error| format!("a frame is not JSON: {error}: {data}"))?;
            Event::read(event.clone())
                .map_err(|error| format!("a frame is not an event: {error}: {data}"))?;
            Ok(event)
        })
        .collect()
}

/// Checks that a run begins with RUN_STARTED and ends with one event that ends it, and not for a fault of the server.
fn check_end(events: &[Value]) -> Result<(), String> {
    let ends = |event: &&Value| matches!(event["type"].as_str(), Some("RUN_FINISHED" | "RUN_ERROR"));
    let count = events.iter().filter(ends).count();
    // A run that answers interrupts has RUN_FINISHED before RUN_ERROR.
    let is_failed_answer = count == 2
        && events.iter().rev().map(|event| &event["type"]).take(2).eq(["RUN_ERROR", "RUN_FINISHED"]);
    if events.first().is_none_or(|event| event["type"] != "RUN_STARTED") {
        return Err("a run does not begin with RUN_STARTED".into());
    }
    if !events.last().is_some_and(|event| ends(&event)) || !(count == 1 || is_failed_answer) {
        return Err(format!("a run has {count} ends: {events:?}"));
    }
    match events.iter().find(|event| event["code"] == "INTERNAL") {
        Some(event) => Err(format!("a run has failed for a fault of the server: {event}")),
        None => Ok(()),
    }
}

/// Whether the messages and the calls of an input have ids of their own. A client that sends a message of an unknown role
/// without an id, or an id twice, gets it back so, and the rules of a client do not say what that means.
fn has_distinct_ids(input: &Value) -> bool {
    let (mut messages, mut calls) = (BTreeSet::new(), BTreeSet::new());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&input["messages"]).iter().all(|message| {
        message["id"].is_string()
            && messages.insert(message["id"].to_string())
            && list(&message["toolCalls"]).iter().all(|call| calls.insert(call["id"].to_string()))
    })
}
