//! The known differences between genai and our wires: which one is right, and why.
//!
//! If genai is right, our wires are fixed, so there is no such row.

mod calls;
mod ends;
mod text;

use serde_json::Value;

/// A difference, with all streams that have it.
pub(super) struct Difference {
    pub(super) streams: &'static [&'static str],
    /// The members as genai reads them, in JSON.
    genai: &'static str,
    /// The same members as our wires read them.
    ours: &'static str,
    pub(super) right: Right,
    /// The reason, in a complete sentence.
    pub(super) why: &'static str,
}

/// Which reader is right.
#[derive(Debug)]
pub(super) enum Right {
    Ours,
    /// Both readings keep everything that the stream means.
    Both,
}

impl Difference {
    /// Returns the members as genai reads them, and as our wires read them.
    pub(super) fn values(&self) -> (Value, Value) {
        [self.genai, self.ours].map(|values| serde_json::from_str(values).unwrap()).into()
    }
}

/// Returns all known differences.
pub(super) fn all() -> impl Iterator<Item = &'static Difference> {
    [calls::CALLS, ends::ENDS, text::TEXT].into_iter().flatten()
}
