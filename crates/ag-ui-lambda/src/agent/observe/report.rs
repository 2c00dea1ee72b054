//! What the application learns of a run that has ended.

use std::time::Duration;

use crate::protocol::{RunId, ThreadId, TokenUsage};

/// How a run ended and what it has used, for the application's own records, such as quotas and bills.
///
/// The log line `run finished` has the same values. There is one report for each run that has started, whether it ended,
/// failed, was cancelled, or was cut because its reader went.
///
/// ```
/// use std::sync::Arc;
///
/// use ag_ui_lambda::agent::RunReport;
///
/// struct Caller {
///     org: String,
/// }
///
/// async fn after_run(caller: Arc<Caller>, report: RunReport) {
///     let tokens = report.usage.total();
///     println!("{} used {tokens} tokens in {} turns", caller.org, report.turns);
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunReport {
    /// The id of the conversation. The client has chosen it.
    pub thread_id: ThreadId,
    /// The id of the run. The client has chosen it, and may choose one twice.
    pub run_id: RunId,
    /// How the run ended.
    pub outcome: RunOutcome,
    /// The names of the models that began a turn, in the order in which they did, each once.
    pub models: Vec<String>,
    /// How many turns models were asked for.
    pub turns: u32,
    /// How many calls models made, of backend tools and of frontend tools.
    pub tool_calls: u64,
    /// The tokens that all models of the run used together. A number that no provider has reported is `None`. Most
    /// providers report at the end of a turn, so the tokens of a turn that was cut are often missing.
    pub usage: TokenUsage,
    /// The backend tools that ran, once for each call, in the order in which the calls ended.
    pub tools: Vec<ToolRun>,
    /// The time from the request to the first event that the reader took; `None` if it took none.
    pub time_to_first_event: Option<Duration>,
    /// The time from the request to the first text, reasoning or call of a model; `None` if there was none.
    pub time_to_first_token: Option<Duration>,
    /// The time from the request to the end of the run.
    pub duration: Duration,
}

/// One call of a backend tool that has run to its end, in a [`RunReport`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolRun {
    /// The name of the tool.
    pub tool: String,
    /// How long the call took.
    pub duration: Duration,
}

/// How a run ended, in the words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunOutcome {
    /// The answer is complete, or the client has to run frontend tools.
    Success,
    /// A call waits for a person.
    Interrupt,
    /// The run was cancelled, for a reason such as `MAX_TURNS`. The reason is `CLIENT_GONE` if its reader went.
    Cancelled(&'static str),
    /// The run failed with this code, such as `MODEL_THROTTLED`. The client reads it, too.
    Error(&'static str),
}

impl RunReport {
    /// Creates the report of a run that has ended and has used nothing. Tests of the application's own code begin with
    /// it and set the other fields. The server begins the report of each run with it, too.
    pub fn new(thread_id: ThreadId, run_id: RunId, outcome: RunOutcome) -> Self {
        Self {
            thread_id,
            run_id,
            outcome,
            models: Vec::new(),
            turns: 0,
            tool_calls: 0,
            usage: TokenUsage::default(),
            tools: Vec::new(),
            time_to_first_event: None,
            time_to_first_token: None,
            duration: Duration::ZERO,
        }
    }
}

impl ToolRun {
    /// Creates the record of a call of `tool` that took this long. The server creates one for each call that has run;
    /// tests of the application's own code may create others.
    pub fn new(tool: impl Into<String>, duration: Duration) -> Self {
        Self { tool: tool.into(), duration }
    }
}

impl RunOutcome {
    /// Returns the outcome as the log writes it: `success`, `interrupt`, `cancelled` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Interrupt => "interrupt",
            Self::Cancelled(_) => "cancelled",
            Self::Error(_) => "error",
        }
    }

    /// Returns why the run was cancelled; `None` for any other outcome.
    pub fn reason(self) -> Option<&'static str> {
        if let Self::Cancelled(reason) = self { Some(reason) } else { None }
    }

    /// Returns the code of the error; `None` if the run did not fail.
    pub fn code(self) -> Option<&'static str> {
        if let Self::Error(code) = self { Some(code) } else { None }
    }
}
