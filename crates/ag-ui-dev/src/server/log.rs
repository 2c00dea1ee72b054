//! The log of the function, for the terminal and for the page.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::terminal;

/// How many lines are kept for a page that is opened later.
const KEPT_LINES: usize = 200;
/// How many lines may wait for a page that reads slowly. A page that falls further behind misses the oldest lines.
const WAITING_LINES: usize = 1024;

/// Collects the lines of the log, and sends them to all readers.
pub(super) struct LogFeed {
    kept: Mutex<VecDeque<Arc<Value>>>,
    sender: broadcast::Sender<Arc<Value>>,
    prints: bool,
}

/// A reader of the log: it returns first the kept lines and then each new one.
pub(super) struct LogReader {
    kept: VecDeque<Arc<Value>>,
    receiver: broadcast::Receiver<Arc<Value>>,
}

impl LogFeed {
    /// Creates an empty log. If `prints` is true, its lines are also printed to the terminal.
    pub(super) fn new(prints: bool) -> Self {
        Self { kept: Mutex::default(), sender: broadcast::channel(WAITING_LINES).0, prints }
    }

    /// Adds a line that the function has logged. A line that is not a JSON object becomes one with the text as its
    /// `message`.
    pub(super) fn line(&self, line: &str) {
        let is_object = |value: &Value| value.is_object();
        let value = serde_json::from_str(line).ok().filter(is_object);
        self.publish(value.unwrap_or_else(|| json!({ "message": line })));
    }

    /// Adds a line about something that the development server itself has done, such as a restart. A fault that was set
    /// is such a line too.
    pub(super) fn event(&self, text: &str) {
        self.publish(json!({ "server": text }));
    }

    /// Adds a line to the log: prints it if the log prints, keeps it for later readers, and sends it to all current
    /// readers.
    fn publish(&self, line: Value) {
        if self.prints {
            terminal::print_line(&line);
        }
        let line = Arc::new(line);
        let mut kept = self.lock_kept();
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&line));
        // The lock is held, so that a new reader gets each line once. The send fails if there is no reader.
        let _ = self.sender.send(line);
    }

    /// Returns a new reader of the log, which gets the last 200 lines first and then each new one.
    pub(super) fn read(&self) -> LogReader {
        let kept = self.lock_kept();
        LogReader { kept: kept.clone(), receiver: self.sender.subscribe() }
    }

    /// Locks the kept lines of the log. No code panics while it holds this lock, so the value of a poisoned lock is
    /// consistent.
    fn lock_kept(&self) -> MutexGuard<'_, VecDeque<Arc<Value>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogReader {
    /// Waits for the next line of the log; `None` when the log has been dropped. A reader that is too slow misses the
    /// oldest lines.
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
    async fn reader_gets_kept_and_new_lines_once() {
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
