//! Separates the reasoning that a model writes into its text, between `<think>` and `</think>`.
//!
//! Servers that do not know a model's form of reasoning pass it on as text. If [`ThinkTags`] is on, this module
//! turns it into reasoning, for every adapter. The tags may come in pieces, and they are never shown.
//!
//! Some chat templates write the opening tag into the prompt, so that the model's text begins after it; that is
//! [`ThinkTags::Open`].

use std::collections::VecDeque;

use futures_util::{StreamExt as _, stream};

use super::{Delta, DeltaStream, ModelError, ThinkTags};

const OPENING: &str = "<think>";
const CLOSING: &str = "</think>";

/// Returns the model's turn with the text between `<think>` and `</think>` as deltas of reasoning, and without the
/// tags. With [`ThinkTags::Off`] the turn is returned unchanged.
pub(crate) fn tags_as_reasoning(deltas: DeltaStream, setting: ThinkTags) -> DeltaStream {
    let is_open = setting == ThinkTags::Open;
    let tags = match setting {
        ThinkTags::Off => return deltas,
        ThinkTags::On | ThinkTags::Open => {
            TagParser { is_inside: is_open, may_have_opening_tag: is_open, ..TagParser::default() }
        }
    };
    let reader = TagStream { deltas: Some(deltas), tags, ready: VecDeque::new() };
    stream::unfold(reader, |mut reader| async move { reader.next().await.map(|delta| (delta, reader)) })
        .boxed()
}

/// A turn whose tags are being read.
struct TagStream {
    /// The model's deltas; `None` when the turn is over.
    deltas: Option<DeltaStream>,
    tags: TagParser,
    /// Deltas that are ready and have not been polled yet.
    ready: VecDeque<Result<Delta, ModelError>>,
}

impl TagStream {
    /// Waits for the next delta of the turn after tags were read. Text that may be the start of a tag is held back; it
    /// is released before any other delta than usage. Returns `None` at the end of the turn.
    async fn next(&mut self) -> Option<Result<Delta, ModelError>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Some(delta);
            }
            let deltas = self.deltas.as_mut()?;
            match deltas.next().await {
                Some(Ok(Delta::Text(text))) => self.ready.extend(self.tags.push(&text).into_iter().map(Ok)),
                Some(Ok(usage @ Delta::Usage(_))) => return Some(Ok(usage)),
                Some(other) => {
                    if matches!(other, Ok(Delta::Reasoning(_))) {
                        self.tags.cancel_open_start();
                    }
                    self.ready.extend(self.tags.flush().map(Ok));
                    self.ready.push_back(other);
                }
                None => {
                    self.ready.extend(self.tags.flush().map(Ok));
                    self.deltas = None;
                }
            }
        }
    }
}

/// Reads a text with tags, piece by piece.
#[derive(Debug, Default)]
struct TagParser {
    /// Whether the opening tag has been read, and the closing one not yet.
    is_inside: bool,
    /// Whether the text began as reasoning and may still repeat the opening tag.
    may_have_opening_tag: bool,
    /// Whether anything but white space has come since the last tag. Models put line breaks around the tags.
    has_begun: bool,
    /// The end of the text so far, which may be the beginning of a tag.
    held: String,
}

impl TagParser {
    /// Reads the next piece of the model's text. Returns the deltas of text and reasoning that are certain by now; the
    /// rest, which may be the start of a tag, is held back.
    fn push(&mut self, piece: &str) -> Vec<Delta> {
        let mut deltas = Vec::new();
        let mut text = std::mem::take(&mut self.held) + piece;
        if self.may_have_opening_tag {
            let begun = text.trim_start();
            if begun.len() < OPENING.len() && OPENING.starts_with(begun) {
                self.held = text;
                return deltas;
            }
            self.may_have_opening_tag = false;
            text = begun.strip_prefix(OPENING).unwrap_or(begun).to_owned();
        }
        loop {
            let tag = if self.is_inside { CLOSING } else { OPENING };
            let Some((before, after)) = text.split_once(tag) else { break };
            deltas.extend(self.delta(before));
            self.is_inside = !self.is_inside;
            self.has_begun = false;
            text = after.to_owned();
        }
        let tag = if self.is_inside { CLOSING } else { OPENING };
        let length = (1..tag.len()).rev().find(|length| text.ends_with(&tag[..*length])).unwrap_or(0);
        self.held = text.split_off(text.len() - length);
        deltas.extend(self.delta(&text));
        deltas
    }

    /// Undoes the assumption of [`ThinkTags::Open`] that the text begins as reasoning, if no text has come yet. Called
    /// when the model sends reasoning as such, which shows that the server separates it.
    fn cancel_open_start(&mut self) {
        if std::mem::take(&mut self.may_have_opening_tag) {
            self.is_inside = false;
        }
    }

    /// Returns the text that was held back as the possible start of a tag, as a delta; `None` if no text was held back. Called
    /// when the text does not continue.
    fn flush(&mut self) -> Option<Delta> {
        let held = std::mem::take(&mut self.held);
        self.delta(&held)
    }

    /// Converts a text into a delta of reasoning or text, depending on whether the opening tag has come. White space
    /// right after a tag is removed; the result is `None` if no text is left.
    fn delta(&mut self, text: &str) -> Option<Delta> {
        let text = if self.has_begun { text } else { text.trim_start() };
        self.has_begun |= !text.is_empty();
        let delta = if self.is_inside { Delta::Reasoning } else { Delta::Text };
        (!text.is_empty()).then(|| delta(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StopReason;

    /// The text and the reasoning of these pieces, each as `text:` or `think:`, joined where they follow one another.
    async fn read(setting: ThinkTags, pieces: &[&str]) -> Vec<String> {
        read_deltas(setting, pieces.iter().map(|piece| Delta::Text((*piece).to_owned()))).await
    }

    /// Does the same as [`read`] for deltas of any kind.
    async fn read_deltas(setting: ThinkTags, deltas: impl Iterator<Item = Delta>) -> Vec<String> {
        let deltas = deltas.map(Ok).collect::<Vec<_>>();
        let end = Ok(Delta::End(StopReason::Complete));
        let deltas = stream::iter(deltas.into_iter().chain([end])).boxed();
        let mut read: Vec<String> = Vec::new();
        let mut last = "";
        for delta in tags_as_reasoning(deltas, setting).collect::<Vec<_>>().await {
            let (kind, text) = match delta.unwrap() {
                Delta::Text(text) => ("text:", text),
                Delta::Reasoning(text) => ("think:", text),
                _ => continue,
            };
            match read.last_mut().filter(|_| last == kind) {
                Some(joined) => joined.push_str(&text),
                None => read.push(format!("{kind}{text}")),
            }
            last = kind;
        }
        read
    }

    #[tokio::test]
    async fn text_between_tags_is_reasoning_in_any_pieces() {
        for (text, expected) in [
            ("Hello.", vec!["text:Hello."]),
            ("<think>Hm.</think>Yes.", vec!["think:Hm.", "text:Yes."]),
            ("\n<think>\nHm.\n</think>\n\nYes.\n", vec!["think:Hm.\n", "text:Yes.\n"]),
            ("<think></think>Yes.", vec!["text:Yes."]),
            ("<think>Hm", vec!["think:Hm"]),
            ("One<think>a</think>two<think>b</think>", vec!["text:One", "think:a", "text:two", "think:b"]),
            ("a < b <thin air> </think>", vec!["text:a < b <thin air> </think>"]),
            ("<think>a </thin> <think> b</think>c <", vec!["think:a </thin> <think> b", "text:c <"]),
            ("<think>é</think>😀", vec!["think:é", "text:😀"]),
        ] {
            assert_read(ThinkTags::On, text, &expected).await;
        }
    }

    #[tokio::test]
    async fn text_begins_as_reasoning_with_an_open_tag() {
        for (text, expected) in [
            ("Hm.</think>Yes.", vec!["think:Hm.", "text:Yes."]),
            ("\nHm.\n</think>\n\nYes.", vec!["think:Hm.\n", "text:Yes."]),
            ("\n<think>\nHm.</think>Yes.", vec!["think:Hm.", "text:Yes."]),
            ("</think>Yes.", vec!["text:Yes."]),
            ("<thin air>", vec!["think:<thin air>"]),
            ("<thi", vec!["think:<thi"]),
            ("a</think>b<think>c</think>d", vec!["think:a", "text:b", "think:c", "text:d"]),
        ] {
            assert_read(ThinkTags::Open, text, &expected).await;
        }
        let apart = [Delta::Reasoning("Hm.".into()), Delta::Text("Yes.".into())];
        assert_eq!(read_deltas(ThinkTags::Open, apart.into_iter()).await, ["think:Hm.", "text:Yes."]);
        assert_eq!(read(ThinkTags::Off, &["<think>"]).await, ["text:<think>"]);
    }

    /// Asserts what a text is read as, both in one piece and letter by letter.
    async fn assert_read(setting: ThinkTags, text: &str, expected: &[&str]) {
        assert_eq!(read(setting, &[text]).await, expected, "{text}");
        let letters: Vec<String> = text.chars().map(String::from).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        assert_eq!(read(setting, &letters).await, expected, "{text}, letter by letter");
    }
}
