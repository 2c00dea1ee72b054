//! A run as a stream of events. The run moves only while someone reads the stream.
//!
//! No separate task drives the run: polling the stream polls the run, and dropping the stream ends the run.

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
///
/// ```
/// use ag_ui_lambda::agent::RunStream;
/// use futures_util::StreamExt as _;
///
/// /// Returns the types of the events of a run.
/// async fn event_types(mut run: RunStream) -> Vec<&'static str> {
///     let mut types = Vec::new();
///     while let Some(event) = run.next().await {
///         types.push(event.kind.type_name());
///     }
///     types
/// }
/// ```
#[must_use = "a run moves only while its events are read"]
pub struct RunStream {
    /// Drives the run; `None` once it has ended.
    driver: Option<BoxFuture<'static, ()>>,
    events: mpsc::Receiver<Event>,
    first_event: FirstEventTime,
    cancel: CancelHandle,
    /// When the last events of the run should have been read.
    last_read: Instant,
}

/// Cancels a run. It is cheap to clone.
///
/// ```
/// # use ag_ui_lambda::agent::{RunStream, StartRunError};
/// # fn example(run: RunStream) -> impl Fn() {
/// let handle = run.cancel_handle();
/// let stop_button = move || handle.cancel();
/// # stop_button
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelHandle(Arc<CancelState>);

/// Whether a run is to be cancelled, and why.
#[derive(Debug, Default)]
struct CancelState {
    /// Wakes the driver of the run when the run has to be cancelled.
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
    /// Creates the stream of a run. `drive` gets the sender of the events and returns the future that drives the run.
    /// `last_read` is when the last events should have been read.
    pub(crate) fn new<F>(last_read: Instant, drive: impl FnOnce(EventSender) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // Room for one event: the driver waits until the reader has taken it, so nothing piles up for a slow client.
        let (sender, events) = mpsc::channel(1);
        let (cancel, first_event) = (CancelHandle::default(), FirstEventTime::default());
        let sender =
            EventSender { events: sender, first_event: Arc::clone(&first_event), cancel: cancel.clone() };
        Self { driver: Some(drive(sender).boxed()), events, first_event, cancel, last_read }
    }

    /// Returns when the last events of the run should have been read. A reader that has not read them by then stands still.
    pub(crate) fn last_read(&self) -> Instant {
        self.last_read
    }

    /// Returns whether no event has been read. A run of which nobody has read anything has done no work.
    pub(crate) fn is_unread(&self) -> bool {
        self.first_event.get().is_none()
    }

    /// Returns a handle that cancels the run from outside.
    ///
    /// If the stream is read on, a cancelled run closes its open messages and calls and sends its last event. If the
    /// stream is dropped instead, the run ends without further events.
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }
}

impl CancelHandle {
    /// Cancels the run; the client reads the reason `STOPPED`. Nothing happens if the run has ended or is cancelled
    /// already.
    pub fn cancel(&self) {
        self.cancel_for(CancelReason::Stopped);
    }

    /// Cancels the run for a reason that the client reads. If it is called more than once, the first reason is used.
    pub(crate) fn cancel_for(&self, reason: CancelReason) {
        let _ = self.0.reason.set(reason);
        self.0.requested.notify_one();
    }

    /// Waits until the run has to be cancelled, and returns the reason. The driver of the run waits here.
    pub(super) async fn cancelled(&self) -> CancelReason {
        self.0.requested.notified().await;
        self.0.reason.get().copied().unwrap_or(CancelReason::Stopped)
    }
}

impl Stream for RunStream {
    type Item = Event;

    /// Drives the run until its next event is there, and returns the event; `None` after the last one.
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
    /// Sends the events that the transcript has queued, and waits while the reader has not taken the event before. An
    /// event leaves the transcript only when it can be sent, so that no event is lost if this future is dropped. If the
    /// reader has gone, the events stay queued.
    pub(super) async fn flush<S: IdSource>(&self, transcript: &mut Transcript<S>) {
        while transcript.has_event() {
            let Ok(permit) = self.events.reserve().await else { return };
            if let Some(event) = transcript.next_event() {
                permit.send(event);
            }
        }
    }

    /// Sends the last events of a run, and waits until the reader has taken all of them or has gone.
    pub(super) async fn close(self, events: VecDeque<Event>) {
        for event in events {
            if self.events.send(event).await.is_err() {
                return;
            }
        }
        // There is room again once the last event is taken; an error means that the reader has gone.
        let _ = self.events.reserve().await;
    }

    /// Returns the shared cell in which the stream stores the time at which its reader takes the first event.
    pub(super) fn first_event(&self) -> FirstEventTime {
        Arc::clone(&self.first_event)
    }

    /// Returns the handle by which the driver learns that the run is cancelled.
    pub(super) fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }
}

impl std::fmt::Debug for RunStream {
    /// Shows only whether the run is still being driven.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunStream").field("is_running", &self.driver.is_some()).finish_non_exhaustive()
    }
}
