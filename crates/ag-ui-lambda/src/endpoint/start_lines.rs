//! What an operator reads in the log when an endpoint is built: what a panic costs in this build, and what callers may do about
//! whom nothing is proven.
//!
//! A panic of a tool or of a model is caught and becomes an event of its run. With `panic = "abort"` nothing can be caught.
//! The build then looks the same, and the difference shows only when something panics, so a warning says it at start.

use tracing::{info, warn};

use super::Endpoint;
use super::anonymous::AnonymousTools;
use crate::log_events::{ANONYMOUS_CLOSED, ANONYMOUS_TOOLS, PANIC_ABORTS};

/// What it costs.
const COST: &str =
    "every run of the process stops with it, and the clients see a cut stream without a final event";

/// What to do about it.
const REMEDY: &str = "set panic = \"unwind\" in the release profile of the package that is built; some build tools choose \
    \"abort\" if the package names nothing";

/// What opens the tools that are closed to anonymous callers.
const HOW_TO_OPEN: &str =
    "anonymous callers are one user to this server; authenticate users, or set AGUI_ANONYMOUS_APPROVALS=1";

/// Logs the lines. The builder calls it once for each endpoint.
pub(super) fn log_start<C: Send + Sync + 'static>(endpoint: &Endpoint<C>) {
    warn_of_abort(cfg!(panic = "abort"));
    log_anonymous_tools(endpoint);
}

/// Logs which tools anonymous callers may call, and which are closed to them because nobody can be asked about their calls.
/// It calls the application's mapping once, so it logs nothing in a build in which a panic of the mapping ends the process.
fn log_anonymous_tools<C: Send + Sync + 'static>(endpoint: &Endpoint<C>) {
    if cfg!(panic = "abort") {
        return;
    }
    let AnonymousTools { open, without_approver } = endpoint.tools_of_anonymous_caller();
    info!(tools = Vec::from_iter(open).join(" "), "{ANONYMOUS_TOOLS}");
    if !without_approver.is_empty() {
        let tools = Vec::from_iter(without_approver).join(" ");
        info!(tools, reason = HOW_TO_OPEN, "{ANONYMOUS_CLOSED}");
    }
}

/// Logs a warning if a panic ends this process. `aborts` is `cfg!(panic = "abort")`.
fn warn_of_abort(aborts: bool) {
    if aborts {
        warn!(cost = COST, remedy = REMEDY, "{PANIC_ABORTS}");
    }
}

#[cfg(test)]
#[cfg(feature = "lambda")]
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
