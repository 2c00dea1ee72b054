//! The rules of a tool: who may use it, which of its calls run, and what they wait for.
//!
//! Rules add up: a caller and a call have to meet all of them, and a later rule never revokes an earlier one.

use super::interrupts::default_approval_message;
use super::{Decision, Interrupts, MissingGrant};

/// The rules of a tool that takes the arguments `A` from callers of the type `C`. Without any rule every call runs.
pub(super) struct Rules<C, A> {
    /// The rules that a caller has to meet.
    callers: Vec<CallerRule<C>>,
    /// The rules that a call has to meet.
    calls: Vec<Box<CallRule<C, A, Decision>>>,
    /// The rules that make a call wait for an approval; one of them is enough.
    approvals: Vec<Box<CallRule<C, A, bool>>>,
    /// What the calls may wait for.
    pub(super) interrupts: Interrupts,
    /// Writes the question that a person reads before approving a call; `None` for the default question.
    approval_message: Option<Box<CallRule<C, A, String>>>,
}

/// A rule for the callers of a tool.
struct CallerRule<C> {
    is_met: Box<CallerPredicate<C>>,
    /// What a caller lacks who does not meet the rule, for the log.
    missing: MissingGrant,
    /// The same as a sentence for a developer.
    explanation: String,
}

/// Decides about a caller.
type CallerPredicate<C> = dyn Fn(&C) -> bool + Send + Sync;
/// Decides about a call of a caller with these arguments.
type CallRule<C, A, R> = dyn Fn(&C, &A) -> R + Send + Sync;

impl<C, A> Default for Rules<C, A> {
    /// Creates an empty set of rules, with which every call runs.
    fn default() -> Self {
        Self {
            callers: Vec::new(),
            calls: Vec::new(),
            approvals: Vec::new(),
            interrupts: Interrupts::default(),
            approval_message: None,
        }
    }
}

impl<C, A> Rules<C, A> {
    /// Adds a rule that a caller has to meet to use the tool. For a caller who does not, `missing` goes to the log and
    /// `explanation` to a developer.
    pub(super) fn add_for_callers(
        &mut self,
        missing: MissingGrant,
        explanation: String,
        is_met: impl Fn(&C) -> bool + Send + Sync + 'static,
    ) {
        self.callers.push(CallerRule { is_met: Box::new(is_met), missing, explanation });
    }

    /// Adds a rule that decides whether a call may run.
    pub(super) fn add_for_calls(&mut self, rule: impl Fn(&C, &A) -> Decision + Send + Sync + 'static) {
        self.calls.push(Box::new(rule));
    }

    /// Adds a rule that returns `true` for the calls that wait until a person approves them.
    pub(super) fn add_for_approvals(&mut self, is_needed: impl Fn(&C, &A) -> bool + Send + Sync + 'static) {
        self.interrupts = self.interrupts.approval(true);
        self.approvals.push(Box::new(is_needed));
    }

    /// Replaces the function that writes the question for the person who approves a call.
    pub(super) fn set_approval_message(
        &mut self,
        message: impl Fn(&C, &A) -> String + Send + Sync + 'static,
    ) {
        self.approval_message = Some(Box::new(message));
    }

    /// Whether there is a rule for callers, even one that every caller meets.
    pub(super) fn has_caller_rule(&self) -> bool {
        !self.callers.is_empty()
    }

    /// Allows a caller who meets all rules for callers. The error is the kind of grant that the first unmet rule asks
    /// for.
    pub(super) fn authorize_caller(&self, caller: &C) -> Result<(), MissingGrant> {
        self.first_unmet(caller).map_or(Ok(()), |rule| Err(rule.missing))
    }

    /// Returns the explanation of the first rule that the caller does not meet; `None` if the caller may use the tool.
    pub(super) fn explain_denial(&self, caller: &C) -> Option<String> {
        self.first_unmet(caller).map(|rule| rule.explanation.clone())
    }

    /// Denies the call if a rule for calls denies it; otherwise requires an approval if any rule for approvals does.
    pub(super) fn authorize(&self, caller: &C, args: &A) -> Decision {
        let mut decision = Decision::Allow;
        for rule in &self.calls {
            match rule(caller, args) {
                Decision::Allow => {}
                Decision::RequireApproval => decision = Decision::RequireApproval,
                Decision::Deny(sentence) => return Decision::Deny(sentence),
            }
        }
        if self.approvals.iter().any(|is_needed| is_needed(caller, args)) {
            decision = Decision::RequireApproval;
        }
        decision
    }

    /// Returns the question that a person reads before approving a call of the tool with the name `tool`.
    pub(super) fn approval_message(&self, tool: &str, caller: &C, args: &A) -> String {
        match &self.approval_message {
            Some(message) => message(caller, args),
            None => default_approval_message(tool),
        }
    }

    /// Returns the first rule that this caller does not meet; `None` if the caller may use the tool.
    fn first_unmet(&self, caller: &C) -> Option<&CallerRule<C>> {
        self.callers.iter().find(|rule| !(rule.is_met)(caller))
    }
}
