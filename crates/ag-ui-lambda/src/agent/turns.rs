//! The rules of the loop: whose turn it is and when to stop.
//!
//! Nothing here awaits or knows HTTP; [`run`](super::run) does what this module decides. A new stop condition
//! belongs here, and nowhere else.

use std::time::Duration;

/// What a run may use up. Each run has all of them, since on AWS nobody else stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Turns of the model in a run.
    pub turns: u32,
    /// Tool calls in a turn.
    pub tool_calls: usize,
    /// Length of a run.
    pub run_timeout: Duration,
    /// Length of one tool call.
    pub tool_timeout: Duration,
    /// Tokens in a run, read and written; `None` is no limit.
    pub tokens: Option<u64>,
}

impl Default for Limits {
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
    /// The same limits, with no time longer than a clock can count.
    pub(super) fn countable(self) -> Self {
        let run_timeout = self.run_timeout.min(LONGEST);
        let tool_timeout = self.tool_timeout.min(LONGEST);
        Self { run_timeout, tool_timeout, ..self }
    }
}

/// The longest time that can be set: a year, far beyond what a function lives and well within what a clock counts.
pub(crate) const LONGEST: Duration = Duration::from_secs(31_536_000);

/// The most bytes of one call's arguments: a model that writes more has lost its way.
const MAX_ARGUMENT_BYTES: usize = 1024 * 1024;

/// Why a run was stopped on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    MaxTurns,
    MaxToolCalls,
    MaxArgumentBytes,
    RunTimeout,
    TokenBudget,
    Deadline,
    /// The front door takes no longer answer.
    MaxResponseBytes,
    Stopped,
}

impl Stop {
    /// The reason as the client reads it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::MaxTurns => "MAX_TURNS",
            Self::MaxToolCalls => "MAX_TOOL_CALLS",
            Self::MaxArgumentBytes => "MAX_ARGUMENT_BYTES",
            Self::RunTimeout => "RUN_TIMEOUT",
            Self::TokenBudget => "TOKEN_BUDGET",
            Self::Deadline => "DEADLINE",
            Self::MaxResponseBytes => "MAX_RESPONSE_BYTES",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Who answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answerer {
    /// A tool here, or this loop in place of one that does not exist.
    Server,
    /// The client, in the next run.
    Client,
    /// A person, before a later run.
    Person,
}

/// What comes after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The answer is complete.
    Finish,
    /// The calls are answered; the model goes on.
    AskModel,
}

/// The count of a run against its limits.
#[derive(Debug)]
pub(super) struct Turns {
    limits: Limits,
    taken: u32,
    calls: usize,
}

impl Turns {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, taken: 0, calls: 0 }
    }

    /// Asks for another turn of the model.
    pub(super) fn begin(&mut self, tokens_used: u64) -> Result<(), Stop> {
        if self.taken == self.limits.turns {
            return Err(Stop::MaxTurns);
        }
        if self.limits.tokens.is_some_and(|limit| tokens_used >= limit) {
            return Err(Stop::TokenBudget);
        }
        self.taken += 1;
        self.calls = 0;
        Ok(())
    }

    /// Asks for another call in this turn.
    pub(super) fn begin_call(&mut self) -> Result<(), Stop> {
        if self.calls == self.limits.tool_calls {
            return Err(Stop::MaxToolCalls);
        }
        self.calls += 1;
        Ok(())
    }

    /// A model is never asked while a call of its last turn waits for somebody: providers refuse that.
    pub(super) fn after(answerers: impl IntoIterator<Item = Answerer>) -> Next {
        let mut answerers = answerers.into_iter().peekable();
        let made_no_call = answerers.peek().is_none();
        if made_no_call || answerers.any(|answerer| answerer != Answerer::Server) {
            Next::Finish
        } else {
            Next::AskModel
        }
    }
}

/// Asks for a call's arguments to grow to this length.
pub(super) fn check_arguments(bytes: usize) -> Result<(), Stop> {
    if bytes > MAX_ARGUMENT_BYTES { Err(Stop::MaxArgumentBytes) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_asked_again_only_when_every_call_is_answered() {
        use Answerer::{Client, Person, Server};
        for (why, answerers, next) in [
            ("no call", vec![], Next::Finish),
            ("one tool here", vec![Server], Next::AskModel),
            ("several tools here", vec![Server, Server], Next::AskModel),
            ("one at the client", vec![Client], Next::Finish),
            ("one waits for a person", vec![Server, Person], Next::Finish),
            ("both kinds", vec![Server, Client], Next::Finish),
        ] {
            assert_eq!(Turns::after(answerers), next, "{why}");
        }
    }

    #[test]
    fn a_limit_allows_exactly_its_number() {
        let mut turns =
            Turns::new(Limits { turns: 2, tool_calls: 1, tokens: Some(100), ..Limits::default() });

        assert_eq!(turns.begin(0), Ok(()));
        assert_eq!(turns.begin_call(), Ok(()));
        assert_eq!(turns.begin_call(), Err(Stop::MaxToolCalls));
        assert_eq!(turns.begin(100), Err(Stop::TokenBudget));
        assert_eq!(turns.begin(99), Ok(()));
        assert_eq!(turns.begin_call(), Ok(()), "calls are counted by turn");
        assert_eq!(turns.begin(0), Err(Stop::MaxTurns));
        assert_eq!(turns.taken, 2);
    }
}
