//! The body of a response: a short answer, or a run as it happens.
//!
//! lambda_runtime writes the text of a body's error into the stream and goes on, so this body has no error:
//! a failed run ends in an event.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream as _;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tracing::Span;

use crate::agent::RunStream;
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
