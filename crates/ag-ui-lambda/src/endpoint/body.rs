//! The body of a response: a short JSON text, or the events of a run as they happen.
//!
//! The body has no error. Runtimes that poll a body write the text of its error into the stream and go on, so a run that
//! fails ends in an event instead.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tracing::Span;

use super::reports::RunningReports;
use super::response_limit::ResponseLimit;
use super::run_frames::RunFrames;
use crate::agent::{CancelReason, RunStream};
use crate::protocol::sse;

/// The body of a response, which is either a short JSON text or the stream of a run's events.
///
/// Dropping the body of a run cancels the run.
#[derive(Debug)]
pub struct ResponseBody(Content);

/// What a body is made of.
#[derive(Debug)]
enum Content {
    /// All bytes of the body, returned as one frame; `None` after they were returned.
    Full(Option<Bytes>),
    /// The events of a run, as they happen.
    Run(RunBody),
}

/// The events of a run, each as one SSE frame, and a comment whenever there was no event for a while.
#[derive(Debug)]
struct RunBody {
    /// `None` after the last event.
    frames: Option<RunFrames>,
    /// Reports of ended runs: those that others have left, and that of this run after its last event.
    reports: RunningReports,
    /// The longest time without a frame.
    keep_alive: Duration,
    /// Ends when the next comment is due.
    silence: Pin<Box<Sleep>>,
}

impl ResponseBody {
    /// Creates a body of which all bytes are known, such as a JSON text. They are sent as one frame.
    pub(super) fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Content::Full(Some(bytes.into())))
    }

    /// Creates the body of a run that has started, which streams the events of the run.
    ///
    /// `keep_alive` is the longest time without a frame; a comment is sent after it. `span` is entered whenever the
    /// run is polled. `reports` are awaited beside the run, and the body ends when the report of this run was awaited,
    /// too. A run that the client does not read ends all the same.
    pub(super) fn run(events: RunStream, keep_alive: Duration, span: Span, reports: RunningReports) -> Self {
        let silence = Box::pin(tokio::time::sleep(keep_alive));
        let frames = Some(RunFrames::new(events, span));
        Self(Content::Run(RunBody { frames, reports, keep_alive, silence }))
    }

    /// Reads the body to its end and returns its bytes, for a response that is sent in one piece. `None` if the body
    /// is longer than `limit` allows.
    pub(super) async fn read_to_end(self, limit: &ResponseLimit) -> Option<Bytes> {
        match self.0 {
            Content::Full(bytes) => bytes.filter(|bytes| (limit.encoded_len)(bytes) <= limit.max_bytes),
            Content::Run(run) => run.read_to_end(limit).await,
        }
    }
}

impl RunBody {
    /// Polls the frame of the run's next event. After the last one it polls the reports, and is `None` when they were
    /// awaited.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // Beside the run, so that a report that others have left delays no event.
        let reports = self.reports.poll(cx);
        let Some(frames) = &self.frames else { return reports.map(|()| None) };
        let frame = ready!(frames.poll_next(cx));
        if frame.is_some() {
            return Poll::Ready(frame);
        }
        self.frames = None;
        self.reports.take_waiting();
        self.reports.poll(cx).map(|()| None)
    }

    /// Polls the next frame. It is the SSE frame of the run's next event, or a comment if no frame was sent for as
    /// long as `keep_alive`. `None` at the end of the body; there is no comment after the last event.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let frame = match self.poll_event(cx) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(frame)) => frame,
            Poll::Pending if self.frames.is_none() => return Poll::Pending,
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(cx));
                sse::KEEP_ALIVE
            }
        };
        self.silence.as_mut().reset(Instant::now() + self.keep_alive);
        Poll::Ready(Some(frame))
    }

    /// Reads the events to the end of the run and returns their frames without keep-alive comments. `None` if the
    /// frames are longer than `limit` allows.
    ///
    /// A run whose frames leave less free than the headroom of `limit` is cancelled and still read to its end, so
    /// that its last events are in the body, its log lines are written and its report is awaited.
    async fn read_to_end(mut self, limit: &ResponseLimit) -> Option<Bytes> {
        let cancel = self.frames.as_ref().map(RunFrames::cancel_handle);
        let (mut frames, mut encoded_bytes) = (Some(BytesMut::new()), 0);
        while let Some(frame) = poll_fn(|cx| self.poll_event(cx)).await {
            encoded_bytes += (limit.encoded_len)(&frame);
            if encoded_bytes > limit.max_bytes.saturating_sub(limit.headroom) {
                cancel.iter().for_each(|run| run.cancel_for(CancelReason::MaxResponseBytes));
            }
            match &mut frames {
                Some(frames) if encoded_bytes <= limit.max_bytes => frames.extend_from_slice(&frame),
                too_long => *too_long = None,
            }
        }
        frames.map(BytesMut::freeze)
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    /// Returns the JSON text as one frame, or the next frame of the run. `None` at the end. It never fails.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.0 {
            Content::Full(bytes) => bytes.take(),
            Content::Run(run) => ready!(run.poll_frame(cx)),
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    /// Returns the exact number of bytes that are left of a JSON text. For a run it is unknown.
    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Full(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Run(_) => SizeHint::default(),
        }
    }
}

/// Builds a response with this status and with `value` as its JSON body. A header forbids caches to store it.
///
/// It panics if `value` cannot be serialized, so pass plain data only.
pub(super) fn json_response(status: StatusCode, value: &impl serde::Serialize) -> Response<ResponseBody> {
    let text = serde_json::to_vec(value).expect("the value is plain data");
    let mut response = Response::new(ResponseBody::full(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
