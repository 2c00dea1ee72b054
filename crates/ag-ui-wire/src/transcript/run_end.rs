//! The end of a run: in success, with interrupts, cancelled, or failed.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::IdSource;
use super::calls::UnfinishedCall;
use super::writer::Transcript;
use crate::protocol::{Event, EventKind, JsonObject, RunOutcome, ToolCallId};

/// The result that a call gets if its run ends without one.
pub const UNANSWERED: &str = r#"{"error":"The run ended before this tool finished."}"#;

/// Why a run failed or was cancelled, in words that its user may read.
#[expect(clippy::exhaustive_structs, reason = "RUN_ERROR has these two members for it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunError {
    /// A stable code that programs can compare, such as `MODEL_THROTTLED`.
    pub code: &'static str,
    /// A fixed sentence that the user reads.
    pub message: &'static str,
}

impl<I: IdSource> Transcript<I> {
    /// Sets the `result` that RUN_FINISHED has if [`finish`](Self::finish) ends the run in success. A second call replaces
    /// the result of the first; `null` is no result. Every other ending has no result.
    pub fn set_result(&mut self, result: Value) {
        self.result = Some(result).filter(|result| !result.is_null());
    }

    /// Ends the run with a RUN_FINISHED, and returns the events that are still to be sent.
    ///
    /// Before RUN_FINISHED come, in this order:
    ///
    /// 1. the end of the open message, of open steps and of open calls;
    /// 2. the result [`UNANSWERED`] for each call that has no result and was neither deferred nor interrupted;
    /// 3. MESSAGES_SNAPSHOT, if the run sends one.
    ///
    /// The outcome is `interrupt` if [`interrupt`](Self::interrupt) was called, and `success` otherwise. `success` lists the
    /// calls that this run has deferred to the client. They are not listed with `interrupt`, nor for a client before 1.0,
    /// since the client finds them itself.
    pub fn finish(mut self) -> VecDeque<Event> {
        self.close_open();
        self.push_unanswered(self.calls.without_result());
        if self.is_interrupted() {
            let mut interrupts = std::mem::take(&mut self.interrupts);
            let order = self.calls.interrupted();
            interrupts.sort_by_key(|(call, _)| order.iter().position(|id| id == call));
            let interrupts = interrupts.into_iter().map(|(_, interrupt)| interrupt).collect();
            return self.end_finished(RunOutcome::Interrupt { interrupts }, None);
        }
        let pending_tool_call_ids = self.pending_calls();
        self.end_finished(RunOutcome::Success { pending_tool_call_ids }, None)
    }

    /// Ends the run as cancelled, and returns the events that are still to be sent.
    ///
    /// The last event is RUN_FINISHED with the outcome `cancelled`. Its metadata is `{"ag_ui_lambda": {"reason": code}}`,
    /// where `code` is the code of `reason`. For a client before 1.0 the last event is RUN_ERROR with the same metadata, and
    /// with the code and the sentence of `reason`. The events before it are the same as in [`fail`](Self::fail).
    pub fn cancel(mut self, reason: RunError) -> VecDeque<Event> {
        self.close_all();
        let metadata = JsonObject::from_iter([("ag_ui_lambda".into(), json!({ "reason": reason.code }))]);
        if self.knows_1_0() {
            self.end_finished(RunOutcome::Cancelled, Some(metadata))
        } else {
            self.end_failed(reason, Some(metadata))
        }
    }

    /// Ends the run with a RUN_ERROR, and returns the events that are still to be sent.
    ///
    /// Before RUN_ERROR come, in this order: the end of the open message, of open steps and of open calls; the result
    /// [`UNANSWERED`] for all calls but those that were deferred to the client, since the run does not end with its
    /// interrupts; and MESSAGES_SNAPSHOT, if the run sends one. If the client's copy of the state has predictions from
    /// a call that gets this result, the state without them comes before the result. A run that
    /// [answers interrupts](Self::answering_interrupts) gets a RUN_FINISHED right before RUN_ERROR.
    pub fn fail(mut self, error: RunError) -> VecDeque<Event> {
        self.close_all();
        self.result = None;
        self.end_failed(error, None)
    }

    /// Ends the open message, open steps and open calls, drops the run's interrupts, and returns all calls that have no
    /// result, except those that were deferred to the client.
    ///
    /// Call this right before [`cancel`](Self::cancel) or [`fail`](Self::fail), to send results of your own for these calls,
    /// such as signed ones. `cancel` and `fail` give the result [`UNANSWERED`] to each of them that still has none.
    pub fn take_unfinished(&mut self) -> Vec<UnfinishedCall> {
        self.close_open();
        self.interrupts.clear();
        self.calls.unfinished()
    }

    /// Queues MESSAGES_SNAPSHOT, if the run sends one, and then RUN_FINISHED. Returns all events that are still to be sent.
    fn end_finished(mut self, outcome: RunOutcome, metadata: Option<JsonObject>) -> VecDeque<Event> {
        self.push_messages_snapshot();
        self.push_run_finished(outcome, metadata);
        self.into_events()
    }

    /// Queues MESSAGES_SNAPSHOT, if the run sends one, RUN_FINISHED, if the run answers interrupts, and then RUN_ERROR.
    /// Returns all events that are still to be sent.
    fn end_failed(mut self, error: RunError, metadata: Option<JsonObject>) -> VecDeque<Event> {
        self.push_messages_snapshot();
        if self.answers_interrupts {
            let success = RunOutcome::Success { pending_tool_call_ids: self.pending_calls() };
            self.push_run_finished(success, None);
        }
        let kind = EventKind::RunError {
            message: error.message.into(),
            code: Some(error.code.into()),
            usage: std::mem::take(&mut self.usage),
        };
        self.push_with(kind, metadata);
        self.into_events()
    }

    /// Queues RUN_FINISHED. It reports the run's tokens, so that a RUN_ERROR after it reports none.
    fn push_run_finished(&mut self, outcome: RunOutcome, metadata: Option<JsonObject>) {
        let is_success = matches!(outcome, RunOutcome::Success { .. });
        let kind = EventKind::RunFinished {
            thread_id: self.thread_id.clone(),
            run_id: self.run_id.clone(),
            result: self.result.take().filter(|_| is_success),
            outcome: Some(outcome),
            usage: std::mem::take(&mut self.usage),
        };
        self.push_with(kind, metadata);
    }

    /// Returns the ids of the calls of this run that were deferred to the client, for RUN_FINISHED. The list is empty for a
    /// client before 1.0, which derives these calls itself.
    fn pending_calls(&self) -> Vec<ToolCallId> {
        if self.knows_1_0() { self.calls.deferred() } else { Vec::new() }
    }

    /// Ends the open message, steps and calls before a run is cancelled or fails, gives the result [`UNANSWERED`] to all
    /// calls that were not deferred to the client, and withdraws the predictions from these calls.
    ///
    /// Interrupted calls get this result too: the run does not end with its interrupts, so no answer to them could follow.
    fn close_all(&mut self) {
        self.close_open();
        self.interrupts.clear();
        self.push_unanswered(self.calls.without_result());
        self.push_unanswered(self.calls.interrupted());
        self.withdraw_predictions();
    }

    /// Queues the result [`UNANSWERED`] for each of these calls.
    fn push_unanswered(&mut self, calls: Vec<ToolCallId>) {
        for id in calls {
            self.push_result(id, UNANSWERED.into(), None);
        }
    }

    /// Ends the open message, the open steps and the open calls.
    fn close_open(&mut self) {
        self.close_open_message();
        self.close_steps();
        for call in self.calls.open_calls() {
            let _without_result = self.end_call(call);
        }
    }
}
