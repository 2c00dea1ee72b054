//! What tools say while they run, told to the transcript.

use std::collections::HashMap;

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

    /// The next word that a tool says; pending while none speaks. Nothing is lost when this is dropped half-way.
    pub(super) async fn next(&mut self) -> Said {
        self.ear.next().await
    }

    /// Tells a word.
    pub(super) fn tell<S: Stamps>(&mut self, word: Word, transcript: &mut Transcript<S>) {
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

    /// Tells what has been said and not yet told: before a tool's result, and at the end.
    pub(super) fn tell_rest<S: Stamps>(&mut self, transcript: &mut Transcript<S>) {
        while let Some(Said { word, .. }) = self.ear.waiting() {
            self.tell(word, transcript);
        }
    }
}
