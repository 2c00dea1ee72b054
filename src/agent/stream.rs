//! A run as a stream of events: the run moves only while someone reads it.
//!
//! There is no task behind it. Whoever polls the stream polls the run, and whoever drops it ends the run.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Stream};
use tokio::sync::mpsc;

use crate::protocol::Event;
use crate::transcript::{Stamps, Transcript};

/// The events of a run. It ends behind RUN_FINISHED or RUN_ERROR.
#[must_use = "a run moves only while its events are read"]
pub struct RunStream {
    driver: Option<BoxFuture<'static, ()>>,
    events: mpsc::Receiver<Event>,
}

/// The driver's end: where it leaves events for the reader.
pub(super) struct Outbox(mpsc::Sender<Event>);

impl RunStream {
    pub(super) fn new<F>(drive: impl FnOnce(Outbox) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // One event: the driver waits until the reader has taken it, so nothing piles up behind a slow client.
        let (sender, events) = mpsc::channel(1);
        Self { driver: Some(drive(Outbox(sender)).boxed()), events }
    }
}

impl Stream for RunStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            // Not `poll_recv`: when the task has used up tokio's budget that is pending over a full channel, and
            // this loop would turn for ever. The driver alone sends, and it runs here only, so nothing is missed.
            if let Ok(event) = self.events.try_recv() {
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
            let Ok(room) = self.0.reserve().await else { return };
            if let Some(event) = transcript.next_event() {
                room.send(event);
            }
        }
    }

    /// Sends the last events of a run.
    pub(super) async fn close(self, events: VecDeque<Event>) {
        for event in events {
            if self.0.send(event).await.is_err() {
                return;
            }
        }
    }
}

impl std::fmt::Debug for RunStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunStream").field("is_running", &self.driver.is_some()).finish_non_exhaustive()
    }
}
