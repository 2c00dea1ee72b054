//! A conversation as every wire can write it down: with names and ids that the provider takes, this model's own
//! reasoning and no other's, and the parts of messages that the wire has a form for.
//!
//! Providers refuse what others take. What is left out or changed here is so that no request is refused for its
//! form.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Value, json};
use tracing::warn;

use super::media::{Medium, Part};
use super::provider::Provider;
use crate::model::wire;
use crate::model::{Call, CallResult, Reasoning, Request, ToolChoice, Turn, UserPart};
use crate::protocol::{Content, PartKind, Tool};

/// Stands for a message of which nothing is left: providers refuse empty ones.
const NOTHING: &str = "(The user sent something that cannot be read here.)";

/// A request, and how its model is called.
pub(super) struct Asked<'a> {
    pub(super) provider: &'static Provider,
    /// The model's full name, the mark on its reasoning.
    pub(super) model: &'a str,
    /// What the provider calls the model.
    pub(super) id: &'a str,
    pub(super) request: &'a Request,
}

/// A message of the conversation.
pub(super) enum Message<'a> {
    /// Parts of what the user said; never none.
    User(Vec<Part<'a>>),
    /// What the model said and called; not both are empty.
    Assistant {
        /// Its own reasoning.
        reasoning: Vec<&'a Reasoning>,
        text: Option<&'a str>,
        calls: Vec<Made<'a>>,
        /// The user has said nothing since: the calls are being answered.
        is_in_loop: bool,
    },
    /// The answers to the calls before.
    Results(Vec<Answered<'a>>),
}

/// A call.
pub(super) struct Made<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    /// As the model wrote them.
    pub(super) arguments: &'a str,
    /// The model's own.
    pub(super) signature: Option<&'a str>,
}

/// The answer to a call.
pub(super) struct Answered<'a> {
    pub(super) id: Cow<'a, str>,
    /// The tool's name.
    pub(super) name: Cow<'a, str>,
    pub(super) text: String,
}

/// Whether a tool must be called, of those on offer.
pub(super) enum Choice<'a> {
    None,
    Any,
    /// By its name on the wire.
    This(Cow<'a, str>),
}

impl<'a> Asked<'a> {
    /// The system prompt.
    pub(super) fn instructions(&self) -> Option<&'a str> {
        self.request.instructions.as_deref().filter(|text| !text.trim().is_empty())
    }

    /// The tools on offer, each with its name, its description if it has one, and its schema under `schema`.
    pub(super) fn tools(&self, schema: &str) -> Vec<Value> {
        self.request.tools.iter().map(|tool| declared(tool, schema)).collect()
    }

    /// None leaves it to the model.
    pub(super) fn choice(&self) -> Option<Choice<'a>> {
        if self.request.tools.is_empty() {
            return None;
        }
        match &self.request.settings.tool_choice {
            ToolChoice::Auto => None,
            ToolChoice::None => Some(Choice::None),
            ToolChoice::Required => Some(Choice::Any),
            // A tool that this caller is not offered cannot be forced.
            ToolChoice::Tool(name) => self.request.offers(name).then(|| Choice::This(wire::tool_name(name))),
        }
    }

    /// The messages; what is left out of them goes to the log.
    pub(super) fn messages(&self) -> Vec<Message<'a>> {
        let history = &self.request.history;
        let last_user = history.iter().rposition(|turn| matches!(turn, Turn::User(_)));
        let mut skipped = Vec::new();
        let mut called = HashMap::new();
        let mut messages = Vec::with_capacity(history.len());
        for (at, turn) in history.iter().enumerate() {
            messages.extend(match turn {
                Turn::User(parts) => Some(Message::User(self.parts(parts, &mut skipped))),
                Turn::Assistant { reasoning, text, calls } => {
                    let text = Some(text.as_str()).filter(|text| !text.trim().is_empty());
                    called.extend(calls.iter().map(|call| (&call.id, wire::tool_name(&call.name))));
                    let own = reasoning.iter().filter(|piece| piece.model == self.model);
                    (text.is_some() || !calls.is_empty()).then(|| Message::Assistant {
                        reasoning: own.collect(),
                        text,
                        calls: calls.iter().map(|call| self.made(call)).collect(),
                        is_in_loop: last_user.is_none_or(|user| at > user),
                    })
                }
                Turn::Results(results) => {
                    let answered = |result: &'a CallResult| Answered {
                        id: self.call_id(result.id.as_str()),
                        name: called.get(&result.id).cloned().unwrap_or_default(),
                        text: result_text(result, &mut skipped),
                    };
                    Some(Message::Results(results.iter().map(answered).collect()))
                }
            });
        }
        if !skipped.is_empty() {
            let parts = skipped.join(", ");
            warn!(model = self.model, parts, "the model takes no such parts; they were left out");
        }
        messages
    }

    fn parts(&self, parts: &'a [UserPart], skipped: &mut Vec<&'static str>) -> Vec<Part<'a>> {
        let mut taken = Vec::with_capacity(parts.len());
        for part in parts {
            let part = match part {
                UserPart::ClientContext(text) | UserPart::Note(text) => Ok(Part::Text(text)),
                UserPart::Content(part) => match &part.kind {
                    PartKind::Text { text } => Ok(Part::Text(text)),
                    kind => Medium::of(self.provider, kind).map(Part::Medium),
                },
            };
            match part {
                Ok(Part::Text(text)) if text.trim().is_empty() => {}
                Ok(part) => taken.push(part),
                Err(kind) => skipped.push(kind),
            }
        }
        if taken.is_empty() {
            taken.push(Part::Text(NOTHING));
        }
        taken
    }

    fn made(&self, call: &'a Call) -> Made<'a> {
        let own = call.signature.as_ref().filter(|signature| signature.model == self.model);
        Made {
            id: self.call_id(call.id.as_str()),
            name: wire::tool_name(&call.name),
            arguments: &call.arguments,
            signature: own.map(|signature| signature.value.as_str()),
        }
    }

    fn call_id(&self, id: &'a str) -> Cow<'a, str> {
        // Mistral takes nine letters and digits, and nothing else.
        let is_short = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.provider.adapter == "mistral" && !is_short {
            let digest = wire::call_id(&format!("mistral:{id}")).into_owned();
            return digest.chars().rev().take(9).collect::<String>().into();
        }
        wire::call_id(id)
    }
}

/// A tool as all wires have it, with its schema under `schema`.
pub(super) fn declared(tool: &Tool, schema: &str) -> Value {
    let mut declared = json!({ "name": wire::tool_name(&tool.name), schema: wire::schema(tool) });
    if !tool.description.is_empty() {
        declared["description"] = tool.description.as_str().into();
    }
    declared
}

/// Every wire takes text as a result; what else there is in it is left out.
fn result_text(result: &CallResult, skipped: &mut Vec<&'static str>) -> String {
    if let Content::Parts(parts) = &result.content {
        let others = parts.iter().filter(|part| !matches!(part.kind, PartKind::Text { .. }));
        skipped.extend(others.map(|_| "part of a tool's result"));
    }
    result.content.text()
}
