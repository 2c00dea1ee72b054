//! Who is asked for a turn, how often, and after what pause.
//!
//! Nothing here awaits; [`turn`](super::turn) does what this module decides. All models are asked one after
//! another before anyone waits, and nobody is asked again once a turn has begun: what a client has seen can't be
//! taken back.

use std::time::Duration;

use crate::model::{ModelError, ModelErrorKind};

/// How often the list of models is gone through for one turn.
const ROUNDS: u32 = 3;
/// The pause behind the first round, give or take a half; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// All pauses of one turn together.
const PATIENCE: Duration = Duration::from_secs(20);

/// The attempts to begin one turn.
#[derive(Debug)]
pub(super) struct Attempts {
    models: Vec<Standing>,
    round: u32,
    waited: Duration,
}

/// How a model answered so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It may be asked, and was not or may soon be asked again.
    Ready { retry_after: Option<Duration> },
    /// It would fail again.
    Out,
}

impl Attempts {
    /// Attempts with so many models, in their order.
    pub(super) fn new(models: usize) -> Self {
        Self { models: vec![Standing::Ready { retry_after: None }; models], round: 1, waited: Duration::ZERO }
    }

    /// The models to ask in this round.
    pub(super) fn candidates(&self) -> Vec<usize> {
        (0..self.models.len()).filter(|&index| self.models[index] != Standing::Out).collect()
    }

    /// Says that a model did not begin the turn.
    pub(super) fn failed(&mut self, model: usize, error: &ModelError) {
        self.models[model] = match error.kind {
            ModelErrorKind::Throttled | ModelErrorKind::Unavailable | ModelErrorKind::StreamCut => {
                Standing::Ready { retry_after: error.retry_after }
            }
            ModelErrorKind::Refused | ModelErrorKind::Misconfigured | ModelErrorKind::ContextTooLong => {
                Standing::Out
            }
        };
    }

    /// The pause before the next round; none when there is no use in one.
    ///
    /// `left` is the time that the run has left, `spread` a random number from 0 to 1.
    pub(super) fn next_round(&mut self, left: Duration, spread: f64) -> Option<Duration> {
        if self.round == ROUNDS {
            return None;
        }
        let wishes = self.models.iter().filter_map(|standing| match standing {
            Standing::Ready { retry_after } => Some(retry_after.unwrap_or_default()),
            Standing::Out => None,
        });
        let own = FIRST_PAUSE * 2_u32.pow(self.round - 1);
        let pause = wishes.min()?.max(own.mul_f64(0.5 + spread));
        if pause >= left || self.waited + pause > PATIENCE {
            return None;
        }
        self.round += 1;
        self.waited += pause;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn error(kind: ModelErrorKind) -> ModelError {
        kind.into()
    }

    fn throttled(seconds: u64) -> ModelError {
        error(ModelErrorKind::Throttled).retry_after(Duration::from_secs(seconds))
    }

    fn pause(errors: impl IntoIterator<Item = ModelError>, left: Duration) -> Option<Duration> {
        let errors: Vec<_> = errors.into_iter().collect();
        let mut attempts = Attempts::new(errors.len());
        for (model, error) in errors.iter().enumerate() {
            attempts.failed(model, error);
        }
        attempts.next_round(left, 0.5)
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
            ("would fail again", vec![error(ModelErrorKind::Misconfigured)], MINUTE, None),
            ("one is left", vec![error(ModelErrorKind::Refused), throttled(3)], MINUTE, Some(3000)),
        ] {
            assert_eq!(pause(errors, left), expected.map(Duration::from_millis), "{why}");
        }
    }

    #[test]
    fn after_three_rounds_or_all_of_its_patience_a_turn_is_given_up() {
        let mut attempts = Attempts::new(2);
        attempts.failed(0, &error(ModelErrorKind::Misconfigured));
        attempts.failed(1, &error(ModelErrorKind::StreamCut));
        assert_eq!(attempts.candidates(), [1]);
        assert_eq!(attempts.next_round(MINUTE, 0.0), Some(Duration::from_millis(250)));
        assert_eq!(attempts.next_round(MINUTE, 1.0), Some(Duration::from_millis(1500)));
        assert_eq!(attempts.next_round(MINUTE, 0.5), None);

        let mut attempts = Attempts::new(1);
        attempts.failed(0, &throttled(11));
        assert!(attempts.next_round(MINUTE, 0.5).is_some());
        assert_eq!(attempts.next_round(MINUTE, 0.5), None);
    }
}
