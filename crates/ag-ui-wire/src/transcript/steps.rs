//! Steps: named parts of a run that a user interface may show as its progress.

use super::IdSource;
use super::writer::Transcript;
use crate::protocol::EventKind;

/// A step that has begun and not ended. [`Transcript::end_step`] takes it, so it is ended once.
#[derive(Debug)]
#[must_use = "a step that is begun should be ended"]
pub struct OpenStep {
    name: String,
}

impl OpenStep {
    /// Returns the name under which the client knows the step, which may end with an added number.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<I: IdSource> Transcript<I> {
    /// Begins a step: STEP_STARTED. The open message is ended first.
    ///
    /// Several steps may be open at the same time, each with a name of its own. If a step of this name is already open, a
    /// number is added to the name; [`OpenStep::name`] returns the result.
    pub fn start_step(&mut self, name: &str) -> OpenStep {
        self.close_open_message();
        let is_open = |name: &str| self.client_view.steps.iter().any(|open| open == name);
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let name = names.find(|name| !is_open(name)).expect("numbers do not end");
        self.client_view.steps.push(name.clone());
        self.push(EventKind::StepStarted { step_name: name.clone() });
        OpenStep { name }
    }

    /// Ends a step: STEP_FINISHED. The open message is ended first. Steps may be ended in any order.
    pub fn end_step(&mut self, step: OpenStep) {
        self.close_open_message();
        self.client_view.steps.retain(|open| *open != step.name);
        self.push(EventKind::StepFinished { step_name: step.name });
    }

    /// Ends all open steps at the end of a run, the last one first.
    pub(super) fn close_steps(&mut self) {
        while let Some(name) = self.client_view.steps.pop() {
            self.push(EventKind::StepFinished { step_name: name });
        }
    }
}
