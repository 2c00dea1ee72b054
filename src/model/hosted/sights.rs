//! Reading a frame of each wire for what genai leaves out.
//!
//! What is read and why stands at [`Sight`]; a frame that shows nothing of it costs a search for a few words.

use serde::Deserialize;
use serde_json::Value;

use super::error::Fault;
use super::frames::{Piece, Sight};
use super::provider::Wire;

/// What a frame's data shows.
pub(super) fn read(wire: Wire, data: &str) -> Vec<Sight> {
    let sights = match wire {
        Wire::Chat if says_any(data, &["\"tool_calls\"", "\"refusal\":\""]) => chat(data),
        Wire::Responses => responses(data),
        Wire::Anthropic => anthropic(data),
        Wire::Gemini if says_any(data, &["\"thoughtSignature\"", "\"blockReason\""]) => gemini(data),
        Wire::Ollama if data.contains("\"error\"") => ollama(data),
        // genai reads these itself, and fails when they are no JSON.
        Wire::Chat | Wire::Gemini | Wire::Ollama => return Vec::new(),
    };
    match sights {
        Ok(sights) => sights,
        // JSON of another form is of no interest.
        Err(error) if error.is_data() => Vec::new(),
        Err(_) => vec![Sight::Malformed],
    }
}

fn says_any(data: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| data.contains(part))
}

type Sights = Result<Vec<Sight>, serde_json::Error>;

fn chat(data: &str) -> Sights {
    #[derive(Deserialize)]
    struct Chunk {
        #[serde(default)]
        choices: Vec<Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        delta: Option<Delta>,
    }
    #[derive(Deserialize)]
    struct Delta {
        refusal: Option<String>,
        tool_calls: Option<Vec<Call>>,
    }
    #[derive(Deserialize)]
    struct Call {
        index: Option<usize>,
        id: Option<String>,
        function: Option<Function>,
    }
    #[derive(Deserialize)]
    struct Function {
        name: Option<String>,
        arguments: Option<Value>,
    }

    let chunk: Chunk = serde_json::from_str(data)?;
    let Some(delta) = chunk.choices.into_iter().next().and_then(|choice| choice.delta) else {
        return Ok(Vec::new());
    };
    let refusal = delta.refusal.filter(|text| !text.is_empty()).map(Sight::Text);
    let calls = delta.tool_calls.into_iter().flatten().filter_map(|call| {
        let function = call.function?;
        let json = match function.arguments {
            Some(Value::String(json)) => json,
            // Some send the object itself.
            Some(arguments @ Value::Object(_)) => arguments.to_string(),
            _ => String::new(),
        };
        let (id, name) = (call.id.unwrap_or_default(), function.name.unwrap_or_default());
        Some(Sight::Call(Piece { place: call.index, id, name, json }))
    });
    Ok(refusal.into_iter().chain(calls).collect())
}

fn responses(data: &str) -> Sights {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        output_index: usize,
        #[serde(default)]
        summary_index: usize,
        item: Option<Item>,
        delta: Option<String>,
        response: Option<Response>,
    }
    #[derive(Deserialize)]
    struct Item {
        #[serde(rename = "type")]
        kind: String,
        call_id: Option<String>,
        name: Option<String>,
        arguments: Option<String>,
        encrypted_content: Option<String>,
    }
    #[derive(Deserialize)]
    struct Response {
        error: Option<Value>,
        incomplete_details: Option<Incomplete>,
    }
    #[derive(Deserialize)]
    struct Incomplete {
        reason: Option<String>,
    }

    let event: Event = serde_json::from_str(data)?;
    let place = event.output_index;
    let call = |item: Item| {
        let (id, name) = (item.call_id.unwrap_or_default(), item.name.unwrap_or_default());
        Sight::Call(Piece { place: Some(place), id, name, json: String::new() })
    };
    Ok(match (&*event.kind, event.item) {
        ("response.output_item.added", Some(item)) if item.kind == "function_call" => vec![call(item)],
        ("response.output_item.done", Some(mut item)) if item.kind == "function_call" => {
            let arguments = item.arguments.take().unwrap_or_default();
            vec![call(item), Sight::Arguments(place, arguments), Sight::End(place)]
        }
        ("response.output_item.done", Some(item)) if item.kind == "reasoning" => {
            let signature = item.encrypted_content.filter(|signature| !signature.is_empty());
            signature.map(Sight::Signature).into_iter().collect()
        }
        ("response.function_call_arguments.delta", _) => {
            let json = event.delta.unwrap_or_default();
            vec![Sight::Call(Piece { place: Some(place), json, ..Piece::default() })]
        }
        // genai joins the parts of a summary without a break.
        ("response.reasoning_summary_part.added", _) if event.summary_index > 0 => {
            vec![Sight::Reasoning("\n\n".into())]
        }
        ("response.refusal.delta", _) => vec![Sight::Text(event.delta.unwrap_or_default())],
        ("response.failed", _) => {
            let error = event.response.and_then(|response| response.error).unwrap_or_default();
            vec![Sight::Failed(Fault::of(&error))]
        }
        ("response.incomplete", _) => {
            let details = event.response.and_then(|response| response.incomplete_details);
            let is_filtered =
                details.and_then(|details| details.reason).is_some_and(|r| r == "content_filter");
            is_filtered.then_some(Sight::Filtered).into_iter().collect()
        }
        _ => Vec::new(),
    })
}

fn anthropic(data: &str) -> Sights {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        index: usize,
        content_block: Option<Block>,
        delta: Option<Block>,
    }
    #[derive(Deserialize)]
    struct Block {
        #[serde(rename = "type")]
        kind: Option<String>,
        id: Option<String>,
        name: Option<String>,
        data: Option<String>,
        signature: Option<String>,
        partial_json: Option<String>,
    }

    let event: Event = serde_json::from_str(data)?;
    let place = event.index;
    if event.kind == "content_block_stop" {
        return Ok(vec![Sight::End(place)]);
    }
    let Some(block) = event.content_block.or(event.delta) else {
        return Ok(Vec::new());
    };
    let sight = match block.kind.as_deref() {
        Some("tool_use") => {
            let (id, name) = (block.id.unwrap_or_default(), block.name.unwrap_or_default());
            Some(Sight::Call(Piece { place: Some(place), id, name, json: String::new() }))
        }
        Some("input_json_delta") => {
            let json = block.partial_json.unwrap_or_default();
            Some(Sight::Call(Piece { place: Some(place), json, ..Piece::default() }))
        }
        Some("redacted_thinking") => Some(Sight::Redacted(block.data.unwrap_or_default())),
        Some("thinking" | "signature_delta") => block.signature.map(Sight::SignaturePiece),
        _ => None,
    };
    Ok(sight.into_iter().collect())
}

fn gemini(data: &str) -> Sights {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Chunk {
        #[serde(default)]
        candidates: Vec<Candidate>,
        prompt_feedback: Option<Feedback>,
    }
    #[derive(Deserialize)]
    struct Candidate {
        content: Option<Content>,
    }
    #[derive(Deserialize)]
    struct Content {
        #[serde(default)]
        parts: Vec<Part>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Part {
        thought_signature: Option<String>,
        function_call: Option<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Feedback {
        block_reason: Option<serde::de::IgnoredAny>,
    }

    let chunk: Chunk = serde_json::from_str(data)?;
    let is_blocked = chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    let content = chunk.candidates.into_iter().next().and_then(|candidate| candidate.content);
    let parts = content.into_iter().flat_map(|content| content.parts);
    // A call's own signature comes with the call.
    let signatures =
        parts.filter(|part| part.function_call.is_none()).filter_map(|part| part.thought_signature);
    let signatures = signatures.filter(|signature| !signature.is_empty()).map(Sight::Signature);
    Ok(signatures.chain(is_blocked.then_some(Sight::Filtered)).collect())
}

fn ollama(data: &str) -> Sights {
    let line: Value = serde_json::from_str(data)?;
    let has_failed = line.get("error").is_some_and(|error| !error.is_null());
    Ok(has_failed.then(|| Sight::Failed(Fault::of(&line))).into_iter().collect())
}
