//! The audit lines of a run: who called which tool, what was decided and why.
//!
//! A line names the caller by a keyed hash, the tool, and the reason by a fixed word. It never holds arguments, claims or a
//! name that a model invented.

use tracing::{Level, debug, enabled, info};

use crate::agent::authorize::{Denial, ToolOffers};
use crate::agent::definition::AgentDefinition;
use crate::approval::InterruptKind;
use crate::auth::Principal;
use crate::log_events::{TOOL_AUTHORIZATION, TOOL_WITHHELD};
use crate::tool::MissingGrant;

/// Writes the audit lines of one caller.
pub(crate) struct Audit {
    /// The pseudonym of the caller.
    who: String,
}

/// What was decided about a call.
#[derive(Clone, Copy)]
enum AuditDecision {
    Allowed,
    /// A person is asked first.
    Waits,
    Denied,
}

impl Audit {
    /// Creates the audit log of a caller, and computes the pseudonym that names the caller in each line. It waits if
    /// the key for the pseudonym has to be fetched.
    pub(crate) async fn new<C>(agent: &AgentDefinition<C>, principal: Option<&Principal>) -> Self {
        Self { who: agent.pseudonyms.pseudonym(principal, agent.approvals.as_ref()).await }
    }

    /// Writes the audit line of a call that runs. `after` is what the call has waited for; `None` if it runs at once.
    pub(crate) fn log_allowed(&self, tool: &str, after: Option<InterruptKind>) {
        self.log(Some(tool), AuditDecision::Allowed, after.map_or("offered", interrupt_reason));
    }

    /// Writes the audit line of a call that waits for a person's approval. The decision of the person gets a line of
    /// its own.
    pub(crate) fn log_waits(&self, tool: &str) {
        self.log(Some(tool), AuditDecision::Waits, interrupt_reason(InterruptKind::Approval));
    }

    /// Writes the audit line of a call that does not run. `tool` is the name that the model called; the line omits a
    /// name that no tool has.
    pub(crate) fn log_denied(&self, tool: &str, denial: Denial) {
        let is_known = denial != Denial::UnknownTool;
        self.log(is_known.then_some(tool), AuditDecision::Denied, denial_reason(denial));
    }

    /// Writes one audit line. `tool` is `None` if no tool has the name that the model called.
    fn log(&self, tool: Option<&str>, decision: AuditDecision, reason: &str) {
        let decision = match decision {
            AuditDecision::Allowed => "allowed",
            AuditDecision::Waits => "waits",
            AuditDecision::Denied => "denied",
        };
        info!(who = self.who, tool, decision, reason, "{TOOL_AUTHORIZATION}");
    }
}

/// Logs, at level DEBUG, which tools are not offered to a caller and why. Level INFO has no such line, because every
/// run of the caller would repeat it, although the model has not called these tools.
pub(crate) async fn log_withheld_tools<C: Send + Sync + 'static>(
    agent: &AgentDefinition<C>,
    principal: Option<&Principal>,
    offers: &ToolOffers<'_, C>,
) {
    if offers.withheld.is_empty() || !enabled!(Level::DEBUG) {
        return;
    }
    let Audit { who } = Audit::new(agent, principal).await;
    for (tool, denial) in &offers.withheld {
        debug!(who, tool, reason = denial_reason(*denial), "{TOOL_WITHHELD}");
    }
}

/// Returns the value that the log field `reason` has for a denial.
fn denial_reason(denial: Denial) -> &'static str {
    match denial {
        Denial::UnknownTool => "unknown_tool",
        Denial::NoCallerRule => "no_rule",
        Denial::MissingGrant(MissingGrant::Permission) => "permission",
        Denial::MissingGrant(MissingGrant::Scope) => "scope",
        Denial::MissingGrant(MissingGrant::Group) => "group",
        Denial::MissingGrant(MissingGrant::Other) => "caller",
        Denial::ApprovalsClosed => "closed",
        Denial::Policy => "policy",
        Denial::NotGranted(kind) => interrupt_reason(kind),
    }
}

/// Returns the value that the log field `reason` has for what a call waits for, or has waited for.
fn interrupt_reason(kind: InterruptKind) -> &'static str {
    match kind {
        InterruptKind::Approval => "approval",
        InterruptKind::Question { .. } => "answer",
    }
}
