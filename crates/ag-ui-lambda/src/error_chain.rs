//! An error and its causes in one line, for the log only: it may contain what a client must not read.

use std::error::Error;

/// Returns the message of an error and the messages of all its sources, separated by `: `. It is for log lines only,
/// because a source may contain what a client must not read.
pub(crate) fn error_chain(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
