//! Replaces half surrogate pairs in JSON text.
//!
//! JSON writes a character beyond U+FFFF as a surrogate pair of two escapes, such as `\ud83d\ude00`. A program that cuts
//! texts by UTF-16 units can leave one of them alone. Such a half is not a character, so serde_json refuses the text, and a
//! conversation that holds it could never go on. Here the half becomes U+FFFD, the replacement character. Its escape has
//! the same length, so the lines and columns of errors do not change. If the other half follows in a later text of a
//! stream, [`surrogate_joiner`](super::surrogate_joiner) joins the two.
//!
//! A text is searched once for `\u`, and is copied only if it has such a half.

use std::borrow::Cow;

use memchr::memmem::Finder;

/// The length of an escape with four digits, such as `\u00e9`.
pub(super) const ESCAPE_LENGTH: usize = 6;

/// Replaces each half of a surrogate pair that stands alone in a JSON text by the escape of U+FFFD, since serde_json
/// refuses such a half. A text without one is not copied.
pub fn repair(text: &[u8]) -> Cow<'_, [u8]> {
    let mut halves = LoneSurrogates::of(text).peekable();
    if halves.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut repaired = text.to_vec();
    for (at, _) in halves {
        repaired[at..at + ESCAPE_LENGTH].copy_from_slice(b"\\ufffd");
    }
    Cow::Owned(repaired)
}

/// Repairs a `str` in the same way as [`repair`] repairs bytes.
pub fn repair_str(text: &str) -> Cow<'_, str> {
    match repair(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(repaired) => Cow::Owned(String::from_utf8(repaired).expect("only ASCII was replaced")),
    }
}

/// Iterates over the half surrogate pairs of a JSON text. Each item is the index of the escape and its code unit.
pub(super) struct LoneSurrogates<'a> {
    text: &'a [u8],
    at: usize,
    /// Finds escapes with four digits, which are rare where other escapes are not.
    escapes: Finder<'static>,
}

impl<'a> LoneSurrogates<'a> {
    /// Starts a search of a JSON text for halves of surrogate pairs that stand alone.
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0, escapes: Finder::new("\\u") }
    }
}

impl Iterator for LoneSurrogates<'_> {
    type Item = (usize, u16);

    /// Returns the index and the code unit of the next half that stands alone; `None` at the end of the text.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at + self.escapes.find(self.text.get(self.at..)?)?;
            // Each pair of backslashes before it is an escape of its own.
            let backslashes = self.text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
            let escape = &self.text[at..];
            match code_unit(escape).filter(|_| backslashes % 2 == 0) {
                Some(half) if is_high(half) && code_unit(&escape[ESCAPE_LENGTH..]).is_some_and(is_low) => {
                    self.at = at + 2 * ESCAPE_LENGTH;
                }
                Some(half) if is_high(half) || is_low(half) => {
                    self.at = at + ESCAPE_LENGTH;
                    return Some((at, half));
                }
                _ => self.at = at + 2,
            }
        }
    }
}

/// Reads the UTF-16 code unit of the `\u` escape that a text begins with; `None` if the text does not begin with one.
pub(super) fn code_unit(text: &[u8]) -> Option<u16> {
    let digits = text.get(..ESCAPE_LENGTH)?.strip_prefix(b"\\u")?;
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let unit = digits.iter().try_fold(0, |unit, byte| Some(unit * 16 + digit(byte)?))?;
    u16::try_from(unit).ok()
}

/// Whether a code unit is the first half of a surrogate pair.
pub(super) fn is_high(unit: u16) -> bool {
    (0xd800..0xdc00).contains(&unit)
}

/// Whether a code unit is the second half of a surrogate pair.
fn is_low(unit: u16) -> bool {
    (0xdc00..0xe000).contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_pair_becomes_the_replacement_character() {
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
            ("a backslash between two halves", r#""\ud83d\\\ude00""#, r#""\ufffd\\\ufffd""#),
            ("a pair behind no escape", r#""\\ud83d\ude00""#, r#""\\ud83d\ufffd""#),
            ("a name", r#"{"\ud83d":1}"#, r#"{"\ufffd":1}"#),
            ("other characters", r#""\u00e9\ud7ff\ue000""#, r#""\u00e9\ud7ff\ue000""#),
            ("characters that are not digits", r#""\ud8+d\ud8""#, r#""\ud8+d\ud8""#),
            ("cut off", r#""\ud83d\u"#, r#""\ufffd\u"#),
        ] {
            assert_eq!(repair_str(text), expected, "{why}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_kept() {
        let text = b"\"\xed\xa0\xbd \xff \\ud83d\"";
        assert_eq!(&*repair(text), b"\"\xed\xa0\xbd \xff \\ufffd\"");
    }

    #[test]
    fn long_text_of_half_pairs_is_repaired() {
        let text = format!("\"{}\"", r"\ud83d\\".repeat(500_000));
        assert_eq!(
            serde_json::from_slice::<String>(&repair(text.as_bytes())).unwrap().chars().count(),
            1_000_000
        );
    }
}
