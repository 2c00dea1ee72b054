//! Splitting an answer into its frames: the events of an event stream, or lines.
//!
//! A server that answers in another format than its wire's sends JSON: one text on any number of lines, or one on each line.
//! Such texts are frames, too.
//!
//! Frames come in any pieces. What is not yet a whole frame is kept, up to a limit; lines end in LF or CRLF.
//!
//! Servers tell errors beside the format that they answer in: in a field `error:`, in an event of that name, as a line of
//! JSON, or as a body of JSON or of plain text. Each comes out as a frame that tells of an error.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::fault::Fault;
use crate::json::readable;

/// The most bytes of one frame. Providers' frames have some hundreds.
const MAX_FRAME: usize = 4 * 1024 * 1024;

/// The most bytes of a body of plain text that is read as an error: a longer one may be an answer, which no log may hold.
const MAX_TEXT: usize = 500;

/// A frame is longer than any provider's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// How frames are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-Sent Events, of which the data counts: each wire's data says what the event's name says.
    Events,
    /// One frame a line.
    Lines,
}

/// Takes bytes and gives frames.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    /// Bytes that are in no line yet, behind `read`.
    bytes: Vec<u8>,
    /// How far the lines are taken.
    read: usize,
    /// How far no line ends.
    searched: usize,
    /// The data of an event whose end has not come.
    data: Vec<u8>,
    /// What the field `error` of that event holds.
    error: Vec<u8>,
    /// Whether that event is named as an error.
    is_error: bool,
    /// A text of JSON whose end has not come.
    document: Vec<u8>,
    /// The body is JSON, and no event stream.
    is_json: bool,
    /// Lines that are in no format, while there is nothing else.
    text: Vec<u8>,
    /// Whether there was anything in a known format.
    has_format: bool,
    /// No line was taken yet: a byte order mark may stand before it.
    is_first: bool,
}

impl Frames {
    pub(super) fn new(framing: Framing) -> Self {
        Self {
            framing,
            bytes: Vec::new(),
            read: 0,
            searched: 0,
            data: Vec::new(),
            error: Vec::new(),
            is_error: false,
            document: Vec::new(),
            is_json: false,
            text: Vec::new(),
            has_format: false,
            is_first: true,
        }
    }

    /// Takes more bytes, behind those of which all whole frames were taken.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.bytes.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        if self.bytes.len() + self.data.len() + self.error.len() + self.document.len() > MAX_FRAME {
            return Err(TooLong);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole frame that holds anything.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let is_first = self.is_first;
            let (start, end) = self.line()?;
            let line = &self.bytes[start..end];
            let is_blank = line.iter().all(u8::is_ascii_whitespace);
            // Blank lines may stand before a document.
            self.is_first = is_first && is_blank;
            let begins_json = is_json(line);
            self.is_json |= is_first && begins_json;
            let is_document = !self.document.is_empty() || (self.is_json && begins_json);
            let is_field = [&b"data:"[..], b"error:", b"event:"].iter().any(|name| line.starts_with(name));
            self.has_format |= is_document || (is_field && self.framing == Framing::Events);
            if is_document {
                // A line that ends a text of many is not indented, mostly; if it is, the text waits for the end of the body.
                let may_end = !line.first().is_some_and(u8::is_ascii_whitespace);
                self.document.extend_from_slice(line);
                if may_end && is_whole(&self.document) {
                    return Some(std::mem::take(&mut self.document));
                }
                self.document.push(b'\n');
            } else if self.framing == Framing::Lines {
                if !is_blank && !self.has_format && !begins_json && line.len() <= MAX_TEXT {
                    note(&mut self.text, line);
                } else if !is_blank {
                    self.has_format = true;
                    return Some(line.to_vec());
                }
            } else if line.is_empty() {
                if let Some(event) = self.event() {
                    return Some(event);
                }
            } else if let Some(data) = field(line, b"data:") {
                append(&mut self.data, data);
            } else if let Some(error) = field(line, b"error:") {
                append(&mut self.error, error);
            } else if let Some(name) = field(line, b"event:") {
                self.is_error = name == b"error";
            } else if line.starts_with(b"{") && is_error(line) {
                return Some(line.to_vec());
            } else if !self.has_format && !is_json(line) && !is_other_field(line) {
                note(&mut self.text, line);
            }
        }
    }

    /// The event whose end has come, if it holds anything.
    fn event(&mut self) -> Option<Vec<u8>> {
        let (data, error) = (std::mem::take(&mut self.data), std::mem::take(&mut self.error));
        let is_error = std::mem::take(&mut self.is_error);
        match (error.is_empty(), data.is_empty()) {
            (false, _) => Some(as_error(&error)),
            (true, false) if is_error => Some(as_error(&data)),
            (true, false) => Some(data),
            (true, true) => None,
        }
    }

    /// The last frame, if the bytes ended without the end of it.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        self.bytes.extend_from_slice(b"\n\n");
        self.next().or_else(|| self.document()).or_else(|| self.text())
    }

    /// The first of the texts that are left, or what is left if it is no JSON.
    fn document(&mut self) -> Option<Vec<u8>> {
        let mut document = std::mem::take(&mut self.document);
        let readable = readable(&document);
        let mut texts = serde_json::Deserializer::from_slice(&readable).into_iter::<IgnoredAny>();
        let length = texts.next().and_then(Result::ok).map(|_| texts.byte_offset());
        if let Some(length) = length {
            self.document = document.split_off(length);
        }
        Some(document).filter(|document| !document.trim_ascii().is_empty())
    }

    /// The body, if it is a short plain text and no page: an error in words.
    fn text(&mut self) -> Option<Vec<u8>> {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_ascii();
        let is_error = !self.has_format && (1..=MAX_TEXT).contains(&text.len()) && !text.starts_with(b"<");
        is_error.then(|| as_error(text))
    }

    /// Where the next line is, without its end.
    fn line(&mut self) -> Option<(usize, usize)> {
        let Some(length) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let (mut start, end) = (self.read, self.searched + length);
        if self.is_first && start == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") {
            start += 3;
        }
        self.read = end + 1;
        self.searched = self.read;
        let is_crlf = end > start && self.bytes[end - 1] == b'\r';
        Some((start, if is_crlf { end - 1 } else { end }))
    }
}

/// Whether a text is all of a frame: JSON, or the end marker of chat completions.
fn is_whole(text: &[u8]) -> bool {
    text.trim_ascii() == b"[DONE]" || serde_json::from_slice::<IgnoredAny>(&readable(text)).is_ok()
}

/// The value of a field, if the line is one.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// The lines of one field are one value.
fn append(value: &mut Vec<u8>, line: &[u8]) {
    if !value.is_empty() {
        value.push(b'\n');
    }
    value.extend_from_slice(line);
}

/// Keeps a line of plain text. Of a text that is too long to be an error, only that is kept.
fn note(text: &mut Vec<u8>, line: &[u8]) {
    if text.len() <= MAX_TEXT {
        // What stands behind the limit makes no difference.
        append(text, &line[..line.len().min(MAX_TEXT + 1)]);
    }
}

/// Whether a line may be the first of JSON.
fn is_json(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start(), [b'{' | b'[', ..])
}

/// Whether a line of an event stream is a comment, or a field that does not count.
fn is_other_field(line: &[u8]) -> bool {
    [&b":"[..], b"id:", b"retry:"].iter().any(|name| line.starts_with(name))
}

/// Whether a line is an object that tells of an error.
fn is_error(line: &[u8]) -> bool {
    serde_json::from_slice::<Value>(&readable(line)).is_ok_and(|line| Fault::in_frame(&line).is_some())
}

/// A frame of an error in whatever form it was told.
fn as_error(told: &[u8]) -> Vec<u8> {
    let error = serde_json::from_slice(&readable(told));
    let error = error.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(told).into_owned()));
    if Fault::in_frame(&error).is_some() {
        told.to_vec()
    } else {
        json!({ "error": error }).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing, chunks: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::new(framing);
        let mut all = Vec::new();
        for chunk in chunks {
            frames.push(chunk).unwrap();
            all.extend(std::iter::from_fn(|| frames.next()).map(|frame| String::from_utf8(frame).unwrap()));
        }
        all
    }

    #[test]
    fn events_are_the_same_however_they_are_cut_and_whatever_ends_a_line() {
        let text =
            "\u{feff}event: a\ndata: {\"x\":\ndata: 1}\n\n: still here\n\nid: 7\ndata:[DONE]\n\ndata: cut";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            for size in 1..text.len() {
                let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
                assert_eq!(frames(Framing::Events, &chunks), ["{\"x\":\n1}", "[DONE]"], "{size}");
            }
        }
    }

    #[test]
    fn an_error_is_a_frame_wherever_it_is_told() {
        for (text, expected) in [
            ("error: {\"code\":400}\n\n", r#"{"error":{"code":400}}"#),
            ("error: {\"error\":{\"code\":400}}\n\n", r#"{"error":{"code":400}}"#),
            ("error: too long\n\n", r#"{"error":"too long"}"#),
            ("event: error\ndata: {\"code\":400}\n\n", r#"{"error":{"code":400}}"#),
            ("data: no\nevent: error\n\n", r#"{"error":"no"}"#),
            ("event: error\ndata: {\"type\":\"error\",\"code\":1}\n\n", r#"{"type":"error","code":1}"#),
            (": hi\n\n{\"error\":{\"code\":400}}\n", r#"{"error":{"code":400}}"#),
        ] {
            assert_eq!(frames(Framing::Events, &[text.as_bytes()]), [expected], "{text}");
        }
        assert_eq!(frames(Framing::Events, &[b": hi\n{\"a\":1}\nevent: error\n\ndata: 1\n\n"]), ["1"]);
    }

    #[test]
    fn a_body_of_json_is_one_frame() {
        let texts = ["{\"error\":\n\n{\"code\":400}}", "\n[{\"a\":1},\n{\"a\":2}]", "\u{feff}{\"a\":1}"];
        for (text, framing) in
            texts.into_iter().flat_map(|text| [(text, Framing::Events), (text, Framing::Lines)])
        {
            for size in 1..text.len() {
                let mut frames = Frames::new(framing);
                for chunk in text.as_bytes().chunks(size) {
                    frames.push(chunk).unwrap();
                    assert_eq!(frames.next(), None);
                }
                let frame = frames.rest().unwrap();
                assert_eq!(
                    serde_json::from_slice::<Value>(&frame).unwrap(),
                    serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).unwrap(),
                );
                assert_eq!(frames.rest(), None);
            }
        }
    }

    #[test]
    fn texts_of_json_are_frames_as_soon_as_they_end() {
        for framing in [Framing::Events, Framing::Lines] {
            for (text, expected, left) in [
                ("{\"a\":1}\n\n[2]\r\n[DONE]\n", vec!["{\"a\":1}", "[2]", "[DONE]"], vec![]),
                ("{\n \"a\":\n 1\n}\n{\"a\":2}\n", vec!["{\n \"a\":\n 1\n}", "{\"a\":2}"], vec![]),
                (" {\"a\":1}\n {\"a\":2}", vec![], vec![" {\"a\":1}", "\n {\"a\":2}\n\n"]),
                ("{\"a\":1}\n{\"a\":", vec!["{\"a\":1}"], vec!["{\"a\":\n\n"]),
            ] {
                let mut frames = Frames::new(framing);
                frames.push(text.as_bytes()).unwrap();
                let texts = |frame: Vec<u8>| String::from_utf8(frame).unwrap();
                let told: Vec<String> = std::iter::from_fn(|| frames.next()).map(texts).collect();
                let rest: Vec<String> = std::iter::from_fn(|| frames.rest()).map(texts).collect();
                assert_eq!(
                    (told, rest),
                    (
                        expected.iter().map(ToString::to_string).collect(),
                        left.iter().map(ToString::to_string).collect()
                    ),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn a_body_of_a_few_words_is_an_error() {
        let rest = |framing, text: &str| {
            let mut frames = Frames::new(framing);
            frames.push(text.as_bytes()).unwrap();
            while let Some(frame) = frames.next() {
                assert!(!frame.starts_with(b"{\"error\""), "{text}");
            }
            frames.rest().map(|frame| String::from_utf8(frame).unwrap())
        };
        let long = "word ".repeat(101) + "\n";
        for framing in [Framing::Events, Framing::Lines] {
            for (text, error) in [
                ("prompt is too long", Some(r#"{"error":"prompt is too long"}"#)),
                ("\n\"prompt is too long\"\r\n\n", Some(r#"{"error":"prompt is too long"}"#)),
                ("Error:\nno room\n", Some(r#"{"error":"Error:\nno room"}"#)),
                ("<html>\nno\n</html>", None),
                (&long, None),
                ("", None),
            ] {
                assert_eq!(rest(framing, text).as_deref(), error, "{framing:?} {text}");
            }
        }
        for text in
            ["data: 1\n\nprompt is too long", "junk\ndata: 1\n\n", ": hi\nid: 1\n\n", ": hi\n{\"a\":1}\n"]
        {
            assert_eq!(rest(Framing::Events, text), None, "{text}");
        }
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = "{\"a\":1}\r\n\n  \n{\"b\":2}\n{\"cut";
        for size in 1..text.len() {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(frames(Framing::Lines, &chunks), ["{\"a\":1}", "{\"b\":2}"], "{size}");
        }
    }

    #[test]
    fn a_frame_whose_end_is_missing_can_be_had_once() {
        for (framing, text) in [(Framing::Events, "data: [DONE]"), (Framing::Lines, "[DONE]")] {
            let mut frames = Frames::new(framing);
            frames.push(text.as_bytes()).unwrap();
            assert_eq!(frames.next(), None);
            assert_eq!(frames.rest().as_deref(), Some(&b"[DONE]"[..]));
            assert_eq!(frames.rest(), None);
        }
    }

    #[test]
    fn a_frame_has_a_limit_and_a_stream_has_none() {
        let mut endless = Frames::new(Framing::Events);
        let piece = vec![b'x'; 64 * 1024];
        let pushed = (0..100).take_while(|_| endless.push(&piece).is_ok()).count();
        assert_eq!(pushed, MAX_FRAME / piece.len() + 1);

        let mut lines_of_one_event = Frames::new(Framing::Events);
        let piece = [b"data: ", &piece[..], b"\n"].concat();
        let pushed = (0..100)
            .take_while(|_| {
                let is_taken = lines_of_one_event.push(&piece).is_ok();
                assert_eq!(lines_of_one_event.next(), None);
                is_taken
            })
            .count();
        assert!((60..70).contains(&pushed), "{pushed}");

        let mut long_stream = Frames::new(Framing::Lines);
        for _ in 0..200 {
            long_stream.push(&piece).unwrap();
            assert!(long_stream.next().is_some());
        }
    }
}
