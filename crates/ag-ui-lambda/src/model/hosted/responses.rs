//! OpenAI's Responses: what goes out and what comes back. Nothing is stored there.
//!
//! Source: <https://platform.openai.com/docs/api-reference/responses>.

use serde_json::{Value, json};
use tracing::warn;

use super::conversation::{Asked, Choice, Message};
use super::effort::effort;
use super::error::Fault;
use super::media::{Kind, Medium, Part, Place};
use super::opaque;
use super::said::{Piece, Said, Span, Thought, Tokens, arguments, count, entries, place, text};
use crate::model::wire;
use crate::model::{Reasoning, ReasoningKind};

pub(super) fn body(asked: &Asked<'_>) -> Value {
    let input: Vec<Value> = asked.messages().iter().flat_map(written).collect();
    let has_reasoned = input.iter().any(|item| is_of(item, "reasoning"));
    let mut body = json!({ "model": asked.id, "stream": true, "store": false, "input": input });
    if let Some(instructions) = asked.instructions() {
        body["instructions"] = instructions.into();
    }
    let mut tools = asked.tools("parameters");
    for tool in &mut tools {
        tool["type"] = "function".into();
        // Every schema would be made strict, and optional arguments null.
        tool["strict"] = false.into();
    }
    if !tools.is_empty() {
        body["tools"] = tools.into();
    }
    if let Some(choice) = asked.choice() {
        body["tool_choice"] = match choice {
            Choice::None => "none".into(),
            Choice::Any => "required".into(),
            Choice::This(name) => json!({ "type": "function", "name": name }),
        };
    }
    let settings = &asked.request.settings;
    if let Some(temperature) = settings.temperature {
        body["temperature"] = temperature.into();
    }
    if let Some(max_tokens) = settings.max_tokens {
        body["max_output_tokens"] = max_tokens.into();
    }
    if !settings.stop.is_empty() {
        warn!(model = asked.id, "Responses has no texts to stop at; AGUI_MODEL_STOP has no effect");
    }
    if let Some(tokens) = settings.thinking_tokens {
        // Summaries are refused to organisations that OpenAI has not verified, so they have to be asked for.
        body["reasoning"] = json!({ "effort": effort(tokens), "summary": "auto" });
    }
    if settings.thinking_tokens.is_some() || reasons(asked.id) || has_reasoned {
        // What the model needs back between its calls.
        body["include"] = json!(["reasoning.encrypted_content"]);
    }
    body
}

fn written(message: &Message<'_>) -> Vec<Value> {
    match message {
        Message::User(parts) => vec![json!({ "role": "user", "content": user(parts) })],
        Message::Assistant { reasoning, text, calls, .. } => {
            let text = text.map(|text| {
                let content = json!([{ "type": "output_text", "text": text }]);
                json!({ "type": "message", "role": "assistant", "content": content })
            });
            let calls = calls.iter().map(|call| {
                let arguments = wire::arguments_text(call.arguments);
                let mut item = json!({ "type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments });
                call.signature.iter().for_each(|signature| opaque::put(&mut item, signature));
                item
            });
            reasoning.iter().flat_map(|piece| thoughts(piece)).chain(text).chain(calls).collect()
        }
        Message::Results(results) => {
            let results = results.iter().map(
                |result| json!({ "type": "function_call_output", "call_id": result.id, "output": result.text }),
            );
            results.collect()
        }
    }
}

fn thoughts(piece: &Reasoning) -> Vec<Value> {
    let sealed = match &piece.kind {
        ReasoningKind::Signed(sealed) => vec![sealed.clone()],
        // Those that were told behind the answer only.
        ReasoningKind::OfTurn(sealed) => serde_json::from_str(sealed).unwrap_or_default(),
        _ => Vec::new(),
    };
    let item = |sealed| json!({ "type": "reasoning", "summary": [], "encrypted_content": sealed });
    sealed.into_iter().map(item).collect()
}

fn user(parts: &[Part<'_>]) -> Value {
    match parts {
        [Part::Text(text)] => (*text).into(),
        parts => parts.iter().map(part).collect(),
    }
}

fn part(part: &Part<'_>) -> Value {
    match part {
        Part::Text(text) => json!({ "type": "input_text", "text": text }),
        Part::Medium(Medium { kind: Kind::Pdf, place: Place::Url(url) }) => {
            json!({ "type": "input_file", "file_url": url })
        }
        Part::Medium(medium) if medium.kind == Kind::Pdf => {
            json!({ "type": "input_file", "filename": "document.pdf", "file_data": medium.url() })
        }
        Part::Medium(medium) => json!({ "type": "input_image", "detail": "auto", "image_url": medium.url() }),
    }
}

/// Models that reason, and so can encrypt it.
fn reasons(id: &str) -> bool {
    let id = id.rsplit('/').next().unwrap_or(id);
    let is_of = |start: &&str| id.starts_with(*start) && !id.contains("-chat");
    ["gpt-5", "gpt-6", "o1", "o3", "o4"].iter().any(is_of) || id.contains("codex")
}

pub(super) fn read(mut event: Value) -> Vec<Said> {
    let kind = text(&mut event, "/type").unwrap_or_default();
    // llama.cpp and others leave the index out, and name the item alone.
    let (place, part) = (place(&event, "/output_index"), count(&event, "/summary_index"));
    match kind.as_str() {
        "response.output_text.delta" | "response.refusal.delta" => {
            text(&mut event, "/delta").map(Said::Text).into_iter().collect()
        }
        "response.output_text.done" => whole_text(text(&mut event, "/text")),
        "response.refusal.done" => whole_text(text(&mut event, "/refusal")),
        // The text of reasoning and of its summary have events of their own, and older servers further ones.
        _ if kind.starts_with("response.reasoning") && kind.ends_with(".delta") => {
            let delta = text(&mut event, "/delta/text").or_else(|| text(&mut event, "/delta"));
            delta.map(Said::Reasoning).into_iter().collect()
        }
        _ if kind.starts_with("response.reasoning") && kind.ends_with(".done") => {
            let whole = text(&mut event, "/text").map(|text| Said::WholeReasoning(Span::Part, text));
            whole.into_iter().collect()
        }
        // The parts of a summary are paragraphs.
        "response.reasoning_summary_part.added" if part > Some(0) => vec![Said::Reasoning("\n\n".into())],
        "response.function_call_arguments.delta" => {
            let json = arguments(&mut event, "/delta");
            let item = text(&mut event, "/item_id").unwrap_or_default();
            vec![Said::Call(Piece { place, item, json, ..Piece::default() })]
        }
        "response.function_call_arguments.done" => {
            let json = arguments(&mut event, "/arguments");
            let item = text(&mut event, "/item_id").unwrap_or_default();
            vec![Said::Call(Piece { place, item, json, is_whole: true, ..Piece::default() })]
        }
        "response.output_item.added" => {
            event.get_mut("item").map(|item| begun(item, place)).unwrap_or_default()
        }
        "response.output_item.done" => {
            event.get_mut("item").map(|item| done(item, place)).unwrap_or_default()
        }
        "response.completed" | "response.incomplete" => {
            event.get_mut("response").map(over).unwrap_or_default()
        }
        "response.failed" => {
            vec![Said::Failed(Fault::of(event.pointer("/response/error").unwrap_or(&Value::Null)))]
        }
        // A whole response, from a server that does not stream.
        "" if event.get("object").is_some_and(|object| object == "response")
            || event.get("output").is_some_and(Value::is_array) =>
        {
            whole(&mut event)
        }
        _ => Vec::new(),
    }
}

fn begun(item: &mut Value, place: Option<usize>) -> Vec<Said> {
    let call = call(item);
    let start = call.map(|call| Said::Call(Piece { place, is_start: true, ..call }));
    start.into_iter().collect()
}

fn done(item: &mut Value, place: Option<usize>) -> Vec<Said> {
    if let Some(call) = call(item) {
        return vec![Said::CallDone(Piece { place, ..call })];
    }
    if let Some(thought) = thought(item) {
        let sealed = thought.signature.map(Said::Sealed);
        return [Said::WholeReasoning(Span::Item, thought.text)].into_iter().chain(sealed).collect();
    }
    let text: String = texts(item).collect();
    if is_of(item, "message") { vec![Said::WholeText(Span::Item, text)] } else { Vec::new() }
}

fn whole_text(text: Option<String>) -> Vec<Said> {
    text.map(|text| Said::WholeText(Span::Part, text)).into_iter().collect()
}

/// The end, good or cut short. It repeats all items, of which some servers have streamed nothing.
fn over(response: &mut Value) -> Vec<Said> {
    let thoughts: Vec<Thought> = entries(response, "/output").filter_map(thought).collect();
    let reasoning = (!thoughts.is_empty()).then_some(Said::AllReasoning(thoughts));
    let all_text: String = entries(response, "/output").flat_map(|item| texts(item)).collect();
    let all_text = (!all_text.is_empty()).then_some(Said::WholeText(Span::Turn, all_text));
    let calls = Said::AllCalls(entries(response, "/output").filter_map(call).collect());
    let stop = text(response, "/incomplete_details/reason").or_else(|| text(response, "/status"));
    let usage = response.get("usage").filter(|usage| usage.is_object()).map(tokens).map(Said::Tokens);
    let stop = Said::Stop(stop.unwrap_or_else(|| "completed".into()));
    reasoning.into_iter().chain(all_text).chain([calls, stop]).chain(usage).chain([Said::End]).collect()
}

/// A response that was not streamed.
fn whole(response: &mut Value) -> Vec<Said> {
    if response.get("status").is_some_and(|status| status == "failed") {
        return vec![Said::Failed(Fault::of(response.get("error").unwrap_or(&Value::Null)))];
    }
    over(response)
}

/// An item that is reasoning: its summary, or the reasoning itself where the server has no summary of it.
fn thought(item: &mut Value) -> Option<Thought> {
    if !is_of(item, "reasoning") {
        return None;
    }
    let joined = |list: &str, between: &str| {
        let parts = item.get(list).and_then(Value::as_array).into_iter().flatten();
        parts.filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().join(between)
    };
    // The parts of a summary are paragraphs.
    let summary = joined("summary", "\n\n");
    let whole = if summary.is_empty() { joined("content", "") } else { summary };
    Some(Thought { text: whole, signature: text(item, "/encrypted_content") })
}

fn is_of(item: &Value, kind: &str) -> bool {
    item.get("type").is_some_and(|known| known == kind)
}

/// The texts of an item that is a message.
fn texts(item: &Value) -> impl Iterator<Item = &str> {
    let content = item.get("content").filter(|_| is_of(item, "message")).and_then(Value::as_array);
    let parts = content.into_iter().flatten();
    parts.filter_map(|part| part.get("text").or_else(|| part.get("refusal"))?.as_str())
}

/// An item that is a call.
fn call(item: &mut Value) -> Option<Piece> {
    is_of(item, "function_call").then(|| Piece {
        signature: opaque::take_of_call(item),
        item: text(item, "/id").unwrap_or_default(),
        id: text(item, "/call_id").unwrap_or_default(),
        name: text(item, "/name").unwrap_or_default(),
        json: arguments(item, "/arguments"),
        ..Piece::default()
    })
}

fn tokens(usage: &Value) -> Tokens {
    Tokens {
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
    fn models_that_reason_are_known_by_their_names() {
        for (id, expected) in [
            ("gpt-5.1", true),
            ("o3-mini", true),
            ("gpt-5-chat-latest", false),
            ("gpt-4.1", false),
            ("gpt-4o", false),
            ("codex-mini", true),
        ] {
            assert_eq!(reasons(id), expected, "{id}");
        }
    }
}
