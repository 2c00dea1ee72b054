//! A text that a wire may tell in deltas and again as a whole.

use crate::model::hosted::said::Span;

/// A text of the turn, as far as it was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    text: String,
    /// Where the part and the item that are open begin.
    part: usize,
    item: usize,
}

impl Told {
    pub(super) fn is_none(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// What a whole text adds to what was told of it. One that does not begin with that adds nothing: it is another form
    /// of the same.
    pub(super) fn rest<'a>(&self, span: Span, whole: &'a str) -> Option<&'a str> {
        let told = match span {
            Span::Part => &self.text[self.part..],
            Span::Item => &self.text[self.item..],
            Span::Turn => &self.text,
        };
        if self.text.ends_with(whole) {
            return None;
        }
        whole.strip_prefix(told).or_else(|| whole.strip_prefix(told.trim_start()))
    }

    pub(super) fn end(&mut self, span: Span) {
        self.part = self.text.len();
        if span != Span::Part {
            self.item = self.part;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_text_adds_what_was_not_told_of_it() {
        for (why, told, ended, span, whole, expected) in [
            ("nothing was told", "", None, Span::Part, "One.", Some("One.")),
            ("all was told", "One.", None, Span::Part, "One.", None),
            ("its beginning was told", "On", None, Span::Item, "One.", Some("e.")),
            ("another form of it was told", "One. ", None, Span::Turn, "One.", None),
            ("another item was told", "One.", Some(Span::Item), Span::Part, "Two.", Some("Two.")),
            ("the item is told again", "One.", Some(Span::Part), Span::Item, "One.", None),
            ("the item has a second part", "One.", Some(Span::Part), Span::Item, "One.Two.", Some("Two.")),
            ("all items", "One.", Some(Span::Item), Span::Turn, "One.Two.", Some("Two.")),
        ] {
            let mut text = Told::default();
            text.push(told);
            ended.into_iter().for_each(|span| text.end(span));

            assert_eq!(text.rest(span, whole), expected, "{why}");
        }
        let mut paragraphs = Told::default();
        paragraphs.push("One.");
        paragraphs.end(Span::Part);
        paragraphs.push("\n\n");
        assert_eq!(paragraphs.rest(Span::Part, "Two."), Some("Two."), "behind a paragraph's end");
    }
}
