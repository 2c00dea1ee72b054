//! A run as a stream of events: the run moves only while someone reads it.
//!
//! There is no task behind it. Whoever polls the stream polls the run, and whoever drops it ends the run.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Stream};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::account::FirstEvent;
use super::turns::Stop;
use crate::protocol::Event;
use crate::transcript::{Stamps, Transcript};

/// The events of a run. It ends behind RUN_FINISHED or RUN_ERROR.
#[must_use = "a run moves only while its events are read"]
pub struct RunStream {
    driver: Option<BoxFuture<'static, ()>>,
    events: mpsc::Receiver<Event>,
    first: FirstEvent,
    stopper: Stopper,
}

/// Stops a run on purpose. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<Wish>);

/// That a run is to stop.
#[derive(Debug, Default)]
struct Wish {
    /// Wakes the driver.
    told: Notify,
    /// Why; the first reason counts.
    reason: OnceLock<Stop>,
}

/// The driver's end: where it leaves events for the reader, and hears that it is to stop.
pub(super) struct Outbox {
    events: mpsc::Sender<Event>,
    first: FirstEvent,
    stopper: Stopper,
}

impl RunStream {
    pub(super) fn new<F>(drive: impl FnOnce(Outbox) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // One event: the driver waits until the reader has taken it, so nothing piles up behind a slow client.
        let (sender, events) = mpsc::channel(1);
        let stopper = Stopper::default();
        let first = FirstEvent::default();
        let outbox = Outbox { events: sender, first: Arc::clone(&first), stopper: stopper.clone() };
        Self { driver: Some(drive(outbox).boxed()), events, first, stopper }
    }

    /// What stops the run from outside: it ends as cancelled, with everything closed, when the stream is read on.
    /// A run whose stream is dropped ends too, without a word.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }
}

impl Stopper {
    /// Stops the run. One that has ended stays as it is.
    pub fn stop(&self) {
        self.stop_for(Stop::Stopped);
    }

    /// Stops the run for a reason that the client reads.
    pub(crate) fn stop_for(&self, reason: Stop) {
        // A second reason changes nothing.
        let _ = self.0.reason.set(reason);
        self.0.told.notify_one();
    }
}

impl Stream for RunStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            // Not `poll_recv`: when the task has used up tokio's budget that is pending over a full channel, and
            // this loop would turn for ever. The driver alone sends, and it runs here only, so nothing is missed.
            if let Ok(event) = self.events.try_recv() {
                self.first.get_or_init(Instant::now);
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

impl Outbox {
    /// Sends what the transcript has. An event leaves the transcript only when there is room for it, so that
    /// none is lost when this future is dropped half-way.
    pub(super) async fn flush<S: Stamps>(&self, transcript: &mut Transcript<S>) {
        while transcript.is_waiting() {
            let Ok(room) = self.events.reserve().await else { return };
            if let Some(event) = transcript.next_event() {
                room.send(event);
            }
        }
    }

    /// When the reader took the first event, once it has.
    pub(super) fn first_event(&self) -> FirstEvent {
        Arc::clone(&self.first)
    }

    /// Ends when the run is stopped from outside; returns why.
    pub(super) async fn stopped(&self) -> Stop {
        self.stopper.0.told.notified().await;
        self.stopper.0.reason.get().copied().unwrap_or(Stop::Stopped)
    }

    /// Sends the last events of a run, and waits until the reader has them.
    pub(super) async fn close(self, events: VecDeque<Event>) {
        for event in events {
            if self.events.send(event).await.is_err() {
                return;
            }
        }
        // There is room again when the last one is taken, or the reader has gone.
        let _ = self.events.reserve().await;
    }
}

impl std::fmt::Debug for RunStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunStream").field("is_running", &self.driver.is_some()).finish_non_exhaustive()
    }
}
