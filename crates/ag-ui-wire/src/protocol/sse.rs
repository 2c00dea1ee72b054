//! Server-Sent Events, the way AG-UI clients read them: one `data:` line of JSON and an empty line, LF only.
//!
//! Clients split on `\n\n` alone, so a CR anywhere in the framing would break them.

use bytes::Bytes;

use super::Event;

/// Media type of the stream.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// A comment, which clients skip and proxies count as traffic.
pub const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// Writes one event as one frame.
pub fn frame(event: &Event) -> Bytes {
    let mut frame = Vec::with_capacity(256);
    frame.extend_from_slice(b"data: ");
    // Writing plain data with string keys into memory has no way to fail.
    serde_json::to_writer(&mut frame, event).expect("events are plain data");
    frame.extend_from_slice(b"\n\n");
    frame.into()
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
}
