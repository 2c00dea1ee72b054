//! Which model is asked for a turn, how often, and after which pause.
//!
//! Nothing here awaits; `model_turn` does what this module decides. All models are asked one after another before there is a
//! pause. No model is asked again once the turn has begun, because the client has seen its beginning. Times are counted from
//! the first attempt of the turn.

use std::time::Duration;

use crate::model::{ModelError, ModelErrorKind};

/// How often all models are tried for one turn.
const ROUNDS: u32 = 3;
/// The pause after the first round, plus or minus a half. It doubles after each round.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long after the first attempt no further round starts, so that a provider that hangs does not use up the run.
const RETRY_WINDOW: Duration = Duration::from_secs(20);

/// Plans the attempts to begin one turn.
#[derive(Debug)]
pub(super) struct RetryPlan {
    /// The index of each model and when it may be asked, in the order in which the models are asked.
    models: Vec<(usize, Availability)>,
    /// The number of the current round, from 1. In a round each available model is asked once.
    round: u32,
}

/// When a model may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Availability {
    /// From this time on.
    NotBefore(Duration),
    /// Not again with this conversation, which is too long for it.
    TooLong,
    /// Not again in this turn, because it would fail again.
    Never,
}

impl RetryPlan {
    /// Creates a plan for this number of models. The model with the index `first` is asked before the others, which
    /// keep their order.
    pub(super) fn new(models: usize, first: usize) -> Self {
        let order = std::iter::once(first).chain((0..models).filter(|&model| model != first));
        let models = order.map(|model| (model, Availability::NotBefore(Duration::ZERO))).collect();
        Self { models, round: 1 }
    }

    /// Lists the indexes of the models to ask now, in order. Models that have to wait longer or would fail again are
    /// left out. `now` is the time since the first attempt.
    pub(super) fn candidates(&self, now: Duration) -> Vec<usize> {
        let is_available =
            |availability| matches!(availability, Availability::NotBefore(time) if time <= now);
        self.models
            .iter()
            .filter(|(_, availability)| is_available(*availability))
            .map(|(model, _)| *model)
            .collect()
    }

    /// Records that the model with this index did not begin the turn, and from when on it may be asked again, by the
    /// error. `now` is the time since the first attempt.
    pub(super) fn record_failure(&mut self, model: usize, error: &ModelError, now: Duration) {
        let next = match error.kind {
            ModelErrorKind::Throttled | ModelErrorKind::Unavailable | ModelErrorKind::StreamCut => {
                Availability::NotBefore(now.saturating_add(error.retry_after.unwrap_or_default()))
            }
            ModelErrorKind::ContextTooLong => Availability::TooLong,
            ModelErrorKind::Refused | ModelErrorKind::Misconfigured => Availability::Never,
        };
        self.models
            .iter_mut()
            .filter(|(known, _)| *known == model)
            .for_each(|(_, availability)| *availability = next);
    }

    /// Lists the indexes of the models for which the conversation is too long, in order. They can be asked again as soon as
    /// it is shorter.
    pub(super) fn models_for_a_shorter_conversation(&self) -> Vec<usize> {
        let is_too_long = |(_, availability): &&(usize, Availability)| *availability == Availability::TooLong;
        self.models.iter().filter(is_too_long).map(|(model, _)| *model).collect()
    }

    /// Plans to ask the models again after all of them have failed. Returns the pause before; `None` if the turn is
    /// given up, because the number of attempts or the time is used up or no model can succeed.
    ///
    /// `now` is the time since the first attempt, `left` is the time until the run is cancelled, and `jitter` is a
    /// random number from 0 to 1 that varies the pause.
    pub(super) fn next_round(&mut self, now: Duration, left: Duration, jitter: f64) -> Option<Duration> {
        if self.round == ROUNDS {
            return None;
        }
        let times = self.models.iter().filter_map(|(_, availability)| match availability {
            Availability::NotBefore(time) => Some(*time),
            Availability::TooLong | Availability::Never => None,
        });
        let backoff = FIRST_PAUSE * 2_u32.pow(self.round - 1);
        let pause = times.min()?.saturating_sub(now).max(backoff.mul_f64(0.5 + jitter));
        if pause >= left || now + pause > RETRY_WINDOW {
            return None;
        }
        self.round += 1;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const NOW: Duration = Duration::ZERO;

    fn error(kind: ModelErrorKind) -> ModelError {
        kind.into()
    }

    fn throttled(seconds: u64) -> ModelError {
        error(ModelErrorKind::Throttled).retry_after(Duration::from_secs(seconds))
    }

    /// The pause after a first round in which each model failed with one of these errors.
    fn pause(errors: impl IntoIterator<Item = ModelError>, left: Duration) -> Option<Duration> {
        let errors: Vec<_> = errors.into_iter().collect();
        let mut plan = RetryPlan::new(errors.len(), 0);
        for (model, error) in errors.iter().enumerate() {
            plan.record_failure(model, error, NOW);
        }
        plan.next_round(NOW, left, 0.5)
    }

    #[test]
    fn pause_honors_retry_after_within_the_retry_window() {
        for (why, errors, left, expected) in [
            ("no retry-after", vec![error(ModelErrorKind::Unavailable)], MINUTE, Some(500)),
            ("retry-after", vec![throttled(7)], MINUTE, Some(7000)),
            ("retry-after below the pause", vec![throttled(0)], MINUTE, Some(500)),
            ("the shortest retry-after counts", vec![throttled(7), throttled(3)], MINUTE, Some(3000)),
            ("longer than the retry window", vec![throttled(21)], MINUTE, None),
            ("longer than the run", vec![throttled(7)], Duration::from_secs(7), None),
            ("longer than any clock counts", vec![throttled(u64::MAX)], MINUTE, None),
            ("would fail again", vec![error(ModelErrorKind::Misconfigured)], MINUTE, None),
            ("one model is left", vec![error(ModelErrorKind::Refused), throttled(3)], MINUTE, Some(3000)),
        ] {
            assert_eq!(pause(errors, left), expected.map(Duration::from_millis), "{why}");
        }
    }

    #[test]
    fn throttled_model_is_skipped_until_its_retry_after() {
        let mut plan = RetryPlan::new(2, 0);
        plan.record_failure(0, &throttled(15), NOW);
        plan.record_failure(1, &error(ModelErrorKind::Unavailable), NOW);

        let pause = plan.next_round(NOW, MINUTE, 0.5).unwrap();
        assert_eq!((pause, plan.candidates(pause)), (Duration::from_millis(500), vec![1]));
        assert_eq!(plan.candidates(Duration::from_secs(15)), [0, 1]);
    }

    #[test]
    fn only_a_shorter_conversation_goes_to_a_model_that_found_it_too_long() {
        let mut plan = RetryPlan::new(3, 1);
        plan.record_failure(1, &error(ModelErrorKind::ContextTooLong), NOW);
        plan.record_failure(0, &error(ModelErrorKind::Unavailable), NOW);
        plan.record_failure(2, &error(ModelErrorKind::ContextTooLong), NOW);

        assert_eq!(plan.candidates(NOW), [0]);
        assert_eq!(plan.models_for_a_shorter_conversation(), [1, 2]);
        assert_eq!(pause([error(ModelErrorKind::ContextTooLong)], MINUTE), None);
    }

    #[test]
    fn model_of_the_previous_turn_is_asked_first() {
        assert_eq!(RetryPlan::new(3, 2).candidates(NOW), [2, 0, 1]);
    }

    #[test]
    fn turn_is_given_up_after_three_rounds_or_the_retry_window() {
        let mut plan = RetryPlan::new(2, 0);
        plan.record_failure(0, &error(ModelErrorKind::Misconfigured), NOW);
        plan.record_failure(1, &error(ModelErrorKind::StreamCut), NOW);
        assert_eq!(plan.candidates(NOW), [1]);
        assert_eq!(plan.next_round(NOW, MINUTE, 0.0), Some(Duration::from_millis(250)));
        assert_eq!(plan.next_round(NOW, MINUTE, 1.0), Some(Duration::from_millis(1500)));
        assert_eq!(plan.next_round(NOW, MINUTE, 0.5), None);

        let mut plan = RetryPlan::new(1, 0);
        plan.record_failure(0, &error(ModelErrorKind::Unavailable), MINUTE);
        assert_eq!(plan.next_round(MINUTE, MINUTE, 0.5), None, "the model took a minute to fail");
    }
}
