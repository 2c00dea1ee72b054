//! The reasoning effort, for wires that have no setting for a number of thinking tokens.

/// Returns the effort that stands for a budget of thinking tokens: one of the three that most providers know.
pub(super) fn reasoning_effort(tokens: u32) -> &'static str {
    match tokens {
        0..=2048 => "low",
        2049..=8192 => "medium",
        _ => "high",
    }
}
