//! The conversation in the form that Bedrock accepts: user and assistant alternate, the user comes first, and no block is
//! blank.
//!
//! What Bedrock would refuse is left out or replaced by a neutral sentence. Otherwise one such part would make every later
//! request of the thread fail.

use serde_json::json;
use tracing::warn;

use super::attachment::{Attachment, canonical_base64, kind_name};
use crate::model::compat;
use crate::model::json_body::Json;
use crate::model::{Call, CallResult, Reasoning, ReasoningKind, Turn, UserPart};
use crate::protocol::{Content, PartKind};

/// Replaces a part that was left out, if nothing else is left of the message.
const PART_LEFT_OUT: &str = "(A part that this model can't take was left out.)";

/// Replaces a message or a result without any text.
const EMPTY_MESSAGE: &str = "(empty)";

/// Accompanies a document in a message without text.
const SEE_DOCUMENT: &str = "(See the document.)";

/// Comes before a conversation that does not begin with a message of the user.
const EARLIER_CONVERSATION: &str = "(The conversation began earlier.)";

/// Converts the history into Bedrock's messages. `model` is the full name of the model, which gets back only its own
/// reasoning. Each message becomes JSON only when the iterator reaches it.
pub(super) fn messages<'a>(history: &'a [Turn], model: &'a str) -> impl Iterator<Item = Json<'a>> {
    let mut conversation = Conversation { model, documents: 0, messages: Vec::new() };
    for turn in history {
        conversation.add(turn);
    }
    conversation.messages.into_iter().map(Message::encode)
}

/// Who a message is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    User,
    Assistant,
}

/// A message, which has at least one block.
struct Message<'a> {
    role: Role,
    blocks: Vec<Block<'a>>,
}

/// A part of a message, or of the result of a call.
enum Block<'a> {
    Text(&'a str),
    Attachment(Attachment<'a>),
    Reasoning {
        text: &'a str,
        signature: &'a str,
    },
    /// Reasoning that only the provider can read, in Base64.
    RedactedReasoning(&'a str),
    Call(&'a Call),
    /// The result of the call that has this id in the history. Nearly all are texts, and a turn can have thousands.
    TextResult {
        id: &'a str,
        text: &'a str,
    },
    /// The result of the call that has this id in the history.
    PartsResult {
        id: &'a str,
        parts: Vec<Block<'a>>,
    },
}

/// The messages so far.
struct Conversation<'a> {
    /// The model's full name, which marks the reasoning that it may get back.
    model: &'a str,
    /// The number of documents so far, from which their names are made.
    documents: usize,
    /// The messages, whose roles alternate.
    messages: Vec<Message<'a>>,
}

impl<'a> Conversation<'a> {
    /// Converts one turn of the history and appends its blocks. Results of calls become blocks of the user.
    fn add(&mut self, turn: &'a Turn) {
        match turn {
            Turn::User(parts) => {
                let blocks = self.user_blocks(parts);
                self.push_blocks(Role::User, blocks);
            }
            Turn::Assistant { reasoning, text, calls } => {
                let blocks = self.assistant_blocks(reasoning, text, calls);
                self.push_blocks(Role::Assistant, blocks);
            }
            Turn::Results(results) => {
                let blocks = results.iter().map(|result| self.result_block(result)).collect();
                self.push_blocks(Role::User, blocks);
            }
        }
    }

    /// Adds blocks to the last message if it has the same role, and otherwise as a new message; empty `blocks` add
    /// nothing. If the first message would be the assistant's, a neutral sentence of the user is inserted before it.
    fn push_blocks(&mut self, role: Role, blocks: Vec<Block<'a>>) {
        if blocks.is_empty() {
            return;
        }
        if self.messages.is_empty() && role == Role::Assistant {
            self.messages.push(Message { role: Role::User, blocks: vec![Block::Text(EARLIER_CONVERSATION)] });
        }
        match self.messages.last_mut() {
            Some(last) if last.role == role => last.blocks.extend(blocks),
            _ => self.messages.push(Message { role, blocks }),
        }
    }

    /// Converts a user's message into blocks. If no block is left, a sentence takes the place of the content, so that
    /// there is always at least one block.
    fn user_blocks(&mut self, parts: &'a [UserPart]) -> Vec<Block<'a>> {
        let mut blocks = Vec::with_capacity(parts.len());
        let mut stand_in = EMPTY_MESSAGE;
        for part in parts {
            match part {
                UserPart::ClientContext(text) | UserPart::Note(text) => blocks.extend(text_block(text)),
                UserPart::Content(part) => self.push_part(&part.kind, &mut blocks, &mut stand_in),
            }
        }
        non_empty(blocks, stand_in)
    }

    /// Converts a turn of the model into blocks. Returns no blocks if the turn has neither text nor calls.
    fn assistant_blocks(
        &self,
        reasoning: &'a [Reasoning],
        text: &'a str,
        calls: &'a [Call],
    ) -> Vec<Block<'a>> {
        // Reasoning alone is not a message.
        if text.trim().is_empty() && calls.is_empty() {
            return Vec::new();
        }
        let own = reasoning.iter().filter(|piece| piece.model == self.model);
        let mut blocks: Vec<Block<'_>> = own.filter_map(reasoning_block).collect();
        blocks.extend(text_block(text));
        blocks.extend(calls.iter().map(Block::Call));
        blocks
    }

    /// Converts the result of a call into a block. If nothing of the content is left, a sentence takes its place.
    fn result_block(&mut self, result: &'a CallResult) -> Block<'a> {
        let id = result.id.as_str();
        match &result.content {
            Content::Text(text) if text.trim().is_empty() => Block::TextResult { id, text: EMPTY_MESSAGE },
            Content::Text(text) => Block::TextResult { id, text },
            Content::Parts(parts) => {
                let mut blocks = Vec::with_capacity(parts.len());
                let mut stand_in = EMPTY_MESSAGE;
                parts.iter().for_each(|part| self.push_part(&part.kind, &mut blocks, &mut stand_in));
                Block::PartsResult { id, parts: non_empty(blocks, stand_in) }
            }
        }
    }

    /// Converts a part and appends it to `blocks`, if Bedrock accepts it. Otherwise logs a warning and sets `stand_in`,
    /// which takes the place of a message of which nothing is left. Counts the documents, from which their names are made.
    fn push_part(&mut self, part: &'a PartKind, blocks: &mut Vec<Block<'a>>, stand_in: &mut &'static str) {
        if let PartKind::Text { text } = part {
            blocks.extend(text_block(text));
            return;
        }
        let Some(attachment) = Attachment::new(part, self.documents + 1) else {
            *stand_in = PART_LEFT_OUT;
            warn!(
                model = self.model,
                kind = kind_name(part),
                "a part of a message was left out because the model does not accept it"
            );
            return;
        };
        self.documents += usize::from(matches!(attachment, Attachment::Document { .. }));
        blocks.push(Block::Attachment(attachment));
    }
}

impl<'a> Message<'a> {
    /// Converts the message into JSON. One with a document and no text gets a sentence, because Bedrock requires one.
    fn encode(mut self) -> Json<'a> {
        let has_text = self.blocks.iter().any(|block| matches!(block, Block::Text(_)));
        let is_document = |block: &Block<'_>| matches!(block, Block::Attachment(Attachment::Document { .. }));
        if !has_text && self.blocks.iter().any(is_document) {
            self.blocks.push(Block::Text(SEE_DOCUMENT));
        }
        let role = match self.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let message = json!({ "role": role, "content": null });
        Json::with_list(message, &["content"], self.blocks.into_iter().map(Block::encode))
    }
}

impl<'a> Block<'a> {
    /// Converts the block into JSON, with names and ids that Bedrock accepts.
    fn encode(self) -> Json<'a> {
        match self {
            Self::Text(text) => Json::with_string(json!({ "text": null }), &["text"], text),
            Self::Attachment(attachment) => attachment.encode(),
            Self::Reasoning { text, signature } => Json::with_string(
                json!({ "reasoningContent": { "reasoningText": { "text": null, "signature": signature } } }),
                &["reasoningContent", "reasoningText", "text"],
                text,
            ),
            Self::RedactedReasoning(base64) => Json::with_string(
                json!({ "reasoningContent": { "redactedContent": null } }),
                &["reasoningContent", "redactedContent"],
                base64,
            ),
            Self::Call(call) => {
                let id = compat::wire_call_id(call.id.as_str());
                let name = compat::wire_tool_name(&call.name);
                Json::with_text(
                    json!({ "toolUse": { "toolUseId": id, "name": name, "input": null } }),
                    &["toolUse", "input"],
                    compat::arguments_text(&call.arguments),
                )
            }
            Self::TextResult { id, text } => encode_result(id, [Self::Text(text)]),
            Self::PartsResult { id, parts } => encode_result(id, parts),
        }
    }
}

/// Converts the result of the call with this id into JSON.
fn encode_result<'a, I>(id: &str, content: I) -> Json<'a>
where
    I: IntoIterator<Item = Block<'a>>,
    I::IntoIter: 'a,
{
    let block = json!({ "toolResult": { "toolUseId": compat::wire_call_id(id), "content": null } });
    Json::with_list(block, &["toolResult", "content"], content.into_iter().map(Block::encode))
}

/// Converts a piece of the model's own reasoning that goes back to Bedrock. Returns `None` if the piece is neither signed
/// nor redacted.
fn reasoning_block(piece: &Reasoning) -> Option<Block<'_>> {
    match &piece.kind {
        ReasoningKind::Signed(signature) => Some(Block::Reasoning { text: &piece.text, signature }),
        ReasoningKind::Redacted(value) => canonical_base64(value).map(Block::RedactedReasoning),
        ReasoningKind::Plain | ReasoningKind::TurnSignature(_) => None,
    }
}

/// Returns a text as a block; `None` if the text is blank, because Bedrock refuses blank blocks.
fn text_block(text: &str) -> Option<Block<'_>> {
    (!text.trim().is_empty()).then_some(Block::Text(text))
}

/// Returns the blocks, or one with the text `stand_in` if there are none.
fn non_empty<'a>(mut blocks: Vec<Block<'a>>, stand_in: &'static str) -> Vec<Block<'a>> {
    if blocks.is_empty() {
        blocks.push(Block::Text(stand_in));
    }
    blocks
}
