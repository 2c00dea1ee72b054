//! A child process: its end, its log, its memory and its processor time.
//!
//! This file knows nothing about Lambda. Memory and processor time are read from `/proc`, so only Linux has them.

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

/// How many lines of the log are kept. It is enough for any test, and keeps a function that logs forever from filling the
/// memory.
const MAX_LOG_LINES: usize = 10_000;
/// How long to read the outputs after the process has ended. All that it wrote is in the pipes then; only a process that it
/// started keeps them open for longer.
const LAST_LINES: Duration = Duration::from_millis(500);

/// A child process, running or ended. It is killed when this value is dropped.
pub(super) struct Process {
    /// The id of the process, which is valid while it runs.
    pub(super) pid: u32,
    /// The time just before it was started.
    pub(super) spawned: Instant,
    /// What the task that watches the process has found out.
    state: Arc<ProcessState>,
    /// The task that watches the process and owns it.
    _watch: JoinSet<()>,
}

/// What the watching task and the owner of the process share.
#[derive(Default)]
struct ProcessState {
    /// Asks the watching task to kill the process.
    kill: Notify,
    /// How the process ended: `status 1`, or the signal. It is set after the last line of the log.
    exit: SetOnce<String>,
    /// The last lines of both outputs, oldest first.
    logs: Mutex<VecDeque<String>>,
    /// Where each line is also sent as soon as it is written.
    lines: Option<UnboundedSender<String>>,
}

impl Process {
    /// Starts a child process, without standard input. If `lines` is given, each line that the process writes to its
    /// outputs is also sent there.
    pub(super) fn spawn(mut command: Command, lines: Option<UnboundedSender<String>>) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let spawned = Instant::now();
        let child = command.spawn()?;
        let pid = child.id().ok_or(io::ErrorKind::NotFound)?;
        let state = Arc::new(ProcessState { lines, ..ProcessState::default() });
        let mut tasks = JoinSet::new();
        tasks.spawn(watch_child(child, Arc::clone(&state)));
        Ok(Self { pid, spawned, state, _watch: tasks })
    }

    /// Whether the process has not ended yet.
    pub(super) fn is_running(&self) -> bool {
        !self.state.exit.initialized()
    }

    /// Waits until the process has ended, and returns how it ended, such as `status 1`.
    pub(super) async fn exit(&self) -> String {
        self.state.exit.wait().await.clone()
    }

    /// Kills the process and waits until it has ended.
    pub(super) async fn kill(&self) {
        self.state.kill.notify_one();
        self.state.exit.wait().await;
    }

    /// Returns the last lines (at most 10,000) that the process has written to its standard output and error, the oldest
    /// first.
    pub(super) fn logs(&self) -> Vec<String> {
        self.state.logs().iter().cloned().collect()
    }

    /// Returns the most memory that the process has used (peak resident set), in KiB; `None` if the process has ended.
    pub(super) fn peak_memory_kib(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running_pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }

    /// Returns the processor time of all living threads of the process; `None` if the process has ended.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.running_pid()?)).ok()?;
        let nanoseconds = threads.filter_map(|thread| {
            let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            schedstat.split_whitespace().next()?.parse::<u64>().ok()
        });
        Some(Duration::from_nanos(nanoseconds.sum()))
    }

    /// Returns the id of the process; `None` if it has ended, since another process may then have the same id.
    fn running_pid(&self) -> Option<u32> {
        self.is_running().then_some(self.pid)
    }
}

impl ProcessState {
    /// Locks the log lines of the process. No code panics while it holds this lock, so the value of a poisoned lock is
    /// consistent.
    fn logs(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line that the process has written to the log and sends it to `lines`. If the log is full, the oldest line is
    /// dropped.
    fn log(&self, line: String) {
        if let Some(lines) = &self.lines {
            // The receiver may be gone.
            let _ = lines.send(line.clone());
        }
        let mut logs = self.logs();
        if logs.len() == MAX_LOG_LINES {
            logs.pop_front();
        }
        logs.push_back(line);
    }
}

/// Runs until a child process has ended: reads its outputs into `state`, kills it when `state.kill` is notified, and sets
/// in `state` how it ended.
async fn watch_child(mut child: Child, state: Arc<ProcessState>) {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut reading = pin!(future::join(read_lines(stdout, &state), read_lines(stderr, &state)));
    let mut is_read = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            _ = &mut reading, if !is_read => is_read = true,
            // A process that cannot be killed has ended, and `wait` returns that.
            () = state.kill.notified() => drop(child.start_kill()),
        }
    };
    if !is_read {
        let _ = tokio::time::timeout(LAST_LINES, reading).await;
    }
    // It cannot be set already: this is the only place that sets it.
    let _ = state.exit.set(describe_exit(status));
}

/// Reads one output of the process, line by line, into the log in `state`, until the output ends.
async fn read_lines(output: Option<impl AsyncRead + Unpin>, state: &ProcessState) {
    let Some(output) = output else { return };
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    // By bytes: a line that is not UTF-8 must not end the log.
    while let Ok(1..) = output.read_until(b'\n', &mut line).await {
        state.log(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}

/// Describes how a process ended, such as `status 1`.
fn describe_exit(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match status.code() {
            Some(code) => format!("status {code}"),
            None => status.to_string(),
        },
        Err(error) => error.to_string(),
    }
}
