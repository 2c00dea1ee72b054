//! What an agent can do, derived from its definition.

use super::Agent;
use super::run::limits::Limits;
use crate::auth::Principal;
use crate::model::Model;
use crate::protocol::{
    AgentCapabilities, Execution, HumanInTheLoop, Modalities, Multimodal, Output, PartKind, Source,
    StateSupport, ToolSupport, Transport,
};
use crate::tool::Interrupts;

impl<C: Send + Sync + 'static> Agent<C> {
    /// Describes what the agent can do for a caller: the tools that the caller may use, the shared state, what the
    /// first model reads, and the limits of a run. `principal` is as in
    /// [`RunRequest::principal`](super::RunRequest::principal). The endpoint sends the result as the response to `GET
    /// /capabilities`.
    pub fn capabilities(&self, caller: &C, principal: Option<&Principal>) -> AgentCapabilities {
        let definition = &self.definition;
        let offers = definition.tool_offers(caller, definition.can_interrupt(principal));
        let interrupts = || offers.interrupts();
        AgentCapabilities {
            transport: Some(Transport { streaming: Some(true), ..Transport::default() }),
            tools: Some(ToolSupport {
                supported: Some(true),
                items: Some(offers.tools().cloned().collect()),
                parallel_calls: Some(true),
                client_provided: Some(definition.client.allows_tools()),
            }),
            output: definition
                .result_type
                .is_some()
                .then(|| Output { structured_output: Some(true), ..Output::default() }),
            state: Some(StateSupport {
                snapshots: Some(true),
                deltas: Some(true),
                memory: Some(false),
                persistent_state: Some(false),
            }),
            multimodal: definition
                .models
                .first()
                .map(|model| Multimodal { input: Some(self.modalities(model.as_ref())), output: None }),
            execution: Some(execution(&definition.limits)),
            human_in_the_loop: interrupts().any(Interrupts::can_interrupt).then(|| HumanInTheLoop {
                supported: Some(true),
                approvals: Some(interrupts().any(|interrupts| interrupts.approval)),
                interrupts: Some(true),
                approve_with_edits: Some(interrupts().any(|interrupts| interrupts.editable)),
                ..HumanInTheLoop::default()
            }),
            ..AgentCapabilities::default()
        }
    }

    /// Returns which kinds of media that a client sends reach `model`: those of which the model accepts an example. If
    /// the agent ignores media of clients, every kind is `false`.
    fn modalities(&self, model: &dyn Model) -> Modalities {
        let data = |mime_type: &str| Source::Data { value: "AAAA".into(), mime_type: mime_type.into() };
        let accepts = |part| Some(self.definition.client.allows_media() && model.accepts(&part));
        Modalities {
            image: accepts(PartKind::Image { source: data("image/png") }),
            audio: accepts(PartKind::Audio { source: data("audio/wav") }),
            video: accepts(PartKind::Video { source: data("video/mp4") }),
            pdf: accepts(PartKind::Document { source: data("application/pdf") }),
            file: accepts(PartKind::Document { source: data("text/csv") }),
        }
    }
}

/// Describes the limits of a run to the client: the number of turns, and the time in milliseconds.
fn execution(limits: &Limits) -> Execution {
    Execution {
        max_iterations: Some(u64::from(limits.turns)),
        max_execution_time: u64::try_from(limits.run_timeout.as_millis()).ok(),
        ..Execution::default()
    }
}
