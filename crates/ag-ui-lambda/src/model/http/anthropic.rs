//! Anthropic's Messages API, and the servers compatible with it: requests and responses.
//!
//! Source: <https://platform.claude.com/docs/en/api/messages> and its page on streaming.

use bytes::Bytes;
use serde_json::{Value, json};

use super::attachment::{AttachmentKind, MediaSource, MessagePart};
use super::conversation::{Message, WireRequest, WireToolChoice, encode_user_message, tool_declaration};
use super::frame_event::{
    CallDelta, FrameEvent, TokenCounts, call_index, count, entries, take_arguments, take_text,
};
use super::opaque_members;
use super::reasoning_effort::reasoning_effort;
use crate::model::claude::{self, MIN_THINKING_BUDGET, ThinkingMode};
use crate::model::compat;
use crate::model::json_body::{Json, JsonBody};
use crate::model::{Reasoning, ReasoningKind};

/// The member that holds a tool's schema.
const SCHEMA: &str = "input_schema";

/// The tokens for the answer, if the limit leaves none after the thinking.
const ANSWER_TOKENS: u32 = 4096;

/// Writes the JSON body of a request to Anthropic's Messages API.
pub(super) fn request_body(request: &WireRequest<'_>) -> Bytes {
    let mut body = JsonBody::new();
    body.list("messages", request.messages().into_iter().map(encode_message));
    if request.input.tools.is_empty() {
        let tools = compat::tools_in_history(request.input);
        body.list_unless_empty("tools", tools.iter().map(|tool| tool_declaration(tool, SCHEMA).into()));
    } else {
        body.list("tools", request.tool_declarations(SCHEMA).map(Json::from));
    }
    body.members(&request_settings(request));
    body.finish()
}

/// Returns the members of a request beside the messages and the tools.
fn request_settings(request: &WireRequest<'_>) -> Value {
    let mut body = json!({ "model": request.model_id, "stream": true });
    if let Some(instructions) = request.instructions() {
        // The cache holds everything up to this point, and the tools come before the system prompt.
        let cache_control = json!({ "type": "ephemeral" });
        body["system"] = json!([{ "type": "text", "text": instructions, "cache_control": cache_control }]);
    }
    let thinks = set_thinking(request, &mut body);
    match request.tool_choice() {
        Some(WireToolChoice::None) => body["tool_choice"] = json!({ "type": "none" }),
        // A tool can't be forced while the model thinks.
        _ if thinks => {}
        Some(WireToolChoice::Any) => body["tool_choice"] = json!({ "type": "any" }),
        Some(WireToolChoice::Tool(name)) => body["tool_choice"] = json!({ "type": "tool", "name": name }),
        None => {}
    }
    body
}

/// Writes thinking, limit of tokens, stop texts and temperature into `body`; limit and temperature depend on thinking.
/// Returns whether the model is asked to think.
fn set_thinking(request: &WireRequest<'_>, body: &mut Value) -> bool {
    let settings = &request.input.settings;
    // Models of compatible servers think as most Claude models do.
    let thinking = claude::thinking_mode(request.model_id).unwrap_or(ThinkingMode::Budget);
    let may_think = thinking != ThinkingMode::Never && claude::can_think(request.input, request.model_name);
    let tokens = settings.thinking_tokens.filter(|_| may_think);
    let budget =
        tokens.filter(|_| thinking == ThinkingMode::Budget).map(|tokens| tokens.max(MIN_THINKING_BUDGET));
    let limit = settings.max_tokens.unwrap_or_else(|| claude::max_output_tokens(request.model_id));
    // The limit includes the thinking.
    let limit =
        budget.filter(|budget| limit <= *budget).map_or(limit, |budget| budget.saturating_add(ANSWER_TOKENS));
    body["max_tokens"] = limit.into();
    if let Some(budget) = budget {
        body["thinking"] = json!({ "type": "enabled", "budget_tokens": budget });
    } else if let Some(tokens) = tokens {
        body["thinking"] = json!({ "type": "adaptive", "display": "summarized" });
        body["output_config"] = json!({ "effort": reasoning_effort(tokens) });
    }
    if !settings.stop.is_empty() {
        body["stop_sequences"] = settings.stop.as_slice().into();
    }
    let takes_temperature = tokens.is_none() && thinking != ThinkingMode::Adaptive;
    if let Some(temperature) = settings.temperature.filter(|_| takes_temperature) {
        // Other providers have temperatures up to 2.
        body["temperature"] = temperature.min(1.0).into();
    }
    tokens.is_some()
}

/// Converts one message of the conversation into JSON.
fn encode_message(message: Message<'_>) -> Json<'_> {
    match message {
        Message::User(parts) => encode_user_message(parts, encode_part),
        Message::Assistant { reasoning, text, calls, .. } => {
            let text =
                text.map(|text| Json::with_string(json!({ "type": "text", "text": null }), &["text"], text));
            let calls = calls.map(|call| {
                let mut block =
                    json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": null });
                call.signature.iter().for_each(|text| opaque_members::put_back_to_call(&mut block, text));
                Json::with_text(block, &["input"], compat::arguments_text(call.arguments))
            });
            let thoughts = reasoning.into_iter().filter_map(encode_reasoning).map(Json::from);
            let message = json!({ "role": "assistant", "content": null });
            Json::with_list(message, &["content"], thoughts.chain(text).chain(calls))
        }
        Message::Results(results) => {
            let results = results.map(|result| {
                let block = json!({ "type": "tool_result", "tool_use_id": result.id, "content": null });
                Json::with_string(block, &["content"], result.text)
            });
            Json::with_list(json!({ "role": "user", "content": null }), &["content"], results)
        }
    }
}

/// Converts a piece of reasoning into a block. Returns `None` if the piece is neither signed nor redacted, because
/// Anthropic would not accept it.
fn encode_reasoning(piece: &Reasoning) -> Option<Value> {
    match &piece.kind {
        ReasoningKind::Signed(signature) => {
            Some(json!({ "type": "thinking", "thinking": piece.text, "signature": signature }))
        }
        ReasoningKind::Redacted(data) => Some(json!({ "type": "redacted_thinking", "data": data })),
        ReasoningKind::Plain | ReasoningKind::TurnSignature(_) => None,
    }
}

/// Converts one part of a user's message into a block: text, an image or a PDF document.
fn encode_part<'a>(part: &MessagePart<'a>) -> Json<'a> {
    let attachment = match part {
        MessagePart::Text(text) => {
            return Json::with_string(json!({ "type": "text", "text": null }), &["text"], *text);
        }
        MessagePart::Attachment(attachment) => attachment,
    };
    let kind = if attachment.kind == AttachmentKind::Pdf { "document" } else { "image" };
    let source = match &attachment.source {
        MediaSource::Data { media_type, base64 } => {
            json!({ "type": "base64", "media_type": media_type, "data": base64 })
        }
        MediaSource::Url(url) => json!({ "type": "url", "url": url }),
    };
    json!({ "type": kind, "source": source }).into()
}

/// Converts one event of the stream, or a message that was not streamed, into [`FrameEvent`]s. An event of an unknown
/// type gives none.
pub(super) fn decode_frame(mut event: Value) -> Vec<FrameEvent> {
    let kind = take_text(&mut event, "/type").unwrap_or_default();
    let index = call_index(&event, "/index");
    match kind.as_str() {
        "message_start" => event.get_mut("message").map(decode_blocks).unwrap_or_default(),
        "content_block_start" => {
            event.get_mut("content_block").map(|block| decode_block_start(block, index)).unwrap_or_default()
        }
        "content_block_delta" => {
            event.get_mut("delta").map(|delta| decode_block_delta(delta, index)).unwrap_or_default()
        }
        "content_block_stop" => vec![FrameEvent::BlockEnd(index)],
        "message_delta" => {
            let stop = take_text(&mut event, "/delta/stop_reason").map(FrameEvent::FinishReason);
            stop.into_iter().chain(event.get("usage").map(token_counts)).collect()
        }
        "message_stop" => vec![FrameEvent::End],
        // A complete message, from a server that does not stream.
        "message" => decode_message(&mut event),
        "" if event.get("content").is_some_and(Value::is_array) && event.get("role").is_some() => {
            decode_message(&mut event)
        }
        _ => Vec::new(),
    }
}

/// Converts the start of the content block at `index`, or a complete block of a message that was not streamed.
fn decode_block_start(block: &mut Value, index: Option<usize>) -> Vec<FrameEvent> {
    let kind = take_text(block, "/type").unwrap_or_default();
    match kind.as_str() {
        "tool_use" => {
            // Anthropic sends an empty object first; some compatible servers send all arguments here.
            let json = take_arguments(block, "/input");
            let signature = opaque_members::take_call_members(block);
            vec![FrameEvent::CallDelta(CallDelta {
                index,
                id: take_text(block, "/id").unwrap_or_default(),
                name: take_text(block, "/name").unwrap_or_default(),
                json: if json == "{}" { String::new() } else { json },
                signature,
                is_start: true,
                ..CallDelta::default()
            })]
        }
        // Calls that the provider makes by itself.
        "server_tool_use" | "mcp_tool_use" => vec![FrameEvent::ProviderExecutedCall(index)],
        "redacted_thinking" => {
            take_text(block, "/data").map(FrameEvent::RedactedReasoning).into_iter().collect()
        }
        // Some servers send the complete signature here, and again in a delta.
        _ => {
            let start = take_text(block, "/signature").map(FrameEvent::SignatureStart);
            decode_block_text(block).into_iter().chain(start).collect()
        }
    }
}

/// Converts a delta of the content block at `index`: a piece of arguments, text, reasoning or a signature.
fn decode_block_delta(delta: &mut Value, index: Option<usize>) -> Vec<FrameEvent> {
    if delta.get("partial_json").is_none() {
        return decode_block_text(delta);
    }
    let json = take_arguments(delta, "/partial_json");
    vec![FrameEvent::CallDelta(CallDelta { index, json, ..CallDelta::default() })]
}

/// Converts a message that was not streamed, including its end.
fn decode_message(message: &mut Value) -> Vec<FrameEvent> {
    let mut events = decode_blocks(message);
    events.extend(take_text(message, "/stop_reason").map(FrameEvent::FinishReason));
    events.push(FrameEvent::End);
    events
}

/// Converts the blocks and the token counts of a message. The message at the start of a stream usually has no blocks,
/// but some compatible servers send all of them there.
fn decode_blocks(message: &mut Value) -> Vec<FrameEvent> {
    let mut events = Vec::new();
    for (index, block) in entries(message, "/content").enumerate() {
        events.extend(decode_block_start(block, Some(index)));
        events.push(FrameEvent::BlockEnd(Some(index)));
    }
    events.extend(message.get("usage").map(token_counts));
    events
}

/// Converts text, reasoning and a piece of a signature, which the start of a block and its deltas hold in the same
/// members.
fn decode_block_text(block: &mut Value) -> Vec<FrameEvent> {
    let events = [
        take_text(block, "/text").map(FrameEvent::Text),
        take_text(block, "/thinking").map(FrameEvent::Reasoning),
        take_text(block, "/signature").map(FrameEvent::SignatureDelta),
    ];
    events.into_iter().flatten().collect()
}

/// Converts the member `usage`. Anthropic's input does not include cached tokens; they are added at the end of the
/// turn.
fn token_counts(usage: &Value) -> FrameEvent {
    FrameEvent::Tokens(TokenCounts {
        input: count(usage, "/input_tokens"),
        output: count(usage, "/output_tokens"),
        reasoning: None,
        cached: count(usage, "/cache_read_input_tokens"),
        cache_written: count(usage, "/cache_creation_input_tokens"),
    })
}
