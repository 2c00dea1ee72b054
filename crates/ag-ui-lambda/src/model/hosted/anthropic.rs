//! Anthropic's Messages, and those compatible: what goes out and what comes back.
//!
//! Source: <https://platform.claude.com/docs/en/api/messages> and its page on streaming.

use serde_json::{Value, json};

use super::conversation::{Asked, Choice, Message, declared};
use super::effort::effort;
use super::media::{Kind, Part, Place};
use super::opaque;
use super::said::{Piece, Said, Tokens, arguments, count, entries, place, text};
use crate::model::claude::{self, LEAST_BUDGET, Thinking};
use crate::model::wire;
use crate::model::{Reasoning, ReasoningKind};

/// Where a tool's schema stands.
const SCHEMA: &str = "input_schema";

/// Tokens left for the answer, where a limit leaves none beside the thinking.
const ROOM_FOR_ANSWER: u32 = 4096;

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let messages: Vec<Value> = asked.messages().iter().map(written).collect();
    let mut body = json!({ "model": asked.id, "stream": true, "messages": messages });
    if let Some(instructions) = asked.instructions() {
        // Tools stand in front of it, and are kept with it.
        let kept = json!({ "type": "ephemeral" });
        body["system"] = json!([{ "type": "text", "text": instructions, "cache_control": kept }]);
    }
    let mut tools = asked.tools(SCHEMA);
    if tools.is_empty() {
        tools = wire::named_by_history(asked.request).iter().map(|tool| declared(tool, SCHEMA)).collect();
    }
    if !tools.is_empty() {
        body["tools"] = tools.into();
    }
    let thinks = think(asked, &mut body);
    match asked.choice() {
        Some(Choice::None) => body["tool_choice"] = json!({ "type": "none" }),
        // It refuses to be forced while it thinks.
        _ if thinks => {}
        Some(Choice::Any) => body["tool_choice"] = json!({ "type": "any" }),
        Some(Choice::This(name)) => body["tool_choice"] = json!({ "type": "tool", "name": name }),
        None => {}
    }
    body
}

/// Sets what thinking has a say in; returns whether the model is told to think.
fn think(asked: &Asked<'_>, body: &mut Value) -> bool {
    let settings = &asked.request.settings;
    // A model that is compatible thinks as most Claudes do.
    let thinking = claude::thinking(asked.id).unwrap_or(Thinking::Budget);
    let may_think = thinking != Thinking::Never && claude::may_think(asked.request, asked.model);
    let tokens = settings.thinking_tokens.filter(|_| may_think);
    let budget = tokens.filter(|_| thinking == Thinking::Budget).map(|tokens| tokens.max(LEAST_BUDGET));
    let limit = settings.max_tokens.unwrap_or_else(|| claude::most_tokens(asked.id));
    // The limit covers the thinking.
    let limit = budget
        .filter(|budget| limit <= *budget)
        .map_or(limit, |budget| budget.saturating_add(ROOM_FOR_ANSWER));
    body["max_tokens"] = limit.into();
    if let Some(budget) = budget {
        body["thinking"] = json!({ "type": "enabled", "budget_tokens": budget });
    } else if let Some(tokens) = tokens {
        body["thinking"] = json!({ "type": "adaptive", "display": "summarized" });
        body["output_config"] = json!({ "effort": effort(tokens) });
    }
    if !settings.stop.is_empty() {
        body["stop_sequences"] = settings.stop.as_slice().into();
    }
    let takes_temperature = tokens.is_none() && thinking != Thinking::Adaptive;
    if let Some(temperature) = settings.temperature.filter(|_| takes_temperature) {
        // Others go up to 2.
        body["temperature"] = temperature.min(1.0).into();
    }
    tokens.is_some()
}

fn written(message: &Message<'_>) -> Value {
    match message {
        Message::User(parts) => {
            let content: Value = match &parts[..] {
                [Part::Text(text)] => (*text).into(),
                parts => parts.iter().map(part).collect(),
            };
            json!({ "role": "user", "content": content })
        }
        Message::Assistant { reasoning, text, calls, .. } => {
            let text = text.map(|text| json!({ "type": "text", "text": text }));
            let calls = calls.iter().map(|call| {
                let mut block = json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": wire::arguments(call.arguments) });
                call.signature.iter().for_each(|signature| opaque::put(&mut block, signature));
                block
            });
            let thoughts = reasoning.iter().filter_map(|piece| thought(piece));
            json!({ "role": "assistant", "content": thoughts.chain(text).chain(calls).collect::<Vec<_>>() })
        }
        Message::Results(results) => {
            let results = results.iter().map(
                |result| json!({ "type": "tool_result", "tool_use_id": result.id, "content": result.text }),
            );
            json!({ "role": "user", "content": results.collect::<Vec<_>>() })
        }
    }
}

fn thought(piece: &Reasoning) -> Option<Value> {
    match &piece.kind {
        ReasoningKind::Signed(signature) => {
            Some(json!({ "type": "thinking", "thinking": piece.text, "signature": signature }))
        }
        ReasoningKind::Redacted(data) => Some(json!({ "type": "redacted_thinking", "data": data })),
        ReasoningKind::Plain | ReasoningKind::OfTurn(_) => None,
    }
}

fn part(part: &Part<'_>) -> Value {
    let medium = match part {
        Part::Text(text) => return json!({ "type": "text", "text": text }),
        Part::Medium(medium) => medium,
    };
    let kind = if medium.kind == Kind::Pdf { "document" } else { "image" };
    let source = match &medium.place {
        Place::Data { media_type, base64 } => {
            json!({ "type": "base64", "media_type": media_type, "data": base64 })
        }
        Place::Url(url) => json!({ "type": "url", "url": url }),
    };
    json!({ "type": kind, "source": source })
}

pub(super) fn read(mut event: Value) -> Vec<Said> {
    let kind = text(&mut event, "/type").unwrap_or_default();
    let place = place(&event, "/index");
    match kind.as_str() {
        "message_start" => event.get_mut("message").map(blocks).unwrap_or_default(),
        "content_block_start" => {
            event.get_mut("content_block").map(|block| begun(block, place)).unwrap_or_default()
        }
        "content_block_delta" => event.get_mut("delta").map(|delta| told(delta, place)).unwrap_or_default(),
        "content_block_stop" => vec![Said::BlockEnd(place)],
        "message_delta" => {
            let stop = text(&mut event, "/delta/stop_reason").map(Said::Stop);
            stop.into_iter().chain(event.get("usage").map(tokens)).collect()
        }
        "message_stop" => vec![Said::End],
        // A whole message, from a server that does not stream.
        "message" => message(&mut event),
        "" if event.get("content").is_some_and(Value::is_array) && event.get("role").is_some() => {
            message(&mut event)
        }
        _ => Vec::new(),
    }
}

fn begun(block: &mut Value, place: Option<usize>) -> Vec<Said> {
    let kind = text(block, "/type").unwrap_or_default();
    match kind.as_str() {
        "tool_use" => {
            // Anthropic begins with an empty object; some that are compatible send all of it here.
            let json = arguments(block, "/input");
            let signature = opaque::take_of_call(block);
            vec![Said::Call(Piece {
                place,
                id: text(block, "/id").unwrap_or_default(),
                name: text(block, "/name").unwrap_or_default(),
                json: if json == "{}" { String::new() } else { json },
                signature,
                is_start: true,
                ..Piece::default()
            })]
        }
        // Calls that the provider makes by itself.
        "server_tool_use" | "mcp_tool_use" => vec![Said::OthersCall(place)],
        "redacted_thinking" => text(block, "/data").map(Said::Redacted).into_iter().collect(),
        // Some begin with the whole signature, and send it again in a delta.
        _ => {
            let start = text(block, "/signature").map(Said::SignatureStart);
            told_of(block).into_iter().chain(start).collect()
        }
    }
}

fn told(delta: &mut Value, place: Option<usize>) -> Vec<Said> {
    if delta.get("partial_json").is_none() {
        return told_of(delta);
    }
    let json = arguments(delta, "/partial_json");
    vec![Said::Call(Piece { place, json, ..Piece::default() })]
}

fn message(message: &mut Value) -> Vec<Said> {
    let mut said = blocks(message);
    said.extend(text(message, "/stop_reason").map(Said::Stop));
    said.push(Said::End);
    said
}

/// The blocks of a message that come at once. Its beginning has none, but that of some compatible servers.
fn blocks(message: &mut Value) -> Vec<Said> {
    let mut said = Vec::new();
    for (place, block) in entries(message, "/content").enumerate() {
        said.extend(begun(block, Some(place)));
        said.push(Said::BlockEnd(Some(place)));
    }
    said.extend(message.get("usage").map(tokens));
    said
}

/// What a block's beginning and its deltas have alike.
fn told_of(block: &mut Value) -> Vec<Said> {
    let said = [
        text(block, "/text").map(Said::Text),
        text(block, "/thinking").map(Said::Reasoning),
        text(block, "/signature").map(Said::SignaturePiece),
    ];
    said.into_iter().flatten().collect()
}

fn tokens(usage: &Value) -> Said {
    Said::Tokens(Tokens {
        input: count(usage, "/input_tokens"),
        output: count(usage, "/output_tokens"),
        reasoning: None,
        cached: count(usage, "/cache_read_input_tokens"),
        cache_written: count(usage, "/cache_creation_input_tokens"),
    })
}
