//! Counts the bytes of a value as JSON text, without keeping the text.

use std::io;

use serde::Serialize;

/// Counts the bytes of a value as JSON text.
///
/// Counting stops once `enough` bytes are reached, and the result is then at least `enough`: a large value is not written
/// only to be compared with a limit. A value that serde cannot convert to JSON is counted up to the place of its error.
pub fn text_length(value: &impl Serialize, enough: usize) -> usize {
    let mut counter = Counter { count: 0, enough };
    // The count is right also if the writer stops with an error.
    let _stopped = serde_json::to_writer(&mut counter, value);
    counter.count
}

/// Counts what is written to it.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_counted_until_it_is_enough() {
        let value = json!({"a": ["\n", 1.5, null], "b": "é"});
        let length = value.to_string().len();

        assert_eq!(text_length(&value, usize::MAX), length);
        assert_eq!(text_length(&value, length), length);
        assert!((3..length).contains(&text_length(&value, 3)));
    }
}
