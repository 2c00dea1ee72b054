//! Which tools a caller is offered, and why not the others, for developers and operators who look at the agent.
//!
//! Only local mode shows the reasons, and the log the names: a caller does not learn of tools that the caller may not use.

use serde_json::{Value, json};

use super::Agent;
use super::authorize::Denial;
use crate::auth::Principal;
use crate::tool::MissingGrant;

impl<C: Send + Sync + 'static> Agent<C> {
    /// Returns a JSON array of all tools of the agent: the name and description of each, whether it is offered to this
    /// caller, whether its calls may need an approval, and a sentence with the reason if it is not offered. Local mode
    /// shows the array to developers.
    pub(crate) fn tool_access(&self, caller: &C, principal: Option<&Principal>) -> Value {
        let can_interrupt = self.definition.can_interrupt(principal);
        let tools = self.definition.tools.iter().map(|tool| {
            let spec = tool.spec();
            let denial = self.definition.authorized_tool(&spec.name, caller, can_interrupt).err();
            let mut access = json!({
                "name": spec.name,
                "description": spec.description,
                "offered": denial.is_none(),
                "needs_approval": tool.interrupts().approval,
            });
            if let Some(denial) = denial {
                let reason = tool.explain_denial(caller);
                access["reason"] = reason.unwrap_or_else(|| self.explain(denial).into()).into();
            }
            access
        });
        tools.collect()
    }

    /// Returns the names of the tools that this caller may call, in alphabetical order. `Endpoint::anonymous_tools`
    /// calls it for the anonymous caller.
    pub(crate) fn offered_tools(&self, caller: &C, principal: Option<&Principal>) -> Vec<String> {
        let offers = self.definition.tool_offers(caller, self.definition.can_interrupt(principal));
        offers.tools().map(|tool| tool.name.clone()).collect()
    }

    /// Returns the names of the tools that this caller may not call only because no person can be asked for the caller, in
    /// alphabetical order. Without approvals the list is empty, because these tools are then closed to everybody. The
    /// endpoint calls it for the anonymous caller.
    pub(crate) fn tools_without_approver(&self, caller: &C, principal: Option<&Principal>) -> Vec<String> {
        let offers = self.definition.tool_offers(caller, self.definition.can_interrupt(principal));
        let has_approvals = self.definition.approvals.is_some();
        let is_closed = |denial: Denial| has_approvals && denial == Denial::ApprovalsClosed;
        let closed = offers.withheld.iter().filter(|(_, denial)| is_closed(*denial));
        closed.map(|(name, _)| (*name).to_owned()).collect()
    }

    /// Returns a sentence with the reason of a denial, for a tool that does not explain the denial itself.
    fn explain(&self, denial: Denial) -> &'static str {
        match denial {
            Denial::MissingGrant(MissingGrant::Permission) => "The caller lacks a permission.",
            Denial::MissingGrant(MissingGrant::Scope) => "The caller's token lacks a scope.",
            Denial::MissingGrant(MissingGrant::Group) => {
                "The caller is not in the group that the tool demands."
            }
            Denial::NoCallerRule => {
                "The tool has no rule about its callers, and the agent denies by default (`deny_by_default`)."
            }
            Denial::ApprovalsClosed if self.definition.approvals.is_none() => {
                "Approvals are closed: neither AGUI_APPROVAL_KEY nor AGUI_APPROVAL_SECRET_ID is set."
            }
            Denial::ApprovalsClosed => {
                "Its calls wait for a person, and the caller cannot approve or answer: the claims name no user, and \
                 only callers without any claims may do so by AGUI_ANONYMOUS_APPROVALS=1."
            }
            _ => "A rule of the tool refuses this caller.",
        }
    }
}
