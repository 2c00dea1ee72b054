//! JSON text that is streamed, such as the arguments of a call.
//!
//! The pieces may cut an escape in two, and a surrogate pair too. What is known is passed on at once.

use memchr::memchr;

use super::surrogates::{ESCAPE, is_high, repaired_str, unit};

/// JSON text that comes in pieces, such as the arguments of a call.
///
/// An escape that the pieces cut in two is held back until it is complete, and a first half until what follows it is known.
#[derive(Debug, Default)]
pub struct Pieces {
    held: String,
}

impl Pieces {
    /// What is known to be right of the text so far, behind what was returned before.
    pub fn push(&mut self, piece: String) -> String {
        if self.held.is_empty() && memchr(b'\\', piece.as_bytes()).is_none() {
            return piece;
        }
        let mut text = std::mem::take(&mut self.held) + &piece;
        self.held = text.split_off(undecided(text.as_bytes()));
        repaired_str(&text).into_owned()
    }

    /// What was held back, when no more pieces come.
    pub fn rest(&mut self) -> String {
        repaired_str(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// Where the escape begins of which more may come.
fn undecided(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr(b'\\', &text[at..]) {
        at += found;
        let escape = &text[at..];
        match unit(escape) {
            Some(half) if is_high(half) && may_become(&escape[ESCAPE..]) => return at,
            Some(_) => at += ESCAPE,
            None if may_become(escape) => return at,
            None => at = text.len().min(at + 2),
        }
    }
    text.len()
}

/// Whether this is all there is of an escape that may become one of four digits.
fn may_become(begun: &[u8]) -> bool {
    let is_next = |(at, byte): (usize, &u8)| match at {
        0 => *byte == b'\\',
        1 => *byte == b'u',
        _ => byte.is_ascii_hexdigit(),
    };
    begun.len() < ESCAPE && begun.iter().enumerate().all(is_next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_held_back_of_pieces_is_an_escape_at_most() {
        for (pieces, expected) in [
            (vec![r#"{"a":"x\ud8"#, r#"3d\ude"#, r#"00"}"#], vec![r#"{"a":"x"#, "", r#"\ud83d\ude00"}"#, ""]),
            (vec![r#"{"a":"\ud83d"#, r#""}"#], vec![r#"{"a":""#, r#"\ufffd"}"#, ""]),
            (vec![r#"{"a":"\"#, r#"n"}"#], vec![r#"{"a":""#, r#"\n"}"#, ""]),
            (vec![r#"{"a":"\\"#, r#"ud83d"}"#], vec![r#"{"a":"\\"#, r#"ud83d"}"#, ""]),
            (vec![r#"{"a":"\ud83d\u"#], vec![r#"{"a":""#, r#"\ufffd\u"#]),
            (vec![r#"{"a":"\ud83d\ud83d"#, r#"\ude00"#], vec![r#"{"a":"\ufffd"#, r#"\ud83d\ude00"#, ""]),
        ] {
            let mut filter = Pieces::default();
            let mut told: Vec<String> = pieces.into_iter().map(|piece| filter.push(piece.into())).collect();
            told.push(filter.rest());
            assert_eq!(told, expected);
        }
    }

    proptest! {
        #[test]
        fn pieces_are_the_whole_repaired_however_they_are_cut(
            parts in prop::collection::vec(prop_oneof![
                Just(r"\ud83d"), Just(r"\ude00"), Just(r"\\"), Just(r"\n"), Just("u"), Just("é"), Just(r"\u00e9"), Just("d8"),
                Just("\\"), Just("\""),
            ], 0..12),
            size in 1_usize..9,
        ) {
            let text = parts.concat();
            let mut filter = Pieces::default();
            let mut letters = text.chars().peekable();
            let mut told = String::new();
            while letters.peek().is_some() {
                told.push_str(&filter.push(letters.by_ref().take(size).collect()));
                prop_assert!(filter.held.len() < 2 * ESCAPE);
            }
            told.push_str(&filter.rest());
            prop_assert_eq!(told, repaired_str(&text));
        }
    }
}
