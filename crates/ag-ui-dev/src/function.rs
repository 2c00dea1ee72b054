//! The real program of a function, in a process of its own and with a Runtime API of its own.

use std::{ffi::OsStr, time::Duration};

use tokio::{process::Command, sync::mpsc::UnboundedSender, time::timeout};

use super::{
    error::FunctionError,
    function_response::FunctionResponse,
    invocation::{Invocation, Payload},
    process::Process,
    runtime_api::RuntimeApi,
};

/// How many lines of the log an error shows.
const LOG_TAIL_LINES: usize = 20;
/// How long to wait for the end of the process after its connection was closed. The system often reports the end a little
/// later than the closed connection.
const EXIT_AFTER_CLOSE: Duration = Duration::from_secs(1);

/// The process of a function, which gets its events from a Runtime API as on Lambda. It is killed when this value is dropped.
///
/// Events wait in a queue while the function handles another one. A function that polls with several workers handles several
/// events at once; lambda_runtime does so if `AWS_LAMBDA_MAX_CONCURRENCY` is set.
pub struct Function {
    /// The Runtime API that the function polls.
    api: RuntimeApi,
    /// The process of the function.
    process: Process,
}

impl Function {
    /// Starts a Runtime API, and then `command` as a function that uses it.
    ///
    /// This sets `AWS_LAMBDA_RUNTIME_API`, and those of Lambda's other variables that `command` does not set: the
    /// function's name, version and memory size, `_HANDLER` and `AWS_REGION`. The rest of the environment stays as it is,
    /// and the standard input is empty.
    ///
    /// # Errors
    /// [`FunctionError::Spawn`] if there is no free port or if the program cannot be started.
    pub async fn spawn(command: Command) -> Result<Self, FunctionError> {
        Self::start(command, None).await
    }

    /// Starts a function as [`spawn`](Self::spawn) does, and also sends each line of its log to `lines` as soon as the
    /// function has written it. The development server starts its function so, to show the log.
    ///
    /// # Errors
    /// The same as for [`spawn`](Self::spawn).
    pub async fn spawn_with_log(
        command: Command,
        lines: UnboundedSender<String>,
    ) -> Result<Self, FunctionError> {
        Self::start(command, Some(lines)).await
    }

    /// Starts the Runtime API and the process of the function. If `lines` is given, each line of the log is also sent
    /// there.
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

    /// Waits until the function first polls for an event, which shows that it has started. Returns the time from the start
    /// of the process to this poll.
    ///
    /// # Errors
    /// [`FunctionError::Init`] if the function reports that it cannot start, [`FunctionError::Exited`] if its process ends
    /// before the poll, and [`FunctionError::NotReady`] if there is no poll within `limit`.
    pub async fn ready(&self, limit: Duration) -> Result<Duration, FunctionError> {
        tokio::select! {
            biased;
            polled = self.api.first_poll() => Ok(polled.saturating_duration_since(self.process.spawned)),
            error = self.api.init_error() => Err(FunctionError::Init(error)),
            status = self.process.exit() => Err(self.exited(status, "asked for work")),
            () = tokio::time::sleep(limit) => Err(FunctionError::NotReady { waited: limit, log: self.log_tail() }),
        }
    }

    /// Sends `event` to the function, and returns its response as soon as the status and the headers were read. The body
    /// can then be read while the function writes it.
    ///
    /// The deadline is 300 s from now. The function is informed of it, but nothing stops the function then: put a timeout
    /// around this call if the function may hang.
    ///
    /// # Errors
    /// [`FunctionError::Failed`] if the function reports an error, [`FunctionError::Exited`] if its process ends before it
    /// responds, [`FunctionError::Closed`] and [`FunctionError::Malformed`] if the response has no valid head.
    pub async fn invoke(&self, event: impl Into<Payload>) -> Result<FunctionResponse, FunctionError> {
        self.invoke_with(event, Invocation::default()).await
    }

    /// Sends `event` as [`invoke`](Self::invoke) does. `invocation` sets the deadline, the trace header and the ids that
    /// the function receives with the event.
    ///
    /// # Errors
    /// The same as for [`invoke`](Self::invoke).
    pub async fn invoke_with(
        &self,
        event: impl Into<Payload>,
        invocation: Invocation,
    ) -> Result<FunctionResponse, FunctionError> {
        let response = tokio::select! {
            biased;
            response = self.api.invoke(event.into(), invocation) => response,
            status = self.process.exit() => return Err(self.exited(status, "answered")),
        };
        if let Err(FunctionError::Closed) = response
            && let Ok(status) = timeout(EXIT_AFTER_CLOSE, self.process.exit()).await
        {
            return Err(self.exited(status, "answered"));
        }
        response
    }

    /// Returns the id of the function's process, which is valid while the process runs. The development server sends
    /// signals to the process to freeze it.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Whether the function's process has not ended yet.
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// Kills the function's process and waits until it has ended.
    pub async fn kill(&self) {
        self.process.kill().await;
    }

    /// Returns the last 10,000 lines that the function has written to its standard output and error.
    pub fn logs(&self) -> Vec<String> {
        self.process.logs()
    }

    /// Returns the most memory that the process has used so far (its peak resident set), in KiB; `None` if the process has
    /// ended. The benchmark of the overhead reports this number.
    ///
    /// Source: `VmHWM` of `/proc/<pid>/status`.
    pub fn peak_memory_kib(&self) -> Option<u64> {
        self.process.peak_memory_kib()
    }

    /// Returns the processor time of all threads that still live, to the nanosecond; `None` if the process has ended.
    /// The benchmark of the overhead compares the time before and after events.
    ///
    /// Call this while the function is idle: the time of a running thread is counted up to its last scheduler tick.
    ///
    /// Source: the first number of `/proc/<pid>/task/*/schedstat`.
    pub fn cpu_time(&self) -> Option<Duration> {
        self.process.cpu_time()
    }

    /// Creates the error for a process that ended too early. `before` is what the function had not done yet, such as
    /// `answered`.
    fn exited(&self, status: String, before: &'static str) -> FunctionError {
        FunctionError::Exited { status, before, log: self.log_tail() }
    }

    /// Returns the last 20 lines of the function's log, with an introduction, for the text of an error.
    fn log_tail(&self) -> String {
        let logs = self.logs();
        match &logs[logs.len().saturating_sub(LOG_TAIL_LINES)..] {
            [] => "its log is empty".to_owned(),
            tail => format!("its log ends:\n  {}", tail.join("\n  ")),
        }
    }
}

#[cfg(test)]
mod tests;
