//! Halves of surrogate pairs in JSON text.
//!
//! JSON writes a character beyond U+FFFF as two escapes, `\ud83d\ude00`. Programs that cut texts by UTF-16 units leave one of
//! them alone, which is no character: a reader of Rust strings refuses the whole text, and a conversation that holds it could
//! never go on. Here such a half becomes U+FFFD, the replacement character. Its escape is as long, so that the lines and columns
//! of errors stay. Where a text is streamed, [`halves`](super::halves) joins them.
//!
//! A text without an escape is searched once for a backslash and is not copied.

use std::borrow::Cow;

use memchr::memchr;

/// The length of an escape such as `\u00e9`.
pub(super) const ESCAPE: usize = 6;

/// The same text with the escape of U+FFFD in place of each half that is alone.
pub fn repaired(text: &[u8]) -> Cow<'_, [u8]> {
    let mut lone = Lone::of(text).peekable();
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
pub fn repaired_str(text: &str) -> Cow<'_, str> {
    match repaired(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(repaired) => Cow::Owned(String::from_utf8(repaired).expect("only ASCII was replaced")),
    }
}

/// The halves that are alone in a JSON text, each with its place.
pub(super) struct Lone<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lone<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
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
    fn a_long_text_may_hold_nothing_but_halves() {
        let text = format!("\"{}\"", r"\ud83d\\".repeat(500_000));
        assert_eq!(
            serde_json::from_slice::<String>(&repaired(text.as_bytes())).unwrap().chars().count(),
            1_000_000
        );
    }
}
