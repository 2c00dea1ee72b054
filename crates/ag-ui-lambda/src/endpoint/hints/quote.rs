//! Repeats parts of a request in a hint, shortened.

/// The longest text of a request that a hint repeats, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// Puts a part of a request between backticks, shortened to [`MAX_QUOTED_CHARS`].
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text, MAX_QUOTED_CHARS))
}

/// Returns the first `max_chars` characters of a text, followed by ` ...` if something was cut off. A shorter text is
/// returned unchanged.
pub(super) fn shortened(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
