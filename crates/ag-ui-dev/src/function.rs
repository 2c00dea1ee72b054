//! The real function in a process of its own, with a Runtime API of its own.

use std::{ffi::OsStr, time::Duration};

use tokio::{process::Command, sync::mpsc::UnboundedSender, time::timeout};

use super::{
    answer::Answer,
    error::FunctionError,
    invocation::{Invocation, Payload},
    process::Process,
    runtime_api::RuntimeApi,
};

/// As many lines of the log as an error shows.
const LOG_TAIL_LINES: usize = 20;
/// A connection that broke is mostly a process that ended, which the system reports a little later.
const EXIT_AFTER_CLOSE: Duration = Duration::from_secs(1);

/// A function as Lambda runs it: spawned, fed through the Runtime API, killed when dropped.
///
/// Several events at once need a function that asks for work from several workers, which lambda_runtime
/// does when `AWS_LAMBDA_MAX_CONCURRENCY` is set; otherwise they queue.
pub struct Function {
    /// Where the function asks for work.
    api: RuntimeApi,
    /// The function.
    process: Process,
}

impl Function {
    /// Starts a Runtime API and, against it, `command`.
    ///
    /// Sets `AWS_LAMBDA_RUNTIME_API`, and of Lambda's other variables those that `command` does not name: the
    /// function's name, version and memory size, `_HANDLER` and `AWS_REGION`. The rest of the environment
    /// is left as it is; standard input is empty.
    ///
    /// # Errors
    /// [`FunctionError::Spawn`] when there is no port or no such program.
    pub async fn spawn(command: Command) -> Result<Self, FunctionError> {
        Self::start(command, None).await
    }

    /// As [`spawn`](Self::spawn); each line of the function's log also goes to `lines`, as soon as it is written.
    ///
    /// # Errors
    /// As for [`spawn`](Self::spawn).
    pub async fn spawn_with_log(
        command: Command,
        lines: UnboundedSender<String>,
    ) -> Result<Self, FunctionError> {
        Self::start(command, Some(lines)).await
    }

    async fn start(
        mut command: Command,
        lines: Option<UnboundedSender<String>>,
    ) -> Result<Self, FunctionError> {
        let api = RuntimeApi::start().await.map_err(FunctionError::Spawn)?;
        command.env("AWS_LAMBDA_RUNTIME_API", api.address().to_string());
        for (name, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", "ag-ui-dev"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("_HANDLER", "bootstrap"),
            ("AWS_REGION", "us-east-1"),
        ] {
            if command.as_std().get_envs().all(|(named, _)| named != OsStr::new(name)) {
                command.env(name, value);
            }
        }
        let process = Process::spawn(command, lines).map_err(FunctionError::Spawn)?;
        Ok(Self { api, process })
    }

    /// Waits until the function first asks for work; returns the time from spawn to then.
    ///
    /// # Errors
    /// [`FunctionError::Init`] when it reports that it cannot start, [`FunctionError::Exited`] when it ends
    /// without a word, [`FunctionError::NotReady`] after `limit`.
    pub async fn ready(&self, limit: Duration) -> Result<Duration, FunctionError> {
        tokio::select! {
            biased;
            asked = self.api.first_ask() => Ok(asked.saturating_duration_since(self.process.spawned)),
            failure = self.api.init_failure() => Err(FunctionError::Init(failure)),
            status = self.process.exit() => Err(self.exited(status, "asked for work")),
            () = tokio::time::sleep(limit) => Err(FunctionError::NotReady { waited: limit, log: self.log_tail() }),
        }
    }

    /// Hands `event` to the function and returns its answer as soon as that has a head.
    ///
    /// The deadline is 300 s away. It is told to the function and not enforced: a caller that fears a
    /// function that hangs puts a time-out around this call.
    ///
    /// # Errors
    /// [`FunctionError::Failed`] when the function reports an error, [`FunctionError::Exited`] when it ends
    /// before it answers, [`FunctionError::Closed`] and [`FunctionError::Malformed`] when the answer has no
    /// valid head.
    pub async fn invoke(&self, event: impl Into<Payload>) -> Result<Answer, FunctionError> {
        self.invoke_with(event, Invocation::default()).await
    }

    /// As [`invoke`](Self::invoke), with a deadline and a trace of the caller's choice.
    ///
    /// # Errors
    /// As for [`invoke`](Self::invoke).
    pub async fn invoke_with(
        &self,
        event: impl Into<Payload>,
        invocation: Invocation,
    ) -> Result<Answer, FunctionError> {
        let answer = tokio::select! {
            biased;
            answer = self.api.invoke(event.into(), invocation) => answer,
            status = self.process.exit() => return Err(self.exited(status, "answered")),
        };
        if let Err(FunctionError::Closed) = answer
            && let Ok(status) = timeout(EXIT_AFTER_CLOSE, self.process.exit()).await
        {
            return Err(self.exited(status, "answered"));
        }
        answer
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Whether the process has not ended yet.
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Kills the process and waits for its end.
    pub async fn kill(&self) {
        self.process.kill().await;
    }

    /// What the function has written to its two outputs so far, by lines: the last 10,000.
    pub fn logs(&self) -> Vec<String> {
        self.process.logs()
    }

    /// The most memory that the process has had resident, in KiB; `None` once it has ended.
    ///
    /// Source: `VmHWM` of `/proc/<pid>/status`.
    pub fn peak_memory_kib(&self) -> Option<u64> {
        self.process.peak_memory_kib()
    }

    /// The processor time of all its threads that still live, to the nanosecond; `None` once it has ended.
    ///
    /// Source: the first figure of `/proc/<pid>/task/*/schedstat`. A thread that is running at this moment
    /// counts up to its last scheduler tick, so ask when the function is idle.
    pub fn cpu_time(&self) -> Option<Duration> {
        self.process.cpu_time()
    }

    fn exited(&self, status: String, before: &'static str) -> FunctionError {
        FunctionError::Exited { status, before, log: self.log_tail() }
    }

    fn log_tail(&self) -> String {
        let logs = self.logs();
        match &logs[logs.len().saturating_sub(LOG_TAIL_LINES)..] {
            [] => "its log is empty".to_owned(),
            tail => format!("its log ends:\n  {}", tail.join("\n  ")),
        }
    }
}
