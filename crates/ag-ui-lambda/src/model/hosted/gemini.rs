//! Gemini's `streamGenerateContent`: what goes out and what comes back.
//!
//! Source: <https://ai.google.dev/api/generate-content>, and its page on thought signatures.

use serde_json::{Value, json};

use super::conversation::{Asked, Choice, Message};
use super::media::{Part, Place};
use super::said::{Piece, Said, Tokens, arguments, count, text};
use crate::model::ReasoningKind;
use crate::model::wire;

/// Stands for the signature of a call that another model made: Gemini 3 refuses a first call without any.
///
/// Source: <https://ai.google.dev/gemini-api/docs/thought-signatures>.
const NOT_SIGNED: &str = "skip_thought_signature_validator";

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let is_third = asked.id.contains("gemini-3");
    let contents: Vec<Value> = asked.messages().iter().map(|message| written(message, is_third)).collect();
    let mut body = json!({ "contents": contents });
    if let Some(instructions) = asked.instructions() {
        body["systemInstruction"] = json!({ "parts": [{ "text": instructions }] });
    }
    let tools = asked.tools("parametersJsonSchema");
    if !tools.is_empty() {
        body["tools"] = json!([{ "functionDeclarations": tools }]);
    }
    if let Some(choice) = asked.choice() {
        let calling = match choice {
            Choice::None => json!({ "mode": "NONE" }),
            Choice::Any => json!({ "mode": "ANY" }),
            Choice::This(name) => json!({ "mode": "ANY", "allowedFunctionNames": [name] }),
        };
        body["toolConfig"] = json!({ "functionCallingConfig": calling });
    }
    let settings = &asked.request.settings;
    let mut config = json!({});
    if let Some(temperature) = settings.temperature {
        config["temperature"] = temperature.into();
    }
    if let Some(max_tokens) = settings.max_tokens {
        config["maxOutputTokens"] = max_tokens.into();
    }
    match settings.thinking_tokens {
        // Only these two levels are taken by every model that has levels.
        Some(tokens) if is_third => {
            let level = if tokens <= 2048 { "LOW" } else { "HIGH" };
            config["thinkingConfig"] = json!({ "thinkingLevel": level, "includeThoughts": true });
        }
        Some(tokens) => {
            config["thinkingConfig"] = json!({ "thinkingBudget": tokens, "includeThoughts": true });
        }
        // Models that do not think refuse to show it.
        None if is_third || asked.id.contains("2.5") => {
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

fn written(message: &Message<'_>, is_third: bool) -> Value {
    match message {
        Message::User(parts) => {
            json!({ "role": "user", "parts": parts.iter().map(part).collect::<Vec<_>>() })
        }
        Message::Assistant { reasoning, text, calls, is_in_loop } => {
            let mut thoughts = Vec::new();
            let mut behind = None;
            for piece in reasoning {
                match &piece.kind {
                    ReasoningKind::Signed(signature) => {
                        let thought = json!({ "text": piece.text, "thought": true });
                        thoughts.push(signed(thought, Some(signature)));
                    }
                    ReasoningKind::OfTurn(signature) => behind = Some(signature.as_str()),
                    _ => {}
                }
            }
            // A part of text bears it; calls have their own. Without text it stands in an empty part, as it came.
            let empty = behind
                .filter(|_| text.is_none())
                .map(|signature| signed(json!({ "text": "" }), Some(signature)));
            let text = text.map(|text| signed(json!({ "text": text }), behind));
            let calls = calls.iter().enumerate().map(|(at, call)| {
                let part =
                    json!({ "functionCall": { "id": call.id, "name": call.name, "args": wire::arguments(call.arguments) } });
                let missing = (is_third && *is_in_loop && at == 0).then_some(NOT_SIGNED);
                signed(part, call.signature.or(missing))
            });
            json!({ "role": "model", "parts": thoughts.into_iter().chain(text).chain(calls).chain(empty).collect::<Vec<_>>() })
        }
        Message::Results(results) => {
            let results = results.iter().map(|result| {
                let response = json!({ "output": result.text });
                json!({ "functionResponse": { "id": result.id, "name": result.name, "response": response } })
            });
            json!({ "role": "user", "parts": results.collect::<Vec<_>>() })
        }
    }
}

fn signed(mut part: Value, signature: Option<&str>) -> Value {
    if let Some(signature) = signature {
        part["thoughtSignature"] = signature.into();
    }
    part
}

fn part(part: &Part<'_>) -> Value {
    match part {
        Part::Text(text) => json!({ "text": text }),
        Part::Medium(medium) => match &medium.place {
            Place::Data { media_type, base64 } => {
                json!({ "inlineData": { "mimeType": media_type, "data": base64 } })
            }
            Place::Url(url) => json!({ "fileData": { "fileUri": url } }),
        },
    }
}

pub(super) fn read(mut chunk: Value) -> Vec<Said> {
    let mut said = Vec::new();
    let parts = chunk.pointer_mut("/candidates/0/content/parts").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten() {
        told(part, &mut said);
    }
    said.extend(chunk.get("usageMetadata").map(|usage| Said::Tokens(tokens(usage))));
    // What the user asked may be held back, and then there is no candidate.
    let held_back = text(&mut chunk, "/promptFeedback/blockReason").map(|_| "content_filter".to_owned());
    if let Some(stop) = text(&mut chunk, "/candidates/0/finishReason").or(held_back) {
        said.push(Said::Stop(stop));
    }
    said
}

fn told(part: &mut Value, said: &mut Vec<Said>) {
    let signature = text(part, "/thoughtSignature");
    if part.get("functionCall").is_some_and(Value::is_object) {
        let piece = Piece {
            id: text(part, "/functionCall/id").unwrap_or_default(),
            name: text(part, "/functionCall/name").unwrap_or_default(),
            json: arguments(part, "/functionCall/args"),
            signature,
            ..Piece::default()
        };
        return said.push(Said::WholeCall(piece));
    }
    let is_thought = part.get("thought").is_some_and(|thought| thought == true);
    let text = text(part, "/text");
    if is_thought {
        said.extend(text.map(Said::Reasoning));
        said.extend(signature.map(Said::Signature));
    } else {
        said.extend(text.map(Said::Text));
        said.extend(signature.map(Said::TextSignature));
    }
}

fn tokens(usage: &Value) -> Tokens {
    let (written, thought) = (count(usage, "/candidatesTokenCount"), count(usage, "/thoughtsTokenCount"));
    Tokens {
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
