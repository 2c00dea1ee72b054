//! Repairs half surrogate pairs in one JSON text that is streamed in fragments, such as the arguments of a tool call.
//!
//! The fragments may cut an escape in two, and a surrogate pair too. What is known to be complete is passed on at once.

use memchr::memchr;

use super::surrogates::{ESCAPE_LENGTH, code_unit, is_high, repair_str};

/// Repairs a JSON text that arrives in fragments.
///
/// An escape that is cut in two is kept until it is complete. The first half of a surrogate pair is kept until it is known
/// whether the second one follows.
#[derive(Debug, Default)]
pub struct FragmentRepairer {
    /// The beginning of an escape or of a surrogate pair, at the end of the text so far.
    pending: String,
}

impl FragmentRepairer {
    /// Adds the next fragment of a JSON text. Returns the part of the text that is complete by now and that earlier calls
    /// have not returned, with U+FFFD in place of each half of a surrogate pair that stands alone. The part may be empty.
    pub fn push(&mut self, fragment: String) -> String {
        if self.pending.is_empty() && memchr(b'\\', fragment.as_bytes()).is_none() {
            return fragment;
        }
        let mut text = std::mem::take(&mut self.pending) + &fragment;
        self.pending = text.split_off(pending_start(text.as_bytes()));
        repair_str(&text).into_owned()
    }

    /// Returns the end of the text that [`push`](Self::push) has kept because another fragment might have completed it.
    /// Call this after the last fragment.
    pub fn flush(&mut self) -> String {
        repair_str(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// Returns the index of the escape or surrogate pair at the end of `text` that the next fragment may complete. Without one,
/// returns the length of `text`.
fn pending_start(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr(b'\\', &text[at..]) {
        at += found;
        let escape = &text[at..];
        match code_unit(escape) {
            Some(half) if is_high(half) && may_become_escape(&escape[ESCAPE_LENGTH..]) => return at,
            Some(_) => at += ESCAPE_LENGTH,
            None if may_become_escape(escape) => return at,
            None => at = text.len().min(at + 2),
        }
    }
    text.len()
}

/// Whether `text` is the beginning of an escape of four digits, such as `\u00e9`, and not yet a complete one. Empty text
/// counts too.
fn may_become_escape(text: &[u8]) -> bool {
    let is_next = |(at, byte): (usize, &u8)| match at {
        0 => *byte == b'\\',
        1 => *byte == b'u',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() < ESCAPE_LENGTH && text.iter().enumerate().all(is_next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repairer_keeps_at_most_one_escape_or_pair() {
        for (fragments, expected) in [
            (vec![r#"{"a":"x\ud8"#, r#"3d\ude"#, r#"00"}"#], vec![r#"{"a":"x"#, "", r#"\ud83d\ude00"}"#, ""]),
            (vec![r#"{"a":"\ud83d"#, r#""}"#], vec![r#"{"a":""#, r#"\ufffd"}"#, ""]),
            (vec![r#"{"a":"\"#, r#"n"}"#], vec![r#"{"a":""#, r#"\n"}"#, ""]),
            (vec![r#"{"a":"\\"#, r#"ud83d"}"#], vec![r#"{"a":"\\"#, r#"ud83d"}"#, ""]),
            (vec![r#"{"a":"\ud83d\u"#], vec![r#"{"a":""#, r#"\ufffd\u"#]),
            (vec![r#"{"a":"\ud83d\ud83d"#, r#"\ude00"#], vec![r#"{"a":"\ufffd"#, r#"\ud83d\ude00"#, ""]),
        ] {
            let mut repairer = FragmentRepairer::default();
            let mut repaired: Vec<String> =
                fragments.into_iter().map(|fragment| repairer.push(fragment.into())).collect();
            repaired.push(repairer.flush());
            assert_eq!(repaired, expected);
        }
    }

    proptest! {
        #[test]
        fn repaired_fragments_are_the_repaired_text(
            parts in prop::collection::vec(prop_oneof![
                Just(r"\ud83d"), Just(r"\ude00"), Just(r"\\"), Just(r"\n"), Just("u"), Just("é"), Just(r"\u00e9"), Just("d8"),
                Just("\\"), Just("\""),
            ], 0..12),
            size in 1_usize..9,
        ) {
            let text = parts.concat();
            let mut repairer = FragmentRepairer::default();
            let mut letters = text.chars().peekable();
            let mut repaired = String::new();
            while letters.peek().is_some() {
                repaired.push_str(&repairer.push(letters.by_ref().take(size).collect()));
                prop_assert!(repairer.pending.len() < 2 * ESCAPE_LENGTH);
            }
            repaired.push_str(&repairer.flush());
            prop_assert_eq!(repaired, repair_str(&text));
        }
    }
}
