//! The rules of the agent loop: whether the model is asked again after a turn, and when a run must stop.
//!
//! Nothing here awaits or knows HTTP. A new condition that stops a run belongs here, and nowhere else.

use std::time::Duration;

use super::end::CancelReason;
use super::request_size::{InputSize, estimate_tokens};
use crate::protocol::TokenUsage;

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
    /// The length of the result of one tool call, in bytes. A longer one fails the call, because the client could not send
    /// it back in its next request. So does one that is longer than half of `input_bytes`, because no model could read it.
    pub result_bytes: usize,
    /// The number of tokens of a run, read and written; `None` means that there is no limit. Before a provider reports
    /// the number, it is estimated: a token is four bytes of text.
    pub tokens: Option<u64>,
    /// The size of one request to a model, in bytes: instructions, tools and conversation, media in Base64. The oldest
    /// turns of a longer conversation are left out.
    pub input_bytes: usize,
}

impl Default for Limits {
    /// Returns 10 turns, 16 calls in a turn, 280 seconds for the run, 30 seconds and 2 MiB for a call, and no limit of tokens.
    fn default() -> Self {
        Self {
            turns: 10,
            tool_calls: 16,
            run_timeout: Duration::from_secs(280),
            tool_timeout: Duration::from_secs(30),
            result_bytes: 2 * 1024 * 1024,
            tokens: None,
            input_bytes: 4 * 1024 * 1024,
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

    /// Returns how long the result of one tool call may be, in bytes: `result_bytes`, but at most half of `input_bytes`. The
    /// call fails above this length. Otherwise the run would end, because the next request would be too large.
    pub(crate) fn max_result_bytes(&self) -> usize {
        self.result_bytes.min(self.input_bytes / 2)
    }
}

/// The longest duration that can be set: a year. No function runs that long, and every clock can add it.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(31_536_000);

/// The largest size of one call's arguments. A model that writes more does not come to an end.
const MAX_ARGUMENT_BYTES: usize = 1024 * 1024;

/// The largest size of the text and the reasoning of one turn. No model writes that much, so one that does has no end.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

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

/// Counts the turns, calls and tokens of a run against its limits.
///
/// `tokens_used` is, in each method, the number of tokens that the providers have reported in this run so far.
#[derive(Debug)]
pub(crate) struct TurnBudget {
    limits: Limits,
    /// The turns that have started.
    turns: u32,
    /// The calls of the turn that started last.
    calls: usize,
    /// The request that was sent last.
    request: RequestTokens,
    /// The estimated tokens of earlier requests whose providers reported nothing.
    unreported: u64,
}

/// The tokens of one request, as far as they are known while the answer streams.
#[derive(Debug, Default)]
struct RequestTokens {
    /// The estimated tokens of the input.
    input: u64,
    /// Whether the provider has reported how many tokens the input has.
    is_input_reported: bool,
    /// How many tokens of output the provider has reported.
    reported_output: u64,
    /// The size of the output so far, in bytes.
    output_bytes: usize,
}

impl RequestTokens {
    /// Returns the estimated tokens that the provider has not reported yet.
    fn unreported(&self) -> u64 {
        let input = if self.is_input_reported { 0 } else { self.input };
        input + estimate_tokens(self.output_bytes).saturating_sub(self.reported_output)
    }

    /// Whether the model has answered and its provider has reported nothing.
    fn is_unreported(&self) -> bool {
        self.output_bytes > 0 && !self.is_input_reported && self.reported_output == 0
    }
}

impl TurnBudget {
    /// Creates the budget of a run that has these limits. Nothing is counted yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, turns: 0, calls: 0, request: RequestTokens::default(), unreported: 0 }
    }

    /// Counts another turn of the model. If the limit of turns or tokens is reached, nothing is counted, and the error is
    /// the reason why the run is cancelled.
    pub(super) fn start_turn(&mut self, tokens_used: u64) -> Result<(), CancelReason> {
        self.finish_request();
        if self.turns == self.limits.turns {
            return Err(CancelReason::MaxTurns);
        }
        if self.tokens_left(tokens_used) == Some(0) {
            return Err(CancelReason::TokenBudget);
        }
        self.turns += 1;
        self.calls = 0;
        Ok(())
    }

    /// Returns the size that a request to a model may have, in bytes.
    pub(super) fn max_input_bytes(&self) -> u64 {
        self.limits.input_bytes as u64
    }

    /// Returns how many tokens the run may use from its first request to its last; `None` if there is no limit.
    pub(super) fn max_tokens(&self) -> Option<u64> {
        self.limits.tokens
    }

    /// Returns how many tokens the run may still use; `None` if there is no limit.
    pub(super) fn tokens_left(&self, tokens_used: u64) -> Option<u64> {
        let used = tokens_used.saturating_add(self.unreported);
        self.limits.tokens.map(|limit| limit.saturating_sub(used))
    }

    /// Counts another request to a model, whose input has this size. If the input is too large, the error is the reason
    /// why the run is cancelled, and the request must not be sent.
    pub(super) fn start_request(&mut self, input: InputSize, tokens_used: u64) -> Result<(), CancelReason> {
        self.finish_request();
        if input.bytes > self.max_input_bytes() {
            return Err(CancelReason::MaxInputBytes);
        }
        if self.tokens_left(tokens_used).is_some_and(|left| input.tokens > left) {
            return Err(CancelReason::TokenBudget);
        }
        self.request.input = input.tokens;
        Ok(())
    }

    /// Returns the estimated tokens of the input of the current request.
    pub(super) fn input_tokens(&self) -> u64 {
        self.request.input
    }

    /// Records tokens that the provider has reported for the current request.
    pub(super) fn count_usage(&mut self, usage: &TokenUsage) {
        let request = &mut self.request;
        request.is_input_reported |= usage.input_tokens.is_some() || usage.total_tokens.is_some();
        let input = usage.input_tokens.unwrap_or(0);
        let output = usage.output_tokens.unwrap_or_else(|| usage.total().saturating_sub(input));
        request.reported_output = request.reported_output.saturating_add(output);
    }

    /// Counts a piece of the answer to the current request. If the tokens of the run are used up by then, the error is the
    /// reason why the run is cancelled.
    pub(super) fn count_output(&mut self, bytes: usize, tokens_used: u64) -> Result<(), CancelReason> {
        self.request.output_bytes += bytes;
        match self.tokens_left(tokens_used) {
            Some(left) if bytes > 0 && self.request.unreported() > left => Err(CancelReason::TokenBudget),
            _ => Ok(()),
        }
    }

    /// Ends the current request, if there is one. If its provider has reported nothing, the estimate counts from now on.
    fn finish_request(&mut self) {
        let request = std::mem::take(&mut self.request);
        if request.is_unreported() {
            self.unreported = self.unreported.saturating_add(request.unreported());
        }
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

/// Checks that the text and the reasoning of one turn may have this size together; above 8 MiB, the error is the reason why
/// the run is cancelled.
pub(super) fn check_answer_size(bytes: usize) -> Result<(), CancelReason> {
    if bytes > MAX_ANSWER_BYTES { Err(CancelReason::MaxResponseBytes) } else { Ok(()) }
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

    fn input(bytes: u64, tokens: u64) -> InputSize {
        InputSize { bytes, tokens }
    }

    #[test]
    fn request_must_fit_into_bytes_and_tokens() {
        let limits = Limits { input_bytes: 1000, tokens: Some(100), ..Limits::default() };
        for (why, size, used, expected) in [
            ("exactly the limits", input(1000, 100), 0, Ok(())),
            ("a byte more", input(1001, 100), 0, Err(CancelReason::MaxInputBytes)),
            ("a token more", input(1000, 101), 0, Err(CancelReason::TokenBudget)),
            ("tokens are used", input(400, 100), 1, Err(CancelReason::TokenBudget)),
        ] {
            assert_eq!(TurnBudget::new(limits).start_request(size, used), expected, "{why}");
        }
        let unlimited = Limits { tokens: None, ..limits };
        assert_eq!(TurnBudget::new(unlimited).start_request(input(1000, u64::MAX), 0), Ok(()));
    }

    #[test]
    fn answer_ends_when_the_tokens_are_used_up() {
        let limits = Limits { tokens: Some(100), ..Limits::default() };
        let used = |input, output| TokenUsage {
            input_tokens: Some(input),
            output_tokens: Some(output),
            ..TokenUsage::default()
        };
        let budget = || {
            let mut budget = TurnBudget::new(limits);
            budget.start_request(input(240, 60), 0).unwrap();
            budget
        };

        let mut estimated = budget();
        assert_eq!(estimated.count_output(160, 0), Ok(()), "60 + 40 tokens");
        assert_eq!(estimated.count_output(1, 0), Err(CancelReason::TokenBudget));
        assert_eq!(estimated.start_turn(0), Err(CancelReason::TokenBudget), "nothing was reported");

        let mut reported = budget();
        reported.count_usage(&used(20, 1));
        assert_eq!(reported.count_output(320, 21), Ok(()), "20 + 80 tokens");
        assert_eq!(reported.count_output(1, 21), Err(CancelReason::TokenBudget));

        let mut complete = budget();
        assert_eq!(complete.count_output(160, 0), Ok(()));
        complete.count_usage(&used(90, 9));
        assert_eq!(complete.start_turn(99), Ok(()), "the report counts and not the estimate");
    }
}
