//! Finds the end of a JSON text that comes in pieces.

/// Follows the brackets and strings of a JSON text, and reads each byte only once.
#[derive(Debug, Default)]
pub(super) struct Brackets {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    /// Whether the outermost object, list or string has ended.
    is_closed: bool,
}

impl Brackets {
    /// Reads the next piece of the JSON text. The pieces may be cut anywhere.
    pub(super) fn push(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.is_in_string => self.is_escaped = true,
                b'"' => {
                    self.is_in_string = !self.is_in_string;
                    self.is_closed |= self.depth == 0 && !self.is_in_string;
                }
                _ if self.is_in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_closed |= self.depth == 0;
                }
                _ => {}
            }
        }
    }

    /// Returns whether the outermost object, list or string has ended, so that the JSON text is complete. A number or a
    /// word such as `null` never counts as ended.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_closes_at_its_last_bracket_in_any_pieces() {
        for (text, is_closed) in [
            ("", false),
            ("{", false),
            ("{}", true),
            (r#"{"a":{"b":"}"}"#, false),
            (r#"{"a":"\"}"}"#, true),
            (r#"{"a":"\\"}"#, true),
            (r#"[{"a":1},2]"#, true),
            (r#"  {"a":[}"#, false),
            ("null", false),
            (r#""{}""#, true),
        ] {
            for size in 1..4 {
                let mut brackets = Brackets::default();
                let bytes = text.as_bytes().chunks(size);
                bytes.for_each(|piece| brackets.push(std::str::from_utf8(piece).unwrap()));
                assert_eq!(brackets.is_closed(), is_closed, "{text} by {size}");
            }
        }
    }
}
