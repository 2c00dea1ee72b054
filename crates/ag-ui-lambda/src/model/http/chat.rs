//! OpenAI's chat completions, and the servers compatible with it: requests and responses.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>. Where other servers differ, a comment names them.

use std::iter;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::attachment::{Attachment, AttachmentKind, MediaSource, MessagePart};
use super::conversation::{
    HistoryCall, Message, WireRequest, WireToolChoice, encode_user_message, function_declaration,
};
use super::frame_event::{
    CallDelta, FrameEvent, TokenCounts, call_index, count, entries, take_arguments, take_text,
};
use super::opaque_members;
use super::provider::ReasoningReplay;
use super::reasoning_effort::reasoning_effort;
use crate::model::compat;
use crate::model::json_body::{Json, JsonBody};
use crate::model::{Reasoning, ReasoningKind};

/// Prefixes of the ids of OpenAI's models that have `max_completion_tokens` in place of `max_tokens`, which is the only name
/// that compatible servers know.
const MAX_COMPLETION_TOKENS_MODELS: &[&str] = &["gpt-5", "gpt-6", "o1", "o3", "o4"];

/// The members in which servers send reasoning as text.
const REASONING: &[&str] = &["/reasoning_content", "/reasoning", "/reasoning_text", "/thinking", "/thought"];

/// More calls than a choice can have. The indexes of another choice's calls begin at multiples of this number.
const CALLS_PER_CHOICE: usize = 1_000_000;

/// Writes the JSON body of a request for a chat completion.
pub(super) fn request_body(request: &WireRequest<'_>) -> Bytes {
    let system = request.instructions().map(|text| json!({ "role": "system", "content": text }).into());
    let messages = request.messages().into_iter().flat_map(|message| encode_message(request, message));
    let functions = request.tool_declarations("parameters");
    let mut body = JsonBody::new();
    body.list("messages", system.into_iter().chain(messages));
    body.list_unless_empty("tools", functions.map(function_declaration));
    body.members(&request_settings(request));
    body.finish()
}

/// Returns the members of a request beside the messages and the tools.
fn request_settings(request: &WireRequest<'_>) -> Value {
    let mut body = json!({ "model": request.model_id, "stream": true });
    if request.provider.adapter != "mistral" {
        // Mistral always sends usage, and refuses this option.
        body["stream_options"] = json!({ "include_usage": true });
    }
    if let Some(choice) = request.tool_choice() {
        body["tool_choice"] = match choice {
            WireToolChoice::None => "none".into(),
            WireToolChoice::Any => "required".into(),
            WireToolChoice::Tool(name) => json!({ "type": "function", "function": { "name": name } }),
        };
    }
    let settings = &request.input.settings;
    if let Some(temperature) = settings.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(max_tokens) = settings.max_tokens {
        let id = request.model_id.trim_start_matches("ft:");
        let is_completion = MAX_COMPLETION_TOKENS_MODELS.iter().any(|start| id.starts_with(start));
        body[if is_completion { "max_completion_tokens" } else { "max_tokens" }] = max_tokens.into();
    }
    if !settings.stop.is_empty() {
        body["stop"] = settings.stop.as_slice().into();
    }
    if let Some(tokens) = settings.thinking_tokens {
        body["reasoning_effort"] = reasoning_effort(tokens).into();
        if request.provider.adapter == "deepseek" {
            body["thinking"] = json!({ "type": "enabled" });
        }
    }
    body
}

/// Converts one message of the conversation into JSON. The results of several calls become one message for each result.
fn encode_message<'a>(
    request: &WireRequest<'a>,
    message: Message<'a>,
) -> Box<dyn Iterator<Item = Json<'a>> + 'a> {
    match message {
        Message::User(parts) => Box::new(iter::once(encode_user_message(parts, encode_part))),
        Message::Assistant { reasoning, text, calls, is_in_loop } => {
            let mut message = json!({ "role": "assistant", "content": text });
            let has_calls = calls.len() > 0;
            if has_calls {
                message["tool_calls"] = Value::Null;
            }
            let kept = reasoning.iter().filter_map(|piece| piece.turn_signature());
            opaque_members::put_back(&mut message, kept);
            // The details contain the reasoning's text, too.
            if is_in_loop && message.get("reasoning_details").is_none() {
                add_plain_reasoning(request.provider.reasoning_replay, &reasoning, &mut message);
            }
            Box::new(iter::once(match has_calls {
                true => Json::with_list(message, &["tool_calls"], calls.map(encode_call)),
                false => message.into(),
            }))
        }
        Message::Results(results) => Box::new(results.map(|result| {
            let message = json!({ "role": "tool", "tool_call_id": result.id, "content": null });
            Json::with_string(message, &["content"], result.text)
        })),
    }
}

/// Converts a call of the history.
fn encode_call(call: HistoryCall<'_>) -> Json<'_> {
    let function = json!({ "name": call.name, "arguments": null });
    let mut written = json!({ "type": "function", "id": call.id, "function": function });
    call.signature.iter().for_each(|text| opaque_members::put_back_to_call(&mut written, text));
    Json::with_string(written, &["function", "arguments"], compat::arguments_text(call.arguments))
}

/// Adds reasoning without a signature to the JSON `message` of the assistant, in the form of `replay`. Nothing is added
/// if the provider wants no reasoning back, or if the turn has no reasoning.
fn add_plain_reasoning(replay: ReasoningReplay, reasoning: &[&Reasoning], message: &mut Value) {
    let plain = reasoning.iter().filter(|piece| piece.kind == ReasoningKind::Plain);
    let text = plain.map(|piece| piece.text.as_str()).collect::<Vec<_>>().join("\n\n");
    match replay {
        _ if text.is_empty() => {}
        ReasoningReplay::Never => {}
        ReasoningReplay::Field => message["reasoning_content"] = text.into(),
        ReasoningReplay::Chunk => {
            let mut chunks =
                vec![json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] })];
            if let Value::String(text) = message["content"].take() {
                chunks.push(json!({ "type": "text", "text": text }));
            }
            message["content"] = chunks.into();
        }
    }
}

/// Converts one part of a user's message: text, audio, a PDF file or an image.
fn encode_part<'a>(part: &MessagePart<'a>) -> Json<'a> {
    let attachment = match part {
        MessagePart::Text(text) => {
            return Json::with_string(json!({ "type": "text", "text": null }), &["text"], *text);
        }
        MessagePart::Attachment(attachment) => attachment,
    };
    let part = match attachment {
        Attachment { kind: AttachmentKind::Audio, source: MediaSource::Data { media_type, base64 } } => {
            let format = media_type.rsplit('/').next();
            json!({ "type": "input_audio", "input_audio": { "data": base64, "format": format } })
        }
        Attachment { kind: AttachmentKind::Pdf, .. } => {
            json!({ "type": "file", "file": { "filename": "document.pdf", "file_data": attachment.as_url() } })
        }
        _ => json!({ "type": "image_url", "image_url": { "url": attachment.as_url() } }),
    };
    part.into()
}

/// Converts one chunk of the stream, or a completion that was not streamed, into [`FrameEvent`]s.
pub(super) fn decode_frame(mut chunk: Value) -> Vec<FrameEvent> {
    let mut events = Vec::new();
    for (at, choice) in entries(&mut chunk, "/choices").enumerate() {
        let index = call_index(choice, "/index").unwrap_or(at);
        let of_choice = decode_choice(choice);
        match index {
            0 => events.extend(of_choice),
            // Some gateways put the text into the first choice and the calls into another.
            _ => events.extend(of_choice.into_iter().filter_map(|event| from_other_choice(index, event))),
        }
    }
    // Groq has the usage in a member of its own.
    let usage = ["/usage", "/x_groq/usage"].into_iter().find_map(|at| chunk.pointer(at));
    events
        .extend(usage.filter(|usage| usage.is_object()).map(|usage| FrameEvent::Tokens(token_counts(usage))));
    events
}

/// Returns whether the data of a frame is `[DONE]`, the end marker of the stream.
pub(super) fn is_end_marker(data: &[u8]) -> bool {
    data == b"[DONE]"
}

/// Converts one choice of a chunk: its delta, or its message if it was not streamed, and its finish reason.
fn decode_choice(choice: &mut Value) -> Vec<FrameEvent> {
    // Some servers send opaque members beside the delta. A gateway's own fields do not go back.
    let mut opaque = opaque_members::take_members(choice);
    opaque.remove("provider_specific_fields");
    let mut events = opaque_events(opaque);
    if choice["delta"].is_object() {
        decode_delta(&mut choice["delta"], &mut events);
    } else if choice["message"].is_object() {
        let mut message = Vec::new();
        decode_delta(&mut choice["message"], &mut message);
        events.push(FrameEvent::Message(message));
    }
    events.extend(take_text(choice, "/finish_reason").map(FrameEvent::FinishReason));
    events
}

/// Marks an event as coming from the choice at `choice_index`, which is not the first one. A call gets an index that no
/// call of another choice has. Returns `None` for events other than calls and finish reasons, since the answer is the
/// first choice.
fn from_other_choice(choice_index: usize, event: FrameEvent) -> Option<FrameEvent> {
    match event {
        FrameEvent::CallDelta(delta) => {
            let index =
                choice_index.saturating_mul(CALLS_PER_CHOICE).saturating_add(delta.index.unwrap_or(0));
            Some(FrameEvent::OtherChoiceCall(CallDelta { index: Some(index), ..delta }))
        }
        FrameEvent::FinishReason(word) => Some(FrameEvent::OtherChoiceFinishReason(word)),
        _ => None,
    }
}

/// Converts a delta, or a message, which has the same members, and appends the result to `events`.
fn decode_delta(delta: &mut Value, events: &mut Vec<FrameEvent>) {
    let mut opaque = opaque_members::take_members(delta);
    // Google sends reasoning as text, and marks it with this member.
    let google = opaque.get_mut("extra_content").and_then(|extra| extra.get_mut("google"));
    let mark = google.and_then(Value::as_object_mut).and_then(|google| google.remove("thought"));
    let is_thought = mark.is_some_and(|thought| thought == true);
    if opaque.get("extra_content").is_some_and(|extra| *extra == json!({ "google": {} })) {
        opaque.remove("extra_content");
    }
    events.extend(opaque_events(opaque));
    events.extend(REASONING.iter().find_map(|name| take_text(delta, name)).map(FrameEvent::Reasoning));
    if let Some(content) = delta.get_mut("content") {
        decode_content(content.take(), is_thought, events);
    }
    events.extend(take_text(delta, "/refusal").map(FrameEvent::Text));
    let before = events.len();
    for call in entries(delta, "/tool_calls") {
        let signature = opaque_members::take_call_members(call);
        events.push(FrameEvent::CallDelta(CallDelta {
            signature,
            index: call_index(call, "/index"),
            id: take_text(call, "/id").unwrap_or_default(),
            name: take_text(call, "/function/name").unwrap_or_default(),
            json: take_arguments(call, "/function/arguments"),
            ..CallDelta::default()
        }));
    }
    // The old form with a single call; some servers send both forms.
    if events.len() == before && delta.get("function_call").is_some_and(Value::is_object) {
        events.push(FrameEvent::CallDelta(CallDelta {
            name: take_text(delta, "/function_call/name").unwrap_or_default(),
            json: take_arguments(delta, "/function_call/arguments"),
            ..CallDelta::default()
        }));
    }
}

/// Returns the events for the opaque members of a frame, which the provider wants back unchanged, and for the readable
/// reasoning in them. There are none if `opaque` is empty.
fn opaque_events(opaque: Map<String, Value>) -> Vec<FrameEvent> {
    let reasoning = opaque_members::readable_reasoning(&opaque).map(FrameEvent::OpaqueReasoning);
    let opaque = (!opaque.is_empty()).then_some(FrameEvent::OpaqueMembers(opaque));
    opaque.into_iter().chain(reasoning).collect()
}

/// Converts the member `content`, a text or a list of chunks, and appends the result to `events`. With `is_thought`,
/// and in Mistral's `thinking` chunks, the text is reasoning.
fn decode_content(content: Value, is_thought: bool, events: &mut Vec<FrameEvent>) {
    match content {
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => {
            events.push(if is_thought { FrameEvent::Reasoning(text) } else { FrameEvent::Text(text) });
        }
        Value::Array(chunks) => {
            chunks.into_iter().for_each(|chunk| decode_content(chunk, is_thought, events));
        }
        Value::Object(mut chunk) => {
            if let Some(thoughts) = chunk.remove("thinking") {
                decode_content(thoughts, true, events);
            }
            if let Some(text @ Value::String(_)) = chunk.remove("text") {
                decode_content(text, is_thought, events);
            }
        }
        _ => {}
    }
}

/// Converts the member `usage`. xAI counts reasoning apart from the output; it is added to the output here.
fn token_counts(usage: &Value) -> TokenCounts {
    let (input, output) = (count(usage, "/prompt_tokens"), count(usage, "/completion_tokens"));
    let reasoning = count(usage, "/completion_tokens_details/reasoning_tokens");
    // xAI does not count reasoning as completion tokens.
    let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
    let with_reasoning = sum(output, reasoning);
    let is_apart = reasoning > Some(0) && sum(input, with_reasoning) == count(usage, "/total_tokens");
    // DeepSeek and Moonshot have names of their own for the cached tokens.
    let cached = ["/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens", "/cached_tokens"];
    TokenCounts {
        input,
        output: if is_apart { with_reasoning } else { output },
        reasoning,
        cached: cached.into_iter().find_map(|at| count(usage, at)),
        cache_written: None,
    }
}
