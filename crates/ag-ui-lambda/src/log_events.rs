//! Messages of the log lines that others depend on: metrics, metric filters, alarms, dashboards and the documentation.
//!
//! Each message is written here once. The code that logs the line uses the constant, and so does
//! `lambda::telemetry::metrics`, which makes metrics of some of these lines. To reword one is a breaking change for
//! operators: their alarms and queries match the old text and would find nothing any more. The messages of all other
//! lines are for people to read and may be reworded.

/// A run has ended, however it ended. Once for each run. Measured as `Runs`, `Failures` and what the run used; the
/// alarms of `deploy/alarms.yaml` count it.
pub(crate) const RUN_FINISHED: &str = "run finished";

/// A call of a backend tool has ended. Once for each call that ran. Measured as `ToolLatency`.
pub(crate) const TOOL_RAN: &str = "tool ran";

/// A request got an HTTP status and no run. Measured as `Refusals`.
pub(crate) const REQUEST_REFUSED: &str = "request refused";

/// A call of a tool was allowed or not. The audit line of a call.
pub(crate) const TOOL_AUTHORIZATION: &str = "tool authorization";

/// The history has results that this server has not signed for this caller and thread. The model reads a sentence in place of
/// each. Once for each run with such results.
pub(crate) const RESULTS_NOT_VERIFIED: &str = "results could not be verified";

/// The oldest turns of a conversation were left out of a request, because it is too long for the model or for a limit.
pub(crate) const CONVERSATION_COMPACTED: &str = "conversation compacted";

/// A tool is not offered to the model, because this caller may not use it.
pub(crate) const TOOL_WITHHELD: &str = "tool withheld";

/// Which tools a caller may call about whom nothing is proven. Once for each endpoint, at start.
pub(crate) const ANONYMOUS_TOOLS: &str = "tools for anonymous callers";

/// Users are admitted by their JWT. The line has the issuer and the audience. Once for each endpoint that is built from the
/// settings, at start.
#[cfg(feature = "lambda")]
pub(crate) const JWT_ADMITS: &str = "users are admitted by their JWT";

/// Which tools are closed to anonymous callers, because their calls may wait for a person. Once for each endpoint,
/// at start, if there are any.
pub(crate) const ANONYMOUS_CLOSED: &str = "tools that wait for a person are closed to anonymous callers";

/// A model's turn failed. The line has the cause.
pub(crate) const MODEL_FAILED: &str = "model failed";

/// A tool returned an error. The line has the cause.
pub(crate) const TOOL_FAILED: &str = "tool failed";

/// A tool refused a call and gave a cause, which the line has.
pub(crate) const TOOL_REFUSED: &str = "tool refused";

/// The replay store, which remembers used approvals, could not be read or written. The line has the cause.
pub(crate) const REPLAY_STORE_FAILED: &str = "the store of used approvals failed";

/// The store of budgets could not reserve or settle the tokens of a run. The run goes on without its budgets. The line has the
/// cause.
pub(crate) const BUDGET_STORE_FAILED: &str = "the store of budgets failed";

/// A step of a rotation failed. The line has the cause.
#[cfg(feature = "lambda")]
pub(crate) const ROTATION_FAILED: &str = "rotation failed";

/// The function ended before it served, or could not go on serving. The line has the cause.
#[cfg(feature = "lambda")]
pub(crate) const CANNOT_SERVE: &str = "the function cannot serve";

/// Lines were lost, because stdout was full for long. The line has their number.
#[cfg(feature = "lambda")]
pub(crate) const LINES_LOST: &str = "log lines were lost";

/// The program was built so that a panic ends the process. Once for each endpoint, at start.
pub(crate) const PANIC_ABORTS: &str = "a panic of one tool will end this process";

#[cfg(all(test, feature = "lambda"))]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Fails if a message is reworded here and not in what operators read.
    #[test]
    fn every_message_is_documented() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let pages: String = fs::read_dir(docs)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        for message in [
            RUN_FINISHED,
            TOOL_RAN,
            REQUEST_REFUSED,
            TOOL_AUTHORIZATION,
            RESULTS_NOT_VERIFIED,
            CONVERSATION_COMPACTED,
            TOOL_WITHHELD,
            ANONYMOUS_TOOLS,
            ANONYMOUS_CLOSED,
            JWT_ADMITS,
            MODEL_FAILED,
            TOOL_FAILED,
            TOOL_REFUSED,
            REPLAY_STORE_FAILED,
            BUDGET_STORE_FAILED,
            ROTATION_FAILED,
            CANNOT_SERVE,
            LINES_LOST,
            PANIC_ABORTS,
        ] {
            assert!(
                pages.contains(&format!("`{message}`")),
                "no page of docs/ describes the line `{message}`"
            );
        }
    }
}
