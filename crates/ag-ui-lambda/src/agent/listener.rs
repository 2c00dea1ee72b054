//! What tools say while they run, told to the transcript.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::stream::Outbox;
use crate::tool::{Ear, Said, Word};
use crate::transcript::{Activity, OpenStep, Stamps, Transcript};

/// Hears the tools of a run.
pub(super) struct Listener {
    ear: Ear,
    steps: HashMap<u64, OpenStep>,
    activities: HashMap<u64, Activity>,
}

impl Listener {
    pub(super) fn new(ear: Ear) -> Self {
        Self { ear, steps: HashMap::new(), activities: HashMap::new() }
    }

    /// The next of these calls that comes to its end, with all that was said before it told; `None` if none is left.
    /// What tools say meanwhile is sent at once.
    pub(super) async fn attend<F: Future, S: Stamps>(
        &mut self,
        running: &mut FuturesUnordered<F>,
        transcript: &mut Transcript<S>,
        outbox: &Outbox,
    ) -> Option<F::Output> {
        loop {
            tokio::select! {
                // Calls come to their end one after another; words might never cease.
                biased;
                ended = running.next() => {
                    self.tell_rest(transcript);
                    return ended;
                }
                Said { word, told } = self.ear.next() => {
                    self.tell(word, transcript);
                    outbox.flush(transcript).await;
                    // The client has the word: its speaker goes on.
                    drop(told);
                }
            }
        }
    }

    /// Tells what has been said and not yet told: before a tool's result, and at the end.
    pub(super) fn tell_rest<S: Stamps>(&mut self, transcript: &mut Transcript<S>) {
        while let Some(Said { word, .. }) = self.ear.waiting() {
            self.tell(word, transcript);
        }
    }

    fn tell<S: Stamps>(&mut self, word: Word, transcript: &mut Transcript<S>) {
        match word {
            Word::State(now) => transcript.state(now),
            Word::StepStarted { key, name } => {
                self.steps.insert(key, transcript.step(&name));
            }
            Word::StepFinished { key } => {
                if let Some(step) = self.steps.remove(&key) {
                    transcript.end_step(step);
                }
            }
            Word::Activity { key, activity_type, content } => match self.activities.get(&key) {
                Some(activity) => transcript.change_activity(activity, content),
                None => {
                    self.activities.insert(key, transcript.activity(&activity_type, content));
                }
            },
            Word::Custom { name, value } => transcript.custom(&name, value),
        }
    }
}
