//! Bodies of requests that take as much memory as a client can make a function use, for a test and for the bench.

use ag_ui_dev::provider::Wire;
use serde_json::{Value, json};

use crate::provider::model;

/// A body that takes much memory.
#[expect(clippy::exhaustive_structs, reason = "tests take it apart")]
pub struct Row {
    /// What is in the body, and how large it is.
    pub name: String,
    /// The program that it is sent to.
    pub program: &'static str,
    /// Whether the program asks a provider, and not the scripted model.
    pub has_provider: bool,
    /// The body.
    pub body: String,
}

/// The sizes of the bodies: the smallest one for which the memory is promised, and the largest one that is accepted.
const SIZES: [usize; 2] = [256 * 1024, 6 * 1024 * 1024 - 4096];

/// How many objects with one member an input may have by default, in the places that are read as values.
const MOST_OBJECTS: usize = 690;

/// Returns an input with one short message of the user.
pub fn small() -> String {
    input(&[user("Hello")], &json!({})).to_string()
}

/// Returns an input that the scripted model answers with some hundred words.
pub fn long_question() -> String {
    input(&[user(&"word ".repeat(300))], &json!({})).to_string()
}

/// Returns all rows.
pub fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = SIZES.into_iter().flat_map(rows_of_size).collect();
    let state = |bytes: usize| {
        let input = input(&[user("Please improve the recipe")], &json!({ "state": { "x": "@@" } }));
        with_text(&input, &objects(bytes))
    };
    let tool = json!({ "tools": [{ "name": "t1", "description": "d", "parameters": "@@" }] });
    for bytes in [256_000, 4_200_000] {
        rows.push(at_provider(
            "one schema",
            with_text(&input(&[user("Hello")], &tool), &schema_of(&objects(bytes))),
        ));
    }
    // As much as is accepted: the text makes the body long enough.
    let most = objects(MOST_OBJECTS * 7);
    let schema_and_text = input(&[user(&"x".repeat(240_000))], &tool);
    rows.push(at_provider("the largest schema", with_text(&schema_and_text, &schema_of(&most))));
    let question = format!("Please improve the recipe {}", "x".repeat(240_000));
    let state_and_text = input(&[user(&question)], &json!({ "state": { "x": "@@" } }));
    rows.push(scripted("the largest state", "dojo", with_text(&state_and_text, &most)));
    rows.push(at_provider("3,700 calls", input(&calls(3700), &json!({})).to_string()));
    rows.push(scripted("state that a tool sets", "dojo", state(256_000)));
    rows.push(scripted("state that a tool sets", "dojo", state(1_630_000)));
    rows.push(at_provider("60,000 names of calls", input(&calls(60_000), &json!({})).to_string()));
    rows.push(at_provider("a long history", long_history(5_500_000)));
    rows
}

/// Returns a history of messages of 2,000 characters, of about this many bytes.
pub fn long_history(bytes: usize) -> String {
    let mut messages = Vec::new();
    for index in 0..bytes / 4080 {
        messages.push(json!({ "id": format!("u{index}"), "role": "user", "content": "x".repeat(2000) }));
        messages.push(json!({ "id": format!("a{index}"), "role": "assistant", "content": "y".repeat(2000) }));
    }
    messages.push(user("Hello"));
    input(&messages, &json!({})).to_string()
}

/// Returns the rows of bodies of about this many bytes.
fn rows_of_size(bytes: usize) -> Vec<Row> {
    let anywhere = |members: Value| with_text(&input(&[user("Hello")], &members), &objects(bytes));
    let in_message = |name: &str, resume: Value| {
        let mut message = user("Hello");
        message[name] = json!({ "x": "@@" });
        with_text(&input(&[message], &json!({ "resume": resume })), &objects(bytes))
    };
    let answers = json!([{ "interruptId": "i", "status": "resolved" }]);
    let arguments = |array: String| {
        let call = json!({ "id": "c0", "type": "function", "function": { "name": "f", "arguments": format!("{{\"a\":{array}}}") } });
        let messages = [
            user("Go"),
            json!({ "id": "a0", "role": "assistant", "toolCalls": [call] }),
            json!({ "id": "x0", "role": "tool", "toolCallId": "c0", "content": "done" }),
            user("Hello"),
        ];
        input(&messages, &json!({})).to_string()
    };
    let unanswered = |name: &str, arguments: &str| {
        let call =
            json!({ "id": "c0", "type": "function", "function": { "name": name, "arguments": arguments } });
        let messages =
            [user("Go"), json!({ "id": "a0", "role": "assistant", "toolCalls": [call] }), user("Hello")];
        input(&messages, &json!({})).to_string()
    };
    let parts = vec![json!({ "type": "text", "text": "x" }); bytes / 27];
    let context = vec![json!({ "description": "a", "value": "b" }); bytes / 32];
    let tools: Vec<Value> =
        (0..bytes / 35).map(|index| json!({ "name": format!("t{index}"), "description": "" })).collect();
    let minimal = json!({ "id": "", "role": "user", "content": "x" });
    vec![
        scripted("plain text", "ag-ui-lambda", input(&[user(&"x".repeat(bytes))], &json!({})).to_string()),
        scripted("forwardedProps", "ag-ui-lambda", anywhere(json!({ "forwardedProps": "@@" }))),
        scripted("an unknown member", "ag-ui-lambda", anywhere(json!({ "mood": "@@" }))),
        scripted("metadata", "ag-ui-lambda", in_message("metadata", json!([]))),
        scripted("an unknown member of a message", "ag-ui-lambda", in_message("mood", answers)),
        at_provider("plain text", input(&[user(&"x".repeat(bytes))], &json!({})).to_string()),
        at_provider("minimal messages", input(&vec![minimal; bytes / 40], &json!({})).to_string()),
        at_provider(
            "minimal parts",
            input(&[json!({ "id": "u", "role": "user", "content": parts })], &json!({})).to_string(),
        ),
        at_provider("context entries", input(&[user("Hello")], &json!({ "context": context })).to_string()),
        // Half of it is escaped where the model reads it.
        at_provider(
            "the text of a context entry",
            input(
                &[user("Hello")],
                &json!({ "context": [{ "description": "a", "value": "<a".repeat(bytes / 2 - 100) }] }),
            )
            .to_string(),
        ),
        at_provider("tools", input(&[user("Hello")], &json!({ "tools": tools })).to_string()),
        // A quote takes two bytes in the text of the arguments.
        at_provider("arguments of objects", arguments(objects(bytes * 3 / 4))),
        at_provider("arguments of arrays", arguments(format!("[{}]", vec!["[]"; bytes / 3].join(",")))),
        at_provider("values of a provider", provider_values(bytes)),
        // Its tool needs an approval, so that the placeholder for its result is signed with the arguments.
        at_provider(
            "arguments of a gated call",
            unanswered("refund_order", &format!("{{\"a\":{}}}", objects(bytes * 3 / 4))),
        ),
        scripted("the result of a client's tool", "ag-ui-lambda", result_of_client(bytes)),
        scripted(
            "arrays in a context entry",
            "ag-ui-lambda",
            input(&[user("Hello")], &json!({ "context": [{ "description": "a", "value": arrays(bytes) }] }))
                .to_string(),
        ),
    ]
    .into_iter()
    .map(|row| Row { name: format!("{}, {} kB", row.name, bytes / 1000), ..row })
    .collect()
}

/// Returns an input in which a client has made up values of the provider, for a message and for calls, on each wire.
fn provider_values(bytes: usize) -> String {
    let mut messages = vec![user("Go")];
    let mut results = Vec::new();
    let kept = |wire: Wire, place: &str, name: &str| {
        let members = format!(r#"{{"{name}":{}}}"#, arrays(bytes / (4 * Wire::ALL.len()) - 300));
        json!({ "model": model(wire), place: members }).to_string()
    };
    for (index, wire) in Wire::ALL.into_iter().enumerate() {
        let call = |name: &str, member: &str| {
            let function = json!({ "name": "f", "arguments": "{}" });
            json!({ "id": format!("{name}{index}"), "type": "function", "function": function,
                "encryptedValue": kept(wire, "signature", member) })
        };
        let calls = [call("c", "a"), call("d", "signature")];
        results.extend(calls.iter().map(|call| {
            let id = call["id"].as_str().unwrap_or_default();
            json!({ "id": format!("x{id}"), "role": "tool", "toolCallId": id, "content": "1" })
        }));
        messages.push(json!({ "id": format!("a{index}"), "role": "assistant", "content": "Hi.",
            "encryptedValue": kept(wire, "turn", "a") }));
        messages.push(json!({ "id": format!("b{index}"), "role": "assistant", "toolCalls": calls,
            "encryptedValue": kept(wire, "turn", "reasoning_details") }));
    }
    messages.append(&mut results);
    input(&messages, &json!({})).to_string()
}

/// Returns an input whose last message is the result of a tool of the client, which the scripted model repeats in words.
fn result_of_client(bytes: usize) -> String {
    let call = json!({ "id": "c0", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let messages = [
        user("Go"),
        json!({ "id": "a0", "role": "assistant", "toolCalls": [call] }),
        json!({ "id": "x0", "role": "tool", "toolCallId": "c0", "content": arrays(bytes) }),
    ];
    let tools = json!({ "tools": [{ "name": "f", "description": "" }] });
    input(&messages, &tools).to_string()
}

/// Returns a row that is sent to the template's function with a provider.
fn at_provider(name: &str, body: String) -> Row {
    Row { name: name.to_owned(), program: "ag-ui-lambda", has_provider: true, body }
}

/// Returns a row that is sent to a program with the scripted model.
fn scripted(name: &str, program: &'static str, body: String) -> Row {
    Row { name: name.to_owned(), program, has_provider: false, body }
}

/// Returns an input with these messages and more members.
fn input(messages: &[Value], members: &Value) -> Value {
    let mut input = json!({ "threadId": "t", "runId": "r", "protocolVersion": "1.0", "messages": messages });
    for (name, value) in members.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    input
}

/// Returns a message of the user.
fn user(text: &str) -> Value {
    json!({ "id": "u1", "role": "user", "content": text })
}

/// Returns messages with this many calls, each of another tool.
fn calls(count: usize) -> Vec<Value> {
    let call = |index: usize| {
        let function = json!({ "name": format!("n{index}"), "arguments": "" });
        json!({ "id": format!("c{index}"), "type": "function", "function": function })
    };
    let calls: Vec<Value> = (0..count).map(call).collect();
    vec![user("Go"), json!({ "id": "a0", "role": "assistant", "toolCalls": calls }), user("Hello")]
}

/// Returns the text of a schema that has this text of an array in it.
fn schema_of(array: &str) -> String {
    format!(r#"{{"type":"object","properties":{{"a":{{"enum":{array}}}}}}}"#)
}

/// Returns the text of an array of objects with one member, of about this many bytes. Nothing is larger in memory.
fn objects(bytes: usize) -> String {
    format!("[{}]", vec![r#"{"":0}"#; bytes / 7].join(","))
}

/// Returns the text of an array of arrays with one number, of about this many bytes. Its text has no quotes, so it is as long
/// in a string.
fn arrays(bytes: usize) -> String {
    format!("[{}]", vec!["[0]"; bytes / 4].join(","))
}

/// Returns the text of an input in which the string `@@` is replaced by a JSON text.
fn with_text(input: &Value, text: &str) -> String {
    input.to_string().replace("\"@@\"", text)
}
