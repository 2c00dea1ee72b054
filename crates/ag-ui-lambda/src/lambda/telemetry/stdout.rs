//! Writes log lines to stdout, which may be slow, full or closed, without ever blocking a run for long.
//!
//! This process has one thread, so a write that blocks would stop every run in it. A line that stdout does not accept is
//! therefore kept in memory and written before the next line. Lines are lost only if this backlog is full; they are
//! counted, and one line with their number is written in their place.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a line waits for stdout, the first time that stdout is full. Lines after it do not wait until stdout takes
/// bytes again.
const MAX_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
/// How long these later lines wait.
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The bytes that a pipe takes without blocking if it is ready (`PIPE_BUF` on Linux).
const CHUNK_BYTES: usize = 4096;

/// The most bytes that are kept while stdout is full: thousands of lines.
const MAX_BACKLOG_BYTES: usize = 1024 * 1024;

/// The backlog of this process, which has one stdout.
static BACKLOG: Mutex<Backlog> = Mutex::new(Backlog { bytes: VecDeque::new(), lost: 0, is_stuck: false });

/// The writer of log lines. One write is one line.
pub(super) struct Stdout<N> {
    /// Returns the line that is written in place of lost lines. Its argument is their number.
    pub(super) lost_lines: N,
}

impl<N: Fn(u64) -> String> Write for Stdout<N> {
    /// Writes a line, or keeps it in the backlog until stdout accepts it. It always reports the complete line as
    /// written, and never fails.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut backlog = BACKLOG.lock().unwrap_or_else(PoisonError::into_inner);
        backlog.write(line, &self.lost_lines, &mut Pipe(io::stdout()));
        Ok(line.len())
    }

    /// Does nothing, because each write is passed on at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A destination of bytes that may block.
trait Sink {
    /// Whether [`CHUNK_BYTES`] can be written without blocking. If they cannot, waits until they can, for at most
    /// `wait`.
    fn is_ready(&self, wait: &Timespec) -> bool;

    /// Writes all of `bytes`, which are at most [`CHUNK_BYTES`].
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// The stdout of this process.
struct Pipe(io::Stdout);

impl Sink for Pipe {
    /// Polls the descriptor of stdout. An error counts as not ready.
    fn is_ready(&self, wait: &Timespec) -> bool {
        let mut descriptors = [PollFd::new(&self.0, PollFlags::OUT)];
        poll(&mut descriptors, Some(wait)).is_ok_and(|ready| ready > 0)
    }

    /// Writes the bytes to stdout and flushes it.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).and_then(|()| self.0.flush())
    }
}

/// The lines that stdout has not taken yet, in their order.
struct Backlog {
    /// What is left to write. The first line may be written in part.
    bytes: VecDeque<u8>,
    /// How many lines were lost after those in `bytes`.
    lost: u64,
    /// Whether the last attempt to write found stdout full.
    is_stuck: bool,
}

impl Backlog {
    /// Adds a line to the backlog and writes as much of the backlog as `sink` accepts. If the backlog is full, the
    /// line is lost and counted. `lost_lines` returns the line that replaces lost lines; its argument is their
    /// number.
    fn write(&mut self, line: &[u8], lost_lines: impl Fn(u64) -> String, sink: &mut impl Sink) {
        self.write_backlog(sink);
        if self.bytes.len() + line.len() > MAX_BACKLOG_BYTES {
            self.lost += 1;
            return;
        }
        if self.lost > 0 {
            self.bytes.extend(lost_lines(std::mem::take(&mut self.lost)).as_bytes());
        }
        self.bytes.extend(line);
        self.write_backlog(sink);
    }

    /// Writes the backlog in chunks until it is empty or `sink` is full. A chunk that `sink` fails to write is
    /// dropped.
    fn write_backlog(&mut self, sink: &mut impl Sink) {
        while !self.bytes.is_empty() {
            let wait = if self.is_stuck { NO_WAIT } else { MAX_WAIT };
            self.is_stuck = !sink.is_ready(&wait);
            if self.is_stuck {
                return;
            }
            let chunk: Vec<u8> = self.bytes.drain(..self.bytes.len().min(CHUNK_BYTES)).collect();
            // A write fails if stdout is closed. Then there is nowhere to report anything.
            let _closed = sink.write_all(&chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A pipe that takes so many chunks.
    #[derive(Default)]
    struct FakePipe {
        free_chunks: usize,
        written: Vec<u8>,
        /// How often it was full and waited for.
        waits: Cell<u32>,
    }

    impl Sink for FakePipe {
        fn is_ready(&self, wait: &Timespec) -> bool {
            if self.free_chunks == 0 && *wait != NO_WAIT {
                self.waits.set(self.waits.get() + 1);
            }
            self.free_chunks > 0
        }

        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            assert!(bytes.len() <= CHUNK_BYTES, "more bytes could block");
            self.free_chunks -= 1;
            self.written.extend(bytes);
            Ok(())
        }
    }

    fn empty_backlog() -> Backlog {
        Backlog { bytes: VecDeque::new(), lost: 0, is_stuck: false }
    }

    fn lost_lines(lost: u64) -> String {
        format!("[{lost} lost]")
    }

    #[test]
    fn lines_wait_for_a_full_pipe_in_their_order() {
        let (mut backlog, mut pipe) = (empty_backlog(), FakePipe::default());
        for line in ["a", "b", "c"] {
            backlog.write(line.as_bytes(), lost_lines, &mut pipe);
        }
        assert_eq!((pipe.written.as_slice(), pipe.waits.get()), (&b""[..], 1), "only the first line waits");

        pipe.free_chunks = 10;
        backlog.write(b"d", lost_lines, &mut pipe);
        assert_eq!(pipe.written, b"abcd");
    }

    #[test]
    fn long_line_is_written_in_chunks_that_do_not_block() {
        let (mut backlog, mut pipe) = (empty_backlog(), FakePipe { free_chunks: 1, ..FakePipe::default() });
        let line = [b'x'; CHUNK_BYTES + 1];

        backlog.write(&line, lost_lines, &mut pipe);
        assert_eq!(pipe.written.len(), CHUNK_BYTES);

        pipe.free_chunks = 1;
        backlog.write(b"", lost_lines, &mut pipe);
        assert_eq!(pipe.written, line);
    }

    #[test]
    fn lost_lines_are_counted_in_their_place() {
        let (mut backlog, mut pipe) = (empty_backlog(), FakePipe::default());
        let line = vec![b'x'; MAX_BACKLOG_BYTES];
        backlog.write(&line, lost_lines, &mut pipe);
        for _ in 0..3 {
            backlog.write(b"lost", lost_lines, &mut pipe);
        }

        pipe.free_chunks = usize::MAX;
        backlog.write(b"next", lost_lines, &mut pipe);

        assert_eq!(&pipe.written[..MAX_BACKLOG_BYTES], line);
        assert_eq!(&pipe.written[MAX_BACKLOG_BYTES..], b"[3 lost]next");
    }
}
