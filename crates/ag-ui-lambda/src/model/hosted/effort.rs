//! How hard a model is to think, for the wires that know no number of tokens.

/// A budget of thinking tokens as one of the three efforts that most providers know.
pub(super) fn effort(tokens: u32) -> &'static str {
    match tokens {
        0..=2048 => "low",
        2049..=8192 => "medium",
        _ => "high",
    }
}
