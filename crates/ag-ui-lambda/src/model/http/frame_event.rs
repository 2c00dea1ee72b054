//! The events of a frame, in terms that all wires share, and helpers to read them from JSON.

use serde_json::{Map, Value};

use super::error::ProviderError;
use crate::protocol::TokenUsage;

pub(super) use crate::model::calls::CallDelta;

/// One event of a frame. [`ResponseReader`](super::response::ResponseReader) decides what it means for the turn.
#[derive(Debug, PartialEq)]
pub(super) enum FrameEvent {
    /// Text of the answer.
    Text(String),
    /// Text of the reasoning.
    Reasoning(String),
    /// Readable text of the reasoning in an opaque member; a plain member may hold the same text.
    OpaqueReasoning(String),
    /// A signature, or the start of one, at the start of its block.
    SignatureStart(String),
    /// A piece of a signature, which is complete when its block ends.
    SignatureDelta(String),
    /// The complete signature of the reasoning before it.
    Signature(String),
    /// The signature of the text, or of an empty part after text or calls.
    TextSignature(String),
    /// The signature of a reasoning item, which may come again in the list of all items.
    ItemSignature(String),
    /// Reasoning that only the provider can read.
    RedactedReasoning(String),
    /// Opaque members that the provider wants back with the turn.
    OpaqueMembers(Map<String, Value>),
    /// Opaque members that may repeat earlier ones.
    RepeatedOpaqueMembers(Map<String, Value>),
    /// The index of a call that the provider itself runs, such as a web search. No tool of the agent runs for it.
    ProviderExecutedCall(Option<usize>),
    /// A call, or a piece of one.
    CallDelta(CallDelta),
    /// A call that comes in one piece.
    CompleteCall(CallDelta),
    /// The end of a call, with all of its arguments.
    CallDone(CallDelta),
    /// A piece of a call in another choice than the first.
    OtherChoiceCall(CallDelta),
    /// A message in place of a delta: its events are either those of a delta, or repeat all deltas before.
    Message(Vec<FrameEvent>),
    /// The full text of a part, an item or the turn, which was sent before if the wire streams it.
    FullText(TextScope, String),
    /// The full reasoning of a part, an item or the turn, which was sent before if the wire streams it.
    FullReasoning(TextScope, String),
    /// All items of the reasoning, which were sent before if the wire streams them.
    AllReasoning(Vec<ReasoningItem>),
    /// All calls of the turn, which were sent before if the wire streams them.
    AllCalls(Vec<CallDelta>),
    /// The end of the block with this index.
    BlockEnd(Option<usize>),
    /// The token counts so far.
    Tokens(TokenCounts),
    /// The provider's word for why the turn ends.
    FinishReason(String),
    /// The provider's word for why another choice than the first ends.
    OtherChoiceFinishReason(String),
    /// The end of the stream; nothing comes after it.
    End,
    /// The turn has failed.
    Failed(ProviderError),
}

/// What a full text is the text of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextScope {
    /// A part of an item.
    Part,
    /// An item of the turn.
    Item,
    /// The turn.
    Turn,
}

/// An item of the reasoning.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ReasoningItem {
    /// The readable text; it may be empty.
    pub(super) text: String,
    /// The item's signature, which the provider wants back.
    pub(super) signature: Option<String>,
}

impl FrameEvent {
    /// Returns whether this event is a piece of the answer, as deltas bring it: text, reasoning or a call. Full texts
    /// and reports such as token counts are not. The reader of the response asks this to know whether the turn has an
    /// answer.
    pub(super) fn is_content(&self) -> bool {
        match self {
            Self::Text(_)
            | Self::Reasoning(_)
            | Self::SignatureStart(_)
            | Self::SignatureDelta(_)
            | Self::RedactedReasoning(_)
            | Self::CallDelta(_)
            | Self::OtherChoiceCall(_)
            | Self::CompleteCall(_)
            | Self::CallDone(_) => true,
            Self::AllCalls(calls) => !calls.is_empty(),
            _ => false,
        }
    }
}

/// The tokens of a turn so far. `input` includes cached tokens, and `output` includes reasoning, unless the wire counts them
/// apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TokenCounts {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) cache_written: Option<u64>,
}

impl TokenCounts {
    /// Raises each count to that of `later`, if it is higher. A lower count comes from a frame whose server does not
    /// know the count.
    pub(super) fn update(&mut self, later: Self) {
        self.input = self.input.max(later.input);
        self.output = self.output.max(later.output);
        self.reasoning = self.reasoning.max(later.reasoning);
        self.cached = self.cached.max(later.cached);
        self.cache_written = self.cache_written.max(later.cache_written);
    }

    /// Converts the counts for the AG-UI protocol. Returns `None` if neither input nor output was counted. `provider`
    /// and `model` are named in the result.
    pub(super) fn usage(self, provider: &str, model: &str) -> Option<TokenUsage> {
        let part = |part: Option<u64>| part.filter(|part| *part > 0);
        (self.input.is_some() || self.output.is_some()).then(|| TokenUsage {
            provider: Some(provider.to_owned()),
            model: Some(model.to_owned()),
            input_tokens: self.input,
            output_tokens: self.output,
            total_tokens: self.input.zip(self.output).map(|(input, output)| input.saturating_add(output)),
            reasoning_tokens: part(self.reasoning),
            cached_input_tokens: part(self.cached),
            cache_write_input_tokens: part(self.cache_written),
        })
    }
}

/// Removes and returns the string at a JSON Pointer. Returns `None` if the string is missing or empty.
pub(super) fn take_text(value: &mut Value, pointer: &str) -> Option<String> {
    match value.pointer_mut(pointer)?.take() {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Returns the entries of the list at a JSON Pointer. An object counts as a list of one, because some servers leave the
/// list out; anything else gives no entries.
pub(super) fn entries<'a>(value: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    let entries = match value.pointer_mut(pointer) {
        Some(Value::Array(entries)) => entries.as_mut_slice(),
        Some(entry @ Value::Object(_)) => std::slice::from_mut(entry),
        _ => &mut [],
    };
    entries.iter_mut()
}

/// Returns the index of a call or block at a JSON Pointer; `None` if there is no such number.
pub(super) fn call_index(value: &Value, pointer: &str) -> Option<usize> {
    count(value, pointer).and_then(|index| usize::try_from(index).ok())
}

/// Returns the count at a JSON Pointer; `None` if it is missing, negative or not an integer.
pub(super) fn count(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64()
}

/// Removes and returns the arguments of a call at a JSON Pointer as JSON text. Some servers send the text, others the
/// object. Returns an empty text if there are none.
pub(super) fn take_arguments(value: &mut Value, pointer: &str) -> String {
    match value.pointer_mut(pointer).map(Value::take) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(json)) => json,
        Some(arguments) => arguments.to_string(),
    }
}
