//! OpenAI's chat completions, and all that are compatible: what goes out and what comes back.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>; where others differ, the line says who.

use serde_json::{Map, Value, json};

use super::conversation::{Asked, Choice, Message};
use super::effort::effort;
use super::media::{Kind, Medium, Part, Place};
use super::opaque;
use super::provider::Back;
use super::said::{Piece, Said, Tokens, arguments, count, entries, place, text};
use crate::model::wire;
use crate::model::{Reasoning, ReasoningKind};

/// How ids of OpenAI's models begin that know no `max_tokens`; compatible servers know nothing else.
const COMPLETION_TOKENS: &[&str] = &["gpt-5", "gpt-6", "o1", "o3", "o4"];

/// Where servers tell reasoning as a text.
const REASONING: &[&str] = &["/reasoning_content", "/reasoning", "/reasoning_text", "/thinking", "/thought"];

/// More calls than a choice has.
const CALLS_OF_A_CHOICE: usize = 1_000_000;

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let system = asked.instructions().map(|text| json!({ "role": "system", "content": text }));
    let messages = asked.messages();
    let messages = system.into_iter().chain(messages.iter().flat_map(|message| written(asked, message)));
    let mut body = json!({
        "model": asked.id,
        "stream": true,
        "messages": messages.collect::<Vec<_>>(),
    });
    if asked.provider.adapter != "mistral" {
        // Mistral tells tokens unasked, and refuses to be asked.
        body["stream_options"] = json!({ "include_usage": true });
    }
    let functions = asked.tools("parameters").into_iter();
    let tools: Vec<Value> =
        functions.map(|function| json!({ "type": "function", "function": function })).collect();
    if !tools.is_empty() {
        body["tools"] = tools.into();
    }
    if let Some(choice) = asked.choice() {
        body["tool_choice"] = match choice {
            Choice::None => "none".into(),
            Choice::Any => "required".into(),
            Choice::This(name) => json!({ "type": "function", "function": { "name": name } }),
        };
    }
    let settings = &asked.request.settings;
    if let Some(temperature) = settings.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(max_tokens) = settings.max_tokens {
        let id = asked.id.trim_start_matches("ft:");
        let is_completion = COMPLETION_TOKENS.iter().any(|start| id.starts_with(start));
        body[if is_completion { "max_completion_tokens" } else { "max_tokens" }] = max_tokens.into();
    }
    if !settings.stop.is_empty() {
        body["stop"] = settings.stop.as_slice().into();
    }
    if let Some(tokens) = settings.thinking_tokens {
        body["reasoning_effort"] = effort(tokens).into();
        if asked.provider.adapter == "deepseek" {
            body["thinking"] = json!({ "type": "enabled" });
        }
    }
    body
}

fn written(asked: &Asked<'_>, message: &Message<'_>) -> Vec<Value> {
    match message {
        Message::User(parts) => vec![json!({ "role": "user", "content": user(parts) })],
        Message::Assistant { reasoning, text, calls, is_in_loop } => {
            let calls = calls.iter().map(|call| {
                let function =
                    json!({ "name": call.name, "arguments": wire::arguments_text(call.arguments) });
                let mut written = json!({ "type": "function", "id": call.id, "function": function });
                call.signature.iter().for_each(|signature| opaque::put(&mut written, signature));
                written
            });
            let calls: Vec<Value> = calls.collect();
            let mut message = json!({ "role": "assistant", "content": text });
            if !calls.is_empty() {
                message["tool_calls"] = calls.into();
            }
            for value in reasoning.iter().filter_map(|piece| piece.of_turn()) {
                opaque::put(&mut message, value);
            }
            // Where the details go back they hold the text, too.
            if *is_in_loop && message.get("reasoning_details").is_none() {
                think(asked.provider.back, reasoning, &mut message);
            }
            vec![message]
        }
        Message::Results(results) => {
            let result = results
                .iter()
                .map(|result| json!({ "role": "tool", "tool_call_id": result.id, "content": result.text }));
            result.collect()
        }
    }
}

/// Unsigned reasoning, back in the form that the provider wants it in.
fn think(back: Back, reasoning: &[&Reasoning], message: &mut Value) {
    let plain = reasoning.iter().filter(|piece| piece.kind == ReasoningKind::Plain);
    let text = plain.map(|piece| piece.text.as_str()).collect::<Vec<_>>().join("\n\n");
    match back {
        _ if text.is_empty() => {}
        Back::No => {}
        Back::Field => message["reasoning_content"] = text.into(),
        Back::Chunk => {
            let mut chunks =
                vec![json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] })];
            if let Value::String(text) = message["content"].take() {
                chunks.push(json!({ "type": "text", "text": text }));
            }
            message["content"] = chunks.into();
        }
    }
}

fn user(parts: &[Part<'_>]) -> Value {
    match parts {
        [Part::Text(text)] => (*text).into(),
        parts => parts.iter().map(part).collect(),
    }
}

fn part(part: &Part<'_>) -> Value {
    let medium = match part {
        Part::Text(text) => return json!({ "type": "text", "text": text }),
        Part::Medium(medium) => medium,
    };
    match medium {
        Medium { kind: Kind::Audio, place: Place::Data { media_type, base64 } } => {
            let format = media_type.rsplit('/').next();
            json!({ "type": "input_audio", "input_audio": { "data": base64, "format": format } })
        }
        Medium { kind: Kind::Pdf, .. } => {
            json!({ "type": "file", "file": { "filename": "document.pdf", "file_data": medium.url() } })
        }
        _ => json!({ "type": "image_url", "image_url": { "url": medium.url() } }),
    }
}

pub(super) fn read(mut chunk: Value) -> Vec<Said> {
    let mut said = Vec::new();
    for (at, choice) in entries(&mut chunk, "/choices").enumerate() {
        let index = place(choice, "/index").unwrap_or(at);
        let of_choice = read_choice(choice);
        match index {
            0 => said.extend(of_choice),
            // Some gateways put text into the first choice, and calls into another.
            _ => said.extend(of_choice.into_iter().filter_map(|said| of_other_choice(index, said))),
        }
    }
    // Groq has them in a member of its own.
    let counted = ["/usage", "/x_groq/usage"].into_iter().find_map(|at| chunk.pointer(at));
    said.extend(counted.filter(|counted| counted.is_object()).map(|counted| Said::Tokens(tokens(counted))));
    said
}

pub(super) fn is_end(data: &[u8]) -> bool {
    data == b"[DONE]"
}

fn read_choice(choice: &mut Value) -> Vec<Said> {
    // Some have beside the delta what belongs into it. The gateway's own fields are not the provider's.
    let mut opaque = opaque::take(choice);
    opaque.remove("provider_specific_fields");
    let mut said = told_in(opaque);
    if choice["delta"].is_object() {
        told(&mut choice["delta"], &mut said);
    } else if choice["message"].is_object() {
        let mut message = Vec::new();
        told(&mut choice["message"], &mut message);
        said.push(Said::Message(message));
    }
    said.extend(text(choice, "/finish_reason").map(Said::Stop));
    said
}

/// What counts of another choice than the first. Its calls are those of places of their own.
fn of_other_choice(index: usize, said: Said) -> Option<Said> {
    match said {
        Said::Call(piece) => {
            let place = index.saturating_mul(CALLS_OF_A_CHOICE).saturating_add(piece.place.unwrap_or(0));
            Some(Said::OtherCall(Piece { place: Some(place), ..piece }))
        }
        Said::Stop(word) => Some(Said::OtherStop(word)),
        _ => None,
    }
}

fn told(delta: &mut Value, said: &mut Vec<Said>) {
    let mut opaque = opaque::take(delta);
    // Google marks a thought by this, and sends it as text.
    let google = opaque.get_mut("extra_content").and_then(|extra| extra.get_mut("google"));
    let mark = google.and_then(Value::as_object_mut).and_then(|google| google.remove("thought"));
    let is_thought = mark.is_some_and(|thought| thought == true);
    if opaque.get("extra_content").is_some_and(|extra| *extra == json!({ "google": {} })) {
        opaque.remove("extra_content");
    }
    said.extend(told_in(opaque));
    said.extend(REASONING.iter().find_map(|name| text(delta, name)).map(Said::Reasoning));
    if let Some(content) = delta.get_mut("content") {
        told_as_content(content.take(), is_thought, said);
    }
    said.extend(text(delta, "/refusal").map(Said::Text));
    let before = said.len();
    for call in entries(delta, "/tool_calls") {
        let signature = opaque::take_of_call(call);
        said.push(Said::Call(Piece {
            signature,
            place: place(call, "/index"),
            id: text(call, "/id").unwrap_or_default(),
            name: text(call, "/function/name").unwrap_or_default(),
            json: arguments(call, "/function/arguments"),
            ..Piece::default()
        }));
    }
    // The form before there were several calls; some tell both.
    if said.len() == before && delta.get("function_call").is_some_and(Value::is_object) {
        said.push(Said::Call(Piece {
            name: text(delta, "/function_call/name").unwrap_or_default(),
            json: arguments(delta, "/function_call/arguments"),
            ..Piece::default()
        }));
    }
}

/// Members that only the provider can read; the reasoning in them is shown where nothing else tells it.
fn told_in(opaque: Map<String, Value>) -> Vec<Said> {
    let reasoning = opaque::reasoning(&opaque).map(Said::OpaqueReasoning);
    let opaque = (!opaque.is_empty()).then_some(Said::Opaque(opaque));
    opaque.into_iter().chain(reasoning).collect()
}

/// Content is a text, or chunks of text and of reasoning. Mistral's chunks of reasoning hold chunks of text.
fn told_as_content(content: Value, is_thought: bool, said: &mut Vec<Said>) {
    match content {
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => said.push(if is_thought { Said::Reasoning(text) } else { Said::Text(text) }),
        Value::Array(chunks) => {
            chunks.into_iter().for_each(|chunk| told_as_content(chunk, is_thought, said));
        }
        Value::Object(mut chunk) => {
            if let Some(thoughts) = chunk.remove("thinking") {
                told_as_content(thoughts, true, said);
            }
            if let Some(text @ Value::String(_)) = chunk.remove("text") {
                told_as_content(text, is_thought, said);
            }
        }
        _ => {}
    }
}

fn tokens(usage: &Value) -> Tokens {
    let (input, output) = (count(usage, "/prompt_tokens"), count(usage, "/completion_tokens"));
    let reasoning = count(usage, "/completion_tokens_details/reasoning_tokens");
    // xAI leaves reasoning out of what was written.
    let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
    let with_reasoning = sum(output, reasoning);
    let is_apart = reasoning > Some(0) && sum(input, with_reasoning) == count(usage, "/total_tokens");
    // DeepSeek and Moonshot have names of their own for what was cached.
    let cached = ["/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens", "/cached_tokens"];
    Tokens {
        input,
        output: if is_apart { with_reasoning } else { output },
        reasoning,
        cached: cached.into_iter().find_map(|at| count(usage, at)),
        cache_written: None,
    }
}
