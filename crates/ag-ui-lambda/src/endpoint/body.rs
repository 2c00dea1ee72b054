//! The body of a response: a short answer, or a run as it happens.
//!
//! lambda_runtime writes the text of a body's error into the stream and goes on, so this body has no error:
//! a failed run ends in an event.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream as _;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tracing::Span;

use super::room::Room;
use crate::agent::{RunStream, Stop};
use crate::protocol::sse;

/// The body of a response.
#[derive(Debug)]
pub struct ResponseBody(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Run(Run),
}

/// A run, one frame an event, and a comment after each silence.
#[derive(Debug)]
struct Run {
    events: RunStream,
    keep_alive: Duration,
    silence: Pin<Box<Sleep>>,
    /// Entered while the run is polled, so that its log lines say which run they are of.
    span: Span,
}

impl ResponseBody {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Some(bytes.into())))
    }

    pub(super) fn run(events: RunStream, keep_alive: Duration, span: Span) -> Self {
        let silence = Box::pin(tokio::time::sleep(keep_alive));
        Self(Kind::Run(Run { events, keep_alive, silence, span }))
    }

    /// All of it; `None` if there is no room for it.
    pub(super) async fn read(self, room: &Room) -> Option<Bytes> {
        match self.0 {
            Kind::Whole(bytes) => bytes.filter(|bytes| (room.weigh)(bytes) <= room.limit),
            Kind::Run(run) => run.read(room).await,
        }
    }
}

impl Run {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let _entered = self.span.enter();
        let frame = match Pin::new(&mut self.events).poll_next(cx) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(event)) => sse::frame(&event),
            Poll::Pending => {
                std::task::ready!(self.silence.as_mut().poll(cx));
                sse::KEEP_ALIVE
            }
        };
        self.silence.as_mut().reset(Instant::now() + self.keep_alive);
        Poll::Ready(Some(frame))
    }

    /// The frames of the run, without comments. It is read to its end even when there is no room for it, so that the run
    /// ends as every other does.
    async fn read(mut self, room: &Room) -> Option<Bytes> {
        let stopper = self.events.stopper();
        let (mut frames, mut weight) = (Some(BytesMut::new()), 0);
        while let Some(event) = poll_fn(|cx| {
            let _entered = self.span.enter();
            Pin::new(&mut self.events).poll_next(cx)
        })
        .await
        {
            let frame = sse::frame(&event);
            weight += (room.weigh)(&frame);
            if weight > room.limit.saturating_sub(room.reserve) {
                stopper.stop_for(Stop::MaxResponseBytes);
            }
            match &mut frames {
                Some(frames) if weight <= room.limit => frames.extend_from_slice(&frame),
                full => *full = None,
            }
        }
        frames.map(BytesMut::freeze)
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.0 {
            Kind::Whole(bytes) => bytes.take(),
            Kind::Run(run) => std::task::ready!(run.poll_frame(cx)),
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Run(_) => SizeHint::default(),
        }
    }
}

/// An answer in JSON that no cache keeps.
pub(super) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<ResponseBody> {
    let text = serde_json::to_vec(value).expect("answers are plain data");
    let mut response = Response::new(ResponseBody::whole(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
