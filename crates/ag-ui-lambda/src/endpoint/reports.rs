//! Reports of runs that have ended: how the application's function gets them and is awaited.
//!
//! A run ends inside the body of its response, often because the body is dropped, where nothing can be awaited. So a report is
//! put in a queue. The body of the run awaits it after its last event. What nobody has awaited is taken over by the body of the
//! next run, which polls it beside its own events, or by [`Endpoint::finish_reports`](super::Endpoint::finish_reports).
//!
//! The settlement of a run's budgets is awaited at the same places. It is a task as well, so that it moves where nobody awaits it:
//! what the run holds would otherwise be missing from its user's next run.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join_all};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tracing::{Instrument as _, Span, error, warn};

use crate::agent::RunReport;

/// How long the application's function may take for one report. A run ends two seconds before its deadline, so the
/// response still ends in time.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// The most reports that wait in the queue, and the most settlements: more than those of the runs that one process serves at once.
/// Further ones are lost.
const MAX_WAITING: usize = 512;

/// The application's function that gets the caller and the report of each run that has ended.
pub(super) type AfterRun<C> = dyn Fn(Arc<C>, RunReport) -> BoxFuture<'static, ()> + Send + Sync;

/// One report on its way to the application.
type Delivery = BoxFuture<'static, ()>;

/// The settlement of the budgets of one run. Each clone awaits the same one.
type Settlement = Shared<BoxFuture<'static, ()>>;

/// The reports that nobody awaits at the moment, and all settlements.
#[derive(Default)]
pub(super) struct ReportQueue {
    waiting: Mutex<Vec<Delivery>>,
    settlements: Mutex<Settlements>,
}

/// The settlements that are not complete.
#[derive(Default)]
struct Settlements {
    unfinished: Vec<Settlement>,
    /// Polls the settlements that were added inside a runtime.
    tasks: JoinSet<()>,
}

impl Settlements {
    /// Forgets what is complete.
    fn remove_finished(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.unfinished.retain(|settlement| settlement.peek().is_none());
    }
}

/// Reports and settlements that are awaited. The reports that are unfinished when this is dropped return to the queue.
pub(super) struct RunningReports {
    queue: Arc<ReportQueue>,
    running: Vec<Delivery>,
    settlements: Vec<Settlement>,
}

impl ReportQueue {
    /// Adds a report. `deliver` gives it to the application, and is polled with `span` entered, which is the span of the
    /// run. The report is lost, and a warning is logged, if the queue is full.
    pub(super) fn add(&self, deliver: impl Future<Output = ()> + Send + 'static, span: Span) {
        let call = AssertUnwindSafe(deliver).catch_unwind();
        let delivery = async {
            match tokio::time::timeout(REPORT_TIMEOUT, call).await {
                Ok(Ok(())) => {}
                // The panic hook has written the message of the panic to stderr.
                Ok(Err(_panic)) => error!("the function that gets reports of runs panicked"),
                Err(_elapsed) => warn!("the function that gets reports of runs was stopped after a second"),
            }
        };
        self.put([delivery.instrument(span).boxed()]);
    }

    /// Adds the settlement of a run's budgets, which ends by itself within a second, and starts it. It is polled with `span`
    /// entered, which is the span of the run. Outside a runtime it starts when it is awaited.
    pub(super) fn add_settlement(&self, settle: BoxFuture<'static, ()>, span: Span) {
        let settled = AssertUnwindSafe(settle).catch_unwind().map(|settled| {
            // The panic hook has written the message of the panic to stderr.
            if settled.is_err() {
                error!("the store of budgets panicked");
            }
        });
        let settlement = settled.instrument(span).boxed().shared();
        let mut settlements = self.settlements();
        settlements.remove_finished();
        if let Ok(runtime) = Handle::try_current() {
            settlements.tasks.spawn_on(settlement.clone(), &runtime);
        }
        if settlements.unfinished.len() < MAX_WAITING {
            settlements.unfinished.push(settlement);
        } else {
            warn!(waiting = MAX_WAITING, "the settlement of a run is not awaited, because too many wait");
        }
    }

    /// Waits until the budgets of all runs that have ended by now are settled, which takes a second at most.
    pub(super) async fn settled(&self) {
        let settlements = self.unfinished_settlements();
        join_all(settlements).await;
    }

    /// Takes all reports out of the queue, to await them. The body of each run calls it at its start, and so does
    /// [`Endpoint::finish_reports`](super::Endpoint::finish_reports).
    pub(super) fn take(self: &Arc<Self>) -> RunningReports {
        let running = std::mem::take(&mut *self.lock());
        RunningReports { queue: Arc::clone(self), running, settlements: self.unfinished_settlements() }
    }

    /// Returns the settlements that are not complete.
    fn unfinished_settlements(&self) -> Vec<Settlement> {
        let mut settlements = self.settlements();
        settlements.remove_finished();
        settlements.unfinished.clone()
    }

    /// Puts reports in the queue, as many as there is room for.
    fn put(&self, deliveries: impl IntoIterator<Item = Delivery>) {
        let mut waiting = self.lock();
        for delivery in deliveries {
            if waiting.len() < MAX_WAITING {
                waiting.push(delivery);
            } else {
                warn!(waiting = MAX_WAITING, "the report of a run is lost, because too many wait");
            }
        }
    }

    /// Locks the queue. A poisoned lock is ignored, because nothing panics while the queue is locked.
    fn lock(&self) -> MutexGuard<'_, Vec<Delivery>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the settlements. A poisoned lock is ignored as that of the queue.
    fn settlements(&self) -> MutexGuard<'_, Settlements> {
        self.settlements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningReports {
    /// Takes what is in the queue, in addition to what is awaited already. The body of a run calls it after its last event,
    /// when the report and the settlement of the run are in the queue.
    pub(super) fn take_waiting(&mut self) {
        self.running.append(&mut self.queue.lock());
        self.settlements = self.queue.unfinished_settlements();
    }

    /// Polls all reports and settlements. It is ready when none is left, which is after [`REPORT_TIMEOUT`] at the latest.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.running.retain_mut(|report| report.poll_unpin(cx).is_pending());
        self.settlements.retain_mut(|settlement| settlement.poll_unpin(cx).is_pending());
        if self.running.is_empty() && self.settlements.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for RunningReports {
    /// Puts the unfinished reports back in the queue.
    fn drop(&mut self) {
        self.queue.put(self.running.drain(..));
    }
}

impl std::fmt::Debug for RunningReports {
    /// Shows only how many reports are awaited.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningReports").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn queue_is_bounded() {
        let queue = Arc::new(ReportQueue::default());
        let delivered = Arc::new(AtomicUsize::new(0));
        for _ in 0..=MAX_WAITING {
            let count = Arc::clone(&delivered);
            let deliver = async move {
                count.fetch_add(1, Ordering::SeqCst);
            };
            queue.add(deliver, Span::none());
        }
        drop(queue.take());
        assert_eq!(delivered.load(Ordering::SeqCst), 0, "nobody has awaited them");

        let mut reports = queue.take();
        poll_fn(|cx| reports.poll(cx)).await;

        assert_eq!(delivered.load(Ordering::SeqCst), MAX_WAITING);
        assert!(queue.lock().is_empty());
    }
}
