//! What changes during a run: the events on their way to the client, and the number of turns and calls.

use futures_util::stream::FuturesUnordered;

use super::limits::TurnBudget;
use super::stream::EventSender;
use super::tool_events::ToolEventPump;
use crate::agent::observe::recorder::ModelCallRecorder;
use crate::protocol::TokenUsage;
use crate::transcript::{IdSource, Transcript};

/// What changes between the first event of a run and its last. What does not change is in
/// [`RunContext`](super::context::RunContext).
pub(crate) struct RunIo<S> {
    /// Writes the events of the run, in a valid order.
    pub(crate) transcript: Transcript<S>,
    /// Sends the events to the reader of the stream.
    pub(crate) events: EventSender,
    /// Receives what tools emit.
    pub(crate) tool_events: ToolEventPump,
    /// Counts the turns and calls against the limits.
    pub(crate) budget: TurnBudget,
}

impl<S: IdSource> RunIo<S> {
    /// Sends the events that the transcript has queued, and waits while the reader of the stream is slow.
    pub(crate) async fn flush(&mut self) {
        self.events.flush(&mut self.transcript).await;
    }

    /// Waits until one of the `running` calls completes, and returns the output; `None` if no call is left. The events
    /// that tools emit in the meantime are sent at once.
    pub(crate) async fn next_result<F: Future>(
        &mut self,
        running: &mut FuturesUnordered<F>,
    ) -> Option<F::Output> {
        self.tool_events.next_result(running, &mut self.transcript, &self.events).await
    }

    /// Adds tokens that a model has used to the usage that the client gets at the end of the run, and to `call`, the
    /// recorder of the request.
    pub(crate) fn add_usage(&mut self, usage: &TokenUsage, call: &mut ModelCallRecorder<'_>) {
        self.transcript.add_usage(usage);
        call.add_usage(usage);
    }
}
