//! Server-Sent Events, the way AG-UI uses them: one `data:` line of JSON and an empty line, LF only.
//!
//! Clients split on `\n\n` alone, so a CR anywhere in the framing would break them. [`Decoder`] takes what other servers
//! write as well: CRLF, comments, fields beside `data`, and data of several lines.

use bytes::Bytes;
use memchr::memchr;

use super::{Event, EventError};
use crate::json;

/// Media type of the stream.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// A comment, which clients skip and proxies count as traffic.
pub const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// The most bytes of one frame that [`Decoder`] keeps.
const MAX_FRAME: usize = 16 * 1024 * 1024;

/// Writes one event as one frame.
pub fn frame(event: &Event) -> Bytes {
    let mut frame = Vec::with_capacity(256);
    frame.extend_from_slice(b"data: ");
    // Writing plain data with string keys into memory has no way to fail.
    serde_json::to_writer(&mut frame, event).expect("events are plain data");
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

/// Reads the events of a stream, whose bytes come in pieces of any size.
///
/// A frame counts when the empty line behind it has come: what is left when the stream ends was cut off. Whether the run is
/// complete is seen by its last event, RUN_FINISHED or RUN_ERROR.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What has come, from `start` on in no line yet.
    bytes: Vec<u8>,
    start: usize,
    /// How far no line ends.
    searched: usize,
    /// The data of the frame that has begun.
    data: Vec<u8>,
    /// Whether a line was read: before the first one there may be a byte order mark.
    has_begun: bool,
}

/// Why a frame is no event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// The data is not JSON.
    #[error("the data of a frame can't be read")]
    Json(#[from] json::ReadError),
    /// The data is JSON, but no event that this version knows.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The frame is longer than 16 MiB. The stream can't be read on.
    #[error("a frame is longer than 16 MiB")]
    TooLong,
}

impl Decoder {
    /// A decoder for a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next event; `None` until more bytes come.
    ///
    /// # Errors
    /// [`SseError`] for a frame that is no event. The next call goes on with the frame behind it, so that a client can pass
    /// over an event of an unknown type.
    pub fn next_event(&mut self) -> Option<Result<Event, SseError>> {
        while let Some(length) = memchr(b'\n', &self.bytes[self.searched..]) {
            let end = self.searched + length;
            let line = &self.bytes[self.start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let mark: &[u8] = if self.has_begun { b"" } else { b"\xef\xbb\xbf" };
            let line = line.strip_prefix(mark).unwrap_or(line);
            self.has_begun = true;
            self.start = end + 1;
            self.searched = self.start;
            if let Some(data) = line.strip_prefix(b"data:") {
                if !self.data.is_empty() {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
            } else if line.is_empty() && !self.data.is_empty() {
                return Some(read(&std::mem::take(&mut self.data)));
            }
        }
        self.searched = self.bytes.len();
        if self.bytes.len() - self.start + self.data.len() > MAX_FRAME {
            *self = Self::default();
            return Some(Err(SseError::TooLong));
        }
        None
    }
}

fn read(data: &[u8]) -> Result<Event, SseError> {
    Ok(Event::read(json::read(data)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EventKind;

    #[test]
    fn a_frame_is_one_line_of_json_and_an_empty_line() {
        let mut event = Event::from(EventKind::TextMessageContent {
            message_id: "m1".into(),
            delta: "a\r\nb\u{2028}\u{0}é".into(),
        });
        event.timestamp = Some(1_790_000_000_000);

        assert_eq!(
            frame(&event),
            "data: {\"type\":\"TEXT_MESSAGE_CONTENT\",\"messageId\":\"m1\",\"delta\":\"a\\r\\nb\u{2028}\\u0000é\",\
             \"timestamp\":1790000000000}\n\n"
        );
    }

    /// What a stream reads as when its bytes come one by one: the names of the steps, or errors.
    fn steps(stream: &str) -> Vec<String> {
        let mut decoder = Decoder::new();
        let mut steps = Vec::new();
        for byte in stream.as_bytes().chunks(1) {
            decoder.push(byte);
            steps.extend(std::iter::from_fn(|| decoder.next_event()).map(|event| match event {
                Ok(Event { kind: EventKind::StepStarted { step_name }, .. }) => step_name,
                Ok(event) => event.kind.type_name().to_owned(),
                Err(error) => error.to_string(),
            }));
        }
        steps
    }

    #[test]
    fn frames_of_other_servers_are_read() {
        let step = r#"{"type":"STEP_STARTED","stepName":"a"}"#;
        for (why, stream, expected) in [
            ("this crate's own form", format!("data: {step}\n\n"), vec!["a"]),
            ("no space", format!("data:{step}\n\n"), vec!["a"]),
            ("CRLF", format!("data: {step}\r\n\r\ndata: {step}\r\n\r\n"), vec!["a", "a"]),
            ("a byte order mark", format!("\u{feff}data: {step}\n\n"), vec!["a"]),
            (
                "comments and other fields",
                format!(": hi\n\nid: 7\nevent: x\ndata: {step}\nretry: 1\n\n"),
                vec!["a"],
            ),
            (
                "data of several lines",
                "data: {\"type\":\"STEP_STARTED\",\ndata: \"stepName\":\"b\"}\n\n".into(),
                vec!["b"],
            ),
            (
                "half a surrogate pair",
                r#"data: {"type":"STEP_STARTED","stepName":"\ud83d"}"#.to_owned() + "\n\n",
                vec!["\u{fffd}"],
            ),
            ("no data", "data:\n\nevent: x\n\n\n".into(), vec![]),
            ("a frame that is cut off", format!("data: {step}\n\ndata: {step}\n"), vec!["a"]),
            (
                "frames that are no events, before one that is",
                format!("data: {{\n\ndata: {{\"type\":\"META\"}}\n\ndata: [1]\n\ndata: {step}\n\n"),
                vec![
                    "the data of a frame can't be read",
                    "the event type \"META\" is unknown",
                    "the event can't be read",
                    "a",
                ],
            ),
        ] {
            assert_eq!(steps(&stream), expected, "{why}");
        }
    }

    #[test]
    fn a_frame_without_an_end_is_not_kept_for_ever() {
        let mut decoder = Decoder::new();
        decoder.push(b"data: ");
        let piece = vec![b'x'; MAX_FRAME / 4];
        for _ in 0..4 {
            assert!(decoder.next_event().is_none());
            decoder.push(&piece);
        }
        assert!(matches!(decoder.next_event(), Some(Err(SseError::TooLong))));
        assert!(decoder.next_event().is_none() && decoder.bytes.is_empty());
    }
}
