//! OpenAI's Responses API: requests and responses. Requests ask OpenAI not to store the conversation.
//!
//! Source: <https://platform.openai.com/docs/api-reference/responses>.

use std::iter;

use bytes::Bytes;
use serde_json::{Value, json};
use tracing::warn;

use super::attachment::{Attachment, AttachmentKind, MediaSource, MessagePart};
use super::conversation::{Message, WireRequest, WireToolChoice, encode_user_message};
use super::error::ProviderError;
use super::frame_event::{
    CallDelta, FrameEvent, ReasoningItem, TextScope, TokenCounts, call_index, count, entries, take_arguments,
    take_text,
};
use super::opaque_members;
use super::reasoning_effort::reasoning_effort;
use crate::model::compat;
use crate::model::json_body::{Json, JsonBody};
use crate::model::{Reasoning, ReasoningKind};

/// Writes the JSON body of a request to the Responses API.
pub(super) fn request_body(request: &WireRequest<'_>) -> Bytes {
    let messages = request.messages();
    let is_reasoned = |message: &Message<'_>| match message {
        Message::Assistant { reasoning, .. } => {
            reasoning.iter().any(|piece| encode_reasoning(piece).next().is_some())
        }
        _ => false,
    };
    let has_reasoned = messages.iter().any(is_reasoned);
    let tools = request.tool_declarations("parameters").map(|mut tool| {
        tool["type"] = "function".into();
        // Otherwise OpenAI makes every schema strict, and optional arguments become null.
        tool["strict"] = false.into();
        tool.into()
    });
    let mut body = JsonBody::new();
    body.list("input", messages.into_iter().flat_map(encode_message));
    body.list_unless_empty("tools", tools);
    body.members(&request_settings(request, has_reasoned));
    body.finish()
}

/// Returns the members of a request beside the conversation and the tools. `has_reasoned` is whether the conversation has
/// reasoning of the model.
fn request_settings(request: &WireRequest<'_>, has_reasoned: bool) -> Value {
    let mut body = json!({ "model": request.model_id, "stream": true, "store": false });
    if let Some(instructions) = request.instructions() {
        body["instructions"] = instructions.into();
    }
    if let Some(choice) = request.tool_choice() {
        body["tool_choice"] = match choice {
            WireToolChoice::None => "none".into(),
            WireToolChoice::Any => "required".into(),
            WireToolChoice::Tool(name) => json!({ "type": "function", "name": name }),
        };
    }
    let settings = &request.input.settings;
    if let Some(temperature) = settings.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(max_tokens) = settings.max_tokens {
        body["max_output_tokens"] = max_tokens.into();
    }
    if !settings.stop.is_empty() {
        warn!(
            model = request.model_id,
            "OpenAI's Responses API has no setting for stop texts, so AGUI_MODEL_STOP has no effect"
        );
    }
    if let Some(tokens) = settings.thinking_tokens {
        // OpenAI refuses summaries to organisations that it has not verified, so they are requested only with this setting.
        body["reasoning"] = json!({ "effort": reasoning_effort(tokens), "summary": "auto" });
    }
    if settings.thinking_tokens.is_some() || is_reasoning_model(request.model_id) || has_reasoned {
        // The model needs its reasoning back while its calls are being answered.
        body["include"] = json!(["reasoning.encrypted_content"]);
    }
    body
}

/// Converts one message of the conversation into items: messages, reasoning, calls or results of calls.
fn encode_message<'a>(message: Message<'a>) -> Box<dyn Iterator<Item = Json<'a>> + 'a> {
    match message {
        Message::User(parts) => Box::new(iter::once(encode_user_message(parts, encode_part))),
        Message::Assistant { reasoning, text, calls, .. } => {
            let text = text.map(|text| {
                let part = Json::with_string(json!({ "type": "output_text", "text": null }), &["text"], text);
                let item = json!({ "type": "message", "role": "assistant", "content": null });
                Json::with_list(item, &["content"], [part])
            });
            let calls = calls.map(|call| {
                let mut item = json!({ "type": "function_call", "call_id": call.id, "name": call.name, "arguments": null });
                call.signature.iter().for_each(|text| opaque_members::put_back_to_call(&mut item, text));
                Json::with_string(item, &["arguments"], compat::arguments_text(call.arguments))
            });
            let reasoning = reasoning.into_iter().flat_map(encode_reasoning).map(Json::from);
            Box::new(reasoning.chain(text).chain(calls))
        }
        Message::Results(results) => Box::new(results.map(|result| {
            let item = json!({ "type": "function_call_output", "call_id": result.id, "output": null });
            Json::with_string(item, &["output"], result.text)
        })),
    }
}

/// Converts a piece of reasoning, or the turn's signature, into reasoning items with encrypted content. Reasoning
/// without such content gives none.
fn encode_reasoning(piece: &Reasoning) -> impl Iterator<Item = Value> {
    let encrypted = match &piece.kind {
        ReasoningKind::Signed(encrypted) => vec![encrypted.clone()],
        // A list of the items that came only after the answer.
        ReasoningKind::TurnSignature(encrypted) => opaque_members::read_texts(encrypted),
        _ => Vec::new(),
    };
    encrypted
        .into_iter()
        .map(|encrypted| json!({ "type": "reasoning", "summary": [], "encrypted_content": encrypted }))
}

/// Converts one part of a user's message: text, a PDF file or an image.
fn encode_part<'a>(part: &MessagePart<'a>) -> Json<'a> {
    let part = match part {
        MessagePart::Text(text) => {
            return Json::with_string(json!({ "type": "input_text", "text": null }), &["text"], *text);
        }
        MessagePart::Attachment(Attachment { kind: AttachmentKind::Pdf, source: MediaSource::Url(url) }) => {
            json!({ "type": "input_file", "file_url": url })
        }
        MessagePart::Attachment(attachment) if attachment.kind == AttachmentKind::Pdf => {
            json!({ "type": "input_file", "filename": "document.pdf", "file_data": attachment.as_url() })
        }
        MessagePart::Attachment(attachment) => {
            json!({ "type": "input_image", "detail": "auto", "image_url": attachment.as_url() })
        }
    };
    part.into()
}

/// Returns whether OpenAI's model with this id reasons, by the id's form, so that the request asks for its encrypted
/// reasoning.
fn is_reasoning_model(id: &str) -> bool {
    let id = id.rsplit('/').next().unwrap_or(id);
    let is_family = |prefix: &&str| id.starts_with(*prefix) && !id.contains("-chat");
    ["gpt-5", "gpt-6", "o1", "o3", "o4"].iter().any(is_family) || id.contains("codex")
}

/// Converts one event of the stream, or a response that was not streamed, into [`FrameEvent`]s. An event of an unknown
/// type gives none.
pub(super) fn decode_frame(mut event: Value) -> Vec<FrameEvent> {
    let kind = take_text(&mut event, "/type").unwrap_or_default();
    // llama.cpp and others leave the index out and name only the item.
    let (index, part) = (call_index(&event, "/output_index"), count(&event, "/summary_index"));
    match kind.as_str() {
        "response.output_text.delta" | "response.refusal.delta" => {
            take_text(&mut event, "/delta").map(FrameEvent::Text).into_iter().collect()
        }
        "response.output_text.done" => full_text_of_part(take_text(&mut event, "/text")),
        "response.refusal.done" => full_text_of_part(take_text(&mut event, "/refusal")),
        // Reasoning and its summary have different types of events, and older servers have further ones.
        _ if kind.starts_with("response.reasoning") && kind.ends_with(".delta") => {
            let delta = take_text(&mut event, "/delta/text").or_else(|| take_text(&mut event, "/delta"));
            delta.map(FrameEvent::Reasoning).into_iter().collect()
        }
        _ if kind.starts_with("response.reasoning") && kind.ends_with(".done") => {
            let full =
                take_text(&mut event, "/text").map(|text| FrameEvent::FullReasoning(TextScope::Part, text));
            full.into_iter().collect()
        }
        // The parts of a summary are paragraphs.
        "response.reasoning_summary_part.added" if part > Some(0) => {
            vec![FrameEvent::Reasoning("\n\n".into())]
        }
        "response.function_call_arguments.delta" => {
            let json = take_arguments(&mut event, "/delta");
            let item_id = take_text(&mut event, "/item_id").unwrap_or_default();
            vec![FrameEvent::CallDelta(CallDelta { index, item_id, json, ..CallDelta::default() })]
        }
        "response.function_call_arguments.done" => {
            let json = take_arguments(&mut event, "/arguments");
            let item_id = take_text(&mut event, "/item_id").unwrap_or_default();
            vec![FrameEvent::CallDelta(CallDelta {
                index,
                item_id,
                json,
                has_all_arguments: true,
                ..CallDelta::default()
            })]
        }
        "response.output_item.added" => {
            event.get_mut("item").map(|item| decode_item_start(item, index)).unwrap_or_default()
        }
        "response.output_item.done" => {
            event.get_mut("item").map(|item| decode_item_done(item, index)).unwrap_or_default()
        }
        "response.completed" | "response.incomplete" => {
            event.get_mut("response").map(decode_response_end).unwrap_or_default()
        }
        "response.failed" => {
            vec![FrameEvent::Failed(ProviderError::from_json(
                event.pointer("/response/error").unwrap_or(&Value::Null),
            ))]
        }
        // A complete response, from a server that does not stream.
        "" if event.get("object").is_some_and(|object| object == "response")
            || event.get("output").is_some_and(Value::is_array) =>
        {
            decode_response(&mut event)
        }
        _ => Vec::new(),
    }
}

/// Converts the start of the output item at `index`: the start of a call, and nothing for other items.
fn decode_item_start(item: &mut Value, index: Option<usize>) -> Vec<FrameEvent> {
    let call = function_call(item);
    let start = call.map(|call| FrameEvent::CallDelta(CallDelta { index, is_start: true, ..call }));
    start.into_iter().collect()
}

/// Converts the output item at `index` at its end, when it is complete: a call, reasoning or a message. Other items
/// give no events.
fn decode_item_done(item: &mut Value, index: Option<usize>) -> Vec<FrameEvent> {
    if let Some(call) = function_call(item) {
        return vec![FrameEvent::CallDone(CallDelta { index, ..call })];
    }
    if let Some(reasoning) = reasoning_item(item) {
        let signature = reasoning.signature.map(FrameEvent::ItemSignature);
        return [FrameEvent::FullReasoning(TextScope::Item, reasoning.text)]
            .into_iter()
            .chain(signature)
            .collect();
    }
    let text: String = message_texts(item).collect();
    if has_type(item, "message") { vec![FrameEvent::FullText(TextScope::Item, text)] } else { Vec::new() }
}

/// Returns the event for the full text of a part of a message; no event without a text.
fn full_text_of_part(text: Option<String>) -> Vec<FrameEvent> {
    text.map(|text| FrameEvent::FullText(TextScope::Part, text)).into_iter().collect()
}

/// Converts the end of a response, complete or cut off. It repeats all output items, because some servers have streamed
/// none of them.
fn decode_response_end(response: &mut Value) -> Vec<FrameEvent> {
    let reasoning: Vec<ReasoningItem> = entries(response, "/output").filter_map(reasoning_item).collect();
    let reasoning = (!reasoning.is_empty()).then_some(FrameEvent::AllReasoning(reasoning));
    let all_text: String = entries(response, "/output").flat_map(|item| message_texts(item)).collect();
    let all_text = (!all_text.is_empty()).then_some(FrameEvent::FullText(TextScope::Turn, all_text));
    let calls = FrameEvent::AllCalls(entries(response, "/output").filter_map(function_call).collect());
    let stop = take_text(response, "/incomplete_details/reason").or_else(|| take_text(response, "/status"));
    let usage =
        response.get("usage").filter(|usage| usage.is_object()).map(token_counts).map(FrameEvent::Tokens);
    let stop = FrameEvent::FinishReason(stop.unwrap_or_else(|| "completed".into()));
    reasoning.into_iter().chain(all_text).chain([calls, stop]).chain(usage).chain([FrameEvent::End]).collect()
}

/// Converts a response that was not streamed; a failed response becomes [`FrameEvent::Failed`].
fn decode_response(response: &mut Value) -> Vec<FrameEvent> {
    if response.get("status").is_some_and(|status| status == "failed") {
        return vec![FrameEvent::Failed(ProviderError::from_json(
            response.get("error").unwrap_or(&Value::Null),
        ))];
    }
    decode_response_end(response)
}

/// Reads a reasoning item: its summary, or the reasoning itself if there is no summary, and its encrypted content.
/// Returns `None` if the item is not reasoning.
fn reasoning_item(item: &mut Value) -> Option<ReasoningItem> {
    if !has_type(item, "reasoning") {
        return None;
    }
    let joined = |list: &str, between: &str| {
        let parts = item.get(list).and_then(Value::as_array).into_iter().flatten();
        parts.filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().join(between)
    };
    // The parts of a summary are paragraphs.
    let summary = joined("summary", "\n\n");
    let text = if summary.is_empty() { joined("content", "") } else { summary };
    Some(ReasoningItem { text, signature: take_text(item, "/encrypted_content") })
}

/// Returns whether the member `type` of an item has this value.
fn has_type(item: &Value, kind: &str) -> bool {
    item.get("type").is_some_and(|known| known == kind)
}

/// Returns the texts and refusals in a message item; an item of another type gives none.
fn message_texts(item: &Value) -> impl Iterator<Item = &str> {
    let content = item.get("content").filter(|_| has_type(item, "message")).and_then(Value::as_array);
    let parts = content.into_iter().flatten();
    parts.filter_map(|part| part.get("text").or_else(|| part.get("refusal"))?.as_str())
}

/// Reads a call item with all of its arguments so far. Returns `None` if the item is not a call.
fn function_call(item: &mut Value) -> Option<CallDelta> {
    has_type(item, "function_call").then(|| CallDelta {
        signature: opaque_members::take_call_members(item),
        item_id: take_text(item, "/id").unwrap_or_default(),
        id: take_text(item, "/call_id").unwrap_or_default(),
        name: take_text(item, "/name").unwrap_or_default(),
        json: take_arguments(item, "/arguments"),
        ..CallDelta::default()
    })
}

/// Converts the member `usage`.
fn token_counts(usage: &Value) -> TokenCounts {
    TokenCounts {
        input: count(usage, "/input_tokens"),
        output: count(usage, "/output_tokens"),
        reasoning: count(usage, "/output_tokens_details/reasoning_tokens"),
        cached: count(usage, "/input_tokens_details/cached_tokens"),
        cache_written: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_models_are_recognized_by_id() {
        for (id, expected) in [
            ("gpt-5.1", true),
            ("o3-mini", true),
            ("gpt-5-chat-latest", false),
            ("gpt-4.1", false),
            ("gpt-4o", false),
            ("codex-mini", true),
        ] {
            assert_eq!(is_reasoning_model(id), expected, "{id}");
        }
    }
}
