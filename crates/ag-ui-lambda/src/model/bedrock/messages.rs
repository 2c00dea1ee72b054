//! The conversation in the form that Bedrock accepts: user and assistant alternate, the user comes first, and no block is
//! blank.
//!
//! What Bedrock would refuse is left out or replaced by a neutral sentence. Otherwise one such part would make every later
//! request of the thread fail.

use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, Message, ReasoningContentBlock, ReasoningTextBlock, ToolResultBlock,
    ToolResultContentBlock, ToolUseBlock,
};
use aws_smithy_types::{Blob, base64};
use tracing::warn;

use super::attachment::{Attachment, kind_name};
use super::raw_json::RawJson;
use crate::model::compat;
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
/// reasoning. The arguments of calls are added to `raw`.
pub(super) fn messages(history: &[Turn], model: &str, raw: &mut RawJson) -> Vec<Message> {
    let mut conversation = Conversation { model, raw, documents: 0, messages: Vec::new() };
    for turn in history {
        conversation.add(turn);
    }
    conversation.finish()
}

/// The messages so far.
struct Conversation<'a> {
    /// The model's full name, which marks the reasoning that it may get back.
    model: &'a str,
    /// Receives the arguments of calls.
    raw: &'a mut RawJson,
    /// The number of documents so far, from which their names are made.
    documents: usize,
    /// The role and the blocks of each message; the roles alternate.
    messages: Vec<(ConversationRole, Vec<ContentBlock>)>,
}

impl Conversation<'_> {
    /// Converts one turn of the history and appends its blocks. Results of calls become blocks of the user.
    fn add(&mut self, turn: &Turn) {
        match turn {
            Turn::User(parts) => {
                let blocks = self.user_blocks(parts);
                self.push_blocks(ConversationRole::User, blocks);
            }
            Turn::Assistant { reasoning, text, calls } => {
                let blocks = self.assistant_blocks(reasoning, text, calls);
                self.push_blocks(ConversationRole::Assistant, blocks);
            }
            Turn::Results(results) => {
                let blocks = results.iter().map(|result| self.result_block(result)).collect();
                self.push_blocks(ConversationRole::User, blocks);
            }
        }
    }

    /// Adds blocks to the last message if it has the same role, and otherwise as a new message; empty `blocks` add
    /// nothing. If the first message would be the assistant's, a neutral sentence of the user is inserted before it.
    fn push_blocks(&mut self, role: ConversationRole, blocks: Vec<ContentBlock>) {
        if blocks.is_empty() {
            return;
        }
        if self.messages.is_empty() && role == ConversationRole::Assistant {
            self.messages
                .push((ConversationRole::User, vec![ContentBlock::Text(EARLIER_CONVERSATION.into())]));
        }
        match self.messages.last_mut() {
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => self.messages.push((role, blocks)),
        }
    }

    /// Returns the messages in the SDK's type. A message with a document and no text gets a sentence, because Bedrock
    /// requires one.
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

    /// Converts a user's message into blocks. If no block is left, a sentence takes the place of the content, so that
    /// there is always at least one block.
    fn user_blocks(&mut self, parts: &[UserPart]) -> Vec<ContentBlock> {
        let mut blocks = Vec::new();
        let mut stand_in = EMPTY_MESSAGE;
        for part in parts {
            match part {
                UserPart::ClientContext(text) | UserPart::Note(text) => blocks.extend(text_block(text)),
                UserPart::Content(part) => match &part.kind {
                    PartKind::Text { text } => blocks.extend(text_block(text)),
                    other => match self.attachment(other) {
                        Some(Attachment::Image(image)) => blocks.push(ContentBlock::Image(image)),
                        Some(Attachment::Document(document)) => blocks.push(ContentBlock::Document(document)),
                        None => stand_in = PART_LEFT_OUT,
                    },
                },
            }
        }
        if blocks.is_empty() {
            blocks.push(ContentBlock::Text(stand_in.into()));
        }
        blocks
    }

    /// Converts a turn of the model into blocks. Returns no blocks if the turn has neither text nor calls.
    fn assistant_blocks(&mut self, reasoning: &[Reasoning], text: &str, calls: &[Call]) -> Vec<ContentBlock> {
        // Reasoning alone is not a message.
        if text.trim().is_empty() && calls.is_empty() {
            return Vec::new();
        }
        let own = reasoning.iter().filter_map(|piece| own_reasoning(piece, self.model));
        let mut blocks: Vec<ContentBlock> = own.map(ContentBlock::ReasoningContent).collect();
        blocks.extend(text_block(text));
        blocks.extend(calls.iter().map(|call| {
            let block = ToolUseBlock::builder()
                .tool_use_id(compat::wire_call_id(call.id.as_str()))
                .name(compat::wire_tool_name(&call.name))
                .input(self.raw.add(compat::arguments_text(&call.arguments)));
            ContentBlock::ToolUse(block.build().expect("id, name and input are set"))
        }));
        blocks
    }

    /// Converts the result of a call into a block. If nothing of the content is left, a sentence takes its place.
    fn result_block(&mut self, result: &CallResult) -> ContentBlock {
        let mut blocks = Vec::new();
        let mut stand_in = EMPTY_MESSAGE;
        match &result.content {
            Content::Text(text) => blocks.extend(result_text_block(text)),
            Content::Parts(parts) => {
                for part in parts {
                    match &part.kind {
                        PartKind::Text { text } => blocks.extend(result_text_block(text)),
                        other => match self.attachment(other) {
                            Some(Attachment::Image(image)) => {
                                blocks.push(ToolResultContentBlock::Image(image));
                            }
                            Some(Attachment::Document(document)) => {
                                blocks.push(ToolResultContentBlock::Document(document));
                            }
                            None => stand_in = PART_LEFT_OUT,
                        },
                    }
                }
            }
        }
        if blocks.is_empty() {
            blocks.push(ToolResultContentBlock::Text(stand_in.into()));
        }
        let block = ToolResultBlock::builder().tool_use_id(compat::wire_call_id(result.id.as_str()));
        let block = block.set_content(Some(blocks)).build();
        ContentBlock::ToolResult(block.expect("id and content are set"))
    }

    /// Converts a part that is not text. Returns `None` and logs a warning if Bedrock does not accept the part. Counts
    /// the documents, from which their names are made.
    fn attachment(&mut self, part: &PartKind) -> Option<Attachment> {
        let attachment = Attachment::new(part, self.documents + 1);
        match &attachment {
            Some(Attachment::Document(_)) => self.documents += 1,
            Some(Attachment::Image(_)) => {}
            None => warn!(
                model = self.model,
                kind = kind_name(part),
                "a part of a message was left out because the model does not accept it"
            ),
        }
        attachment
    }
}

/// Converts a piece of reasoning that goes back to Bedrock. Returns `None` if another model than `model` wrote the
/// piece, or if it is neither signed nor redacted.
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
        ReasoningKind::Plain | ReasoningKind::TurnSignature(_) => None,
    }
}

/// Returns a text as a block of a message; `None` if the text is blank, because Bedrock refuses blank blocks.
fn text_block(text: &str) -> Option<ContentBlock> {
    is_not_blank(text).then(|| ContentBlock::Text(text.to_owned()))
}

/// Returns a text as a block of a call's result; `None` if the text is blank, because Bedrock refuses blank blocks.
fn result_text_block(text: &str) -> Option<ToolResultContentBlock> {
    is_not_blank(text).then(|| ToolResultContentBlock::Text(text.to_owned()))
}

/// Returns whether a text contains anything but white space. Bedrock refuses blank blocks.
fn is_not_blank(text: &str) -> bool {
    !text.trim().is_empty()
}
