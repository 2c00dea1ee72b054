//! Leaves the oldest turns of a conversation out of a request, where the conversation is too long for the model or for a limit.
//!
//! A client sends the complete conversation with each run, so a thread would end for ever once it is too long. What is left out
//! here only the model does not read: the client keeps its messages. Only whole turns are left out, a message of the user with
//! everything that follows until the next one, so that calls keep their results. The newest turn always stays. Where the user
//! has written several messages in a row, such as one after a run that failed because of its length, only the last one is needed.
//!
//! The place of the cut moves in steps and not with every turn, so that the beginning of the request stays the same and the
//! provider's prompt cache is used.

use serde_json::{Value, json};

use super::end::CancelReason;
use super::history::{History, is_message_of_user, is_of_user};
use super::limits::TurnBudget;
use super::request_size::InputSize;
use crate::model::{Request, Turn, UserPart};

/// What the model reads in the place of the turns that were left out.
const GAP: &str = "(Earlier messages of this conversation were left out here, because it is too long.)";

/// A request whose oldest turns may be left out.
#[derive(Debug)]
pub(crate) struct LongRequest {
    pub(crate) request: Request,
    /// How many turns at the beginning of the history may be left out. A message of the user follows them.
    optional_turns: usize,
    /// How many parts at the end of the turn after them are needed. The parts before them are left out last.
    needed_parts: usize,
    /// What was left out and has not been announced.
    left_out: Option<LeftOut>,
}

/// Why and how much of a conversation was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// The limit that the conversation exceeds, as the client and the log read it.
    pub(crate) reason: &'static str,
    /// How many messages of the user were left out, each with everything that followed it.
    pub(crate) turns: usize,
    /// How many messages of the user are still there.
    pub(crate) turns_kept: usize,
    /// The size of what was left out, in bytes.
    pub(crate) bytes: u64,
    /// The size of the request that is left, in bytes.
    pub(crate) bytes_kept: u64,
}

impl LeftOut {
    /// Returns what the client reads.
    pub(crate) fn to_value(self) -> Value {
        json!({ "reason": self.reason, "turns_left_out": self.turns, "turns_kept": self.turns_kept })
    }
}

/// The sizes of a request and of what may be left out: the optional turns, and after them the earlier messages of the turn that
/// follows, if there are any.
struct Sizes {
    total: InputSize,
    optional: Vec<InputSize>,
}

/// Which of the two sizes counts.
type Unit = fn(InputSize) -> u64;

const BYTES: Unit = |size| size.bytes;
const TOKENS: Unit = |size| size.tokens;

impl LongRequest {
    /// Creates a request with this history. `request` has no history of its own.
    pub(super) fn new(request: Request, history: History) -> Self {
        let History { turns, optional_turns, needed_parts, .. } = history;
        Self { request: Request { history: turns, ..request }, optional_turns, needed_parts, left_out: None }
    }

    /// Leaves out the oldest turns if the request exceeds the limits of `budget`, and counts the request, which is to be
    /// sent now. If the rest is still too large, nothing is left out, and the error is the reason why the run is cancelled.
    ///
    /// `tokens_used` is as in [`TurnBudget`]. The turns that may be left out have at most a quarter of all tokens of the run,
    /// because each turn of the model reads them again. This share does not depend on the tokens that are left, so later
    /// turns of the run read the same. Only when the request would take more than three quarters of what is left, more is
    /// left out, because the answer needs tokens, too.
    pub(super) fn fit(&mut self, budget: &mut TurnBudget, tokens_used: u64) -> Result<(), CancelReason> {
        let sizes = self.sizes();
        let by_bytes = self.turns_over(&sizes, BYTES, sizes.total, budget.max_input_bytes());
        let optional = sizes.optional.iter().copied().sum();
        let by_share =
            budget.max_tokens().map_or(0, |max| self.turns_over(&sizes, TOKENS, optional, max / 4));
        let for_input = budget.tokens_left(tokens_used).map(|left| left - left / 4);
        let by_rest = for_input.map_or(0, |limit| self.turns_over(&sizes, TOKENS, sizes.total, limit));
        let by_tokens = by_share.max(by_rest);
        let turns = by_bytes.max(by_tokens);
        budget.start_request(sizes.without(turns), tokens_used)?;
        let reason =
            if by_bytes >= by_tokens { CancelReason::MaxInputBytes } else { CancelReason::TokenBudget };
        self.leave_out(turns, &sizes, reason.as_str());
        Ok(())
    }

    /// Leaves out about half of the request, after the model has refused it as too long. `reason` is the code of this
    /// failure. Returns whether anything could be left out.
    pub(super) fn halve(&mut self, reason: &'static str) -> bool {
        let sizes = self.sizes();
        let total = sizes.total.bytes;
        let step = 1 << (total / 8).max(1).ilog2();
        let turns = self.cut(&sizes, BYTES, (total / 2).next_multiple_of(step));
        self.leave_out(turns, &sizes, reason);
        turns > 0
    }

    /// Returns what was left out since the last call; `None` if nothing was.
    pub(super) fn take_left_out(&mut self) -> Option<LeftOut> {
        self.left_out.take()
    }

    /// Counts what the request holds.
    fn sizes(&self) -> Sizes {
        let (optional, needed) = self.request.history.split_at(self.optional_turns);
        let mut optional: Vec<InputSize> = optional.iter().map(InputSize::of_turn).collect();
        let needed_size: InputSize = needed.iter().map(InputSize::of_turn).sum();
        let total = InputSize::of_frame(&self.request) + needed_size + optional.iter().copied().sum();
        if let Some(Turn::User(parts)) = needed.first() {
            let earlier = parts[..parts.len().saturating_sub(self.needed_parts)].iter();
            let earlier: InputSize =
                earlier.filter(|part| is_of_user(part)).map(InputSize::of_user_part).sum();
            optional.extend((earlier.bytes > 0).then_some(earlier));
        }
        Sizes { total, optional }
    }

    /// Returns how many of the oldest turns have to be left out, so that what has the size `part` has at most `limit`; 0 if
    /// it has. A quarter of the limit is left out at a time.
    fn turns_over(&self, sizes: &Sizes, unit: Unit, part: InputSize, limit: u64) -> usize {
        let size = unit(part);
        if size <= limit {
            return 0;
        }
        let excess = size + unit(InputSize::of_text(GAP)) - limit;
        self.cut(sizes, unit, excess.next_multiple_of((limit / 4).max(1)))
    }

    /// Returns the smallest number of the optional sizes that have at least this size together and are followed by a message
    /// of the user. If there is no such number, all of them.
    fn cut(&self, sizes: &Sizes, unit: Unit, size: u64) -> usize {
        let mut left_out = 0;
        let is_enough = |(index, turn): (usize, &InputSize)| {
            left_out += unit(*turn);
            let next = index + 1;
            let is_place = next > self.optional_turns || is_message_of_user(&self.request.history[next]);
            (left_out >= size && is_place).then_some(next)
        };
        sizes.optional.iter().enumerate().find_map(is_enough).unwrap_or(sizes.optional.len())
    }

    /// Leaves out what this number of optional sizes have, and marks the place. Does nothing for 0.
    fn leave_out(&mut self, count: usize, sizes: &Sizes, reason: &'static str) {
        if count == 0 {
            return;
        }
        let history = &mut self.request.history;
        let turns = count.min(self.optional_turns);
        let mut messages = history.drain(..turns).filter(is_message_of_user).count();
        self.optional_turns -= turns;
        if let Some(Turn::User(parts)) = history.first_mut() {
            if count > turns {
                let earlier = parts.len().saturating_sub(self.needed_parts);
                let mut indices = 0..;
                parts
                    .retain(|part| indices.next().is_some_and(|index| index >= earlier) || !is_of_user(part));
                self.needed_parts = usize::MAX;
                messages += 1;
            }
            if !matches!(&parts[0], UserPart::Note(text) if text == GAP) {
                parts.insert(0, UserPart::Note(GAP.into()));
            }
        }
        let before = self.left_out.take();
        let kept = sizes.without(count).bytes;
        self.left_out = Some(LeftOut {
            reason,
            turns: messages + before.map_or(0, |before| before.turns),
            turns_kept: history.iter().filter(|turn| is_message_of_user(turn)).count(),
            bytes: sizes.total.bytes.saturating_sub(kept) + before.map_or(0, |before| before.bytes),
            bytes_kept: kept,
        });
    }
}

impl Sizes {
    /// Returns the size of the request without this number of optional sizes, with the note that marks the place.
    fn without(&self, count: usize) -> InputSize {
        let left_out = self.optional[..count].iter().copied().sum();
        let gap = if count == 0 { InputSize::default() } else { InputSize::of_text(GAP) };
        self.total - left_out + gap
    }
}

#[cfg(test)]
mod tests;
