//! stdout, which may be slow, full or shut: a line that nobody takes is lost, and no run waits for it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Where lines go. One write is one line.
pub(super) struct Output;

/// How long a line waits for a reader that is behind, once. Lines after a lost one don't wait until stdout takes
/// one again.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
const NONE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

impl Output {
    /// Whether stdout takes a line now: a pipe that does takes at least 4 KiB without a wait.
    fn is_ready(stdout: &io::Stdout) -> bool {
        static IS_STUCK: AtomicBool = AtomicBool::new(false);
        let patience = if IS_STUCK.load(Ordering::Relaxed) { &NONE } else { &PATIENCE };
        let mut descriptors = [PollFd::new(stdout, PollFlags::OUT)];
        let is_ready = poll(&mut descriptors, Some(patience)).is_ok_and(|ready| ready > 0);
        IS_STUCK.store(!is_ready, Ordering::Relaxed);
        is_ready
    }
}

impl Write for Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut stdout = io::stdout();
        if Self::is_ready(&stdout) {
            // There is nobody to tell of a failure.
            let _lost = stdout.write_all(line).and_then(|()| stdout.flush());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
