//! Halves of surrogate pairs at the ends of a text that is streamed.
//!
//! Each delta is a string of a JSON text of its own, and a provider may cut a pair between two of them. What a string begins and
//! ends with is noted before it is repaired, so that the two halves become one character again.

use memchr::memchr;

use super::surrogates::{ESCAPE, Lone, is_high, repaired};

/// What stands for a half that is alone.
const REPLACEMENT: char = '\u{fffd}';

/// A string of a JSON text that begins or ends with a half: what it continues or is continued by is another text.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    /// The string, with U+FFFD for its halves.
    text: String,
    /// The second half that it begins with.
    first: Option<u16>,
    /// The first half that it ends with.
    last: Option<u16>,
}

/// The strings of a JSON text that begin or end with a half.
pub fn cuts(text: &[u8]) -> Vec<Cut> {
    if (Lone::of(text)).next().is_none() {
        return Vec::new();
    }
    strings(text).filter_map(Cut::of).collect()
}

impl Cut {
    /// Whether this is the string.
    pub fn is_of(&self, text: &str) -> bool {
        self.text == text
    }

    /// `string` comes with its quotes.
    fn of(string: &[u8]) -> Option<Self> {
        let lone: Vec<_> = Lone::of(string).collect();
        let first = lone.first().filter(|(at, half)| *at == 1 && !is_high(*half));
        let last = lone.last().filter(|(at, half)| at + ESCAPE + 1 == string.len() && is_high(*half));
        first.or(last)?;
        let text = serde_json::from_slice(&repaired(string)).ok()?;
        Some(Self { text, first: first.map(|(_, half)| *half), last: last.map(|(_, half)| *half) })
    }
}

/// The strings of a JSON text, with their quotes.
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

/// The half at the end of a text that is streamed.
#[derive(Debug, Default)]
pub struct Halves {
    held: Option<u16>,
}

impl Halves {
    /// Whether a half waits for the next piece.
    pub fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// The next piece of the text: a pair that it completes is one character, and a first half at its end is kept for the
    /// piece behind it. `cuts` are those of the JSON text that the piece was read from.
    pub fn join(&mut self, piece: String, cuts: &[Cut]) -> String {
        let cut = cuts.iter().find(|cut| cut.text == piece);
        if cut.is_none() && self.held.is_none() {
            return piece;
        }
        let (first, last) = cut.map_or((None, None), |cut| (cut.first, cut.last));
        let mut rest = piece.as_str();
        let mut joined = String::with_capacity(piece.len() + REPLACEMENT.len_utf8());
        if let Some(held) = self.held.take() {
            let pair = first.and_then(|first| char::decode_utf16([held, first]).next()?.ok());
            if pair.is_some() {
                rest = rest.strip_prefix(REPLACEMENT).unwrap_or(rest);
            }
            joined.push(pair.unwrap_or(REPLACEMENT));
        }
        if let (Some(last), Some(before)) = (last, rest.strip_suffix(REPLACEMENT)) {
            self.held = Some(last);
            rest = before;
        }
        joined + rest
    }

    /// Adds the next piece to a text that is kept. A half at its end is U+FFFD there, until a second half follows.
    pub fn push(&mut self, text: &mut String, piece: String, cuts: &[Cut]) {
        if self.is_holding() {
            text.pop();
        }
        text.push_str(&self.join(piece, cuts));
        if self.is_holding() {
            text.push(REPLACEMENT);
        }
    }

    /// What is left when no more pieces come.
    pub fn rest(&mut self) -> Option<String> {
        self.held.take().map(|_| REPLACEMENT.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_half_waits_for_the_next_piece() {
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
            let mut halves = Halves::default();
            let mut joined = Vec::new();
            for frame in frames {
                let frame = frame.as_bytes();
                let piece = serde_json::from_slice(&repaired(frame)).unwrap();
                joined.push(halves.join(piece, &cuts(frame)));
            }
            joined.extend(halves.rest());
            assert_eq!(joined, expected, "{why}");
        }
    }
}
