//! Whether to send a change as a JSON Patch or as the complete new value.

use serde::Serialize;

use crate::json::text_length;
use crate::protocol::{JsonPatch, PatchOperation};

/// Whether to send a patch in place of the complete value: whether clients apply all of its operations, and its JSON text
/// is not longer than that of the value.
pub(super) fn delta_is_smaller(patch: &JsonPatch, value: &impl Serialize) -> bool {
    let length = text_length(patch, usize::MAX);
    patch.iter().all(is_applicable) && text_length(value, length) >= length
}

/// Whether clients apply an operation. Their patch library refuses a path into a prototype of JavaScript, such as
/// `/__proto__`.
///
/// Source: `applyOperation` of fast-json-patch 3.1.
pub(super) fn is_applicable(operation: &PatchOperation) -> bool {
    use PatchOperation::{Add, Copy, Move, Remove, Replace, Test};
    let (Add { path, .. }
    | Remove { path }
    | Replace { path, .. }
    | Move { path, .. }
    | Copy { path, .. }
    | Test { path, .. }) = operation;
    !path.contains("/__proto__") && !path.contains("/constructor/prototype")
}
