//! The rules of the agent loop: whether the model is asked again after a turn, and when a run must stop.
//!
//! Nothing here awaits or knows HTTP. A new condition that stops a run belongs here, and nowhere else.

use std::time::Duration;

use super::end::CancelReason;

/// What a run may use. Every run has all of these limits, because nothing else may stop it.
///
/// More limits may be added. Write `..Limits::default()` in a literal, so that a new limit does not break it.
///
/// ```
/// use std::time::Duration;
///
/// use ag_ui_lambda::Limits;
///
/// let limits = Limits { turns: 5, tool_timeout: Duration::from_secs(10), ..Limits::default() };
/// assert_eq!(limits.tool_calls, 16);
/// ```
#[expect(
    clippy::exhaustive_structs,
    reason = "applications set some fields and take the others from `Limits::default()`"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of turns of the model in a run.
    pub turns: u32,
    /// The number of tool calls in one turn.
    pub tool_calls: usize,
    /// The length of a run.
    pub run_timeout: Duration,
    /// The length of one tool call.
    pub tool_timeout: Duration,
    /// The number of tokens of a run, read and written; `None` means that there is no limit.
    pub tokens: Option<u64>,
}

impl Default for Limits {
    /// Returns 10 turns, 16 calls in a turn, 280 seconds for the run, 30 seconds for a call, and no limit of tokens.
    fn default() -> Self {
        Self {
            turns: 10,
            tool_calls: 16,
            run_timeout: Duration::from_secs(280),
            tool_timeout: Duration::from_secs(30),
            tokens: None,
        }
    }
}

impl Limits {
    /// Returns the same limits with no duration above [`MAX_DURATION`]. `AgentBuilder::limits` calls it.
    pub(crate) fn with_capped_durations(self) -> Self {
        let run_timeout = self.run_timeout.min(MAX_DURATION);
        let tool_timeout = self.tool_timeout.min(MAX_DURATION);
        Self { run_timeout, tool_timeout, ..self }
    }
}

/// The longest duration that can be set: a year. No function runs that long, and every clock can add it.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(31_536_000);

/// The largest size of one call's arguments. A model that writes more does not come to an end.
const MAX_ARGUMENT_BYTES: usize = 1024 * 1024;

/// Who responds to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Responder {
    /// A backend tool; or this loop, in place of a tool that does not exist.
    Server,
    /// The client, in its next run.
    Client,
    /// A person, before a later run.
    Person,
}

/// What follows a turn of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The model made no call: it has given its last answer.
    Finish,
    /// A call waits for the client or a person: the run ends, and a later one continues.
    Wait,
    /// All calls have results: the model is asked again.
    AskModel,
}

/// Decides whether the model is asked again after a turn. `responders` lists who responds to each call of the turn. The
/// run ends if there was no call, or if a call waits for the client or a person, because providers refuse a conversation
/// in which a call has no result.
pub(super) fn next_step(responders: &[Responder]) -> NextStep {
    if responders.is_empty() {
        NextStep::Finish
    } else if responders.iter().any(|responder| *responder != Responder::Server) {
        NextStep::Wait
    } else {
        NextStep::AskModel
    }
}

/// Counts the turns and calls of a run against its limits.
#[derive(Debug)]
pub(crate) struct TurnBudget {
    limits: Limits,
    /// The turns that have started.
    turns: u32,
    /// The calls of the turn that started last.
    calls: usize,
}

impl TurnBudget {
    /// Creates the budget of a run that has these limits. Nothing is counted yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, turns: 0, calls: 0 }
    }

    /// Counts another turn of the model. `tokens_used` is the number of tokens that the run has used so far. If the
    /// limit of turns or tokens is reached, nothing is counted, and the error is the reason why the run is cancelled.
    pub(super) fn start_turn(&mut self, tokens_used: u64) -> Result<(), CancelReason> {
        if self.turns == self.limits.turns {
            return Err(CancelReason::MaxTurns);
        }
        if self.limits.tokens.is_some_and(|limit| tokens_used >= limit) {
            return Err(CancelReason::TokenBudget);
        }
        self.turns += 1;
        self.calls = 0;
        Ok(())
    }

    /// Counts another call of the current turn. If the limit is reached, nothing is counted, and the error is the
    /// reason why the run is cancelled.
    pub(super) fn start_call(&mut self) -> Result<(), CancelReason> {
        if self.calls == self.limits.tool_calls {
            return Err(CancelReason::MaxToolCalls);
        }
        self.calls += 1;
        Ok(())
    }
}

/// Checks that the arguments of one call may have this size; above 1 MiB, the error is the reason why the run is
/// cancelled.
pub(super) fn check_argument_size(bytes: usize) -> Result<(), CancelReason> {
    if bytes > MAX_ARGUMENT_BYTES { Err(CancelReason::MaxArgumentBytes) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_step_asks_the_model_only_if_the_server_responds_to_every_call() {
        use Responder::{Client, Person, Server};
        for (why, responders, expected) in [
            ("no call", vec![], NextStep::Finish),
            ("one backend tool", vec![Server], NextStep::AskModel),
            ("several backend tools", vec![Server, Server], NextStep::AskModel),
            ("one frontend tool", vec![Client], NextStep::Wait),
            ("one call waits for a person", vec![Server, Person], NextStep::Wait),
            ("a backend tool and a frontend tool", vec![Server, Client], NextStep::Wait),
        ] {
            assert_eq!(next_step(&responders), expected, "{why}");
        }
    }

    #[test]
    fn budget_allows_exactly_the_number_of_each_limit() {
        let mut budget =
            TurnBudget::new(Limits { turns: 2, tool_calls: 1, tokens: Some(100), ..Limits::default() });

        assert_eq!(budget.start_turn(0), Ok(()));
        assert_eq!(budget.start_call(), Ok(()));
        assert_eq!(budget.start_call(), Err(CancelReason::MaxToolCalls));
        assert_eq!(budget.start_turn(100), Err(CancelReason::TokenBudget));
        assert_eq!(budget.start_turn(99), Ok(()));
        assert_eq!(budget.start_call(), Ok(()), "calls are counted for each turn");
        assert_eq!(budget.start_turn(0), Err(CancelReason::MaxTurns));
        assert_eq!(budget.turns, 2);
    }
}
