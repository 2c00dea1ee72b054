//! An error and its causes in one line, for the log and for nobody else.

use std::error::Error;

/// `what: because of this: because of that`
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
