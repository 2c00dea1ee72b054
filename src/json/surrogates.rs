//! Halves of surrogate pairs in JSON text.
//!
//! JSON writes a character beyond U+FFFF as two escapes, `\ud83d\ude00`. Programs that cut texts by UTF-16 units leave one of
//! them alone, which is no character: a reader of Rust strings refuses the whole text, and a conversation that holds it could
//! never go on. Here such a half becomes U+FFFD, the replacement character. Its escape is as long, so that the lines and columns
//! of errors stay. Where a text is streamed, a first half waits for the second one in the next piece.
//!
//! A text without an escape is searched once for a backslash and is not copied.

use std::borrow::Cow;

use memchr::memchr;

/// What stands for a half that is alone.
const REPLACEMENT: char = '\u{fffd}';

/// The length of an escape such as `\u00e9`.
pub(super) const ESCAPE: usize = 6;

/// The same text with the escape of U+FFFD in place of each half that is alone.
pub(crate) fn repaired(text: &[u8]) -> Cow<'_, [u8]> {
    let mut lone = Lone { text, at: 0 }.peekable();
    if lone.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut repaired = text.to_vec();
    for (at, _) in lone {
        repaired[at..at + ESCAPE].copy_from_slice(b"\\ufffd");
    }
    Cow::Owned(repaired)
}

/// As [`repaired`].
pub(crate) fn repaired_str(text: &str) -> Cow<'_, str> {
    match repaired(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(repaired) => Cow::Owned(String::from_utf8(repaired).expect("only ASCII was replaced")),
    }
}

/// A string of a JSON text that begins or ends with a half: what it continues or is continued by is another text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The string, with U+FFFD for its halves.
    text: String,
    /// The second half that it begins with.
    first: Option<u16>,
    /// The first half that it ends with.
    last: Option<u16>,
}

/// The strings of a JSON text that begin or end with a half.
pub(crate) fn cuts(text: &[u8]) -> Vec<Cut> {
    if (Lone { text, at: 0 }).next().is_none() {
        return Vec::new();
    }
    strings(text).filter_map(Cut::of).collect()
}

impl Cut {
    /// Whether this is the string.
    #[cfg(feature = "bedrock")]
    pub(crate) fn is_of(&self, text: &str) -> bool {
        self.text == text
    }

    /// `string` comes with its quotes.
    fn of(string: &[u8]) -> Option<Self> {
        let lone: Vec<_> = Lone { text: string, at: 0 }.collect();
        let first = lone.first().filter(|(at, half)| *at == 1 && !is_high(*half));
        let last = lone.last().filter(|(at, half)| at + ESCAPE + 1 == string.len() && is_high(*half));
        if first.or(last).is_none() {
            return None;
        }
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
pub(crate) struct Halves {
    held: Option<u16>,
}

impl Halves {
    /// Whether a half waits for the next piece.
    pub(crate) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// The next piece of the text: a pair that it completes is one character, and a first half at its end is kept for the
    /// piece behind it. `cuts` are those of the JSON text that the piece was read from.
    pub(crate) fn join(&mut self, piece: String, cuts: &[Cut]) -> String {
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

    /// What is left when no more pieces come.
    pub(crate) fn rest(&mut self) -> Option<String> {
        self.held.take().map(|_| REPLACEMENT.to_string())
    }
}

/// The halves that are alone in a JSON text, each with its place.
struct Lone<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Lone<'_> {
    type Item = (usize, u16);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at + memchr(b'\\', self.text.get(self.at..)?)?;
            let escape = &self.text[at..];
            match unit(escape) {
                Some(half) if is_high(half) && unit(&escape[ESCAPE..]).is_some_and(is_low) => {
                    self.at = at + 2 * ESCAPE;
                }
                Some(half) if is_high(half) || is_low(half) => {
                    self.at = at + ESCAPE;
                    return Some((at, half));
                }
                // The second character of another escape may be a backslash.
                _ => self.at = at + 2,
            }
        }
    }
}

/// The unit of an escape of four digits that a text begins with.
pub(super) fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.get(..ESCAPE)?.strip_prefix(b"\\u")?;
    let digits = digits.iter().map(|digit| char::from(*digit).to_digit(16)).collect::<Option<Vec<_>>>()?;
    u16::try_from(digits.into_iter().fold(0, |unit, digit| unit * 16 + digit)).ok()
}

pub(super) fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_that_is_alone_becomes_the_replacement_character() {
        for (why, text, expected) in [
            ("nothing", "", ""),
            ("no escape", r#"{"a":"b"}"#, r#"{"a":"b"}"#),
            ("a first half at the end", r#""a\ud83d""#, r#""a\ufffd""#),
            ("in capitals", r#""a\uD83D b""#, r#""a\ufffd b""#),
            ("a second half", r#""\ude00a""#, r#""\ufffda""#),
            ("two first halves and a second", r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            ("the wrong order", r#""\ude00\ud83d""#, r#""\ufffd\ufffd""#),
            ("a pair", r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            ("another escape between", r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            ("a backslash and no escape", r#""\\ud83d""#, r#""\\ud83d""#),
            ("a backslash before a half", r#""\\\ud83d""#, r#""\\\ufffd""#),
            ("a name", r#"{"\ud83d":1}"#, r#"{"\ufffd":1}"#),
            ("other characters", r#""\u00e9\ud7ff\ue000""#, r#""\u00e9\ud7ff\ue000""#),
            ("digits that are none", r#""\ud8+d\ud8""#, r#""\ud8+d\ud8""#),
            ("cut off", r#""\ud83d\u"#, r#""\ufffd\u"#),
        ] {
            assert_eq!(repaired_str(text), expected, "{why}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_stay_so() {
        let text = b"\"\xed\xa0\xbd \xff \\ud83d\"";
        assert_eq!(&*repaired(text), b"\"\xed\xa0\xbd \xff \\ufffd\"");
    }

    #[test]
    fn a_text_of_many_halves_takes_time_in_proportion_to_its_length() {
        let text = format!("\"{}\"", r"\ud83d\\".repeat(500_000));
        let began = std::time::Instant::now();
        assert_eq!(
            serde_json::from_slice::<String>(&repaired(text.as_bytes())).unwrap().chars().count(),
            1_000_000
        );
        assert_eq!(cuts(text.as_bytes()), []);
        assert!(began.elapsed().as_secs() < 5);
    }

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
