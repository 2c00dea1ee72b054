//! The conversation in a form that every wire can write: with names and ids that the provider accepts, with the reasoning
//! of this model only, and with the parts of messages that the wire has a form for.
//!
//! Each provider refuses something that others accept. What this module leaves out or changes keeps a request from being
//! refused for its form.

use std::borrow::Cow;

use serde_json::{Value, json};
use tracing::warn;

use super::attachment::{Attachment, MessagePart};
use super::media_hosts::MediaHosts;
use super::provider::Provider;
use crate::model::compat;
use crate::model::json_body::Json;
use crate::model::{Call, CallResult, Reasoning, Request, ToolChoice, Turn, UserPart};
use crate::protocol::{Content, PartKind, Tool};

/// Replaces a user's message of which nothing is left, because providers refuse empty messages.
const EMPTY_USER_MESSAGE: &str = "(The user sent something that cannot be read here.)";

/// A request to a provider's model, from which the wires write their bodies.
pub(super) struct WireRequest<'a> {
    pub(super) provider: &'static Provider,
    /// The hosts whose addresses of images and documents are sent to the provider.
    pub(super) media_hosts: &'a MediaHosts,
    /// The model's full name, which marks the reasoning and signatures that it may get back.
    pub(super) model_name: &'a str,
    /// The provider's id of the model.
    pub(super) model_id: &'a str,
    pub(super) input: &'a Request,
}

/// A message of the conversation.
pub(super) enum Message<'a> {
    /// A message of the user; it has at least one part.
    User(Vec<MessagePart<'a>>),
    /// A turn of the model. Text and calls are never both empty.
    Assistant {
        /// The reasoning of this model.
        reasoning: Vec<&'a Reasoning>,
        text: Option<&'a str>,
        /// The calls, each of which is converted when its turn comes: a turn can have thousands.
        calls: Box<dyn ExactSizeIterator<Item = HistoryCall<'a>> + 'a>,
        /// Whether no message of the user follows, so that the calls are still being answered.
        is_in_loop: bool,
    },
    /// The results of the calls before, each of which is converted when its turn comes.
    Results(Box<dyn Iterator<Item = HistoryResult<'a>> + 'a>),
}

/// A call in the history, with id and name as the provider accepts them.
pub(super) struct HistoryCall<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    /// The arguments as the model wrote them; they may be invalid JSON.
    pub(super) arguments: &'a str,
    /// The opaque value that goes back with the call, if this model made the call.
    pub(super) signature: Option<&'a str>,
}

/// The result of a call in the history, with id and name as the provider accepts them.
pub(super) struct HistoryResult<'a> {
    pub(super) id: Cow<'a, str>,
    /// The tool's name.
    pub(super) name: Cow<'a, str>,
    pub(super) text: Cow<'a, str>,
}

/// Whether and which of the tools on offer must be called.
pub(super) enum WireToolChoice<'a> {
    /// No tool may be called.
    None,
    /// At least one tool must be called.
    Any,
    /// The tool with this name on the wire must be called.
    Tool(Cow<'a, str>),
}

impl<'a> WireRequest<'a> {
    /// Returns the system prompt; `None` if it is missing or blank.
    pub(super) fn instructions(&self) -> Option<&'a str> {
        self.input.instructions.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// Returns the JSON declarations of the tools on offer. `schema_member` is the provider's name for the member that
    /// holds a tool's schema.
    pub(super) fn tool_declarations(&self, schema_member: &str) -> impl Iterator<Item = Value> {
        self.input.tools.iter().map(move |tool| tool_declaration(tool, schema_member))
    }

    /// Returns which tools the model must or must not call. Returns `None` if the model decides, if no tool is on
    /// offer, or if the tool to be forced is not on offer.
    pub(super) fn tool_choice(&self) -> Option<WireToolChoice<'a>> {
        if self.input.tools.is_empty() {
            return None;
        }
        match &self.input.settings.tool_choice {
            ToolChoice::Auto => None,
            ToolChoice::None => Some(WireToolChoice::None),
            ToolChoice::Required => Some(WireToolChoice::Any),
            // A tool that is not on offer for this caller can't be forced.
            ToolChoice::Tool(name) => {
                self.input.offers(name).then(|| WireToolChoice::Tool(compat::wire_tool_name(name)))
            }
        }
    }

    /// Returns the history as messages that the provider accepts. Parts that it does not accept are left out, and one
    /// warning lists what they are.
    pub(super) fn messages(&self) -> Vec<Message<'a>> {
        let history = &self.input.history;
        let last_user = history.iter().rposition(|turn| matches!(turn, Turn::User(_)));
        let mut skipped = Vec::new();
        let mut last_calls: &[Call] = &[];
        let mut messages = Vec::with_capacity(history.len());
        for (at, turn) in history.iter().enumerate() {
            messages.extend(match turn {
                Turn::User(parts) => Some(Message::User(self.user_parts(parts, &mut skipped))),
                Turn::Assistant { reasoning, text, calls } => {
                    let text = Some(text.as_str()).filter(|text| !text.trim().is_empty());
                    last_calls = calls;
                    let own = reasoning.iter().filter(|piece| piece.model == self.model_name);
                    (text.is_some() || !calls.is_empty()).then(|| Message::Assistant {
                        reasoning: own.collect(),
                        text,
                        calls: Box::new(calls.iter().map(self.convert_call())),
                        is_in_loop: last_user.is_none_or(|user| at > user),
                    })
                }
                Turn::Results(results) => {
                    skipped.extend(results.iter().flat_map(other_parts));
                    let provider = self.provider;
                    let converted = results.iter().enumerate().map(move |(index, result)| HistoryResult {
                        id: call_id(provider, result.id.as_str()),
                        name: called_name(last_calls, index, result),
                        text: result_text(result),
                    });
                    Some(Message::Results(Box::new(converted)))
                }
            });
        }
        if !skipped.is_empty() {
            let parts = skipped.join(", ");
            warn!(
                model = self.model_name,
                parts,
                "parts of messages were left out because the model does not accept them, or their host is not allowed"
            );
        }
        messages
    }

    /// Returns the parts of a user's message that the provider accepts, and appends what the others are to
    /// `skipped`. If no part is left, a sentence takes their place.
    fn user_parts(&self, parts: &'a [UserPart], skipped: &mut Vec<&'static str>) -> Vec<MessagePart<'a>> {
        let mut taken = Vec::with_capacity(parts.len());
        for part in parts {
            let part = match part {
                UserPart::ClientContext(text) | UserPart::Note(text) => Ok(MessagePart::Text(text)),
                UserPart::Content(part) => match &part.kind {
                    PartKind::Text { text } => Ok(MessagePart::Text(text)),
                    kind => {
                        Attachment::new(self.provider, self.media_hosts, kind).map(MessagePart::Attachment)
                    }
                },
            };
            match part {
                Ok(MessagePart::Text(text)) if text.trim().is_empty() => {}
                Ok(part) => taken.push(part),
                Err(kind) => skipped.push(kind),
            }
        }
        if taken.is_empty() {
            taken.push(MessagePart::Text(EMPTY_USER_MESSAGE));
        }
        taken
    }

    /// Returns a function that converts a call of the history, with id and name as the provider accepts them. The
    /// signature is kept only if this model made the call.
    fn convert_call(&self) -> impl Fn(&'a Call) -> HistoryCall<'a> + use<'a> {
        let (provider, model) = (self.provider, self.model_name);
        move |call| {
            let own = call.signature.as_ref().filter(|signature| signature.model == model);
            HistoryCall {
                id: call_id(provider, call.id.as_str()),
                name: compat::wire_tool_name(&call.name),
                arguments: &call.arguments,
                signature: own.map(|signature| signature.value.as_str()),
            }
        }
    }
}

/// Returns a call's id in the form that the provider accepts; the same id always gives the same result.
fn call_id<'a>(provider: &Provider, id: &'a str) -> Cow<'a, str> {
    // Mistral accepts only ids of exactly nine letters and digits.
    let is_short = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if provider.adapter == "mistral" && !is_short {
        let digest = compat::wire_call_id(&format!("mistral:{id}")).into_owned();
        return digest.chars().rev().take(9).collect::<String>().into();
    }
    compat::wire_call_id(id)
}

/// Returns the name on the wire of the tool that was called for a result, which is the result at `index` of its turn.
/// `calls` are the calls of the turn before, in the same order unless an application has made the history itself.
fn called_name<'a>(calls: &'a [Call], index: usize, result: &CallResult) -> Cow<'a, str> {
    let is_answered = |call: &&Call| call.id == result.id;
    let call = calls.get(index).filter(is_answered).or_else(|| calls.iter().find(is_answered));
    call.map(|call| compat::wire_tool_name(&call.name)).unwrap_or_default()
}

/// Returns a user's message whose `content` is a text if that is the only part, and otherwise a list of what `encode` makes
/// of each part.
pub(super) fn encode_user_message<'a>(
    parts: Vec<MessagePart<'a>>,
    encode: impl Fn(&MessagePart<'a>) -> Json<'a> + 'a,
) -> Json<'a> {
    let message = json!({ "role": "user", "content": null });
    match parts[..] {
        [MessagePart::Text(text)] => Json::with_string(message, &["content"], text),
        _ => Json::with_list(message, &["content"], parts.into_iter().map(move |part| encode(&part))),
    }
}

/// Returns the JSON declaration of a tool: name, schema and, if there is one, the description. `schema_member` is the
/// provider's name for the member that holds the schema.
pub(super) fn tool_declaration(tool: &Tool, schema_member: &str) -> Value {
    let mut declared = json!({ "name": compat::wire_tool_name(&tool.name) });
    // `json!` would copy the schema, which can be large.
    declared[schema_member] = compat::wire_schema(tool);
    if !tool.description.is_empty() {
        declared["description"] = tool.description.as_str().into();
    }
    declared
}

/// Returns the declaration of a tool in the form in which it is the member `function` of an object.
pub(super) fn function_declaration<'a>(declaration: Value) -> Json<'a> {
    let mut function = json!({ "type": "function" });
    function["function"] = declaration;
    function.into()
}

/// Returns the text of a call's result.
fn result_text(result: &CallResult) -> Cow<'_, str> {
    match &result.content {
        Content::Text(text) => text.into(),
        Content::Parts(_) => result.content.text().into(),
    }
}

/// Returns an entry for the log for each part of a result that is not text, because not every provider accepts such parts
/// in results.
fn other_parts(result: &CallResult) -> impl Iterator<Item = &'static str> {
    let parts = match &result.content {
        Content::Text(_) => &[][..],
        Content::Parts(parts) => parts,
    };
    let others = parts.iter().filter(|part| !matches!(part.kind, PartKind::Text { .. }));
    others.map(|_| "part of a tool's result")
}
