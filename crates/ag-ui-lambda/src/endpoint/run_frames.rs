//! The SSE frames of a run, whether or not they are read.
//!
//! A run moves only while its frames are polled, and a server polls them only while the client takes them. So a client that
//! reads nothing would keep a run, its memory and its tools for ever. Here a timer ends a run whose time is over. The timer
//! does not own the run: a run is gone when its frames are dropped.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, Stream as _, StreamExt as _};
use tokio::task::{JoinSet, coop};
use tokio::time::sleep_until;
use tracing::{Instrument as _, Span, warn};

use crate::agent::{CancelHandle, RunStream};
use crate::protocol::sse;

/// The most bytes of a run's end that are kept for a client that reads on later.
const MAX_KEPT_BYTES: usize = 64 * 1024;

/// The frames of a run.
#[derive(Debug)]
pub(super) struct RunFrames {
    source: Arc<Mutex<FrameSource>>,
    /// Entered while the run is polled, so that its log lines carry the ids of the run.
    span: Span,
    cancel: CancelHandle,
    /// Ends a run that the client does not read. The task is stopped when this is dropped.
    _timer: JoinSet<()>,
}

/// Where the next frame comes from.
#[derive(Debug)]
enum FrameSource {
    /// The run.
    Run(RunStream),
    /// The run has ended without its client. These are its last frames, unless they were returned or not kept.
    Rest(Option<Bytes>),
}

impl RunFrames {
    /// Takes the events of a run that has started. `span` is entered whenever the run is polled.
    pub(super) fn new(events: RunStream, span: Span) -> Self {
        let (cancel, last_read) = (events.cancel_handle(), events.last_read());
        let source = Arc::new(Mutex::new(FrameSource::Run(events)));
        // The timer has no share in the run, so that the drop of the frames drops the run at once.
        let timed = Arc::downgrade(&source);
        let end_in_time = async move {
            sleep_until(last_read).await;
            if let Some(source) = timed.upgrade() {
                lock(&source).end_unread();
            }
        };
        let mut timer = JoinSet::new();
        timer.spawn(end_in_time.instrument(span.clone()));
        Self { source, span, cancel, _timer: timer }
    }

    /// Returns a handle that cancels the run.
    pub(super) fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// Polls the run for the frame of its next event; `None` after the last one. A run that has ended without its client
    /// returns the rest of its frames in one piece.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut *lock(&self.source) {
            FrameSource::Run(events) => {
                let event = self.span.in_scope(|| Pin::new(events).poll_next(cx));
                event.map(|event| event.map(|event| sse::frame(&event)))
            }
            FrameSource::Rest(frames) => Poll::Ready(frames.take()),
        }
    }
}

impl FrameSource {
    /// Ends a run whose time is over, and drops it. Its last frames are kept if they are few. A run of which nothing was read
    /// is dropped without an event, so that it does not start here.
    fn end_unread(&mut self) {
        let Self::Run(events) = self else { return };
        let rest = if events.is_unread() { None } else { rest_of(events) };
        warn!(is_complete = rest.is_some(), "the client did not read the end of a run in time");
        *self = Self::Rest(rest.filter(|frames| !frames.is_empty()));
    }
}

/// Returns the last frames of a run whose time is over. `None` if they are too long, or if the run does not end at once.
fn rest_of(events: &mut RunStream) -> Option<Bytes> {
    let read = async {
        let mut rest = BytesMut::new();
        while let Some(event) = events.next().await {
            rest.extend_from_slice(&sse::frame(&event));
            if rest.len() > MAX_KEPT_BYTES {
                return None;
            }
        }
        Some(rest.freeze())
    };
    // A run whose time is over waits for nothing but its reader. tokio's budget must not make it wait either.
    coop::unconstrained(read).now_or_never().flatten()
}

/// Locks the source of the frames. A poisoned lock is ignored: a run catches its own panics.
fn lock(source: &Mutex<FrameSource>) -> MutexGuard<'_, FrameSource> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}
