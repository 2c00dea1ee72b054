//! Who is asked for a turn, how often, and after what pause.
//!
//! Nothing here awaits; [`turn`](super::turn) does what this module decides. All models are asked one after
//! another before anyone waits, and nobody is asked again once a turn has begun: what a client has seen can't be
//! taken back. Times are counted from the beginning of the turn.

use std::time::Duration;

use crate::model::{ModelError, ModelErrorKind};

/// How often the list of models is gone through for one turn.
const ROUNDS: u32 = 3;
/// The pause behind the first round, give or take a half; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// When nobody is asked again, attempts and pauses together: a provider that hangs must not eat the run.
const PATIENCE: Duration = Duration::from_secs(20);

/// The attempts to begin one turn.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Each model with its place in the list, in the order they are asked.
    models: Vec<(usize, Standing)>,
    round: u32,
}

/// How a model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It may be asked from this time on.
    From(Duration),
    /// It would fail again.
    Out,
}

impl Attempts {
    /// Attempts with so many models in their order, but for `first`, which is asked before them.
    pub(super) fn new(models: usize, first: usize) -> Self {
        let order = std::iter::once(first).chain((0..models).filter(|&model| model != first));
        Self { models: order.map(|model| (model, Standing::From(Duration::ZERO))).collect(), round: 1 }
    }

    /// The models to ask in this round.
    pub(super) fn candidates(&self, now: Duration) -> Vec<usize> {
        let is_ready = |standing| matches!(standing, Standing::From(time) if time <= now);
        self.models.iter().filter(|(_, standing)| is_ready(*standing)).map(|(model, _)| *model).collect()
    }

    /// Says that a model did not begin the turn.
    pub(super) fn failed(&mut self, model: usize, error: &ModelError, now: Duration) {
        let after = match error.kind {
            ModelErrorKind::Throttled | ModelErrorKind::Unavailable | ModelErrorKind::StreamCut => {
                Standing::From(now.saturating_add(error.retry_after.unwrap_or_default()))
            }
            ModelErrorKind::Refused | ModelErrorKind::Misconfigured | ModelErrorKind::ContextTooLong => {
                Standing::Out
            }
        };
        self.models
            .iter_mut()
            .filter(|(known, _)| *known == model)
            .for_each(|(_, standing)| *standing = after);
    }

    /// The pause before the next round; none when there is no use in one.
    ///
    /// `left` is the time that the run has left, `spread` a random number from 0 to 1.
    pub(super) fn next_round(&mut self, now: Duration, left: Duration, spread: f64) -> Option<Duration> {
        if self.round == ROUNDS {
            return None;
        }
        let times = self.models.iter().filter_map(|(_, standing)| match standing {
            Standing::From(time) => Some(*time),
            Standing::Out => None,
        });
        let own = FIRST_PAUSE * 2_u32.pow(self.round - 1);
        let pause = times.min()?.saturating_sub(now).max(own.mul_f64(0.5 + spread));
        if pause >= left || now + pause > PATIENCE {
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

    fn pause(errors: impl IntoIterator<Item = ModelError>, left: Duration) -> Option<Duration> {
        let errors: Vec<_> = errors.into_iter().collect();
        let mut attempts = Attempts::new(errors.len(), 0);
        for (model, error) in errors.iter().enumerate() {
            attempts.failed(model, error, NOW);
        }
        attempts.next_round(NOW, left, 0.5)
    }

    #[test]
    fn a_pause_is_no_shorter_than_the_provider_wishes_and_no_longer_than_patience() {
        for (why, errors, left, expected) in [
            ("nobody wishes", vec![error(ModelErrorKind::Unavailable)], MINUTE, Some(500)),
            ("a wish", vec![throttled(7)], MINUTE, Some(7000)),
            ("a wish below the pause", vec![throttled(0)], MINUTE, Some(500)),
            ("the shortest wish counts", vec![throttled(7), throttled(3)], MINUTE, Some(3000)),
            ("longer than patience", vec![throttled(21)], MINUTE, None),
            ("longer than the run", vec![throttled(7)], Duration::from_secs(7), None),
            ("longer than any clock", vec![throttled(u64::MAX)], MINUTE, None),
            ("would fail again", vec![error(ModelErrorKind::Misconfigured)], MINUTE, None),
            ("one is left", vec![error(ModelErrorKind::Refused), throttled(3)], MINUTE, Some(3000)),
        ] {
            assert_eq!(pause(errors, left), expected.map(Duration::from_millis), "{why}");
        }
    }

    #[test]
    fn a_model_that_wants_to_be_left_alone_is_left_out_until_its_time_has_come() {
        let mut attempts = Attempts::new(2, 0);
        attempts.failed(0, &throttled(15), NOW);
        attempts.failed(1, &error(ModelErrorKind::Unavailable), NOW);

        let pause = attempts.next_round(NOW, MINUTE, 0.5).unwrap();
        assert_eq!((pause, attempts.candidates(pause)), (Duration::from_millis(500), vec![1]));
        assert_eq!(attempts.candidates(Duration::from_secs(15)), [0, 1]);
    }

    #[test]
    fn the_model_of_the_turn_before_is_asked_first_and_the_others_in_their_order() {
        assert_eq!(Attempts::new(3, 2).candidates(NOW), [2, 0, 1]);
    }

    #[test]
    fn after_three_rounds_or_all_of_its_patience_a_turn_is_given_up() {
        let mut attempts = Attempts::new(2, 0);
        attempts.failed(0, &error(ModelErrorKind::Misconfigured), NOW);
        attempts.failed(1, &error(ModelErrorKind::StreamCut), NOW);
        assert_eq!(attempts.candidates(NOW), [1]);
        assert_eq!(attempts.next_round(NOW, MINUTE, 0.0), Some(Duration::from_millis(250)));
        assert_eq!(attempts.next_round(NOW, MINUTE, 1.0), Some(Duration::from_millis(1500)));
        assert_eq!(attempts.next_round(NOW, MINUTE, 0.5), None);

        let mut attempts = Attempts::new(1, 0);
        attempts.failed(0, &error(ModelErrorKind::Unavailable), MINUTE);
        assert_eq!(attempts.next_round(MINUTE, MINUTE, 0.5), None, "it hung for a minute");
    }
}
