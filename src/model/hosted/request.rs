//! A request in the words of genai: the conversation, the tools and the settings.
//!
//! Providers refuse what others take. What this module leaves out or changes, it does so that no request is
//! refused for its form; what the wire cannot take at all is decided in [`parts`](super::parts).

use std::borrow::Cow;
use std::collections::HashMap;

use genai::adapter::AdapterKind;
use genai::chat::{
    CacheControl, ChatMessage, ChatOptions, ChatRequest, ContentPart, MessageContent, Tool, ToolCall,
    ToolChoice as Choice, ToolName, ToolResponse,
};
use serde_json::{Value, json};
use tracing::warn;

use super::parts::Parts;
use super::provider::{Provider, Wire};
use super::thinking;
use crate::model::wire::{self, ToolNames};
use crate::model::{Call, CallResult, Reasoning, ReasoningKind, Request, ToolChoice, Turn};
use crate::protocol::{Content, PartKind};

/// Names that genai or a provider would take for a tool of its own: a client's tool must never turn one on.
const RESERVED: &[&str] = &[
    "WebSearch",
    "web_search",
    "googleSearch",
    "google_search",
    "googleSearchRetrieval",
    "codeExecution",
    "code_execution",
    "urlContext",
    "url_context",
];

/// A request that is ready for genai.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) chat: ChatRequest,
    pub(super) options: ChatOptions,
    /// How genai calls the provider for this request.
    pub(super) kind: AdapterKind,
}

/// Puts a request into genai's words. `model` is the model's full name, `id` what the provider calls it.
pub(super) fn ask(provider: &Provider, model: &str, id: &str, request: &Request) -> (Asked, ToolNames) {
    let names = ToolNames::new(&request.tools, RESERVED);
    let mut conversation = Conversation {
        provider,
        model,
        names: &names,
        parts: Parts::new(provider),
        called: HashMap::new(),
        messages: Vec::with_capacity(request.history.len()),
    };
    let last_user = request.history.iter().rposition(|turn| matches!(turn, Turn::User(_)));
    for (at, turn) in request.history.iter().enumerate() {
        conversation.push(turn, last_user.is_none_or(|user| at > user));
    }
    let Conversation { parts, messages, .. } = conversation;
    if !parts.skipped.is_empty() {
        warn!(model, parts = parts.skipped.join(", "), "the model takes no such parts; they were left out");
    }
    let is_without_tools = provider.wire == Wire::Ollama && request.settings.tool_choice == ToolChoice::None;
    let mut tools: Vec<Tool> =
        request.tools.iter().map(|tool| declared(tool, provider.wire, &names)).collect();
    if tools.is_empty() && provider.wire == Wire::Anthropic {
        let named = wire::named_by_history(request);
        tools.extend(named.iter().map(|tool| declared(tool, provider.wire, &names)));
    }
    let chat = ChatRequest {
        system: request.instructions.as_deref().filter(|text| !text.trim().is_empty()).map(Into::into),
        messages,
        // Ollama knows no choice; without tools it calls none.
        tools: (!tools.is_empty() && !is_without_tools).then_some(tools),
        previous_response_id: None,
        store: None,
    };
    let mut options = ChatOptions {
        temperature: request.settings.temperature,
        max_tokens: request.settings.max_tokens,
        tool_choice: if request.tools.is_empty() { None } else { choice(request, &names) },
        capture_usage: Some(true),
        // Only Responses, for a server that sends calls in its last event alone. Elsewhere calls are made of
        // the frames, and genai need not gather anything.
        capture_tool_calls: Some(provider.wire == Wire::Responses),
        cache_control: Some(cache_control(provider.wire)),
        // genai takes an ending such as `-low` off the id and prefixes others.
        extra_body: (provider.wire != Wire::Gemini).then(|| json!({ "model": id })),
        ..ChatOptions::default()
    };
    let kind = thinking::set(provider, model, id, request, &mut options);
    (Asked { chat, options, kind }, names)
}

/// Anthropic caches only what is marked. On OpenAI's wires this value sends nothing, and without it genai would
/// turn the automatic cache of newer models off.
fn cache_control(wire: Wire) -> CacheControl {
    match wire {
        Wire::Anthropic => CacheControl::Ephemeral,
        _ => CacheControl::Ephemeral5m,
    }
}

fn choice(request: &Request, names: &ToolNames) -> Option<Choice> {
    match &request.settings.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(Choice::None),
        ToolChoice::Required => Some(Choice::Required),
        // A tool that this caller is not offered cannot be forced.
        ToolChoice::Tool(name) if request.offers(name) => Some(Choice::tool(names.to_wire(name))),
        ToolChoice::Tool(_) => None,
    }
}

fn declared(tool: &crate::protocol::Tool, wire: Wire, names: &ToolNames) -> Tool {
    let mut declared = Tool::new(ToolName::Custom(names.to_wire(&tool.name).into_owned()));
    declared.schema = Some(wire::schema(tool));
    // Responses would make every schema strict, and optional arguments null.
    declared.strict = (wire == Wire::Responses).then_some(false);
    if tool.description.is_empty() { declared } else { declared.with_description(&tool.description) }
}

/// The messages so far.
struct Conversation<'a> {
    provider: &'a Provider,
    /// The model's full name, the mark on its reasoning.
    model: &'a str,
    names: &'a ToolNames,
    parts: Parts<'a>,
    /// The name on the wire of each call so far, by its id on the wire.
    called: HashMap<String, String>,
    messages: Vec<ChatMessage>,
}

impl Conversation<'_> {
    fn push(&mut self, turn: &Turn, is_in_loop: bool) {
        match turn {
            Turn::User(parts) => {
                let content = self.parts.of_user(parts);
                self.messages.push(ChatMessage::user(MessageContent::from_parts(content)));
            }
            Turn::Assistant { reasoning, text, calls } => {
                let mut content = Vec::new();
                for piece in reasoning.iter().filter(|piece| piece.model == self.model) {
                    self.think(piece, !text.trim().is_empty(), is_in_loop, &mut content);
                }
                if !text.trim().is_empty() {
                    content.push(ContentPart::Text(text.clone()));
                }
                content.extend(calls.iter().map(|call| ContentPart::ToolCall(self.call(call))));
                let says_something = |part: &ContentPart| part.is_text() || part.is_tool_call();
                if content.iter().any(says_something) {
                    self.messages.push(ChatMessage::assistant(MessageContent::from_parts(content)));
                }
            }
            Turn::Results(results) => {
                let answers = results.iter().map(|result| self.result(result)).collect::<Vec<_>>();
                // genai keeps only the last answer of a message to Ollama.
                let at_once = if self.provider.wire == Wire::Ollama { 1 } else { answers.len().max(1) };
                let messages = answers.chunks(at_once).map(|answers| ChatMessage::from(answers.to_vec()));
                self.messages.extend(messages);
            }
        }
    }

    /// A piece of this model's own reasoning, in the form that its provider wants it back.
    fn think(&self, piece: &Reasoning, has_text: bool, is_in_loop: bool, content: &mut Vec<ContentPart>) {
        let signature = |signature: &String| ContentPart::ThoughtSignature(signature.clone());
        let text = || ContentPart::ReasoningContent(piece.text.clone());
        match (&piece.kind, self.provider.wire) {
            (ReasoningKind::Signed(value), Wire::Anthropic) => content.extend([signature(value), text()]),
            (ReasoningKind::Redacted(data), Wire::Anthropic) => {
                let block = json!({ "type": "redacted_thinking", "data": data });
                content.push(ContentPart::from_custom(block, None));
            }
            (ReasoningKind::Signed(value), Wire::Responses) => content.push(signature(value)),
            // A text part bears it; calls have their own.
            (ReasoningKind::Signed(value), Wire::Gemini) if has_text => content.push(signature(value)),
            (ReasoningKind::Plain, Wire::Chat) if self.provider.takes_reasoning_back && is_in_loop => {
                content.push(text());
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &Call) -> ToolCall {
        let name = self.names.to_wire(&call.name).into_owned();
        let id = self.id(call.id.as_str()).into_owned();
        self.called.insert(id.clone(), name.clone());
        let own = call
            .signature
            .as_ref()
            .filter(|signature| signature.model == self.model && self.provider.wire == Wire::Gemini);
        ToolCall {
            call_id: id,
            fn_name: name,
            fn_arguments: Value::Object(wire::arguments(&call.arguments)),
            thought_signatures: own.map(|signature| vec![signature.value.clone()]),
        }
    }

    fn result(&mut self, result: &CallResult) -> ToolResponse {
        if let Content::Parts(parts) = &result.content {
            let others = parts.iter().filter(|part| !matches!(part.kind, PartKind::Text { .. }));
            self.parts.skipped.extend(others.map(|_| "part of a tool's result"));
        }
        let id = self.id(result.id.as_str()).into_owned();
        let response = ToolResponse::new(id.clone(), result.content.text());
        match self.called.get(&id) {
            Some(name) => response.with_fn_name(name),
            None => response,
        }
    }

    fn id<'b>(&self, id: &'b str) -> Cow<'b, str> {
        // Mistral takes nine letters and digits, and nothing else.
        let is_short = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.provider.kind == AdapterKind::Mistral && !is_short {
            let digest = wire::call_id(&format!("mistral:{id}")).into_owned();
            return digest.chars().rev().take(9).collect::<String>().into();
        }
        wire::call_id(id)
    }
}
