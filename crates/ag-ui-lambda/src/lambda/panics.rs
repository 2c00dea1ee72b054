//! Warns of a build in which a panic ends the process.
//!
//! A panic of a tool or of a model is caught and becomes an event of its run. With `panic = "abort"` nothing can be caught.
//! The build then looks the same, and the difference shows only when something panics, so the function says it at start.

use tracing::warn;

use crate::log_events::PANIC_ABORTS;

/// What it costs.
const COST: &str =
    "every run of the process stops with it, and the clients see a cut stream without a final event";

/// What to do about it.
const REMEDY: &str = "set panic = \"unwind\" in the release profile of the package that is built; cargo-lambda chooses \
    \"abort\" if the package names nothing";

/// Logs a warning if a panic ends this process. `aborts` is `cfg!(panic = "abort")`. A function calls it once, at start.
pub(super) fn warn_of_abort(aborts: bool) {
    if aborts {
        warn!(cost = COST, remedy = REMEDY, "{PANIC_ABORTS}");
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use lambda_runtime::tracing::subscriber::fmt;

    use super::*;

    /// The log lines of a test.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_build_that_aborts_is_warned_of() {
        for (aborts, expected) in [(true, 1), (false, 0)] {
            let lines = Lines::default();
            let writer = lines.clone();
            let subscriber = fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
            tracing::subscriber::with_default(subscriber, || warn_of_abort(aborts));

            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.matches(PANIC_ABORTS).count(), expected, "{text}");
            assert_eq!(text.matches("WARN").count(), expected, "{text}");
        }
    }
}
