//! Ollama's `api/chat`: requests and responses, whose frames are lines.
//!
//! Source: <https://docs.ollama.com/api/chat>.

use std::iter;

use bytes::Bytes;
use serde_json::{Value, json};

use super::attachment::{MediaSource, MessagePart};
use super::conversation::{HistoryCall, Message, WireRequest, WireToolChoice, function_declaration};
use super::frame_event::{
    CallDelta, FrameEvent, TokenCounts, call_index, count, entries, take_arguments, take_text,
};
use super::opaque_members;
use crate::model::ReasoningKind;
use crate::model::compat;
use crate::model::json_body::{Json, JsonBody};

/// The members in which reasoning is sent: Ollama's own, and those of compatible servers.
const REASONING: &[&str] = &["/message/thinking", "/message/reasoning"];

/// Writes the JSON body of a request to Ollama.
pub(super) fn request_body(request: &WireRequest<'_>) -> Bytes {
    let system = request.instructions().map(|text| json!({ "role": "system", "content": text }).into());
    let mut body = JsonBody::new();
    body.list("messages", system.into_iter().chain(request.messages().into_iter().flat_map(encode_message)));
    // Ollama has no setting that forbids calls, so the tools are left out instead.
    if !matches!(request.tool_choice(), Some(WireToolChoice::None)) {
        let functions = request.tool_declarations("parameters");
        body.list_unless_empty("tools", functions.map(function_declaration));
    }
    body.members(&request_settings(request));
    body.finish()
}

/// Returns the members of a request beside the messages and the tools.
fn request_settings(request: &WireRequest<'_>) -> Value {
    let mut body = json!({ "model": request.model_id, "stream": true });
    let settings = &request.input.settings;
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
    // Models that do not think refuse this setting, whatever its value is.
    if settings.thinking_tokens.is_some() {
        body["think"] = true.into();
    }
    body
}

/// Converts one message of the conversation into JSON. The results of several calls become one message for each result.
fn encode_message<'a>(message: Message<'a>) -> Box<dyn Iterator<Item = Json<'a>> + 'a> {
    match message {
        Message::User(parts) => Box::new(iter::once(encode_user_message(&parts).into())),
        Message::Assistant { reasoning, text, calls, .. } => {
            let mut message = json!({ "role": "assistant", "content": text.unwrap_or_default() });
            let has_calls = calls.len() > 0;
            if has_calls {
                message["tool_calls"] = Value::Null;
            }
            let thoughts: Vec<&str> = reasoning
                .iter()
                .filter(|piece| piece.kind == ReasoningKind::Plain)
                .map(|piece| piece.text.as_str())
                .collect();
            // The template of each model uses as much of it as the model was trained on.
            if !thoughts.is_empty() {
                message["thinking"] = thoughts.join("\n\n").into();
            }
            let kept = reasoning.iter().filter_map(|piece| piece.turn_signature());
            opaque_members::put_back(&mut message, kept);
            Box::new(iter::once(match has_calls {
                true => Json::with_list(message, &["tool_calls"], calls.map(encode_call)),
                false => message.into(),
            }))
        }
        Message::Results(results) => Box::new(results.map(|result| {
            let message = json!({ "role": "tool", "tool_name": result.name, "content": null });
            Json::with_string(message, &["content"], result.text)
        })),
    }
}

/// Converts a call of the history.
fn encode_call(call: HistoryCall<'_>) -> Json<'_> {
    let mut written = json!({ "function": { "name": call.name, "arguments": null } });
    call.signature.iter().for_each(|text| opaque_members::put_back_to_call(&mut written, text));
    Json::with_text(written, &["function", "arguments"], compat::arguments_text(call.arguments))
}

/// Converts a user's message: its texts are joined into one, and the images are in a member of their own. Attachments
/// with an address are left out.
fn encode_user_message(parts: &[MessagePart<'_>]) -> Value {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            MessagePart::Text(text) => texts.push(*text),
            MessagePart::Attachment(attachment) => match &attachment.source {
                MediaSource::Data { base64, .. } => images.push(*base64),
                MediaSource::Url(_) => {}
            },
        }
    }
    let mut message = json!({ "role": "user", "content": texts.join("\n\n") });
    if !images.is_empty() {
        message["images"] = json!(images);
    }
    message
}

/// Converts one line of the response, which is a JSON object, into [`FrameEvent`]s.
pub(super) fn decode_frame(mut line: Value) -> Vec<FrameEvent> {
    let mut events = Vec::new();
    let opaque = line.get_mut("message").map(opaque_members::take_members).unwrap_or_default();
    if !opaque.is_empty() {
        events.push(FrameEvent::OpaqueMembers(opaque));
    }
    let reasoning = REASONING.iter().find_map(|name| take_text(&mut line, name));
    events.extend(reasoning.map(FrameEvent::Reasoning));
    events.extend(take_text(&mut line, "/message/content").map(FrameEvent::Text));
    for call in entries(&mut line, "/message/tool_calls") {
        let piece = CallDelta {
            signature: opaque_members::take_call_members(call),
            index: call_index(call, "/function/index"),
            id: take_text(call, "/id").unwrap_or_default(),
            name: take_text(call, "/function/name").unwrap_or_default(),
            json: take_arguments(call, "/function/arguments"),
            ..CallDelta::default()
        };
        events.push(FrameEvent::CompleteCall(piece));
    }
    let stop = take_text(&mut line, "/done_reason");
    if line.get("done").is_some_and(|done| done == true) {
        let stop = stop.unwrap_or_else(|| "stop".into());
        events.extend([
            FrameEvent::Tokens(token_counts(&line)),
            FrameEvent::FinishReason(stop),
            FrameEvent::End,
        ]);
    } else {
        events.extend(stop.map(FrameEvent::FinishReason));
    }
    events
}

/// Reads the token counts from the last line of the response.
fn token_counts(line: &Value) -> TokenCounts {
    TokenCounts {
        input: count(line, "/prompt_eval_count"),
        output: count(line, "/eval_count"),
        // Older servers do not send this count.
        cached: count(line, "/prompt_eval_cached_count"),
        ..TokenCounts::default()
    }
}
