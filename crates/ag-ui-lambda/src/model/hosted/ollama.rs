//! Ollama's `api/chat`: what goes out and what comes back, a line at a time.
//!
//! Source: <https://docs.ollama.com/api/chat>.

use serde_json::{Value, json};

use super::conversation::{Asked, Choice, Message};
use super::media::{Part, Place};
use super::opaque;
use super::said::{Piece, Said, Tokens, arguments, count, entries, place, text};
use crate::model::ReasoningKind;
use crate::model::wire;

/// Where reasoning is told: Ollama's own member, and those of servers that are compatible.
const REASONING: &[&str] = &["/message/thinking", "/message/reasoning", "/message/reasoning_content"];

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let system = asked.instructions().map(|text| json!({ "role": "system", "content": text }));
    let messages = asked.messages();
    let messages = system.into_iter().chain(messages.iter().flat_map(written));
    let mut body = json!({ "model": asked.id, "stream": true, "messages": messages.collect::<Vec<_>>() });
    // It can't be told to call none.
    if !matches!(asked.choice(), Some(Choice::None)) {
        let functions = asked.tools("parameters").into_iter();
        let tools: Vec<Value> =
            functions.map(|function| json!({ "type": "function", "function": function })).collect();
        if !tools.is_empty() {
            body["tools"] = tools.into();
        }
    }
    let settings = &asked.request.settings;
    let mut options = json!({});
    if let Some(temperature) = settings.temperature {
        options["temperature"] = temperature.into();
    }
    if let Some(max_tokens) = settings.max_tokens {
        options["num_predict"] = max_tokens.into();
    }
    if !settings.stop.is_empty() {
        options["stop"] = settings.stop.as_slice().into();
    }
    if options != json!({}) {
        body["options"] = options;
    }
    // Models that don't think refuse to be told either way.
    if settings.thinking_tokens.is_some() {
        body["think"] = true.into();
    }
    body
}

fn written(message: &Message<'_>) -> Vec<Value> {
    match message {
        Message::User(parts) => vec![user(parts)],
        Message::Assistant { reasoning, text, calls, .. } => {
            let calls = calls.iter().map(|call| {
                let arguments = wire::arguments(call.arguments);
                let mut call_back = json!({ "function": { "name": call.name, "arguments": arguments } });
                call.signature.iter().for_each(|signature| opaque::put(&mut call_back, signature));
                call_back
            });
            let calls: Vec<Value> = calls.collect();
            let mut message = json!({ "role": "assistant", "content": text.unwrap_or_default() });
            if !calls.is_empty() {
                message["tool_calls"] = calls.into();
            }
            let thoughts: Vec<&str> = reasoning
                .iter()
                .filter(|piece| piece.kind == ReasoningKind::Plain)
                .map(|piece| piece.text.as_str())
                .collect();
            // Each model's template takes of it what the model was trained on.
            if !thoughts.is_empty() {
                message["thinking"] = thoughts.join("\n\n").into();
            }
            for value in reasoning.iter().filter_map(|piece| piece.of_turn()) {
                opaque::put(&mut message, value);
            }
            vec![message]
        }
        Message::Results(results) => {
            let results = results
                .iter()
                .map(|result| json!({ "role": "tool", "tool_name": result.name, "content": result.text }));
            results.collect()
        }
    }
}

fn user(parts: &[Part<'_>]) -> Value {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text(text) => texts.push(*text),
            Part::Medium(medium) => match &medium.place {
                Place::Data { base64, .. } => images.push(*base64),
                Place::Url(_) => {}
            },
        }
    }
    let mut message = json!({ "role": "user", "content": texts.join("\n\n") });
    if !images.is_empty() {
        message["images"] = json!(images);
    }
    message
}

pub(super) fn read(mut line: Value) -> Vec<Said> {
    let mut said = Vec::new();
    let opaque = line.get_mut("message").map(opaque::take).unwrap_or_default();
    if !opaque.is_empty() {
        said.push(Said::Opaque(opaque));
    }
    let reasoning = REASONING.iter().find_map(|name| text(&mut line, name));
    said.extend(reasoning.map(Said::Reasoning));
    said.extend(text(&mut line, "/message/content").map(Said::Text));
    for call in entries(&mut line, "/message/tool_calls") {
        let piece = Piece {
            signature: opaque::take_of_call(call),
            place: place(call, "/function/index"),
            id: text(call, "/id").unwrap_or_default(),
            name: text(call, "/function/name").unwrap_or_default(),
            json: arguments(call, "/function/arguments"),
            ..Piece::default()
        };
        said.push(Said::WholeCall(piece));
    }
    let stop = text(&mut line, "/done_reason");
    if line.get("done").is_some_and(|done| done == true) {
        let stop = stop.unwrap_or_else(|| "stop".into());
        said.extend([Said::Tokens(tokens(&line)), Said::Stop(stop), Said::End]);
    } else {
        said.extend(stop.map(Said::Stop));
    }
    said
}

fn tokens(line: &Value) -> Tokens {
    Tokens {
        input: count(line, "/prompt_eval_count"),
        output: count(line, "/eval_count"),
        // Older servers do not tell it.
        cached: count(line, "/prompt_eval_cached_count"),
        ..Tokens::default()
    }
}
