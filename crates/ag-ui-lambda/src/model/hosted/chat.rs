//! OpenAI's chat completions, and all that are compatible: what goes out and what comes back.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>; where others differ, the line says who.

use serde_json::{Value, json};

use super::conversation::{Asked, Choice, Message};
use super::effort;
use super::media::{Kind, Medium, Part, Place};
use super::opaque;
use super::provider::Back;
use super::said::{Piece, Said, Tokens, arguments, count, place, text};
use crate::model::wire;
use crate::model::{Reasoning, ReasoningKind};

/// How ids of OpenAI's models begin that know no `max_tokens`; compatible servers know nothing else.
const COMPLETION_TOKENS: &[&str] = &["gpt-5", "gpt-6", "o1", "o3", "o4"];

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
    let choices = chunk.get_mut("choices").and_then(Value::as_array_mut);
    let first = |choice: &&mut Value| count(choice, "/index").is_none_or(|index| index == 0);
    if let Some(choice) = choices.into_iter().flatten().find(first) {
        // Some send what is whole as a message.
        if let Some(delta) = ["delta", "message"].into_iter().find(|name| choice[*name].is_object()) {
            told(&mut choice[delta], &mut said);
        }
        said.extend(text(choice, "/finish_reason").map(Said::Stop));
    }
    // Groq has them in a member of its own.
    let counted = ["/usage", "/x_groq/usage"].into_iter().find_map(|at| chunk.pointer(at));
    said.extend(counted.filter(|counted| counted.is_object()).map(|counted| Said::Tokens(tokens(counted))));
    said
}

/// Whether a chunk holds a whole answer, and no piece of one.
pub(super) fn is_whole(chunk: &Value) -> bool {
    let choice = chunk.pointer("/choices/0");
    choice.is_some_and(|choice| !choice["delta"].is_object() && choice["message"].is_object())
}

pub(super) fn is_end(data: &[u8]) -> bool {
    data == b"[DONE]"
}

fn told(delta: &mut Value, said: &mut Vec<Said>) {
    let opaque = opaque::take(delta);
    // Google marks a thought by this, and sends it as text.
    let is_thought = opaque
        .get("extra_content")
        .is_some_and(|extra| extra.pointer("/google/thought").is_some_and(|thought| thought == true));
    if is_thought {
        said.extend(text(delta, "/content").map(Said::Reasoning));
    } else if !opaque.is_empty() {
        said.push(Said::Opaque(opaque));
    }
    let reasoning = text(delta, "/reasoning_content").or_else(|| text(delta, "/reasoning"));
    said.extend(reasoning.map(Said::Reasoning));
    match delta.get_mut("content").map(Value::take) {
        Some(Value::String(text)) if !text.is_empty() => said.push(Said::Text(text)),
        // Mistral sends chunks of two kinds.
        Some(Value::Array(chunks)) => {
            for mut chunk in chunks {
                if let Some(Value::Array(thoughts)) = chunk.get_mut("thinking").map(Value::take) {
                    let thoughts = thoughts.into_iter().filter_map(|mut thought| text(&mut thought, "/text"));
                    said.extend(thoughts.map(Said::Reasoning));
                }
                said.extend(text(&mut chunk, "/text").map(Said::Text));
            }
        }
        _ => {}
    }
    said.extend(text(delta, "/refusal").map(Said::Text));
    for call in delta.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
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
