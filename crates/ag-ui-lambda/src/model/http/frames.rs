//! Splits a response into its frames: the events of an event stream, or lines.
//!
//! Some servers respond in another format than that of their wire and send JSON: one document on several lines, or one on
//! each line. Such documents are frames, too.
//!
//! Frames may come in any pieces. Incomplete frames are kept, up to a limit. Lines end in LF or CRLF.
//!
//! Servers report errors in many forms: in a field `error:`, in an event of that name, as a line of JSON, or as a body of
//! JSON or plain text. Each form becomes a frame that holds an error.

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::provider_error::ProviderError;
use crate::json::normalize;

/// The maximum number of bytes of one frame. Providers' frames have some hundreds.
const MAX_FRAME: usize = 4 * 1024 * 1024;

/// The maximum number of bytes of a plain text body that is read as an error. A longer one may be an answer, which must not
/// be written to the log.
const MAX_TEXT: usize = 500;

/// The error for a frame that is longer than [`MAX_FRAME`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrameSizeError;

/// How a response is divided into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-Sent Events. Only the data counts, because each wire repeats the event's name in the data.
    Events,
    /// One frame on each line.
    Lines,
}

/// Takes bytes and returns frames.
#[derive(Debug)]
pub(super) struct FrameReader {
    framing: Framing,
    /// The bytes of lines that were read, up to `read`, and of lines to come.
    bytes: Vec<u8>,
    /// The end of the lines that were read.
    read: usize,
    /// The end of the bytes that were searched for a line's end.
    searched: usize,
    /// The data of the open event.
    data: Vec<u8>,
    /// The value of the field `error` of the open event.
    error: Vec<u8>,
    /// Whether the open event is named `error`.
    is_error: bool,
    /// The open JSON document.
    document: Vec<u8>,
    /// Whether the body is JSON and not an event stream.
    is_json: bool,
    /// The lines in no known format, as long as there are no others.
    text: Vec<u8>,
    /// Whether anything in a known format has come.
    has_format: bool,
    /// Whether no line has been read, so that a byte order mark may come before it.
    is_first: bool,
}

impl FrameReader {
    /// Creates a reader that has got no bytes yet. `framing` is how the provider's wire divides a response into frames.
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

    /// Adds the next bytes of the response. The caller must have taken all complete frames with [`next`](Self::next)
    /// before.
    ///
    /// # Errors
    /// [`FrameSizeError`] if the incomplete frame is already longer than [`MAX_FRAME`].
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), FrameSizeError> {
        self.bytes.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        if self.bytes.len() + self.data.len() + self.error.len() + self.document.len() > MAX_FRAME {
            return Err(FrameSizeError);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Removes and returns the next complete frame, without empty ones. Returns `None` if more bytes are needed.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let is_first = self.is_first;
            let (start, end) = self.next_line()?;
            let line = &self.bytes[start..end];
            let is_blank = line.iter().all(u8::is_ascii_whitespace);
            // Blank lines may stand before a document.
            self.is_first = is_first && is_blank;
            let begins_json = starts_json(line);
            self.is_json |= is_first && begins_json;
            let is_document = !self.document.is_empty() || (self.is_json && begins_json);
            let is_field = [&b"data:"[..], b"error:", b"event:"].iter().any(|name| line.starts_with(name));
            self.has_format |= is_document || (is_field && self.framing == Framing::Events);
            if is_document {
                // The last line of a document is usually not indented. If it is, the document waits for the end of the body.
                let may_end = !line.first().is_some_and(u8::is_ascii_whitespace);
                self.document.extend_from_slice(line);
                if may_end && is_complete_json(&self.document) {
                    return Some(std::mem::take(&mut self.document));
                }
                self.document.push(b'\n');
            } else if self.framing == Framing::Lines {
                if !is_blank && !self.has_format && !begins_json && line.len() <= MAX_TEXT {
                    keep_error_text(&mut self.text, line);
                } else if !is_blank {
                    self.has_format = true;
                    return Some(line.to_vec());
                }
            } else if line.is_empty() {
                if let Some(event) = self.take_event() {
                    return Some(event);
                }
            } else if let Some(data) = field_value(line, b"data:") {
                append_line(&mut self.data, data);
            } else if let Some(error) = field_value(line, b"error:") {
                append_line(&mut self.error, error);
            } else if let Some(name) = field_value(line, b"event:") {
                self.is_error = name == b"error";
            } else if line.starts_with(b"{") && is_error_object(line) {
                return Some(line.to_vec());
            } else if !self.has_format && !starts_json(line) && !is_ignored_field(line) {
                keep_error_text(&mut self.text, line);
            }
        }
    }

    /// Removes and returns the data of the event that a blank line has ended, or its error as a frame. Returns `None`
    /// if the event has no data.
    fn take_event(&mut self) -> Option<Vec<u8>> {
        let (data, error) = (std::mem::take(&mut self.data), std::mem::take(&mut self.error));
        let is_error = std::mem::take(&mut self.is_error);
        match (error.is_empty(), data.is_empty()) {
            (false, _) => Some(error_frame(&error)),
            (true, false) if is_error => Some(error_frame(&data)),
            (true, false) => Some(data),
            (true, true) => None,
        }
    }

    /// Returns one of the frames that are left after the body has ended, although the frame's end is missing. The
    /// caller repeats this until the result is `None`.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        self.bytes.extend_from_slice(b"\n\n");
        self.next().or_else(|| self.take_document()).or_else(|| self.take_error_text())
    }

    /// Removes and returns the first JSON document of those that are left at the end of the body, or everything that is
    /// left if it is not valid JSON. Returns `None` if nothing is left.
    fn take_document(&mut self) -> Option<Vec<u8>> {
        let mut document = std::mem::take(&mut self.document);
        let readable = normalize(&document);
        let mut texts = serde_json::Deserializer::from_slice(&readable).into_iter::<IgnoredAny>();
        let length = texts.next().and_then(Result::ok).map(|_| texts.byte_offset());
        if let Some(length) = length {
            self.document = document.split_off(length);
        }
        Some(document).filter(|document| !document.trim_ascii().is_empty())
    }

    /// Returns a body of plain text as an error frame, at the end of the body. Returns `None` if the body had another
    /// format, is empty or too long, or is an HTML page.
    fn take_error_text(&mut self) -> Option<Vec<u8>> {
        let text = std::mem::take(&mut self.text);
        let text = text.trim_ascii();
        let is_error = !self.has_format && (1..=MAX_TEXT).contains(&text.len()) && !text.starts_with(b"<");
        is_error.then(|| error_frame(text))
    }

    /// Returns the start and the end of the next complete line in `bytes`, without its line break, and marks the line
    /// as read. Returns `None` if there is no complete line yet.
    fn next_line(&mut self) -> Option<(usize, usize)> {
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

/// Returns whether a text is a complete frame: valid JSON, or the end marker `[DONE]`.
fn is_complete_json(text: &[u8]) -> bool {
    text.trim_ascii() == b"[DONE]" || serde_json::from_slice::<IgnoredAny>(&normalize(text)).is_ok()
}

/// Returns the value of a line of an event stream; `name` is the field's name with its colon. Returns `None` if the
/// line is another field.
fn field_value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// Appends a line to the value of a field that may have several lines, after a line break if it is not the first.
fn append_line(value: &mut Vec<u8>, line: &[u8]) {
    if !value.is_empty() {
        value.push(b'\n');
    }
    value.extend_from_slice(line);
}

/// Appends a line of plain text, which may be an error, to `text`. Of a text longer than [`MAX_TEXT`] bytes only a part
/// is kept, which is enough to see that the text is too long to be an error.
fn keep_error_text(text: &mut Vec<u8>, line: &[u8]) {
    if text.len() <= MAX_TEXT {
        // One byte more than the limit shows that the text is too long.
        append_line(text, &line[..line.len().min(MAX_TEXT + 1)]);
    }
}

/// Returns whether a line begins with `{` or `[`, so that it may be the first line of a JSON document.
fn starts_json(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start(), [b'{' | b'[', ..])
}

/// Returns whether a line of an event stream is a comment or the field `id` or `retry`, which have no meaning here.
fn is_ignored_field(line: &[u8]) -> bool {
    [&b":"[..], b"id:", b"retry:"].iter().any(|name| line.starts_with(name))
}

/// Returns whether a line is a JSON object that describes an error.
fn is_error_object(line: &[u8]) -> bool {
    serde_json::from_slice::<Value>(&normalize(line))
        .is_ok_and(|line| ProviderError::from_frame(&line).is_some())
}

/// Returns an error text as a frame that [`ProviderError::from_frame`] recognizes: unchanged if it is recognized as it
/// is, otherwise wrapped as `{"error": ..}`.
fn error_frame(text: &[u8]) -> Vec<u8> {
    let error = serde_json::from_slice(&normalize(text));
    let error = error.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(text).into_owned()));
    if ProviderError::from_frame(&error).is_some() {
        text.to_vec()
    } else {
        json!({ "error": error }).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests;
