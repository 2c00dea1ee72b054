//! Repeats parts of a request in a hint, shortened.

/// The longest text of a request that a hint repeats, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// Puts a part of a request in backticks, shortened to what a hint may repeat.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text, MAX_QUOTED_CHARS))
}

/// Shortens a text to at most `max_chars` characters, with dots for what is left out.
pub(super) fn shortened(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
