//! A text that a wire may send in deltas and then again in full.

use crate::model::http::frame_event::TextScope;

/// The text or the reasoning of a turn, as far as it was sent.
#[derive(Debug, Default)]
pub(super) struct StreamedText {
    text: String,
    /// Where the open part begins.
    part: usize,
    /// Where the open item begins.
    item: usize,
}

impl StreamedText {
    /// Returns whether no text was sent in this turn.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Records a piece of text that was sent as a delta.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Returns the rest of `full`, the full text of a part, an item or the turn (`scope`), that was not sent in deltas.
    /// Returns `None` if all of it was sent, and if it does not begin with what was sent: it is then another form of
    /// the same text.
    pub(super) fn unsent_rest<'a>(&self, scope: TextScope, full: &'a str) -> Option<&'a str> {
        let sent = match scope {
            TextScope::Part => &self.text[self.part..],
            TextScope::Item => &self.text[self.item..],
            TextScope::Turn => &self.text,
        };
        if self.text.ends_with(full) {
            return None;
        }
        full.strip_prefix(sent).or_else(|| full.strip_prefix(sent.trim_start()))
    }

    /// Records that a part, an item or the turn has ended at the end of the text so far. The end of an item or of the
    /// turn also ends the open part.
    pub(super) fn end_scope(&mut self, scope: TextScope) {
        self.part = self.text.len();
        if scope != TextScope::Part {
            self.item = self.part;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_text_adds_only_what_was_not_sent() {
        for (why, sent, ended, scope, full, expected) in [
            ("nothing was sent", "", None, TextScope::Part, "One.", Some("One.")),
            ("all was sent", "One.", None, TextScope::Part, "One.", None),
            ("its beginning was sent", "On", None, TextScope::Item, "One.", Some("e.")),
            ("another form of it was sent", "One. ", None, TextScope::Turn, "One.", None),
            ("another item was sent", "One.", Some(TextScope::Item), TextScope::Part, "Two.", Some("Two.")),
            ("the item comes again", "One.", Some(TextScope::Part), TextScope::Item, "One.", None),
            (
                "the item has a second part",
                "One.",
                Some(TextScope::Part),
                TextScope::Item,
                "One.Two.",
                Some("Two."),
            ),
            ("all items", "One.", Some(TextScope::Item), TextScope::Turn, "One.Two.", Some("Two.")),
        ] {
            let mut text = StreamedText::default();
            text.push(sent);
            ended.into_iter().for_each(|scope| text.end_scope(scope));

            assert_eq!(text.unsent_rest(scope, full), expected, "{why}");
        }
        let mut paragraphs = StreamedText::default();
        paragraphs.push("One.");
        paragraphs.end_scope(TextScope::Part);
        paragraphs.push("\n\n");
        assert_eq!(
            paragraphs.unsent_rest(TextScope::Part, "Two."),
            Some("Two."),
            "after the end of a paragraph"
        );
    }
}
