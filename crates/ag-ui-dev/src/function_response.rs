//! The response of a function, which is read while the function writes it.
//!
//! This file finds the head and the body in what the function posts; `response_head` reads the JSON of the head.
//!
//! The rule it guards: the body is read at the speed of its reader, with at most one chunk in advance. A reader that is
//! dropped does not disturb the function, as on AWS: the rest of the body is read and thrown away.

use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot};

use super::{
    error::{FunctionError, ReportedError},
    response_head::{self, ResponseHead},
};

/// Separates the prelude of a streamed response from its body.
const SEPARATOR: [u8; 8] = [0; 8];
/// The most bytes of a prelude, far more than any has. It keeps a body without a separator from filling the memory.
const MAX_PRELUDE_BYTES: usize = 1024 * 1024;
/// The longest buffered response that Lambda accepts: 6 MiB and 100 bytes, as its own error message says.
const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024 + 100;
/// How many chunks may wait for the reader. With more, a test could not see how far the reader has read.
const CHUNKS_AHEAD: usize = 1;

/// Holds the response of a function: its head, and its body while the function writes it.
///
/// It may be dropped early, which does not disturb the function.
#[derive(Debug)]
#[must_use]
pub struct FunctionResponse {
    /// Status, headers and cookies.
    head: ResponseHead,
    /// The parts of the body, from the connection that the function writes to.
    parts: mpsc::Receiver<BodyPart>,
    /// How the body has ended, if it has.
    end: Option<BodyEnd>,
    /// Whether the function streamed the response.
    is_streamed: bool,
}

/// Holds a chunk of the body of a [`FunctionResponse`].
///
/// It never holds bytes of two HTTP chunks. An HTTP chunk is usually one of these; it is several if it is larger than 64
/// KiB, or if the function writes faster than its response is read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BodyChunk {
    /// The bytes, which are never empty.
    pub bytes: Bytes,
    /// The time at which they were read from the connection.
    pub read_at: Instant,
}

/// A part of the body in the channel to the reader.
#[derive(Debug)]
enum BodyPart {
    Chunk(BodyChunk),
    End(Option<HeaderMap>),
}

/// How a body has ended.
#[derive(Debug)]
enum BodyEnd {
    /// The function ended it, with trailers or without.
    Complete(Option<HeaderMap>),
    /// The connection was closed before its end.
    Truncated,
}

impl FunctionResponse {
    /// Returns the HTTP status of the response.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Returns the value of the first header with this name; `None` if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Returns all headers except `set-cookie`, which [`cookies`](Self::cookies) returns.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Returns the values of `set-cookie`, which Lambda keeps apart from the headers.
    pub fn cookies(&self) -> &[String] {
        &self.head.cookies
    }

    /// Whether the function streamed the response. Otherwise it sent the complete response at once.
    pub fn is_streamed(&self) -> bool {
        self.is_streamed
    }

    /// Waits for the next chunk of the body. Returns `None` at the end of the body, also if the connection was closed
    /// before the end; see [`is_truncated`](Self::is_truncated).
    pub async fn next_chunk(&mut self) -> Option<BodyChunk> {
        if self.end.is_some() {
            return None;
        }
        self.end = Some(match self.parts.recv().await {
            Some(BodyPart::Chunk(chunk)) => return Some(chunk),
            Some(BodyPart::End(trailers)) => BodyEnd::Complete(trailers),
            None => BodyEnd::Truncated,
        });
        None
    }

    /// Waits for the end of the body and returns its bytes, except those of earlier chunks.
    pub async fn bytes(&mut self) -> Bytes {
        let mut rest = BytesMut::new();
        while let Some(chunk) = self.next_chunk().await {
            rest.extend_from_slice(&chunk.bytes);
        }
        rest.freeze()
    }

    /// Waits for the end of the body and returns it as text, except earlier chunks. Bytes that are not UTF-8 are replaced
    /// by U+FFFD.
    pub async fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes().await).into_owned()
    }

    /// Returns the HTTP trailers; `None` if the body has none or was not read to its end.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        match &self.end {
            Some(BodyEnd::Complete(trailers)) => trailers.as_ref(),
            _ => None,
        }
    }

    /// Whether the connection was closed before the end of the body. This is always false until the body was read to its
    /// end.
    pub fn is_truncated(&self) -> bool {
        matches!(self.end, Some(BodyEnd::Truncated))
    }
}

/// Sends the response, or the error, to the caller that waits for it.
pub(super) type ResponseSender = oneshot::Sender<Result<FunctionResponse, FunctionError>>;

/// Reads a streamed response from the function's connection, up to its end. It sends the head, or an error, to `caller`,
/// and then each chunk of the body as fast as the caller reads. If the caller has gone, the rest is read and thrown away.
pub(super) async fn relay_streamed<B>(mut body: B, caller: ResponseSender)
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, first) = match read_prelude(&mut body).await {
        Ok(read) => read,
        Err(error) => {
            let _ = caller.send(Err(error));
            return drain(body).await;
        }
    };
    let (parts, reader) = mpsc::channel(CHUNKS_AHEAD);
    // This fails if the caller has gone; then `reserve` below fails too, and the body is drained.
    let _ = caller.send(Ok(FunctionResponse { head, parts: reader, end: None, is_streamed: true }));
    if !first.bytes.is_empty() {
        let _ = parts.send(BodyPart::Chunk(first)).await;
    }
    let mut trailers = None;
    loop {
        // A place in the channel comes first and the read second: this is the back-pressure.
        let Ok(place) = parts.reserve().await else {
            return drain(body).await;
        };
        let frame = match body.frame().await {
            Some(Ok(frame)) => frame,
            // The channel is closed without an end, and the same happens if hyper drops this future.
            Some(Err(_)) => return,
            None => return place.send(BodyPart::End(trailers)),
        };
        match frame.into_data() {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => place.send(BodyPart::Chunk(BodyChunk { bytes, read_at: Instant::now() })),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
}

/// Reads a buffered response, which the function has sent in one piece, from the JSON of its payload.
///
/// # Errors
/// [`FunctionError`] if the payload is longer than Lambda accepts or is not a response.
pub(super) fn read_buffered(payload: &Bytes) -> Result<FunctionResponse, FunctionError> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(FunctionError::Failed(ReportedError {
            error_type: "Function.ResponseSizeTooLarge".into(),
            error_message: format!("payload is {} bytes, limit is {MAX_PAYLOAD_BYTES}", payload.len()),
        }));
    }
    let (head, bytes) = response_head::parse_buffered(payload)?;
    // The channel has two places for at most two parts, so neither send can fail.
    let (parts, reader) = mpsc::channel(2);
    if !bytes.is_empty() {
        let _ = parts.try_send(BodyPart::Chunk(BodyChunk { bytes, read_at: Instant::now() }));
    }
    let _ = parts.try_send(BodyPart::End(None));
    Ok(FunctionResponse { head, parts: reader, end: None, is_streamed: false })
}

/// Reads the head of a streamed response: JSON, up to the separator of 8 NUL bytes. Returns the head, and the bytes of the
/// body that came in the same HTTP chunk, which may be none.
///
/// # Errors
/// [`FunctionError`] if the connection is closed, if there is no separator, or if the head is malformed.
async fn read_prelude<B>(body: &mut B) -> Result<(ResponseHead, BodyChunk), FunctionError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut read = BytesMut::new();
    loop {
        if let Some(end) = read.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
            let head = response_head::parse_prelude(&read.split_to(end))?;
            read.advance(SEPARATOR.len());
            return Ok((head, BodyChunk { bytes: read.freeze(), read_at: Instant::now() }));
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

/// Reads a body to its end and throws it away, so that the function can write all of it.
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

    use super::{Body, Bytes, relay_streamed};

    /// A body without an end, which counts the frames that were taken.
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
    async fn body_is_read_at_most_one_chunk_ahead_of_its_reader() {
        let taken = Cell::new(0);
        let (caller, response) = oneshot::channel();
        let mut relay = pin!(relay_streamed(Endless(&taken), caller));
        assert!(poll!(&mut relay).is_pending());
        let mut response = response.await.unwrap().unwrap();
        assert_eq!(taken.get(), 2, "the head and one frame");

        for n in 1..4 {
            assert_eq!(response.next_chunk().await.unwrap().bytes, n.to_string());
            assert!(poll!(&mut relay).is_pending());
            assert_eq!(taken.get(), n + 2, "one more for each that is read");
        }
    }
}
