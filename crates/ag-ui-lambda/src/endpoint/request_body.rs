//! The body of a request. It is read when its content is needed, which is after its caller was authenticated, and at most
//! up to a limit.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body;
use tracing::warn;

use super::rejection::Rejection;

/// The body of a request, before and after it was read.
pub(super) struct RequestBody<B> {
    /// `None` once somebody began to read it.
    unread: Option<B>,
    /// All bytes of the body after it was read; empty before.
    bytes: Bytes,
}

impl<B> RequestBody<B> {
    /// Creates a body that is not read yet.
    pub(super) fn new(body: B) -> Self {
        Self { unread: Some(body), bytes: Bytes::new() }
    }

    /// Returns the bytes that were read. They are empty before [`read`](Self::read) and if it failed. They are parsed
    /// as the input, and hints for developers quote them.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl<B: Body> RequestBody<B>
where
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Reads the body to its end and keeps its bytes. A body that comes in one frame is not copied.
    ///
    /// # Errors
    /// [`Rejection::BodyTooLarge`] if the body is longer than `limit` bytes. If its length is known it is not read at
    /// all, otherwise up to the first frame that exceeds the limit. [`Rejection::BodyUnreadable`] if reading fails.
    pub(super) async fn read(&mut self, limit: usize) -> Result<(), Rejection> {
        let Some(body) = self.unread.take() else { return Ok(()) };
        let length = body.size_hint();
        let exact_length = length.exact().and_then(|length| usize::try_from(length).ok());
        if length.lower() > limit as u64 {
            return Err(Rejection::BodyTooLarge { bytes: exact_length, limit });
        }
        let mut body = pin!(body);
        let mut read = Frames::default();
        while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            let frame = frame.map_err(|error| {
                let cause: Box<dyn Error + Send + Sync> = error.into();
                warn!(%cause, "the body of a request cannot be read");
                Rejection::BodyUnreadable
            })?;
            // Trailers mean nothing here.
            let Ok(mut data) = frame.into_data() else { continue };
            if data.remaining() > limit - read.len() {
                return Err(Rejection::BodyTooLarge { bytes: exact_length, limit });
            }
            read.push(data.copy_to_bytes(data.remaining()));
        }
        self.bytes = read.into_bytes();
        Ok(())
    }
}

/// The frames of a body that were read so far. Only a second frame causes a copy.
#[derive(Default)]
struct Frames {
    first: Bytes,
    /// The first frame and all after it; empty while there is only one.
    joined: BytesMut,
}

impl Frames {
    /// Returns the number of bytes that were read.
    fn len(&self) -> usize {
        self.first.len().max(self.joined.len())
    }

    /// Appends a frame.
    fn push(&mut self, frame: Bytes) {
        if self.first.is_empty() {
            self.first = frame;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.first);
        }
        self.joined.extend_from_slice(&frame);
    }

    /// Returns all bytes.
    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn body_in_one_frame_is_not_copied() {
        let sent = Bytes::from_static(b"{\"threadId\":\"t\"}");
        let mut body = RequestBody::new(Full::new(sent.clone()));

        body.read(sent.len()).await.unwrap();

        assert_eq!(body.bytes(), &sent);
        assert_eq!(body.bytes().as_ptr(), sent.as_ptr());
    }
}
