//! The events that a tool emits while it runs, on their way to the agent loop.
//!
//! Only the transcript produces AG-UI events. So a tool emits a [`ToolEvent`] into a channel, and the agent loop applies
//! it to the transcript.
//!
//! The channel is unbounded, because a step must be able to end in `Drop`, where nothing can be awaited. Everywhere else
//! a tool waits until its event is [delivered](Delivery::delivered). So even if the client reads slowly, at most one event of
//! each waiting task is queued.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::protocol::{CustomName, InputLimits, JsonObject};

/// Something that a tool shows while it runs. A `key` identifies a step or an activity within the run.
#[derive(Debug)]
pub(crate) enum ToolEvent {
    /// The shared state has changed to this value.
    StateChanged(Arc<Value>),
    StepStarted {
        key: u64,
        name: String,
    },
    StepFinished {
        key: u64,
    },
    /// The content of an activity is now this; the first one with a key begins the activity.
    ActivityChanged {
        key: u64,
        activity_type: String,
        content: JsonObject,
    },
    /// A CUSTOM event of the application.
    Custom {
        name: CustomName,
        value: Value,
    },
}

/// A queued event with its acknowledgement.
pub(crate) struct Envelope {
    pub(crate) event: ToolEvent,
    /// The tool that emitted the event waits until this is dropped.
    pub(crate) ack: Ack,
}

/// Acknowledges an event by being dropped. The agent loop drops it once the client can read the event.
pub(crate) type Ack = oneshot::Sender<Infallible>;

/// The end of the channel from which the agent loop receives events.
pub(crate) struct ToolEventReceiver(mpsc::UnboundedReceiver<Envelope>);

/// The end of the channel that the tools of a run share. It also holds the shared state. It is cheap to clone.
#[derive(Clone)]
pub(crate) struct ToolEventSender {
    shared: Arc<SharedChannel>,
}

/// What all senders of a run share.
struct SharedChannel {
    /// The shared state as the tools see it.
    state: Mutex<Arc<Value>>,
    /// The limits of the request with which the client sends the state back.
    input_limits: InputLimits,
    /// Held while the state is changed and the change is emitted, so that changes are emitted in the order in which they
    /// were made.
    update_lock: Mutex<()>,
    sender: mpsc::UnboundedSender<Envelope>,
    /// The key of the next step or activity.
    next_key: AtomicU64,
}

/// Waits for the acknowledgement of an emitted event.
#[must_use = "a tool waits until its event is delivered"]
pub(super) struct Delivery(Option<oneshot::Receiver<Infallible>>);

/// Creates the channel by which the tools of a run emit events. The sender also holds the shared state, which begins as
/// `state` and must fit into a request with `input_limits`. The driver creates one for each run. A
/// [`ToolContext`](super::ToolContext) without a run has one whose receiver is dropped.
pub(crate) fn tool_event_channel(
    state: Arc<Value>,
    input_limits: InputLimits,
) -> (ToolEventSender, ToolEventReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = SharedChannel {
        state: Mutex::new(state),
        input_limits,
        update_lock: Mutex::new(()),
        sender,
        next_key: AtomicU64::new(0),
    };
    (ToolEventSender { shared: Arc::new(shared) }, ToolEventReceiver(receiver))
}

impl ToolEventSender {
    /// Returns the shared state as it is now.
    pub(super) fn state(&self) -> Arc<Value> {
        Arc::clone(&lock(&self.shared.state))
    }

    /// Returns the limits of the request with which the client sends the shared state back.
    pub(super) fn input_limits(&self) -> InputLimits {
        self.shared.input_limits
    }

    /// Changes a copy of the shared state with `change`, and then replaces the state and emits the new one. Returns
    /// what `change` returned, and a [`Delivery`] with which the tool waits until the client can read the change.
    ///
    /// If `change` fails or panics, the state stays unchanged. If the state is equal afterwards, nothing is emitted.
    pub(super) fn update_state<T, E>(
        &self,
        change: impl FnOnce(&mut Value) -> Result<T, E>,
    ) -> Result<(T, Delivery), E> {
        let _guard = lock(&self.shared.update_lock);
        let before = self.state();
        let mut after = Value::clone(&before);
        let output = change(&mut after)?;
        if after == *before {
            return Ok((output, Delivery(None)));
        }
        let after = Arc::new(after);
        *lock(&self.shared.state) = Arc::clone(&after);
        Ok((output, self.emit(ToolEvent::StateChanged(after))))
    }

    /// Queues an event for the run, and returns a [`Delivery`] with which the tool waits until the client can read the
    /// event. If the run no longer receives events, the event is dropped and the delivery ends at once.
    pub(super) fn emit(&self, event: ToolEvent) -> Delivery {
        let (ack, delivery) = oneshot::channel();
        // An error drops the envelope, and the acknowledgement with it.
        let _ = self.shared.sender.send(Envelope { event, ack });
        Delivery(Some(delivery))
    }

    /// Returns a new key for a step or an activity. No other step or activity of the run has the same key.
    pub(super) fn next_key(&self) -> u64 {
        self.shared.next_key.fetch_add(1, Ordering::Relaxed)
    }
}

/// Locks a mutex even after a thread has panicked while it held the lock. The values in these mutexes are replaced in
/// one step, so they are valid.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Delivery {
    /// Waits until the run has acknowledged the event, or no longer receives events. Returns at once if no event was
    /// emitted.
    pub(super) async fn delivered(self) {
        if let Some(delivery) = self.0 {
            let _ = delivery.await;
        }
    }
}

impl ToolEventReceiver {
    /// Waits for the next event. It waits for ever if no event comes, even after all senders are dropped.
    pub(crate) async fn next(&mut self) -> Envelope {
        match self.0.recv().await {
            Some(envelope) => envelope,
            None => std::future::pending().await,
        }
    }

    /// Takes the next queued event without waiting; `None` if the queue is empty.
    pub(crate) fn try_next(&mut self) -> Option<Envelope> {
        self.0.try_recv().ok()
    }
}

// The shared state is the client's data, so it must not reach the log.
impl fmt::Debug for ToolEventSender {
    /// Shows only the name of the type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolEventSender").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use serde_json::json;

    use super::*;

    #[test]
    fn updates_from_several_threads_are_emitted_in_order() {
        const THREADS: u64 = 4;
        const CHANGES: u64 = 250;
        let (sender, mut receiver) = tool_event_channel(Arc::new(json!(0)), InputLimits::unlimited());
        let count = || {
            for _ in 0..CHANGES {
                let counted = sender.update_state(|state| {
                    let now = state.as_u64().unwrap();
                    // The other threads get a chance to interfere.
                    thread::yield_now();
                    *state = json!(now + 1);
                    Ok::<_, Infallible>(())
                });
                assert!(counted.is_ok());
            }
        };
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(count);
            }
        });

        assert_eq!(*sender.state(), json!(THREADS * CHANGES));
        let emitted = std::iter::from_fn(|| receiver.try_next()).map(|envelope| match envelope.event {
            ToolEvent::StateChanged(state) => state.as_u64().unwrap(),
            event => panic!("{event:?}"),
        });
        assert!(emitted.eq(1..=THREADS * CHANGES));
    }
}
