//! Which tools a caller is offered and why not the others, for a developer who looks at the agent.
//!
//! Only the local mode shows this: elsewhere a caller does not learn of tools that are not for them.

use serde_json::{Value, json};

use super::Agent;
use super::authorization::Denial;
use crate::approval::Identity;
use crate::tool::Lack;

impl<C: Send + Sync + 'static> Agent<C> {
    /// Every tool of the agent, whether the caller is offered it, and a sentence that says why not.
    pub(crate) fn tool_access(&self, caller: &C, identity: Option<&Identity>) -> Value {
        let is_open = self.is_open(identity);
        let tools = self.inner.toolbox.all().map(|tool| {
            let spec = tool.spec();
            let denial = self.offered(&spec.name, caller, is_open).err();
            let mut access = json!({
                "name": spec.name,
                "description": spec.description,
                "offered": denial.is_none(),
                "needs_approval": tool.interrupts().approval,
            });
            if let Some(denial) = denial {
                access["reason"] =
                    tool.explain_denial(caller).unwrap_or_else(|| self.reason(denial).into()).into();
            }
            access
        });
        tools.collect()
    }

    fn reason(&self, denial: Denial) -> &'static str {
        match denial {
            Denial::Lacks(Lack::Permission) => "The caller lacks a permission.",
            Denial::Lacks(Lack::Group) => "The caller is not in the group that the tool demands.",
            Denial::Closed if self.inner.approvals.is_none() => {
                "Approvals are closed: neither AGUI_APPROVAL_KEY nor AGUI_APPROVAL_SECRET_ID is set."
            }
            Denial::Closed => {
                "Its calls wait for a person, and an anonymous caller cannot approve or answer."
            }
            _ => "A rule of the tool refuses this caller.",
        }
    }
}
