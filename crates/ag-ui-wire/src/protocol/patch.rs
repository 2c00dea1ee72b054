//! RFC 6902 operations, as state and activity deltas carry them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A list of operations, applied in order, together or not at all.
pub type JsonPatch = Vec<PatchOperation>;

/// One operation; `path` and `from` are JSON Pointers (RFC 6901). The RFC has six, so the enum is exhaustive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOperation {
    /// Inserts or sets a value.
    Add {
        /// Where.
        path: String,
        /// What; may be null.
        value: Value,
    },
    /// Removes a value.
    Remove {
        /// Where.
        path: String,
    },
    /// Sets a value that exists.
    Replace {
        /// Where.
        path: String,
        /// What; may be null.
        value: Value,
    },
    /// Moves a value.
    Move {
        /// From where.
        from: String,
        /// To where.
        path: String,
    },
    /// Copies a value.
    Copy {
        /// From where.
        from: String,
        /// To where.
        path: String,
    },
    /// Fails the patch unless the value is there.
    Test {
        /// Where.
        path: String,
        /// What; may be null.
        value: Value,
    },
}
