//! Ends the process if an input takes too much CPU time, or waits too long.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How often the watchdog looks.
const INTERVAL: Duration = Duration::from_millis(50);
/// How many times as long as it may compute an input may wait.
const WAIT_FACTOR: u32 = 12;
/// The number of the current input while no input is sent.
const NO_INPUT: u64 = u64::MAX;

/// Watches the current input of a process.
pub(super) struct Watchdog {
    current: Arc<Current>,
    /// When it is dropped, the watchdog ends.
    _end: mpsc::Sender<()>,
}

/// The current input.
struct Current {
    index: AtomicU64,
    /// The CPU time of the process when the input was sent, in nanoseconds.
    cpu_before: AtomicU64,
}

impl Watchdog {
    /// Starts to watch. `report` gets the number of the input that takes too long, and the reason; then the process ends.
    pub(super) fn start(max_cpu: Duration, report: impl Fn(u64, &str) + Send + 'static) -> Self {
        let current = Arc::new(Current { index: NO_INPUT.into(), cpu_before: 0.into() });
        let watched = Arc::clone(&current);
        let (end, ended) = mpsc::channel::<()>();
        thread::spawn(move || {
            let (mut last, mut since) = (NO_INPUT, Instant::now());
            while ended.recv_timeout(INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                let index = watched.index.load(Ordering::SeqCst);
                if index != last {
                    (last, since) = (index, Instant::now());
                }
                let cpu = cpu_time()
                    .saturating_sub(Duration::from_nanos(watched.cpu_before.load(Ordering::SeqCst)));
                let reason = if cpu > max_cpu {
                    "it takes too much CPU time"
                } else if since.elapsed() > max_cpu * WAIT_FACTOR {
                    "it waits without end"
                } else {
                    continue;
                };
                if index != NO_INPUT && watched.index.load(Ordering::SeqCst) == index {
                    report(index, reason);
                    process::exit(1);
                }
            }
        });
        Self { current, _end: end }
    }

    /// Starts to watch an input.
    pub(super) fn begin(&self, index: u64) {
        self.current.cpu_before.store(cpu_time().as_nanos() as u64, Ordering::SeqCst);
        self.current.index.store(index, Ordering::SeqCst);
    }

    /// Stops to watch the input.
    pub(super) fn end(&self) {
        self.current.index.store(NO_INPUT, Ordering::SeqCst);
    }
}

/// Returns the CPU time that this process has used.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
