//! Whether to send a change as a JSON Patch or as the complete new value.

use std::io;

use serde::Serialize;

use crate::protocol::{JsonPatch, PatchOperation};

/// Whether to send a patch in place of the complete value: whether clients apply all of its operations, and its JSON text
/// is not longer than that of the value.
pub(super) fn delta_is_smaller(patch: &JsonPatch, value: &impl Serialize) -> bool {
    let length = json_length(patch, usize::MAX);
    patch.iter().all(is_applicable) && json_length(value, length) >= length
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

/// Counts the bytes of a value as JSON text. Used to compare a patch with a value, and to send predictions of a long
/// state less often.
///
/// Counting stops once `enough` bytes are reached, and the result is then at least `enough`: a large value is not written
/// only to be compared with a small patch.
pub(super) fn json_length(value: &impl Serialize, enough: usize) -> usize {
    struct Counter {
        count: usize,
        enough: usize,
    }
    impl io::Write for Counter {
        /// Counts the bytes of `text`. Once `enough` bytes were counted, returns an error, which stops the JSON writer.
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.count += text.len();
            if self.count < self.enough { Ok(text.len()) } else { Err(io::ErrorKind::WriteZero.into()) }
        }

        /// Does nothing, since nothing is buffered.
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter { count: 0, enough };
    // The only error is the one that stops the count.
    let _enough = serde_json::to_writer(&mut counter, value);
    counter.count
}
