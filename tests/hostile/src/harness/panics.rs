//! Records every panic of the process, whether it is caught or not.

use std::backtrace::Backtrace;
use std::panic;
use std::sync::{Mutex, PoisonError};

/// The first panic that was not taken yet.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Records panics from now on, with the calls that led to them if `has_backtrace` is set: to find their names takes 100 MB.
pub(super) fn record(has_backtrace: bool) {
    panic::set_hook(Box::new(move |info| {
        let calls = if has_backtrace { own_frames(&Backtrace::force_capture()) } else { String::new() };
        let mut recorded = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.get_or_insert_with(|| format!("a panic: {info}\n{calls}"));
    }));
}

/// Returns the panic that was recorded, and forgets it.
pub(super) fn take() -> Option<String> {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Returns the lines of a backtrace that name a file of this repository.
fn own_frames(backtrace: &Backtrace) -> String {
    let text = backtrace.to_string();
    let own = text.lines().filter(|line| line.contains("at ./") || line.contains("/crates/ag-ui-"));
    own.take(12).collect::<Vec<_>>().join("\n")
}
