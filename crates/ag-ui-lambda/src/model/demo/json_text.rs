//! Reads JSON that a client may have sent.

use serde_json::Value;

use crate::json::{self, ReadError};

/// How many JSON values a text may have, counted as by [`json::read_limited`], because a value in memory can be a hundred
/// times as large as its text.
const MAX_VALUES: usize = 16_000;

/// Reads a JSON text of a client. The limit on the number of its values is far above what a person writes.
///
/// # Errors
/// Those of [`json::read_limited`].
pub(super) fn read_json(text: &str) -> Result<Value, ReadError> {
    json::read_limited(text.as_bytes(), MAX_VALUES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::ReadProblem;

    #[test]
    fn texts_with_too_many_values_are_refused() {
        assert!(read_json(&format!("[{}0]", "[0],".repeat(3_000))).is_ok());
        let refused = read_json(&format!("[{}0]", "[0],".repeat(4_000))).unwrap_err();
        assert_eq!(refused.problem, ReadProblem::TooManyValues { max_values: MAX_VALUES });
    }
}
