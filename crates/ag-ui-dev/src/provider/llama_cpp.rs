//! A turn as llama.cpp's `llama-server` streams it on OpenAI's two wires and on Anthropic's, and its errors.
//!
//! It differs from the providers whose wires it speaks: Responses have neither places nor numbers and call a turn that the
//! limit has cut `completed`, the ends of all calls come together behind the last one, and codes of errors are numbers.
//!
//! Source: what build b10068 sent. What was not seen of it is left out: reasoning on Responses and Messages, signatures.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Say, Stop, Usage, Wire,
    sse::{data, event, with},
    turn::{stop, usage},
};

pub(super) fn turn(wire: Wire, turn: &[Say]) -> Vec<Bytes> {
    match wire {
        Wire::OpenAiChat => chat(turn),
        Wire::OpenAiResponses => responses(turn),
        Wire::Anthropic => messages(turn),
        _ => Vec::new(),
    }
}

/// The body of an error.
pub(super) fn error(status: u16, word: &str, message: &str) -> Value {
    json!({ "error": { "code": status, "message": message, "type": word } })
}

fn chat(turn: &[Say]) -> Vec<Bytes> {
    let mut frames = vec![chunk(json!({ "role": "assistant", "content": null }), None)];
    let mut calls = 0;
    for say in turn {
        match say {
            Say::Text(text) => frames.push(chunk(json!({ "content": text }), None)),
            Say::Reasoning(text) => frames.push(chunk(json!({ "reasoning_content": text }), None)),
            Say::Call { id, name, arguments } => {
                let (first, rest) = first_piece(arguments);
                let function = json!({ "name": name, "arguments": first });
                let begun = json!({ "index": calls, "id": id, "type": "function", "function": function });
                let more =
                    rest.iter().map(|piece| json!({ "index": calls, "function": { "arguments": piece } }));
                let pieces = [begun].into_iter().chain(more);
                frames.extend(pieces.map(|call| chunk(json!({ "tool_calls": [call] }), None)));
                calls += 1;
            }
            _ => {}
        }
    }
    frames.push(chunk(json!({}), Some(stop_word(&stop(turn), ["stop", "tool_calls", "length"]))));
    if let Some(usage) = usage(turn) {
        let usage = json!({
            "completion_tokens": usage.output,
            "prompt_tokens": usage.input,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": { "cached_tokens": usage.cached_read },
        });
        frames.push(data(&with(envelope(), json!({ "choices": [], "usage": usage }))));
    }
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

fn chunk(delta: Value, finish_reason: Option<&str>) -> Bytes {
    let choice = json!({ "finish_reason": finish_reason, "index": 0, "delta": delta });
    data(&with(envelope(), json!({ "choices": [choice] })))
}

fn envelope() -> Value {
    json!({
        "created": 1_764_000_000,
        "id": "chatcmpl-stub",
        "model": "stub",
        "system_fingerprint": "b1-stub",
        "object": "chat.completion.chunk",
    })
}

fn responses(turn: &[Say]) -> Vec<Bytes> {
    let begun = json!({ "id": "resp_stub", "object": "response", "status": "in_progress" });
    let mut events = vec![
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.in_progress", "response": begun }),
    ];
    let mut text = String::new();
    let mut calls = Vec::new();
    for say in turn {
        match say {
            Say::Text(piece) => {
                if text.is_empty() {
                    let item = json!({ "content": [], "id": "msg_stub", "role": "assistant", "status": "in_progress", "type": "message" });
                    events.push(json!({ "type": "response.output_item.added", "item": item }));
                    let part = json!({ "type": "output_text", "text": "" });
                    events.push(of_item("response.content_part.added", "msg_stub", json!({ "part": part })));
                }
                events.push(of_item("response.output_text.delta", "msg_stub", json!({ "delta": piece })));
                text.push_str(piece);
            }
            Say::Call { id, name, arguments } => {
                let item_id = format!("fc_{id}");
                let item = json!({ "id": item_id, "call_id": id, "name": name, "type": "function_call" });
                let begun = with(item.clone(), json!({ "arguments": "", "status": "in_progress" }));
                events.push(json!({ "type": "response.output_item.added", "item": begun }));
                let delta = |piece| {
                    of_item("response.function_call_arguments.delta", &item_id, json!({ "delta": piece }))
                };
                events.extend(arguments.iter().map(delta));
                calls.push(with(item, json!({ "arguments": arguments.concat(), "status": "completed" })));
            }
            _ => {}
        }
    }
    let mut output = Vec::new();
    if !text.is_empty() {
        events.push(of_item("response.output_text.done", "msg_stub", json!({ "text": text })));
        let part = json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text });
        events.push(of_item("response.content_part.done", "msg_stub", json!({ "part": part })));
        output.push(json!({ "type": "message", "status": "completed", "id": "msg_stub", "content": [part], "role": "assistant" }));
    }
    output.extend(calls);
    events.extend(output.iter().map(|item| json!({ "type": "response.output_item.done", "item": item })));
    let usage = usage(turn).unwrap_or_default();
    let usage = json!({
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "input_tokens_details": { "cached_tokens": usage.cached_read },
    });
    // The status is the same when the limit has cut the turn.
    let response = json!({ "id": "resp_stub", "object": "response", "created_at": 1_764_000_000, "status": "completed", "model": "stub", "output": output, "usage": usage });
    events.push(json!({ "type": "response.completed", "response": response }));
    events.iter().map(event).collect()
}

fn of_item(kind: &str, item_id: &str, more: Value) -> Value {
    with(json!({ "type": kind, "item_id": item_id }), more)
}

fn messages(turn: &[Say]) -> Vec<Bytes> {
    let Usage { input, output, cached_read, .. } = usage(turn).unwrap_or_default();
    let tokens = json!({ "cache_read_input_tokens": cached_read, "input_tokens": input.saturating_sub(cached_read), "output_tokens": 0 });
    let message = json!({ "id": "chatcmpl-stub", "type": "message", "role": "assistant", "content": [], "model": "stub", "stop_reason": null, "stop_sequence": null, "usage": tokens });
    let mut events = vec![json!({ "type": "message_start", "message": message })];
    let mut blocks = 0;
    let mut is_text = false;
    for say in turn {
        match say {
            Say::Text(text) => {
                if !is_text {
                    events.push(start(blocks, json!({ "type": "text", "text": "" })));
                    blocks += 1;
                    is_text = true;
                }
                events.push(delta(blocks - 1, json!({ "type": "text_delta", "text": text })));
            }
            Say::Call { id, name, arguments } => {
                // The real provider's block has an empty `input`.
                events.push(start(blocks, json!({ "type": "tool_use", "id": id, "name": name })));
                let piece =
                    |piece| delta(blocks, json!({ "type": "input_json_delta", "partial_json": piece }));
                events.extend(arguments.iter().map(piece));
                blocks += 1;
                is_text = false;
            }
            _ => {}
        }
    }
    events.extend((0..blocks).map(|index| json!({ "type": "content_block_stop", "index": index })));
    let stop = stop(turn);
    let reason = stop_word(&stop, ["end_turn", "tool_use", "max_tokens"]);
    events.push(json!({
        "type": "message_delta",
        "delta": { "stop_reason": reason, "stop_sequence": null },
        "usage": { "output_tokens": output },
    }));
    events.push(json!({ "type": "message_stop" }));
    events.iter().map(event).collect()
}

fn start(index: usize, block: Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

fn delta(index: usize, delta: Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

/// The first piece of a call's arguments, which comes with the call, and the others.
fn first_piece(arguments: &[String]) -> (&str, &[String]) {
    match arguments {
        [first, rest @ ..] => (first, rest),
        [] => ("", &[]),
    }
}

/// The word for a stop, of those for a complete turn, for calls and for the limit. It has no filter.
fn stop_word<'a>(stop: &'a Stop, [complete, calls, limit]: [&'a str; 3]) -> &'a str {
    match stop {
        Stop::Complete | Stop::Filtered => complete,
        Stop::Calls => calls,
        Stop::MaxTokens => limit,
        Stop::Word(word) => word,
    }
}
