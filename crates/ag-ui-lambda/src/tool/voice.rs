//! How a tool speaks while it runs: in words that the loop hears and tells.
//!
//! A tool has no way to make events. Its words wait in a channel that has no bound, since a step must be able to end
//! where nothing can be awaited; but whoever speaks waits until the word is told, so no more than one word for each
//! speaker piles up behind a slow client.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::protocol::{CustomName, JsonObject};

/// What a tool can say. `key` names a step or an activity among those of the run.
#[derive(Debug)]
pub(crate) enum Word {
    /// The shared state is this now.
    State(Arc<Value>),
    StepStarted {
        key: u64,
        name: String,
    },
    StepFinished {
        key: u64,
    },
    /// An activity's content is this now; it begins with its first.
    Activity {
        key: u64,
        activity_type: String,
        content: JsonObject,
    },
    Custom {
        name: CustomName,
        value: Value,
    },
}

/// A word on its way.
pub(crate) struct Said {
    pub(crate) word: Word,
    /// Its speaker waits until this is dropped.
    pub(crate) told: Told,
}

/// To be dropped when the client has a word.
pub(crate) type Told = oneshot::Sender<Infallible>;

/// The loop's end of the channel.
pub(crate) struct Ear(mpsc::UnboundedReceiver<Said>);

/// A tool's end, and the shared state that it speaks of. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Voice {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<Arc<Value>>,
    /// Held while the state is changed and the change said, so that changes are told in the order they were made.
    changing: Mutex<()>,
    words: mpsc::UnboundedSender<Said>,
    keys: AtomicU64,
}

/// Resolves when a word is told, or when nobody listens any more.
#[must_use = "whoever speaks waits until the word is told"]
pub(super) struct Receipt(Option<oneshot::Receiver<Infallible>>);

/// A channel for the tools of a run that begins from this state.
pub(crate) fn channel(state: Arc<Value>) -> (Voice, Ear) {
    let (words, ear) = mpsc::unbounded_channel();
    let shared =
        Shared { state: Mutex::new(state), changing: Mutex::new(()), words, keys: AtomicU64::new(0) };
    (Voice { shared: Arc::new(shared) }, Ear(ear))
}

impl Voice {
    pub(super) fn state(&self) -> Arc<Value> {
        Arc::clone(&locked(&self.shared.state))
    }

    /// Changes the state, or leaves it as it is where `change` fails or panics.
    pub(super) fn change_state<T, E>(
        &self,
        change: impl FnOnce(&mut Value) -> Result<T, E>,
    ) -> Result<(T, Receipt), E> {
        let _changing = locked(&self.shared.changing);
        let before = self.state();
        let mut next = Value::clone(&before);
        let made = change(&mut next)?;
        if next == *before {
            return Ok((made, Receipt(None)));
        }
        let next = Arc::new(next);
        *locked(&self.shared.state) = Arc::clone(&next);
        Ok((made, self.say(Word::State(next))))
    }

    pub(super) fn say(&self, word: Word) -> Receipt {
        let (told, receipt) = oneshot::channel();
        // Where nobody listens the word is dropped, and nobody waits for it.
        let _unheard = self.shared.words.send(Said { word, told });
        Receipt(Some(receipt))
    }

    /// A key that no other step or activity of the run has.
    pub(super) fn key(&self) -> u64 {
        self.shared.keys.fetch_add(1, Ordering::Relaxed)
    }
}

/// What is behind these locks is whole at any time, a panic's included.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receipt {
    pub(super) async fn told(self) {
        if let Some(receipt) = self.0 {
            let _told = receipt.await;
        }
    }
}

impl Ear {
    /// The next word; pending while there is none.
    pub(crate) async fn next(&mut self) -> Said {
        match self.0.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    /// The next word that waits.
    pub(crate) fn waiting(&mut self) -> Option<Said> {
        self.0.try_recv().ok()
    }
}

// State is the client's data: it has no place in a log.
impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use serde_json::json;

    use super::*;

    /// Tools may work on threads of their own.
    #[test]
    fn changes_on_several_threads_are_all_made_and_told_in_their_order() {
        const THREADS: u64 = 4;
        const CHANGES: u64 = 250;
        let (voice, mut ear) = channel(Arc::new(json!(0)));
        let count = || {
            for _ in 0..CHANGES {
                let counted = voice.change_state(|state| {
                    let now = state.as_u64().unwrap();
                    // The others get their chance to come between.
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

        assert_eq!(*voice.state(), json!(THREADS * CHANGES));
        let told = std::iter::from_fn(|| ear.waiting()).map(|said| match said.word {
            Word::State(state) => state.as_u64().unwrap(),
            word => panic!("{word:?}"),
        });
        assert!(told.eq(1..=THREADS * CHANGES), "each change is told, in its order");
    }
}
