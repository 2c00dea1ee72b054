//! Gemini's `streamGenerateContent`: requests and responses.
//!
//! Source: <https://ai.google.dev/api/generate-content>, and its page on thought signatures.

use bytes::Bytes;
use serde_json::{Value, json};

use super::attachment::{MediaSource, MessagePart};
use super::conversation::{Message, WireRequest, WireToolChoice};
use super::frame_event::{CallDelta, FrameEvent, TokenCounts, count, take_arguments, take_text};
use crate::model::ReasoningKind;
use crate::model::compat;
use crate::model::json_body::{Json, JsonBody};

/// Replaces the signature of a call that another model made, because Gemini 3 refuses a first call without one.
///
/// Source: <https://ai.google.dev/gemini-api/docs/thought-signatures>.
const SKIP_SIGNATURE_CHECK: &str = "skip_thought_signature_validator";

/// Writes the JSON body of a request to Gemini.
pub(super) fn request_body(request: &WireRequest<'_>) -> Bytes {
    let is_gemini_3 = request.model_id.contains("gemini-3");
    let contents = request.messages().into_iter().map(|message| encode_message(message, is_gemini_3));
    let mut body = JsonBody::new();
    body.list("contents", contents);
    if !request.input.tools.is_empty() {
        let declarations: Vec<Value> = request.tool_declarations("parametersJsonSchema").collect();
        body.member("tools", &json!([{ "functionDeclarations": declarations }]));
    }
    body.members(&request_settings(request, is_gemini_3));
    body.finish()
}

/// Returns the members of a request beside the conversation and the tools. `is_gemini_3` is whether the model is a Gemini 3.
fn request_settings(request: &WireRequest<'_>, is_gemini_3: bool) -> Value {
    let mut body = json!({});
    if let Some(instructions) = request.instructions() {
        body["systemInstruction"] = json!({ "parts": [{ "text": instructions }] });
    }
    if let Some(choice) = request.tool_choice() {
        let calling = match choice {
            WireToolChoice::None => json!({ "mode": "NONE" }),
            WireToolChoice::Any => json!({ "mode": "ANY" }),
            WireToolChoice::Tool(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
        };
        body["toolConfig"] = json!({ "functionCallingConfig": calling });
    }
    let settings = &request.input.settings;
    let mut config = json!({});
    if let Some(temperature) = settings.temperature {
        config["temperature"] = temperature.into();
    }
    if let Some(max_tokens) = settings.max_tokens {
        config["maxOutputTokens"] = max_tokens.into();
    }
    match settings.thinking_tokens {
        // Only these two levels are accepted by every model that has levels.
        Some(tokens) if is_gemini_3 => {
            let level = if tokens <= 2048 { "LOW" } else { "HIGH" };
            config["thinkingConfig"] = json!({ "thinkingLevel": level, "includeThoughts": true });
        }
        Some(tokens) => {
            config["thinkingConfig"] = json!({ "thinkingBudget": tokens, "includeThoughts": true });
        }
        // Models that do not think refuse this setting.
        None if is_gemini_3 || request.model_id.contains("2.5") => {
            config["thinkingConfig"] = json!({ "includeThoughts": true });
        }
        None => {}
    }
    if !settings.stop.is_empty() {
        config["stopSequences"] = settings.stop.as_slice().into();
    }
    if config != json!({}) {
        body["generationConfig"] = config;
    }
    body
}

/// Converts one message of the conversation into JSON. `is_gemini_3` is whether the model is a Gemini 3, which requires
/// a signature with the first call while calls are being answered.
fn encode_message(message: Message<'_>, is_gemini_3: bool) -> Json<'_> {
    match message {
        Message::User(parts) => {
            let parts = parts.into_iter().map(|part| encode_part(&part));
            Json::with_list(json!({ "role": "user", "parts": null }), &["parts"], parts)
        }
        Message::Assistant { reasoning, text, calls, is_in_loop } => {
            let mut thoughts = Vec::new();
            let mut turn_signature = None;
            for piece in reasoning {
                match &piece.kind {
                    ReasoningKind::Signed(signature) => {
                        let thought = json!({ "text": piece.text, "thought": true });
                        thoughts.push(with_signature(thought, Some(signature)));
                    }
                    ReasoningKind::TurnSignature(signature) => turn_signature = Some(signature.as_str()),
                    _ => {}
                }
            }
            // The turn's signature goes back in the part with the text, or in an empty part, as it came. Calls have their own.
            let empty = turn_signature
                .filter(|_| text.is_none())
                .map(|signature| with_signature(json!({ "text": "" }), Some(signature)));
            let text = text.map(|text| with_signature(json!({ "text": text }), turn_signature));
            let calls = calls.enumerate().map(move |(at, call)| {
                let part = json!({ "functionCall": { "id": call.id, "name": call.name, "args": null } });
                let missing = (is_gemini_3 && is_in_loop && at == 0).then_some(SKIP_SIGNATURE_CHECK);
                let part = with_signature(part, call.signature.or(missing));
                Json::with_text(part, &["functionCall", "args"], compat::arguments_text(call.arguments))
            });
            let thoughts = thoughts.into_iter().chain(text).map(Json::from);
            let parts = thoughts.chain(calls).chain(empty.map(Json::from));
            Json::with_list(json!({ "role": "model", "parts": null }), &["parts"], parts)
        }
        Message::Results(results) => {
            let results = results.map(|result| {
                let response = json!({ "output": null });
                let part = json!({ "functionResponse": { "id": result.id, "name": result.name, "response": response } });
                Json::with_string(part, &["functionResponse", "response", "output"], result.text)
            });
            Json::with_list(json!({ "role": "user", "parts": null }), &["parts"], results)
        }
    }
}

/// Adds a thought signature to a part of the request and returns the part; without a signature the part is unchanged.
fn with_signature(mut part: Value, signature: Option<&str>) -> Value {
    if let Some(signature) = signature {
        part["thoughtSignature"] = signature.into();
    }
    part
}

/// Converts one part of a user's message: text, inline content or an address.
fn encode_part<'a>(part: &MessagePart<'a>) -> Json<'a> {
    let part = match part {
        MessagePart::Text(text) => return Json::with_string(json!({ "text": null }), &["text"], *text),
        MessagePart::Attachment(attachment) => match &attachment.source {
            MediaSource::Data { media_type, base64 } => {
                json!({ "inlineData": { "mimeType": media_type, "data": base64 } })
            }
            MediaSource::Url(url) => json!({ "fileData": { "fileUri": url } }),
        },
    };
    part.into()
}

/// Converts one chunk of the response into [`FrameEvent`]s.
pub(super) fn decode_frame(mut chunk: Value) -> Vec<FrameEvent> {
    let mut events = Vec::new();
    let parts = chunk.pointer_mut("/candidates/0/content/parts").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten() {
        decode_part(part, &mut events);
    }
    events.extend(chunk.get("usageMetadata").map(|usage| FrameEvent::Tokens(token_counts(usage))));
    // The prompt itself may be blocked, and then there is no candidate.
    let blocked = take_text(&mut chunk, "/promptFeedback/blockReason").map(|_| "content_filter".to_owned());
    if let Some(stop) = take_text(&mut chunk, "/candidates/0/finishReason").or(blocked) {
        events.push(FrameEvent::FinishReason(stop));
    }
    events
}

/// Converts one part of the answer, a call, text or reasoning with its signature, and appends the result to `events`.
fn decode_part(part: &mut Value, events: &mut Vec<FrameEvent>) {
    let signature = take_text(part, "/thoughtSignature");
    if part.get("functionCall").is_some_and(Value::is_object) {
        let piece = CallDelta {
            id: take_text(part, "/functionCall/id").unwrap_or_default(),
            name: take_text(part, "/functionCall/name").unwrap_or_default(),
            json: take_arguments(part, "/functionCall/args"),
            signature,
            ..CallDelta::default()
        };
        return events.push(FrameEvent::CompleteCall(piece));
    }
    let is_thought = part.get("thought").is_some_and(|thought| thought == true);
    let text = take_text(part, "/text");
    if is_thought {
        events.extend(text.map(FrameEvent::Reasoning));
        events.extend(signature.map(FrameEvent::Signature));
    } else {
        events.extend(text.map(FrameEvent::Text));
        events.extend(signature.map(FrameEvent::TextSignature));
    }
}

/// Converts the member `usageMetadata`. Gemini does not count reasoning as output; it is added to the output here.
fn token_counts(usage: &Value) -> TokenCounts {
    let (written, thought) = (count(usage, "/candidatesTokenCount"), count(usage, "/thoughtsTokenCount"));
    TokenCounts {
        input: count(usage, "/promptTokenCount"),
        output: match (written, thought) {
            (None, None) => None,
            (written, thought) => Some(written.unwrap_or(0).saturating_add(thought.unwrap_or(0))),
        },
        reasoning: thought,
        cached: count(usage, "/cachedContentTokenCount"),
        cache_written: None,
    }
}
