//! Server-Sent Events as AG-UI uses them: a frame is one `data:` line of JSON and an empty line, each ended by LF.
//!
//! Clients split a stream at `\n\n` alone, so a CR between lines would break them. [`Decoder`] also reads what other servers
//! write: CRLF, comments, fields beside `data`, and data of several lines.

use bytes::Bytes;
use memchr::memchr;

use super::{Event, EventError};
use crate::json;

/// The media type that a stream of events has.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// A comment, which a server sends while it has no event: clients skip it, and proxies count it as traffic.
pub const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// The most bytes of one frame that [`Decoder`] keeps.
const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Writes an event as one SSE frame: a `data:` line with JSON, and an empty line.
pub fn frame(event: &Event) -> Bytes {
    let mut frame = Vec::with_capacity(256);
    frame.extend_from_slice(b"data: ");
    // Writing plain data with string keys into memory has no way to fail.
    serde_json::to_writer(&mut frame, event).expect("events are plain data");
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

/// Reads the events of a stream whose bytes arrive in chunks of any size.
///
/// A frame is read when the empty line after it has arrived. What remains when the stream ends is a frame that was cut off.
/// A run is complete if its last event is RUN_FINISHED or RUN_ERROR.
///
/// ```
/// use ag_ui_wire::protocol::sse::Decoder;
///
/// let mut decoder = Decoder::new();
/// decoder.push(b"data: {\"type\":\"RUN_STARTED\",\"threadId\":\"t\",");
/// assert!(decoder.next_event().is_none(), "the frame is not complete");
///
/// decoder.push(b"\"runId\":\"r\"}\n\n");
/// let event = decoder.next_event().expect("the frame is complete")?;
/// assert_eq!(event.kind.type_name(), "RUN_STARTED");
/// # Ok::<(), ag_ui_wire::protocol::sse::SseError>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    /// The bytes that have arrived; those from `start` on belong to no complete line yet.
    bytes: Vec<u8>,
    start: usize,
    /// The index up to which no line end was found.
    searched: usize,
    /// The data of the frame that is being read.
    data: Vec<u8>,
    /// Whether a line was read. A byte order mark may stand before the first line.
    has_begun: bool,
}

/// Says why [`Decoder::next_event`] cannot read a frame as an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SseError {
    /// The data is not JSON.
    #[error("the data of a frame can't be read")]
    Json(#[from] json::ReadError),
    /// The data is JSON, but not an event that this version of the protocol knows.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The frame is longer than 16 MiB. The rest of the stream cannot be read.
    #[error("a frame is longer than 16 MiB")]
    TooLong,
}

impl Decoder {
    /// Creates a decoder for a new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes of the stream. Then call [`next_event`](Self::next_event) until it returns `None`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Reads the next event of the bytes that were pushed; `None` if its frame is not complete yet.
    ///
    /// # Errors
    /// [`SseError`] for a frame that is not an event. The next call continues after that frame, so a client can skip an
    /// event of an unknown type. After [`SseError::TooLong`] the rest of the stream cannot be read.
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
        if self.bytes.len() - self.start + self.data.len() > MAX_FRAME_BYTES {
            *self = Self::default();
            return Some(Err(SseError::TooLong));
        }
        None
    }
}

/// Reads the event in the data of one frame; an error if the data is not JSON or not a known event.
fn read(data: &[u8]) -> Result<Event, SseError> {
    Ok(Event::read(json::read(data)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EventKind;

    #[test]
    fn frame_is_one_line_of_json_and_an_empty_line() {
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

    /// The events of a stream whose bytes arrive one by one: names of steps, types of other events, or errors.
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
    fn decoder_reads_frames_of_other_servers() {
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
                "frames that are not events, before one that is",
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
    fn decoder_drops_a_frame_that_is_too_long() {
        let mut decoder = Decoder::new();
        decoder.push(b"data: ");
        let piece = vec![b'x'; MAX_FRAME_BYTES / 4];
        for _ in 0..4 {
            assert!(decoder.next_event().is_none());
            decoder.push(&piece);
        }
        assert!(matches!(decoder.next_event(), Some(Err(SseError::TooLong))));
        assert!(decoder.next_event().is_none() && decoder.bytes.is_empty());
    }
}
