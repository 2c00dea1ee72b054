//! A run as a stream of events. The run moves only while someone reads the stream.
//!
//! No task is behind it: whoever polls the stream polls the run, and whoever drops it ends the run.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Stream};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::end::CancelReason;
use crate::agent::observe::recorder::FirstEventTime;
use crate::protocol::Event;
use crate::transcript::{IdSource, Transcript};

/// The events of a run. The stream ends after `RUN_FINISHED` or `RUN_ERROR`.
#[must_use = "a run moves only while its events are read"]
pub struct RunStream {
    /// Drives the run; `None` once it has ended.
    driver: Option<BoxFuture<'static, ()>>,
    events: mpsc::Receiver<Event>,
    first_event: FirstEventTime,
    cancel: CancelHandle,
}

/// Cancels a run. It is cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CancelHandle(Arc<CancelState>);

/// Whether a run is to be cancelled, and why.
#[derive(Debug, Default)]
struct CancelState {
    /// Wakes the driver.
    requested: Notify,
    /// The reason of the first request.
    reason: OnceLock<CancelReason>,
}

/// Sends the events of a run from its driver to the reader of the stream.
pub(crate) struct EventSender {
    events: mpsc::Sender<Event>,
    first_event: FirstEventTime,
    cancel: CancelHandle,
}

impl RunStream {
    /// Creates the stream of the run that the future of `drive` drives.
    pub(crate) fn new<F>(drive: impl FnOnce(EventSender) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Room for one event: the driver waits until the reader has taken it, so nothing piles up for a slow client.
        let (sender, events) = mpsc::channel(1);
        let (cancel, first_event) = (CancelHandle::default(), FirstEventTime::default());
        let sender =
            EventSender { events: sender, first_event: Arc::clone(&first_event), cancel: cancel.clone() };
        Self { driver: Some(drive(sender).boxed()), events, first_event, cancel }
    }

    /// Returns a handle that cancels the run from outside.
    ///
    /// A cancelled run ends with everything closed, when the stream is read on. If the stream is dropped instead, the run
    /// ends without further events.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }
}

impl CancelHandle {
    /// Cancels the run; the client reads the reason `STOPPED`. A run that has ended stays as it is.
    pub fn cancel(&self) {
        self.cancel_for(CancelReason::Stopped);
    }

    /// Cancels the run for a reason that the client reads. Only the first reason counts.
    pub(crate) fn cancel_for(&self, reason: CancelReason) {
        let _ = self.0.reason.set(reason);
        self.0.requested.notify_one();
    }

    /// Waits until the run is to be cancelled, and returns why.
    pub(super) async fn cancelled(&self) -> CancelReason {
        self.0.requested.notified().await;
        self.0.reason.get().copied().unwrap_or(CancelReason::Stopped)
    }
}

impl Stream for RunStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            // Not `poll_recv`: when the task has used up tokio's budget, that is pending although an event is there, and
            // this loop would spin. Only the driver sends, and it runs only here, so no wake-up is missed.
            if let Ok(event) = self.events.try_recv() {
                self.first_event.get_or_init(Instant::now);
                return Poll::Ready(Some(event));
            }
            let Some(driver) = &mut self.driver else {
                return Poll::Ready(None);
            };
            if driver.poll_unpin(cx).is_ready() {
                self.driver = None;
            } else if self.events.is_empty() {
                return Poll::Pending;
            }
        }
    }
}

impl EventSender {
    /// Sends what the transcript has queued. An event leaves the transcript only when there is room for it, so that no
    /// event is lost if this future is dropped before it completes.
    pub(super) async fn flush<S: IdSource>(&self, transcript: &mut Transcript<S>) {
        while transcript.has_event() {
            let Ok(permit) = self.events.reserve().await else { return };
            if let Some(event) = transcript.next_event() {
                permit.send(event);
            }
        }
    }

    /// Sends the last events of a run, and waits until the reader has taken them.
    pub(super) async fn close(self, events: VecDeque<Event>) {
        for event in events {
            if self.events.send(event).await.is_err() {
                return;
            }
        }
        // There is room again once the last event is taken; an error means that the reader has gone.
        let _ = self.events.reserve().await;
    }

    /// Returns where the time is stored at which the reader takes the first event.
    pub(super) fn first_event(&self) -> FirstEventTime {
        Arc::clone(&self.first_event)
    }

    /// Returns the handle that cancels this run.
    pub(super) fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }
}

impl std::fmt::Debug for RunStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunStream").field("is_running", &self.driver.is_some()).finish_non_exhaustive()
    }
}
