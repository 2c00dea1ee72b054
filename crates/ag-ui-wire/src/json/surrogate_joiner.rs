//! Joins surrogate pairs that a stream of JSON texts has cut in two.
//!
//! A model provider streams a text as strings, each in a JSON text of its own, and may cut a surrogate pair between two of
//! them. Before such a JSON text is repaired, [`find_split_strings`] notes which of its strings begin or end with half a
//! pair. With that, [`SurrogateJoiner`] makes one character of the two halves again.

use memchr::memchr;

use super::surrogates::{ESCAPE_LENGTH, LoneSurrogates, is_high, repair};

/// The character that a half surrogate pair was replaced by.
const REPLACEMENT: char = '\u{fffd}';

/// A string of a JSON text that begins or ends with half of a surrogate pair, whose other half is in another text.
#[derive(Debug, PartialEq, Eq)]
pub struct SplitString {
    /// The string, with U+FFFD in place of halves.
    text: String,
    /// The second half of a pair, if the string begins with one.
    first: Option<u16>,
    /// The first half of a pair, if the string ends with one.
    last: Option<u16>,
}

/// Finds the strings of a JSON text that begin or end with half of a surrogate pair, because a provider has cut the pair in
/// two. Call this before [`repair`] replaces the halves. [`SurrogateJoiner`] needs the result.
pub fn find_split_strings(text: &[u8]) -> Vec<SplitString> {
    if (LoneSurrogates::of(text)).next().is_none() {
        return Vec::new();
    }
    strings(text).filter_map(SplitString::of).collect()
}

impl SplitString {
    /// Whether this is the string that a JSON reader returns as `text` once each half in it has become U+FFFD. The
    /// Bedrock adapter compares each delta of the SDK with the strings of the frames in this way.
    pub fn is_text(&self, text: &str) -> bool {
        self.text == text
    }

    /// Notes which halves of surrogate pairs one JSON string, given with its quotes, begins and ends with. Returns `None`
    /// if there is no half at either end, or if the string is malformed.
    fn of(string: &[u8]) -> Option<Self> {
        let lone: Vec<_> = LoneSurrogates::of(string).collect();
        let first = lone.first().filter(|(at, half)| *at == 1 && !is_high(*half));
        let last = lone.last().filter(|(at, half)| at + ESCAPE_LENGTH + 1 == string.len() && is_high(*half));
        first.or(last)?;
        let text = serde_json::from_slice(&repair(string)).ok()?;
        Some(Self { text, first: first.map(|(_, half)| *half), last: last.map(|(_, half)| *half) })
    }
}

/// Iterates over the strings of a JSON text, with their quotes.
fn strings(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + memchr(b'"', text.get(at..)?)?;
        let mut end = start + 1;
        loop {
            match text.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        at = end + 1;
        Some(&text[start..at])
    })
}

/// Joins the pieces of one streamed text. It keeps the first half of a surrogate pair at the end of a piece until the next
/// piece arrives.
#[derive(Debug, Default)]
pub struct SurrogateJoiner {
    /// The first half at the end of the last piece.
    pending: Option<u16>,
}

impl SurrogateJoiner {
    /// Whether the last piece ended with the first half of a surrogate pair, which is kept until the next piece arrives.
    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Adds the next piece of a streamed text. Returns the part of the text that is complete by now and that earlier calls
    /// have not returned.
    ///
    /// A surrogate pair that the piece completes becomes one character. A first half at the end of the piece is kept for
    /// the next call. `split` is the result of [`find_split_strings`] for the JSON text that the piece was read from.
    pub fn join(&mut self, piece: String, split: &[SplitString]) -> String {
        let string = split.iter().find(|string| string.text == piece);
        if string.is_none() && self.pending.is_none() {
            return piece;
        }
        let (first, last) = string.map_or((None, None), |string| (string.first, string.last));
        let mut flush = piece.as_str();
        let mut joined = String::with_capacity(piece.len() + REPLACEMENT.len_utf8());
        if let Some(pending) = self.pending.take() {
            let pair = first.and_then(|first| char::decode_utf16([pending, first]).next()?.ok());
            if pair.is_some() {
                flush = flush.strip_prefix(REPLACEMENT).unwrap_or(flush);
            }
            joined.push(pair.unwrap_or(REPLACEMENT));
        }
        if let (Some(last), Some(before)) = (last, flush.strip_suffix(REPLACEMENT)) {
            self.pending = Some(last);
            flush = before;
        }
        joined + flush
    }

    /// Appends the next piece to `text`, which holds all earlier pieces. Use this instead of [`join`](Self::join) where
    /// the complete text so far is kept; `join` is for pieces that are passed on one by one.
    ///
    /// If the piece ends with the first half of a surrogate pair, `text` ends with U+FFFD. The next call replaces this
    /// U+FFFD by the character if the next piece begins with the second half. `split` is the result of
    /// [`find_split_strings`] for the JSON text that the piece was read from.
    pub fn append_to(&mut self, text: &mut String, piece: String, split: &[SplitString]) {
        if self.has_pending() {
            text.pop();
        }
        text.push_str(&self.join(piece, split));
        if self.has_pending() {
            text.push(REPLACEMENT);
        }
    }

    /// Returns U+FFFD if the first half of a surrogate pair was kept, and `None` otherwise. Call this after the last piece.
    pub fn flush(&mut self) -> Option<String> {
        self.pending.take().map(|_| REPLACEMENT.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_half_is_kept_for_the_next_piece() {
        for (why, frames, expected) in [
            ("a pair", vec![r#""Nice \ud83d""#, r#""\ude00 day""#], vec!["Nice ", "😀 day"]),
            ("a half that stays alone", vec![r#""Nice \ud83d""#, r#"" day""#], vec!["Nice ", "\u{fffd} day"]),
            ("nothing follows", vec![r#""\ud83d""#], vec!["", "\u{fffd}"]),
            ("a second half alone", vec![r#""a""#, r#""\ude00b""#], vec!["a", "\u{fffd}b"]),
            (
                "a piece that ends and completes",
                vec![r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\ude01""#],
                vec!["", "😀", "😁"],
            ),
            (
                "two first halves",
                vec![r#""\ud83d""#, r#""\ud83d""#, r#""\ude00""#],
                vec!["", "\u{fffd}", "😀"],
            ),
            ("the replacement character itself", vec!["\"a\u{fffd}\"", "\"b\""], vec!["a\u{fffd}", "b"]),
            (
                "a half behind a quotation mark",
                vec![r#""\ud83d""#, r#""\"\ude00""#],
                vec!["", "\u{fffd}\"\u{fffd}"],
            ),
        ] {
            let mut joiner = SurrogateJoiner::default();
            let mut joined = Vec::new();
            for frame in frames {
                let frame = frame.as_bytes();
                let piece = serde_json::from_slice(&repair(frame)).unwrap();
                joined.push(joiner.join(piece, &find_split_strings(frame)));
            }
            joined.extend(joiner.flush());
            assert_eq!(joined, expected, "{why}");
        }
    }
}
