//! Whether a caller may use a tool.
//!
//! It is decided anew for each call, and once more when a call goes on that waited for a person.

use std::sync::Arc;

use super::definition::AgentDefinition;
use crate::approval::InterruptKind;
use crate::protocol;
use crate::tool::{ErasedTool, Interrupts, MissingGrant};

/// Why a call does not run, or why a tool is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    /// No tool has the name.
    UnknownTool,
    /// The tool has no rule about its callers, and the agent denies by default.
    NoCallerRule,
    /// The caller lacks what the tool requires.
    MissingGrant(MissingGrant),
    /// The calls of the tool may wait for a person, and no person can be asked for this caller.
    ApprovalsClosed,
    /// The tool denies a call with these arguments.
    Policy,
    /// The approval or the answer that the call waits for was not given.
    NotGranted(InterruptKind),
}

/// The tools of an agent, sorted by whether a caller may use them.
pub(crate) struct ToolOffers<'a, C> {
    offered: Vec<&'a Arc<dyn ErasedTool<C>>>,
    /// The names of all other tools, and why they are not offered.
    pub(crate) withheld: Vec<(&'a str, Denial)>,
}

impl<C: Send + Sync + 'static> AgentDefinition<C> {
    /// Returns the tool of this name if the caller may use it.
    ///
    /// `can_interrupt` is whether a person can be asked on behalf of this caller, see
    /// [`can_interrupt`](Self::can_interrupt). The error is [`Denial::UnknownTool`], [`Denial::NoCallerRule`],
    /// [`Denial::MissingGrant`], or [`Denial::ApprovalsClosed`] if calls of the tool may wait for a person and
    /// `can_interrupt` is `false`. A run calls it for each call, and again when a call resumes; the list of tools for
    /// developers calls it, too.
    pub(crate) fn authorized_tool(
        &self,
        name: &str,
        caller: &C,
        can_interrupt: bool,
    ) -> Result<&Arc<dyn ErasedTool<C>>, Denial> {
        let tool = self.tools.get(name).ok_or(Denial::UnknownTool)?;
        self.authorize(tool, caller, can_interrupt).map(|()| tool)
    }

    /// Sorts all tools of the agent into those that this caller may use and those that are withheld, each with the
    /// reason. `can_interrupt` is as in [`authorized_tool`](Self::authorized_tool). This method is called once in each
    /// run, once for each answer to `GET /capabilities`, and for the list of tools that anonymous callers may call.
    pub(crate) fn tool_offers(&self, caller: &C, can_interrupt: bool) -> ToolOffers<'_, C> {
        let mut offers = ToolOffers { offered: Vec::new(), withheld: Vec::new() };
        for tool in self.tools.iter() {
            match self.authorize(tool, caller, can_interrupt) {
                Ok(()) => offers.offered.push(tool),
                Err(denial) => offers.withheld.push((&tool.spec().name, denial)),
            }
        }
        offers
    }

    /// Checks whether the caller may use the tool. The error is [`Denial::NoCallerRule`], the kind of grant that the caller
    /// lacks, or [`Denial::ApprovalsClosed`] if calls of the tool may wait for a person and no person can be asked.
    fn authorize(
        &self,
        tool: &Arc<dyn ErasedTool<C>>,
        caller: &C,
        can_interrupt: bool,
    ) -> Result<(), Denial> {
        if self.deny_by_default && !tool.has_caller_rule() {
            return Err(Denial::NoCallerRule);
        }
        tool.authorize_caller(caller).map_err(Denial::MissingGrant)?;
        if can_interrupt || !tool.interrupts().can_interrupt() {
            Ok(())
        } else {
            Err(Denial::ApprovalsClosed)
        }
    }
}

impl<C: Send + Sync + 'static> ToolOffers<'_, C> {
    /// Lists the definitions of the offered tools, as the model is sent them.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &protocol::Tool> {
        self.offered.iter().map(|tool| tool.spec())
    }

    /// Lists, for each offered tool, what its calls may wait for: an approval, the answer to a question, or nothing.
    /// The capabilities of the agent are computed from the list.
    pub(crate) fn interrupts(&self) -> impl Iterator<Item = Interrupts> {
        self.offered.iter().map(|tool| tool.interrupts())
    }
}
