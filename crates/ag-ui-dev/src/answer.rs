//! A function's answer, read as it is written.
//!
//! Knows where the parts of a body are, not how [`head`] spells them nor how they got here.
//!
//! The rule it guards: the body is read no further than the reader has read, apart from one frame. A reader
//! that goes away is not told to the function, as on AWS: the rest is read and thrown away.

use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot};

use super::{
    error::{Failure, FunctionError},
    head::{self, Head},
};

/// Between the prelude and the body of a streamed answer.
const SEPARATOR: [u8; 8] = [0; 8];
/// Far above any prelude; a body without a separator shall not fill the memory.
const MAX_PRELUDE_BYTES: usize = 1024 * 1024;
/// The longest buffered answer that Lambda takes: 6 MiB and 100 bytes, by the words of its own error.
const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024 + 100;
/// One frame may wait for the reader. More would blur what "the reader has read" means.
const FRAMES_AHEAD: usize = 1;

/// A function's answer: its head, and its body while it comes.
///
/// Dropping it early does not disturb the function.
#[derive(Debug)]
#[must_use]
pub struct Answer {
    /// Status, headers and cookies.
    head: Head,
    /// The body, from the connection that it comes in by.
    pieces: mpsc::Receiver<Piece>,
    /// How the body ended, once it has.
    ending: Option<Ending>,
    /// Whether the function streamed it.
    is_streamed: bool,
}

/// A piece of the body, as the function wrote it.
///
/// It never holds bytes of two HTTP chunks. A chunk is usually one frame; it is several when it was larger
/// than 64 KiB or when the function wrote faster than it was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Frame {
    /// What was written, never empty.
    pub bytes: Bytes,
    /// When it was read from the connection.
    pub at: Instant,
}

#[derive(Debug)]
enum Piece {
    Frame(Frame),
    End(Option<HeaderMap>),
}

#[derive(Debug)]
enum Ending {
    Whole(Option<HeaderMap>),
    Cut,
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// All headers, without the cookies.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The `set-cookie` values, which Lambda carries apart from the headers.
    pub fn cookies(&self) -> &[String] {
        &self.head.cookies
    }

    /// Whether the function streamed it; else it was written when it was complete.
    pub fn is_streamed(&self) -> bool {
        self.is_streamed
    }

    /// The next piece of the body; `None` when it has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        if self.ending.is_some() {
            return None;
        }
        self.ending = Some(match self.pieces.recv().await {
            Some(Piece::Frame(frame)) => return Some(frame),
            Some(Piece::End(trailers)) => Ending::Whole(trailers),
            None => Ending::Cut,
        });
        None
    }

    /// The rest of the body, joined.
    pub async fn bytes(&mut self) -> Bytes {
        let mut rest = BytesMut::new();
        while let Some(frame) = self.next().await {
            rest.extend_from_slice(&frame.bytes);
        }
        rest.freeze()
    }

    /// The rest of the body as text; what is not UTF-8 is replaced.
    pub async fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes().await).into_owned()
    }

    /// The trailers, once the body has ended and if it had any.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        match &self.ending {
            Some(Ending::Whole(trailers)) => trailers.as_ref(),
            _ => None,
        }
    }

    /// Whether the body was read to where the connection broke, before its end.
    pub fn is_truncated(&self) -> bool {
        matches!(self.ending, Some(Ending::Cut))
    }
}

/// Where an answer is expected.
pub(super) type Reply = oneshot::Sender<Result<Answer, FunctionError>>;

/// Hands a streamed answer to whoever waits for it and reads the body at their pace, to its end.
pub(super) async fn relay<B>(mut body: B, reply: Reply)
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, first) = match prelude(&mut body).await {
        Ok(read) => read,
        Err(error) => {
            let _ = reply.send(Err(error));
            return drain(body).await;
        }
    };
    let (pieces, reader) = mpsc::channel(FRAMES_AHEAD);
    // Refused when nobody waits any more; then `reserve` below fails and the body is drained.
    let _ = reply.send(Ok(Answer { head, pieces: reader, ending: None, is_streamed: true }));
    if !first.bytes.is_empty() {
        let _ = pieces.send(Piece::Frame(first)).await;
    }
    let mut trailers = None;
    loop {
        // First the room, then the read: this is the back-pressure.
        let Ok(room) = pieces.reserve().await else {
            return drain(body).await;
        };
        let frame = match body.frame().await {
            Some(Ok(frame)) => frame,
            // The channel closes without an end, and so it does when hyper drops this future.
            Some(Err(_)) => return,
            None => return room.send(Piece::End(trailers)),
        };
        match frame.into_data() {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => room.send(Piece::Frame(Frame { bytes, at: Instant::now() })),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
}

/// Turns the payload of a buffered answer into one, unless it is longer than Lambda takes.
pub(super) fn buffered(payload: &Bytes) -> Result<Answer, FunctionError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(FunctionError::Failed(Failure {
            error_type: "Function.ResponseSizeTooLarge".into(),
            error_message: format!("payload is {} bytes, limit is {MAX_PAYLOAD_BYTES}", payload.len()),
        }));
    }
    let (head, bytes) = head::buffered(payload)?;
    // Two pieces in a channel for two: neither can be refused.
    let (pieces, reader) = mpsc::channel(2);
    if !bytes.is_empty() {
        let _ = pieces.try_send(Piece::Frame(Frame { bytes, at: Instant::now() }));
    }
    let _ = pieces.try_send(Piece::End(None));
    Ok(Answer { head, pieces: reader, ending: None, is_streamed: false })
}

/// Reads up to the separator; returns what the last chunk held beyond it.
async fn prelude<B>(body: &mut B) -> Result<(Head, Frame), FunctionError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut read = BytesMut::new();
    loop {
        if let Some(end) = read.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
            let head = head::prelude(&read.split_to(end))?;
            read.advance(SEPARATOR.len());
            return Ok((head, Frame { bytes: read.freeze(), at: Instant::now() }));
        }
        if read.len() > MAX_PRELUDE_BYTES {
            return Err(FunctionError::Malformed(format!("no 8 NULs in the first {} bytes", read.len())));
        }
        match body.frame().await {
            Some(Ok(frame)) => read.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) => return Err(FunctionError::Closed),
            None => {
                return Err(FunctionError::Malformed(format!("{} bytes without the 8 NULs", read.len())));
            }
        }
    }
}

async fn drain<B: Body + Unpin>(mut body: B) {
    while let Some(Ok(_)) = body.frame().await {}
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        convert::Infallible,
        pin::{Pin, pin},
        task::{Context, Poll},
    };

    use futures_util::poll;
    use tokio::sync::oneshot;

    use super::{Body, Bytes, relay};

    /// Always has a frame, and counts those that were taken.
    struct Endless<'a>(&'a Cell<usize>);

    impl Body for Endless<'_> {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
            let n = self.0.replace(self.0.get() + 1);
            let bytes = if n == 0 { Bytes::from_static(b"{}\0\0\0\0\0\0\0\0") } else { n.to_string().into() };
            Poll::Ready(Some(Ok(http_body::Frame::data(bytes))))
        }
    }

    #[tokio::test]
    async fn given_a_slow_reader_when_frames_pour_in_then_one_is_read_ahead() {
        let taken = Cell::new(0);
        let (reply, answer) = oneshot::channel();
        let mut relay = pin!(relay(Endless(&taken), reply));
        assert!(poll!(&mut relay).is_pending());
        let mut answer = answer.await.unwrap().unwrap();
        assert_eq!(taken.get(), 2, "the head and one frame");

        for n in 1..4 {
            assert_eq!(answer.next().await.unwrap().bytes, n.to_string());
            assert!(poll!(&mut relay).is_pending());
            assert_eq!(taken.get(), n + 2, "one more for each one read");
        }
    }
}
