//! JSON Patch (RFC 6902), which STATE_DELTA and ACTIVITY_DELTA carry.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A list of operations, which a client applies in order. If one of them fails, none is applied.
pub type JsonPatch = Vec<PatchOperation>;

/// One operation of a JSON Patch. `path` and `from` are JSON Pointers (RFC 6901).
#[expect(clippy::exhaustive_enums, reason = "RFC 6902 has these six operations")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum PatchOperation {
    /// Inserts an element into an array, or sets a member of an object.
    Add {
        /// Where the value is or goes.
        path: String,
        /// The value, which may be null.
        value: Value,
    },
    /// Removes the value at `path`.
    Remove {
        /// Where the value is or goes.
        path: String,
    },
    /// Replaces the value at `path`, which must exist.
    Replace {
        /// Where the value is or goes.
        path: String,
        /// The value, which may be null.
        value: Value,
    },
    /// Moves the value at `from` to `path`.
    Move {
        /// Where the value is now.
        from: String,
        /// Where the value goes.
        path: String,
    },
    /// Copies the value at `from` to `path`.
    Copy {
        /// Where the value is now.
        from: String,
        /// Where the value goes.
        path: String,
    },
    /// Fails the patch unless `value` is at `path`.
    Test {
        /// Where the value is or goes.
        path: String,
        /// The value, which may be null.
        value: Value,
    },
}
