//! A child process under watch: its end, its log, its memory and its time.
//!
//! Knows nothing of Lambda. Memory and time are read from `/proc`, so they are there on Linux only.

use std::{
    collections::VecDeque,
    fs, io,
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::{Notify, SetOnce, mpsc::UnboundedSender},
    task::JoinSet,
};

/// Enough for any test; a function that logs for ever does not fill the memory.
const MAX_LOG_LINES: usize = 10_000;
/// What was written before the end is in the pipes by then. Only a grandchild keeps them open longer.
const LAST_LINES: Duration = Duration::from_millis(500);

/// A running or ended child. It is killed when this value is dropped.
pub(super) struct Process {
    /// Its process id, valid while it runs.
    pub(super) pid: u32,
    /// When it was about to be spawned.
    pub(super) spawned: Instant,
    /// What the watch has seen.
    seen: Arc<Seen>,
    /// Owns the child.
    _watch: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// Asks the watch to kill the child.
    kill: Notify,
    /// `status 1` or the signal, after the last log line.
    exit: SetOnce<String>,
    /// The last lines of both outputs, oldest first.
    logs: Mutex<VecDeque<String>>,
    /// Who reads each line as it is written.
    lines: Option<UnboundedSender<String>>,
}

impl Process {
    /// Starts a process. Each line of its outputs also goes to `lines`, as soon as it is written.
    pub(super) fn spawn(mut command: Command, lines: Option<UnboundedSender<String>>) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let spawned = Instant::now();
        let child = command.spawn()?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        let seen = Arc::new(Seen { lines, ..Seen::default() });
        let mut tasks = JoinSet::new();
        tasks.spawn(watch(child, Arc::clone(&seen)));
        Ok(Self { pid, spawned, seen, _watch: tasks })
    }

    pub(super) fn is_running(&self) -> bool {
        !self.seen.exit.initialized()
    }

    /// Resolves when the process has ended, with how it did.
    pub(super) async fn exit(&self) -> String {
        self.seen.exit.wait().await.clone()
    }

    pub(super) async fn kill(&self) {
        self.seen.kill.notify_one();
        self.seen.exit.wait().await;
    }

    pub(super) fn logs(&self) -> Vec<String> {
        self.seen.logs().iter().cloned().collect()
    }

    pub(super) fn peak_memory_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.alive()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    pub(super) fn cpu_time(&self) -> Option<Duration> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.alive()?)).ok()?;
        let nanoseconds = threads.filter_map(|thread| {
            let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            schedstat.split_whitespace().next()?.parse::<u64>().ok()
        });
        Some(Duration::from_nanos(nanoseconds.sum()))
    }

    /// After the end the id may be another process's.
    fn alive(&self) -> Option<u32> {
        self.is_running().then_some(self.pid)
    }
}

impl Seen {
    /// No panic happens under this lock, so a poisoned one is whole.
    fn logs(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, line: String) {
        if let Some(lines) = &self.lines {
            // Nobody may read any more.
            let _ = lines.send(line.clone());
        }
        let mut logs = self.logs();
        if logs.len() == MAX_LOG_LINES {
            logs.pop_front();
        }
        logs.push_back(line);
    }
}

async fn watch(mut child: Child, seen: Arc<Seen>) {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut reading = pin!(future::join(read(stdout, &seen), read(stderr, &seen)));
    let mut is_read = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            _ = &mut reading, if !is_read => is_read = true,
            // A child that cannot be killed has ended, and `wait` says so.
            () = seen.kill.notified() => drop(child.start_kill()),
        }
    };
    if !is_read {
        let _ = tokio::time::timeout(LAST_LINES, reading).await;
    }
    // Set once: this is the only place.
    let _ = seen.exit.set(describe(status));
}

async fn read(output: Option<impl AsyncRead + Unpin>, seen: &Seen) {
    let Some(output) = output else { return };
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    // By bytes: a line that is not UTF-8 must not end the log.
    while let Ok(1..) = output.read_until(b'\n', &mut line).await {
        seen.log(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}

fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match status.code() {
            Some(code) => format!("status {code}"),
            None => status.to_string(),
        },
        Err(error) => error.to_string(),
    }
}
