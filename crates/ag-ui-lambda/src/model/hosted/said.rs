//! What a frame says, in words that all wires share.

use serde_json::{Map, Value};

use super::error::Fault;
use crate::protocol::TokenUsage;

pub(super) use crate::model::calls::Piece;

/// Something that a frame says. What it means for the turn is for [`Answer`](super::answer::Answer) to decide.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Text of the answer.
    Text(String),
    /// Text of the reasoning.
    Reasoning(String),
    /// Text of the reasoning in an opaque value, which a plain member may tell as well.
    OpaqueReasoning(String),
    /// A signature in the beginning of its block.
    SignatureStart(String),
    /// A piece of a signature that is complete when its block is.
    SignaturePiece(String),
    /// A whole signature of the reasoning before it.
    Signature(String),
    /// The signature of the text, or of an empty part behind it or behind calls.
    TextSignature(String),
    /// The signature of an item of the reasoning, which may come again with all items.
    Sealed(String),
    /// Reasoning that only the provider can read.
    Redacted(String),
    /// What the provider wants back with the turn.
    Opaque(Map<String, Value>),
    /// The same, where it may repeat what came before.
    WholeOpaque(Map<String, Value>),
    /// What comes at this place is a call that the provider makes by itself.
    OthersCall(Option<usize>),
    /// A call, or a piece of one.
    Call(Piece),
    /// A call that comes at once.
    WholeCall(Piece),
    /// The end of a call, with all of its arguments.
    CallDone(Piece),
    /// A piece of a call that stands in another choice than the first.
    OtherCall(Piece),
    /// A message in place of a delta: pieces like those of one, or all of what was streamed before.
    Message(Vec<Said>),
    /// All text of a part, an item or the turn, which was told already if the wire streams it.
    WholeText(Span, String),
    /// The same of the reasoning.
    WholeReasoning(Span, String),
    /// All items of the reasoning, which were told already if the wire streams them.
    AllReasoning(Vec<Thought>),
    /// All calls of the turn, which were told already if the wire streams them.
    AllCalls(Vec<Piece>),
    /// The block at this place is complete.
    BlockEnd(Option<usize>),
    /// Tokens so far.
    Tokens(Tokens),
    /// Why the turn stops, in the provider's word.
    Stop(String),
    /// Why another choice than the first stops.
    OtherStop(String),
    /// Nothing comes behind it.
    End,
    /// The turn has failed.
    Failed(Fault),
}

/// What a whole text is all of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Part,
    Item,
    Turn,
}

/// An item of the reasoning.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Thought {
    /// May be empty.
    pub(super) text: String,
    pub(super) signature: Option<String>,
}

impl Said {
    /// Whether this is text, reasoning or a call.
    pub(super) fn is_part_of_answer(&self) -> bool {
        match self {
            Self::Text(_)
            | Self::Reasoning(_)
            | Self::SignatureStart(_)
            | Self::SignaturePiece(_)
            | Self::Redacted(_)
            | Self::Call(_)
            | Self::OtherCall(_)
            | Self::WholeCall(_)
            | Self::CallDone(_) => true,
            Self::AllCalls(calls) => !calls.is_empty(),
            _ => false,
        }
    }
}

/// Tokens of a turn. Each count is the turn's so far, and holds the parts of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) reasoning: Option<u64>,
    pub(super) cached: Option<u64>,
    pub(super) cache_written: Option<u64>,
}

impl Tokens {
    /// Takes what is told later. Counts grow: where one is smaller, its frame just does not know.
    pub(super) fn update(&mut self, later: Self) {
        self.input = self.input.max(later.input);
        self.output = self.output.max(later.output);
        self.reasoning = self.reasoning.max(later.reasoning);
        self.cached = self.cached.max(later.cached);
        self.cache_written = self.cache_written.max(later.cache_written);
    }

    /// The usage, if anything was counted.
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

/// A member that is a string and says something, taken out of a frame.
pub(super) fn text(value: &mut Value, pointer: &str) -> Option<String> {
    match value.pointer_mut(pointer)?.take() {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The entries of a member that is a list; some send a single one without its list.
pub(super) fn entries<'a>(value: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    let entries = match value.pointer_mut(pointer) {
        Some(Value::Array(entries)) => entries.as_mut_slice(),
        Some(entry @ Value::Object(_)) => std::slice::from_mut(entry),
        _ => &mut [],
    };
    entries.iter_mut()
}

/// A member that is a place on the wire. One that is left out stays unknown.
pub(super) fn place(value: &Value, pointer: &str) -> Option<usize> {
    count(value, pointer).and_then(|place| usize::try_from(place).ok())
}

/// A member that is a number of tokens.
pub(super) fn count(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64()
}

/// Arguments as text: some send the text, others the object.
pub(super) fn arguments(value: &mut Value, pointer: &str) -> String {
    match value.pointer_mut(pointer).map(Value::take) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(json)) => json,
        Some(arguments) => arguments.to_string(),
    }
}
