//! Where genai and our wires understand something else of a stream: who is right, and why.
//!
//! Where genai is right our wires are mended, so no row says so.

mod calls;
mod ends;
mod text;

use serde_json::Value;

/// A difference, of all streams that have it.
pub(super) struct Difference {
    pub(super) streams: &'static [&'static str],
    /// The members that genai reads differently, as JSON.
    genai: &'static str,
    /// The same members as our wires read them.
    ours: &'static str,
    pub(super) right: Right,
    /// A whole sentence.
    pub(super) why: &'static str,
}

/// Who understands a stream as it is meant.
#[derive(Debug)]
pub(super) enum Right {
    Ours,
    /// Neither loses anything that was meant.
    Both,
}

impl Difference {
    /// What genai reads, and what our wires read.
    pub(super) fn values(&self) -> (Value, Value) {
        [self.genai, self.ours].map(|values| serde_json::from_str(values).unwrap()).into()
    }
}

pub(super) fn all() -> impl Iterator<Item = &'static Difference> {
    [calls::CALLS, ends::ENDS, text::TEXT].into_iter().flatten()
}
