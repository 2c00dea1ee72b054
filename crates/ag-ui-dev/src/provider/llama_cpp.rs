//! How llama.cpp's `llama-server` streams a turn on OpenAI's two wires and on Anthropic's, and how it writes errors.
//!
//! It differs from the providers whose wires it uses. Events of Responses have neither indices nor numbers, and a turn that
//! the limit of tokens has cut is called `completed`. The ends of all calls come together after the last call. The code of
//! an error is a number.
//!
//! Source: what build b10068 sent. What it was not seen to send is left out: reasoning on Responses and Messages, signatures.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    StopReason, TurnPart, Usage, Wire,
    sse::{data_frame, merge, named_frame},
    turn::{final_stop_reason, final_usage},
};

/// Returns the frames that llama.cpp's server streams on this wire for a turn of a model. There are none for a wire
/// that this server does not have.
pub(super) fn encode_turn(wire: Wire, turn: &[TurnPart]) -> Vec<Bytes> {
    match wire {
        Wire::OpenAiChat => chat(turn),
        Wire::OpenAiResponses => responses(turn),
        Wire::Anthropic => messages(turn),
        _ => Vec::new(),
    }
}

/// Returns the JSON body of an error response. `error_type` is the type of the error in the server's words, such as
/// `not_found_error`.
pub(super) fn error_body(status: u16, error_type: &str, message: &str) -> Value {
    json!({ "error": { "code": status, "message": message, "type": error_type } })
}

/// Returns the frames of Chat Completions for a turn.
fn chat(turn: &[TurnPart]) -> Vec<Bytes> {
    let mut frames = vec![chunk(json!({ "role": "assistant", "content": null }), None)];
    let mut calls = 0;
    for part in turn {
        match part {
            TurnPart::Text(text) => frames.push(chunk(json!({ "content": text }), None)),
            TurnPart::Reasoning(text) => frames.push(chunk(json!({ "reasoning_content": text }), None)),
            TurnPart::Call { id, name, arguments } => {
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
    frames.push(chunk(
        json!({}),
        Some(stop_reason(&final_stop_reason(turn), ["stop", "tool_calls", "length"])),
    ));
    if let Some(usage) = final_usage(turn) {
        let usage = json!({
            "completion_tokens": usage.output,
            "prompt_tokens": usage.input,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": { "cached_tokens": usage.cached_read },
        });
        frames.push(data_frame(&merge(envelope(), json!({ "choices": [], "usage": usage }))));
    }
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

/// Returns a frame of Chat Completions with this delta of the assistant's message. `finish_reason` is given only in the
/// last chunk.
fn chunk(delta: Value, finish_reason: Option<&str>) -> Bytes {
    let choice = json!({ "finish_reason": finish_reason, "index": 0, "delta": delta });
    data_frame(&merge(envelope(), json!({ "choices": [choice] })))
}

/// Returns the members that all chunks of Chat Completions have in common.
fn envelope() -> Value {
    json!({
        "created": 1_764_000_000,
        "id": "chatcmpl-stub",
        "model": "stub",
        "system_fingerprint": "b1-stub",
        "object": "chat.completion.chunk",
    })
}

/// Returns the frames of the Responses API for a turn.
fn responses(turn: &[TurnPart]) -> Vec<Bytes> {
    let begun = json!({ "id": "resp_stub", "object": "response", "status": "in_progress" });
    let mut events = vec![
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.in_progress", "response": begun }),
    ];
    let mut text = String::new();
    let mut calls = Vec::new();
    for part in turn {
        match part {
            TurnPart::Text(piece) => {
                if text.is_empty() {
                    let item = json!({ "content": [], "id": "msg_stub", "role": "assistant", "status": "in_progress", "type": "message" });
                    events.push(json!({ "type": "response.output_item.added", "item": item }));
                    let part = json!({ "type": "output_text", "text": "" });
                    events.push(of_item("response.content_part.added", "msg_stub", json!({ "part": part })));
                }
                events.push(of_item("response.output_text.delta", "msg_stub", json!({ "delta": piece })));
                text.push_str(piece);
            }
            TurnPart::Call { id, name, arguments } => {
                let item_id = format!("fc_{id}");
                let item = json!({ "id": item_id, "call_id": id, "name": name, "type": "function_call" });
                let begun = merge(item.clone(), json!({ "arguments": "", "status": "in_progress" }));
                events.push(json!({ "type": "response.output_item.added", "item": begun }));
                let delta = |piece| {
                    of_item("response.function_call_arguments.delta", &item_id, json!({ "delta": piece }))
                };
                events.extend(arguments.iter().map(delta));
                calls.push(merge(item, json!({ "arguments": arguments.concat(), "status": "completed" })));
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
    let usage = final_usage(turn).unwrap_or_default();
    let usage = json!({
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "input_tokens_details": { "cached_tokens": usage.cached_read },
    });
    // The status is the same when the limit has cut the turn.
    let response = json!({ "id": "resp_stub", "object": "response", "created_at": 1_764_000_000, "status": "completed", "model": "stub", "output": output, "usage": usage });
    events.push(json!({ "type": "response.completed", "response": response }));
    events.iter().map(named_frame).collect()
}

/// Returns an event of the Responses API, of the type `kind`, about the item with this id. `more` has its further members.
fn of_item(kind: &str, item_id: &str, more: Value) -> Value {
    merge(json!({ "type": kind, "item_id": item_id }), more)
}

/// Returns the frames of Anthropic's Messages API for a turn.
fn messages(turn: &[TurnPart]) -> Vec<Bytes> {
    let Usage { input, output, cached_read, .. } = final_usage(turn).unwrap_or_default();
    let tokens = json!({ "cache_read_input_tokens": cached_read, "input_tokens": input.saturating_sub(cached_read), "output_tokens": 0 });
    let message = json!({ "id": "chatcmpl-stub", "type": "message", "role": "assistant", "content": [], "model": "stub", "stop_reason": null, "stop_sequence": null, "usage": tokens });
    let mut events = vec![json!({ "type": "message_start", "message": message })];
    let mut blocks = 0;
    let mut is_text = false;
    for part in turn {
        match part {
            TurnPart::Text(text) => {
                if !is_text {
                    events.push(start(blocks, json!({ "type": "text", "text": "" })));
                    blocks += 1;
                    is_text = true;
                }
                events.push(delta(blocks - 1, json!({ "type": "text_delta", "text": text })));
            }
            TurnPart::Call { id, name, arguments } => {
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
    let stop = final_stop_reason(turn);
    let reason = stop_reason(&stop, ["end_turn", "tool_use", "max_tokens"]);
    events.push(json!({
        "type": "message_delta",
        "delta": { "stop_reason": reason, "stop_sequence": null },
        "usage": { "output_tokens": output },
    }));
    events.push(json!({ "type": "message_stop" }));
    events.iter().map(named_frame).collect()
}

/// Returns the event of the Messages API that opens the content block with this index.
fn start(index: usize, block: Value) -> Value {
    json!({ "type": "content_block_start", "index": index, "content_block": block })
}

/// Returns the event of the Messages API with the next piece (delta) of the content block with this index.
fn delta(index: usize, delta: Value) -> Value {
    json!({ "type": "content_block_delta", "index": index, "delta": delta })
}

/// Splits the arguments of a call into the first piece, which is sent in the frame that starts the call, and the others.
/// The first piece is empty if there are no arguments.
fn first_piece(arguments: &[String]) -> (&str, &[String]) {
    match arguments {
        [first, rest @ ..] => (first, rest),
        [] => ("", &[]),
    }
}

/// Returns the word of a wire that names this reason for the end of a turn. The array has the wire's words for a complete
/// turn, for a turn with calls, and for a turn that the limit of tokens has cut. A filtered turn counts as complete, since
/// the server has no filter.
fn stop_reason<'a>(reason: &'a StopReason, [complete, calls, limit]: [&'a str; 3]) -> &'a str {
    match reason {
        StopReason::Complete | StopReason::Filtered => complete,
        StopReason::ToolCalls => calls,
        StopReason::MaxTokens => limit,
        StopReason::Other(reason) => reason,
    }
}
