//! The reasoning effort, for wires that have no setting for a number of thinking tokens.

/// Converts a budget of thinking tokens into `low`, `medium` or `high`, for providers that have no setting for tokens.
pub(super) fn reasoning_effort(tokens: u32) -> &'static str {
    match tokens {
        0..=2048 => "low",
        2049..=8192 => "medium",
        _ => "high",
    }
}
