//! The conversation as Bedrock takes it: user and assistant in turn, the user first, and no block blank.
//!
//! What Bedrock would refuse is left out or replaced by a neutral sentence, so that no part of a message ends
//! the conversation for good.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, Message, ReasoningContentBlock, ReasoningTextBlock, ToolResultBlock,
    ToolResultContentBlock, ToolUseBlock,
};
use aws_smithy_types::{Blob, Document, Number, base64};
use serde_json::Value;
use tracing::warn;

use super::media::{Medium, kind};
use crate::model::wire;
use crate::model::{Call, CallResult, Reasoning, ReasoningKind, Turn, UserPart};
use crate::protocol::{Content, PartKind};

/// Stands for a part that was left out, where nothing else is left.
const LEFT_OUT: &str = "(A part that this model can't take was left out.)";

/// Stands for a message or a result without any text.
const EMPTY: &str = "(empty)";

/// Goes with a document that came without a word.
const SEE_DOCUMENT: &str = "(See the document.)";

/// Stands before a conversation whose beginning is gone.
const EARLIER: &str = "(The conversation began earlier.)";

/// The messages of a history, for the model of this name.
pub(super) fn messages(history: &[Turn], model: &str) -> Vec<Message> {
    let mut conversation = Conversation { model, documents: 0, messages: Vec::new() };
    for turn in history {
        conversation.add(turn);
    }
    conversation.finish()
}

struct Conversation<'a> {
    model: &'a str,
    /// How many documents there are so far; it numbers them.
    documents: usize,
    messages: Vec<(ConversationRole, Vec<ContentBlock>)>,
}

impl Conversation<'_> {
    fn add(&mut self, turn: &Turn) {
        match turn {
            Turn::User(parts) => {
                let blocks = self.user(parts);
                self.put(ConversationRole::User, blocks);
            }
            Turn::Assistant { reasoning, text, calls } => {
                let blocks = self.assistant(reasoning, text, calls);
                self.put(ConversationRole::Assistant, blocks);
            }
            Turn::Results(results) => {
                let blocks = results.iter().map(|result| self.result(result)).collect();
                self.put(ConversationRole::User, blocks);
            }
        }
    }

    /// Adds blocks to the last message, or begins one for another role.
    fn put(&mut self, role: ConversationRole, blocks: Vec<ContentBlock>) {
        if blocks.is_empty() {
            return;
        }
        if self.messages.is_empty() && role == ConversationRole::Assistant {
            self.messages.push((ConversationRole::User, vec![ContentBlock::Text(EARLIER.into())]));
        }
        match self.messages.last_mut() {
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => self.messages.push((role, blocks)),
        }
    }

    fn finish(self) -> Vec<Message> {
        let message = |(role, mut blocks): (_, Vec<ContentBlock>)| {
            let is_wordless = !blocks.iter().any(ContentBlock::is_text);
            if is_wordless && blocks.iter().any(ContentBlock::is_document) {
                blocks.push(ContentBlock::Text(SEE_DOCUMENT.into()));
            }
            let message = Message::builder().role(role).set_content(Some(blocks)).build();
            message.expect("role and content are set")
        };
        self.messages.into_iter().map(message).collect()
    }

    fn user(&mut self, parts: &[UserPart]) -> Vec<ContentBlock> {
        let mut blocks = Vec::new();
        let mut stand_in = EMPTY;
        for part in parts {
            match part {
                UserPart::ClientContext(text) | UserPart::Note(text) => blocks.extend(text_block(text)),
                UserPart::Content(part) => match &part.kind {
                    PartKind::Text { text } => blocks.extend(text_block(text)),
                    other => match self.medium(other) {
                        Some(Medium::Image(image)) => blocks.push(ContentBlock::Image(image)),
                        Some(Medium::Document(document)) => blocks.push(ContentBlock::Document(document)),
                        None => stand_in = LEFT_OUT,
                    },
                },
            }
        }
        if blocks.is_empty() {
            blocks.push(ContentBlock::Text(stand_in.into()));
        }
        blocks
    }

    fn assistant(&self, reasoning: &[Reasoning], text: &str, calls: &[Call]) -> Vec<ContentBlock> {
        // Reasoning alone is no message.
        if text.trim().is_empty() && calls.is_empty() {
            return Vec::new();
        }
        let own = reasoning.iter().filter_map(|piece| own_reasoning(piece, self.model));
        let mut blocks: Vec<ContentBlock> = own.map(ContentBlock::ReasoningContent).collect();
        blocks.extend(text_block(text));
        blocks.extend(calls.iter().map(|call| {
            let block = ToolUseBlock::builder()
                .tool_use_id(wire::call_id(call.id.as_str()))
                .name(wire::tool_name(&call.name))
                .input(document(Value::Object(wire::arguments(&call.arguments))));
            ContentBlock::ToolUse(block.build().expect("id, name and input are set"))
        }));
        blocks
    }

    fn result(&mut self, result: &CallResult) -> ContentBlock {
        let mut blocks = Vec::new();
        let mut stand_in = EMPTY;
        match &result.content {
            Content::Text(text) => blocks.extend(text_of_result(text)),
            Content::Parts(parts) => {
                for part in parts {
                    match &part.kind {
                        PartKind::Text { text } => blocks.extend(text_of_result(text)),
                        other => match self.medium(other) {
                            Some(Medium::Image(image)) => blocks.push(ToolResultContentBlock::Image(image)),
                            Some(Medium::Document(document)) => {
                                blocks.push(ToolResultContentBlock::Document(document));
                            }
                            None => stand_in = LEFT_OUT,
                        },
                    }
                }
            }
        }
        if blocks.is_empty() {
            blocks.push(ToolResultContentBlock::Text(stand_in.into()));
        }
        let block = ToolResultBlock::builder().tool_use_id(wire::call_id(result.id.as_str()));
        let block = block.set_content(Some(blocks)).build();
        ContentBlock::ToolResult(block.expect("id and content are set"))
    }

    fn medium(&mut self, part: &PartKind) -> Option<Medium> {
        let medium = Medium::new(part, self.documents + 1);
        match &medium {
            Some(Medium::Document(_)) => self.documents += 1,
            Some(Medium::Image(_)) => {}
            None => warn!(model = self.model, kind = kind(part), "part of a message left out"),
        }
        medium
    }
}

/// Reasoning as it goes back; `None` if it is another model's, or needs no way back.
pub(super) fn own_reasoning(piece: &Reasoning, model: &str) -> Option<ReasoningContentBlock> {
    if piece.model != model {
        return None;
    }
    match &piece.kind {
        ReasoningKind::Signed(signature) => {
            let block = ReasoningTextBlock::builder().text(&piece.text).signature(signature).build();
            Some(ReasoningContentBlock::ReasoningText(block.expect("the text is set")))
        }
        ReasoningKind::Redacted(value) => {
            Some(ReasoningContentBlock::RedactedContent(Blob::new(base64::decode(value).ok()?)))
        }
        ReasoningKind::Plain | ReasoningKind::OfTurn(_) => None,
    }
}

/// JSON as the SDK takes it.
pub(super) fn document(value: Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(value),
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Number::PosInt(number),
            (_, Some(number)) => Number::NegInt(number),
            _ => Number::Float(number.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Document::String(text),
        Value::Array(values) => Document::Array(values.into_iter().map(document).collect()),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, document(value)));
            Document::Object(members.collect::<HashMap<_, _>>())
        }
    }
}

fn text_block(text: &str) -> Option<ContentBlock> {
    is_said(text).then(|| ContentBlock::Text(text.to_owned()))
}

fn text_of_result(text: &str) -> Option<ToolResultContentBlock> {
    is_said(text).then(|| ToolResultContentBlock::Text(text.to_owned()))
}

fn is_said(text: &str) -> bool {
    !text.trim().is_empty()
}
