//! What an agent is made of.
//!
//! [`AgentBuilder`](super::AgentBuilder) creates an [`AgentDefinition`] once; every run of the agent reads it.

use std::sync::Arc;

use super::instructions::Instructions;
use super::result_type::{RESULT_TOOL, ResultType};
use super::run::client_input::ClientSettings;
use super::run::limits::Limits;
use crate::approval::{Approvals, Pseudonyms};
use crate::auth::Principal;
use crate::model::{Model, ModelSettings};
use crate::protocol::Prediction;
use crate::tool::ToolRegistry;

/// The models of an agent in the order in which they are asked; there is at least one.
pub(crate) type Models = Vec<Arc<dyn Model>>;

/// The parts of an agent.
pub(crate) struct AgentDefinition<C> {
    pub(crate) models: Models,
    pub(crate) settings: ModelSettings,
    /// Writes the system prompt of each run.
    pub(crate) instructions: Instructions<C>,
    pub(crate) tools: ToolRegistry<C>,
    /// The type of the result of each run; `None` if runs have no result.
    pub(crate) result_type: Option<ResultType>,
    /// Whether a tool without a rule about its callers is offered to nobody.
    pub(crate) deny_by_default: bool,
    /// Signs and checks interrupts and results. Without it, tools whose calls may wait for a person are not offered.
    pub(crate) approvals: Option<Approvals>,
    /// Makes the names that audit lines have for callers.
    pub(crate) pseudonyms: Pseudonyms,
    pub(crate) limits: Limits,
    /// Whether a person can be asked on behalf of a caller about whom nothing is proven. All such callers are one
    /// principal, so that each of them can approve what another one was asked.
    pub(crate) anonymous_approvals: bool,
    /// Whether the model reads only those results of backend tools that this server has signed.
    pub(crate) require_signed_results: bool,
    /// Whether a run ends with `MESSAGES_SNAPSHOT`.
    pub(crate) emit_messages_snapshot: bool,
    /// Whether the model reads the state that the client sends.
    pub(crate) expose_state: bool,
    /// Which arguments are shown as members of the state while they stream.
    pub(crate) predictions: Vec<Prediction>,
    /// Whether the custom event `PredictState` is sent, too.
    pub(crate) emit_predict_state: bool,
    /// What clients may send, and in which shapes they get events.
    pub(crate) client: ClientSettings,
}

impl<C: Send + Sync + 'static> AgentDefinition<C> {
    /// Whether a call can wait for a person on behalf of this caller: approvals are configured, and `principal` identifies
    /// the caller, or is the one of anonymous callers and they may approve.
    pub(crate) fn can_interrupt(&self, principal: Option<&Principal>) -> bool {
        let may_approve = |principal: &Principal| self.anonymous_approvals || !principal.is_anonymous();
        self.approvals.is_some() && principal.is_some_and(may_approve)
    }

    /// Whether a client may not offer a tool of this name: a backend tool has it, or the tool whose arguments are the result of
    /// a run. Names are compared without ASCII case.
    pub(crate) fn has_reserved(&self, name: &str) -> bool {
        let is_result = self.result_type.is_some() && name.eq_ignore_ascii_case(RESULT_TOOL);
        is_result || self.tools.contains(name)
    }
}
