//! Whether a caller may use a tool, and the line that the log has of each decision.
//!
//! It is decided anew for each call, and once more when a call goes on that waited for a person. A line says who, as a
//! keyed hash, which tool, and why in a fixed word: never arguments, never claims, and no name that a model made up.

use std::sync::Arc;

use tracing::{Level, debug, enabled, info};

use super::Agent;
use crate::approval::{Identity, Kind};
use crate::protocol;
use crate::tool::{Entry, Interrupts, Lack};

/// Why a call does not run, or a tool is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// No tool bears the name.
    UnknownTool,
    /// The caller does not meet what the tool demands.
    Lacks(Lack),
    /// The tool's calls may wait for a person, and nobody can be asked for this caller.
    Closed,
    /// The tool's policy refuses these arguments.
    Policy,
    /// What the call waits for was not given.
    Unmet(Kind),
}

/// The tools of an agent, sorted by whether a caller may use them.
pub(super) struct Offers<'a, C> {
    offered: Vec<&'a Arc<dyn Entry<C>>>,
    withheld: Vec<(&'a str, Denial)>,
}

/// Writes the lines of one caller.
pub(super) struct Audit {
    who: String,
}

impl<C: Send + Sync + 'static> Agent<C> {
    /// The tool of that name, if a caller may use it. `is_open` says whether a person can be asked for the caller.
    pub(super) fn offered(
        &self,
        name: &str,
        caller: &C,
        is_open: bool,
    ) -> Result<&Arc<dyn Entry<C>>, Denial> {
        let tool = self.inner.toolbox.get(name).ok_or(Denial::UnknownTool)?;
        admits(tool, caller, is_open).map(|()| tool)
    }

    /// All tools, sorted.
    pub(super) fn offers(&self, caller: &C, is_open: bool) -> Offers<'_, C> {
        let mut offers = Offers { offered: Vec::new(), withheld: Vec::new() };
        for tool in self.inner.toolbox.all() {
            match admits(tool, caller, is_open) {
                Ok(()) => offers.offered.push(tool),
                Err(denial) => offers.withheld.push((&tool.spec().name, denial)),
            }
        }
        offers
    }

    /// What writes the lines of this caller.
    pub(super) async fn audit(&self, identity: Option<&Identity>) -> Audit {
        Audit { who: self.inner.pseudonyms.name(identity, self.inner.approvals.as_ref()).await }
    }
}

/// Tools whose calls may wait are there only where somebody can be asked.
fn admits<C>(tool: &Arc<dyn Entry<C>>, caller: &C, is_open: bool) -> Result<(), Denial> {
    tool.admits(caller).map_err(Denial::Lacks)?;
    if is_open || !tool.interrupts().any() { Ok(()) } else { Err(Denial::Closed) }
}

impl<C: Send + Sync + 'static> Offers<'_, C> {
    /// The tools that the caller may use.
    pub(super) fn tools(&self) -> impl Iterator<Item = &protocol::Tool> {
        self.offered.iter().map(|tool| tool.spec())
    }

    /// What the calls of those may wait for.
    pub(super) fn interrupts(&self) -> impl Iterator<Item = Interrupts> {
        self.offered.iter().map(|tool| tool.interrupts())
    }

    /// Says which tools are kept from the caller. At INFO it is silent: nobody has called them, and each run of each
    /// caller would say the same.
    pub(super) async fn tell_withheld(&self, agent: &Agent<C>, identity: Option<&Identity>) {
        if self.withheld.is_empty() || !enabled!(Level::DEBUG) {
            return;
        }
        let Audit { who } = agent.audit(identity).await;
        for (tool, denial) in &self.withheld {
            debug!(who, tool, reason = denial.word(), "tool withheld");
        }
    }
}

impl Audit {
    /// The call runs; `after` is what it waited for, if it did.
    pub(super) fn allowed(&self, tool: &str, after: Option<Kind>) {
        self.line(Some(tool), "allowed", after.map_or("offered", waited_for));
    }

    /// The call is put to a person. What they say to it is another line.
    pub(super) fn waits(&self, tool: &str) {
        self.line(Some(tool), "waits", waited_for(Kind::Approval));
    }

    /// The call does not run. `tool` is the name as it was called.
    pub(super) fn denied(&self, tool: &str, denial: Denial) {
        let is_known = denial != Denial::UnknownTool;
        self.line(is_known.then_some(tool), "denied", denial.word());
    }

    fn line(&self, tool: Option<&str>, decision: &str, reason: &str) {
        info!(who = self.who, tool, decision, reason, "tool authorization");
    }
}

impl Denial {
    fn word(self) -> &'static str {
        match self {
            Self::UnknownTool => "unknown_tool",
            Self::Lacks(Lack::Permission) => "permission",
            Self::Lacks(Lack::Group) => "group",
            Self::Lacks(Lack::Other) => "caller",
            Self::Closed => "closed",
            Self::Policy => "policy",
            Self::Unmet(kind) => waited_for(kind),
        }
    }
}

fn waited_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Approval => "approval",
        Kind::Question { .. } => "answer",
    }
}
