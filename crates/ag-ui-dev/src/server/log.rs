//! The function's log, for the terminal and for the page.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::terminal;

/// As many lines are kept for a page that is opened later.
const KEPT_LINES: usize = 200;
/// As many lines may wait for a page that reads slowly. A page that is further behind misses the oldest.
const WAITING_LINES: usize = 1024;

/// The lines of the function's log, as they are written.
pub(super) struct LogFeed {
    kept: Mutex<VecDeque<Arc<Value>>>,
    sender: broadcast::Sender<Arc<Value>>,
    prints: bool,
}

/// A reader of the log.
pub(super) struct LogReader {
    kept: VecDeque<Arc<Value>>,
    receiver: broadcast::Receiver<Arc<Value>>,
}

impl LogFeed {
    /// A log without lines. `prints` says whether its lines are also printed to the terminal.
    pub(super) fn new(prints: bool) -> Self {
        Self { kept: Mutex::default(), sender: broadcast::channel(WAITING_LINES).0, prints }
    }

    /// Takes a line that the function has written: JSON, or any text.
    pub(super) fn line(&self, line: &str) {
        let is_object = |value: &Value| value.is_object();
        let value = serde_json::from_str(line).ok().filter(is_object);
        self.publish(value.unwrap_or_else(|| json!({ "message": line })));
    }

    /// Takes what the server itself has done.
    pub(super) fn event(&self, what: &str) {
        self.publish(json!({ "server": what }));
    }

    fn publish(&self, line: Value) {
        if self.prints {
            terminal::print_line(&line);
        }
        let line = Arc::new(line);
        let mut kept = self.kept();
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&line));
        // Under the lock, so that a new reader gets each line once. Nobody may be reading.
        let _ = self.sender.send(line);
    }

    /// Reads the last lines and then each new one.
    pub(super) fn read(&self) -> LogReader {
        let kept = self.kept();
        LogReader { kept: kept.clone(), receiver: self.sender.subscribe() }
    }

    /// No panic happens under this lock, so that the value of a poisoned one is whole.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Arc<Value>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogReader {
    /// The next line; `None` when the log has ended.
    pub(super) async fn next(&mut self) -> Option<Arc<Value>> {
        if let Some(line) = self.kept.pop_front() {
            return Some(line);
        }
        loop {
            match self.receiver.recv().await {
                Ok(line) => return Some(line),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_gets_the_last_lines_and_each_new_one_once() {
        let log = LogFeed::new(false);
        for n in 0..=KEPT_LINES {
            log.line(&json!({ "n": n }).to_string());
        }
        let mut reader = log.read();
        log.line("thread 'main' panicked");
        log.line("[1]");
        log.event("restarted");

        for n in 1..=KEPT_LINES {
            assert_eq!(*reader.next().await.unwrap(), json!({ "n": n }));
        }
        assert_eq!(*reader.next().await.unwrap(), json!({ "message": "thread 'main' panicked" }));
        assert_eq!(*reader.next().await.unwrap(), json!({ "message": "[1]" }));
        assert_eq!(*reader.next().await.unwrap(), json!({ "server": "restarted" }));
    }
}
