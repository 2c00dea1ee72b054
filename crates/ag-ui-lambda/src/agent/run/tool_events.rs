//! Passes on what tools emit while they run, in the order in which it was emitted.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::stream::EventSender;
use crate::tool::{Envelope, ToolEvent, ToolEventReceiver};
use crate::transcript::{Activity, IdSource, OpenStep, Transcript};

/// Receives the events of the tools of a run and writes them to the transcript.
pub(crate) struct ToolEventPump {
    receiver: ToolEventReceiver,
    /// The steps that have started and not finished.
    steps: HashMap<u64, OpenStep>,
    activities: HashMap<u64, Activity>,
}

impl ToolEventPump {
    /// Creates a pump that reads the events of a run's tools from this receiver.
    pub(super) fn new(receiver: ToolEventReceiver) -> Self {
        Self { receiver, steps: HashMap::new(), activities: HashMap::new() }
    }

    /// Waits until one of the `running` calls completes, and returns the output; `None` if no call is left. The events
    /// that tools emit in the meantime are sent at once, and those from before the completion are in the transcript
    /// when this returns.
    pub(super) async fn next_result<F: Future, S: IdSource>(
        &mut self,
        running: &mut FuturesUnordered<F>,
        transcript: &mut Transcript<S>,
        events: &EventSender,
    ) -> Option<F::Output> {
        loop {
            tokio::select! {
                // There are only so many calls; tools may emit events without end.
                biased;
                completed = running.next() => {
                    self.drain(transcript);
                    return completed;
                }
                Envelope { event, ack } = self.receiver.next() => {
                    self.apply(event, transcript);
                    events.flush(transcript).await;
                    // The event has reached the client: the tool that emitted it goes on.
                    drop(ack);
                }
            }
        }
    }

    /// Writes all events that tools have emitted and that are still queued to the transcript. It is called before the
    /// result of a tool, and at the end of a run.
    pub(super) fn drain<S: IdSource>(&mut self, transcript: &mut Transcript<S>) {
        while let Some(Envelope { event, .. }) = self.receiver.try_next() {
            self.apply(event, transcript);
        }
    }

    /// Writes one event of a tool to the transcript. The end of an unknown step is ignored.
    fn apply<S: IdSource>(&mut self, event: ToolEvent, transcript: &mut Transcript<S>) {
        match event {
            ToolEvent::StateChanged(state) => transcript.set_state(state),
            ToolEvent::StepStarted { key, name } => {
                self.steps.insert(key, transcript.start_step(&name));
            }
            ToolEvent::StepFinished { key } => {
                if let Some(step) = self.steps.remove(&key) {
                    transcript.end_step(step);
                }
            }
            ToolEvent::ActivityChanged { key, activity_type, content } => match self.activities.get(&key) {
                Some(activity) => transcript.update_activity(activity, content),
                None => {
                    self.activities.insert(key, transcript.start_activity(&activity_type, content));
                }
            },
            ToolEvent::Custom { name, value } => transcript.custom(&name, value),
        }
    }
}
