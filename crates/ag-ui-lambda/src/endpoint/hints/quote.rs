//! Parts of a request in a hint, none of them long.

/// The longest text of a request that a hint repeats, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// A part of the request in backticks, not too long.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text, MAX_QUOTED_CHARS))
}

/// The beginning of a text.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}
