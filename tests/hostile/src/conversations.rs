//! Conversations that make sense, as a front end sends them: questions, answers, calls with and without results, client tools.

use serde_json::{Map, Value, json};

use crate::breakage::{break_value, hostile_text, hostile_value};
use crate::choices::Choices;
use crate::opaque_values::{opaque_value, picture_by_address};
use crate::schemas::parameters;

/// Texts of a user. The demo model calls the tool that a message names.
const QUESTIONS: [&str; 12] = [
    "Hello",
    "What is the weather in Tokyo?",
    "/put {\"pointer\": \"/a\", \"value\": 1}",
    "/put {\"pointer\": \"/a/-\", \"value\": {\"b\": []}}",
    "/order {\"id\": \"A-17\", \"count\": 3, \"kind\": \"book\"}",
    "/order",
    "/refund {\"amount\": 5}",
    "/ask {}",
    "/t0",
    "/t1 with words",
    "please use t0 and t1",
    "please fail",
];

/// The names of calls in a history.
const TOOLS: [&str; 6] = ["put", "order", "refund", "t0", "unknown", ""];

/// Makes the input of a run.
pub fn conversation(choices: &mut Choices<'_>) -> Value {
    let mut messages = Vec::new();
    if choices.is_one_in(6) {
        messages.push(json!({ "id": "s", "role": "system", "content": hostile_text(choices) }));
    }
    for turn in 0..choices.number(4) {
        add_turn(choices, &mut messages, turn);
    }
    messages.push(json!({ "id": "u", "role": "user", "content": *choices.one_of(&QUESTIONS) }));
    let mut input = json!({ "threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": messages });
    if choices.is_one_in(2) {
        let count = 1 + choices.number(3);
        input["tools"] = (0..count).map(|index| client_tool(choices, index)).collect();
    }
    if choices.is_one_in(2) {
        input["state"] = state(choices);
    }
    if choices.is_one_in(4) {
        input["context"] = json!([{ "description": hostile_text(choices), "value": hostile_text(choices) }]);
    }
    if choices.is_one_in(8) {
        input["forwardedProps"] = hostile_value(choices);
    }
    if choices.is_one_in(8) {
        let status = *choices.one_of(&["resolved", "cancelled", "postponed"]);
        let answer = json!({ "interruptId": hostile_text(choices), "status": status, "payload": hostile_value(choices) });
        input["resume"] = json!([answer]);
    }
    input
}

/// Makes a client's copy of the shared state.
pub fn state(choices: &mut Choices<'_>) -> Value {
    let mut state =
        json!({ "a": [1, 2, { "b": "c" }], "recipe": { "title": "Soup", "steps": ["cut", "cook"] } });
    if choices.is_one_in(2) {
        break_value(choices, &mut state);
    }
    state
}

/// Makes a tool of the client.
fn client_tool(choices: &mut Choices<'_>, index: usize) -> Value {
    let mut tool = Map::new();
    tool.insert("name".into(), format!("t{index}").into());
    tool.insert("description".into(), "Does something in the page.".into());
    tool.insert("parameters".into(), parameters(choices));
    tool.into()
}

/// Adds a question, and an answer of the assistant with text, reasoning or calls, whose results may be there.
fn add_turn(choices: &mut Choices<'_>, messages: &mut Vec<Value>, turn: usize) {
    let question = match choices.is_one_in(8) {
        true => picture_by_address(choices),
        false => (*choices.one_of(&QUESTIONS)).into(),
    };
    messages.push(json!({ "id": format!("u{turn}"), "role": "user", "content": question }));
    if choices.is_one_in(4) {
        let kept = if choices.is_one_in(4) { hostile_text(choices) } else { opaque_value(choices) };
        messages.push(json!({ "id": format!("r{turn}"), "role": "reasoning", "content": "Well.",
            "encryptedValue": kept }));
    }
    let calls: Vec<Value> = (0..choices.number(3))
        .map(|index| {
            let arguments = hostile_value(choices);
            let arguments = if choices.is_one_in(2) { json!({ "a": arguments }) } else { arguments };
            let function = json!({ "name": *choices.one_of(&TOOLS), "arguments": arguments.to_string() });
            let mut call =
                json!({ "id": format!("c{turn}-{index}"), "type": "function", "function": function });
            if choices.is_one_in(3) {
                call["encryptedValue"] = opaque_value(choices).into();
            }
            call
        })
        .collect();
    let ids: Vec<Value> = calls.iter().map(|call| call["id"].clone()).collect();
    let mut answer = json!({ "id": format!("a{turn}"), "role": "assistant", "content": "Fine." });
    if choices.is_one_in(3) {
        answer["encryptedValue"] = opaque_value(choices).into();
    }
    if !calls.is_empty() {
        answer["toolCalls"] = calls.into();
    }
    messages.push(answer);
    for id in ids {
        if choices.number(4) > 0 {
            let content = hostile_text(choices);
            messages.push(
                json!({ "id": format!("x-{id}"), "role": "tool", "toolCallId": id, "content": content }),
            );
        }
    }
}
