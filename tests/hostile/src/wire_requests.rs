//! What must hold for the body of a request to a provider: the messages are those of the conversation, written by those who
//! wrote them, the calls have the names of their tools, no address is in it, and it is neither deep nor much larger than the
//! conversation.

use ag_ui_dev::provider::Wire;
use ag_ui_lambda::model::{Request, Turn};
use ag_ui_wire::json::depth;
use serde_json::Value;

/// How deep a body may be. Arguments and schemas have at most 127 levels of their own.
const MAX_DEPTH: usize = 140;

/// Members that can hold the address of a picture or a document.
const ADDRESSES: [&str; 6] = ["url", "image_url", "file_url", "fileUri", "file_uri", "uri"];

/// Members whose value is the arguments of a call.
const ARGUMENTS: [&str; 3] = ["arguments", "args", "input"];

/// Checks the body of a request over a wire that allows no addresses.
///
/// # Errors
/// The rule that the body breaks.
pub fn check_request(wire: Wire, request: &Request, body: &Value) -> Result<(), String> {
    let list = match wire {
        Wire::OpenAiResponses => &body["input"],
        Wire::Gemini => &body["contents"],
        _ => &body["messages"],
    };
    let messages = list.as_array().ok_or("the request has no messages")?;
    let (written, expected) = (outline(wire, messages)?, expected_outline(wire, request));
    if written.len() != expected.len() || !written.iter().zip(&expected).all(|(a, b)| is_same(a, b)) {
        return Err(format!("the request has {written:?} for the conversation {expected:?}"));
    }
    if instructions(wire, body) != request.instructions.as_deref().unwrap_or_default() {
        return Err("the request has other instructions".into());
    }
    messages.iter().try_for_each(check_addresses)
}

/// Checks the text of a body, and returns how deep it is. `conversation` is how many bytes the client has sent.
///
/// # Errors
/// The rule that the text breaks.
pub fn check_size(text: &str, conversation: usize) -> Result<usize, String> {
    // A control character takes six bytes in JSON, and a quote in a text in a text four.
    if text.len() > 8 * conversation + 65_536 {
        return Err(format!("a request of {} bytes for an input of {conversation}", text.len()));
    }
    match depth(text) {
        depth @ 0..=MAX_DEPTH => Ok(depth),
        depth => Err(format!("a request with {depth} levels")),
    }
}

/// A part of the conversation.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    System,
    User,
    Assistant,
    /// A call of the tool with this name.
    Call(String),
    Result,
}

/// Returns what the conversation of a request has on a wire.
fn expected_outline(wire: Wire, request: &Request) -> Vec<Part> {
    let mut parts = Vec::new();
    let has_instructions = request.instructions.as_deref().is_some_and(|text| !text.trim().is_empty());
    if has_instructions && matches!(wire, Wire::OpenAiChat | Wire::Ollama) {
        parts.push(Part::System);
    }
    for turn in &request.history {
        match turn {
            Turn::User(_) => parts.push(Part::User),
            Turn::Assistant { text, calls, .. } => {
                // An item of Responses has a text or a call.
                if !text.trim().is_empty() || (!calls.is_empty() && wire != Wire::OpenAiResponses) {
                    parts.push(Part::Assistant);
                }
                parts.extend(calls.iter().map(|call| Part::Call(call.name.clone())));
            }
            Turn::Results(results) => parts.extend(results.iter().map(|_| Part::Result)),
        }
    }
    parts
}

/// Whether a part is the expected one. A name that not every provider accepts is replaced by one that ends in a digest.
fn is_same(written: &Part, expected: &Part) -> bool {
    let (Part::Call(written), Part::Call(name)) = (written, expected) else { return written == expected };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_valid = |name: &str| {
        (1..=64).contains(&name.len())
            && name.chars().all(is_plain)
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    };
    let digest = written.rsplit_once('_').map(|(_, digest)| digest).unwrap_or_default();
    match is_valid(name) {
        true => written == name,
        false => is_valid(written) && digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()),
    }
}

/// Returns what the messages of a body have.
///
/// # Errors
/// A message or a block that the conversation cannot have led to.
fn outline(wire: Wire, messages: &[Value]) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    for message in messages {
        match wire {
            Wire::OpenAiChat | Wire::Ollama => chat_message(message, &mut parts)?,
            Wire::OpenAiResponses => item(message, &mut parts)?,
            _ => blocks(message, &mut parts)?,
        }
    }
    Ok(parts)
}

/// Appends a message of Chat Completions or of Ollama.
fn chat_message(message: &Value, parts: &mut Vec<Part>) -> Result<(), String> {
    parts.push(match message["role"].as_str() {
        Some("system") => Part::System,
        Some("user") => Part::User,
        Some("assistant") => Part::Assistant,
        Some("tool") => Part::Result,
        _ => return Err(format!("a message with the role {}", message["role"])),
    });
    let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !calls.is_empty() && parts.last() != Some(&Part::Assistant) {
        return Err("a message with calls that is not the assistant's".into());
    }
    if message["role"] == "assistant" && !matches!(message["content"], Value::String(_) | Value::Null) {
        return Err(format!("a message of the assistant with {}", message["content"]));
    }
    parts.extend(calls.iter().map(|call| call_named(&call["function"]["name"])));
    Ok(())
}

/// Appends an item of the Responses API.
fn item(item: &Value, parts: &mut Vec<Part>) -> Result<(), String> {
    match (item["type"].as_str(), item["role"].as_str()) {
        (None, Some("user")) => parts.push(Part::User),
        (Some("message"), Some("assistant")) => parts.push(Part::Assistant),
        (Some("function_call"), None) => parts.push(call_named(&item["name"])),
        (Some("function_call_output"), None) => parts.push(Part::Result),
        (Some("reasoning"), None) if item["encrypted_content"].is_string() => {}
        (kind, role) => return Err(format!("an item of the type {kind:?} with the role {role:?}")),
    }
    Ok(())
}

/// Appends the blocks of a message of Anthropic, Gemini or Bedrock.
fn blocks(message: &Value, parts: &mut Vec<Part>) -> Result<(), String> {
    let content = if message["parts"].is_array() { &message["parts"] } else { &message["content"] };
    let is_user = match message["role"].as_str() {
        Some("user") => true,
        Some("assistant" | "model") => false,
        _ => return Err(format!("a message with the role {}", message["role"])),
    };
    if !is_user {
        parts.push(Part::Assistant);
    }
    let mut is_begun = false;
    for block in content.as_array().map(Vec::as_slice).unwrap_or(std::slice::from_ref(content)) {
        let kind = block_kind(block);
        match (is_user, kind) {
            (true, "tool_result" | "functionResponse" | "toolResult") => parts.push(Part::Result),
            (true, "text" | "image" | "document" | "inlineData") => {
                if !std::mem::replace(&mut is_begun, true) {
                    parts.push(Part::User);
                }
            }
            (false, "tool_use") => parts.push(call_named(&block["name"])),
            (false, "functionCall" | "toolUse") => parts.push(call_named(&block[kind]["name"])),
            (false, "text" | "thinking" | "redacted_thinking" | "reasoningContent") => {}
            _ => return Err(format!("a block {kind:?} of the role {}", message["role"])),
        }
    }
    Ok(())
}

/// Returns the type of a block: Anthropic has a member for it, and with the others it is the name of the member that holds
/// the block.
fn block_kind(block: &Value) -> &str {
    if block.is_string() {
        return "text";
    }
    let kinds =
        ["text", "functionCall", "functionResponse", "inlineData", "fileData", "toolUse", "toolResult"];
    let kinds = kinds.into_iter().chain(["reasoningContent", "image", "document"]);
    let mut present = kinds.filter(|kind| block.get(kind).is_some());
    block["type"].as_str().or_else(|| present.next()).unwrap_or("of an unknown type")
}

/// Returns a call with this name.
fn call_named(name: &Value) -> Part {
    Part::Call(name.as_str().map_or_else(|| name.to_string(), ToOwned::to_owned))
}

/// Returns the instructions of a body.
fn instructions(wire: Wire, body: &Value) -> &str {
    let text = match wire {
        Wire::OpenAiChat | Wire::Ollama => &body["messages"][0]["content"],
        Wire::OpenAiResponses => &body["instructions"],
        Wire::Gemini => &body["systemInstruction"]["parts"][0]["text"],
        _ => &body["system"][0]["text"],
    };
    text.as_str().unwrap_or_default()
}

/// Checks that a message has no address, outside of the arguments of its calls.
fn check_addresses(value: &Value) -> Result<(), String> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| match value {
            Value::String(text) if ADDRESSES.contains(&name.as_str()) && !text.starts_with("data:") => {
                Err(format!("the address {text:?}"))
            }
            _ if ARGUMENTS.contains(&name.as_str()) => Ok(()),
            value => check_addresses(value),
        }),
        Value::Array(elements) => elements.iter().try_for_each(check_addresses),
        _ => Ok(()),
    }
}
