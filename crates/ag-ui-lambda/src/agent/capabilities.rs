//! What an agent can do, derived from what it is made of and never written by hand.

use super::{Agent, Limits};
use crate::approval::Identity;
use crate::model::Model;
use crate::protocol::{
    AgentCapabilities, Execution, HumanInTheLoop, Modalities, Multimodal, PartKind, Source, StateSupport,
    ToolSupport, Transport,
};
use crate::tool::Interrupts;

impl<C: Send + Sync + 'static> Agent<C> {
    /// What the agent can do for a caller: its tools, the state that they share, what its first model reads, its limits.
    /// `identity` as in [`run`](Self::run).
    pub fn capabilities(&self, caller: &C, identity: Option<&Identity>) -> AgentCapabilities {
        let offers = self.offers(caller, self.is_open(identity));
        let interrupts = || offers.interrupts();
        AgentCapabilities {
            transport: Some(Transport { streaming: Some(true), ..Transport::default() }),
            tools: Some(ToolSupport {
                supported: Some(true),
                items: Some(offers.tools().cloned().collect()),
                parallel_calls: Some(true),
                client_provided: Some(self.inner.client.takes_tools()),
            }),
            state: Some(StateSupport {
                snapshots: Some(true),
                deltas: Some(true),
                memory: Some(false),
                persistent_state: Some(false),
            }),
            multimodal: self
                .inner
                .models
                .first()
                .map(|model| Multimodal { input: Some(self.modalities(model.as_ref())), output: None }),
            execution: Some(execution(&self.inner.limits)),
            human_in_the_loop: interrupts().any(Interrupts::any).then(|| HumanInTheLoop {
                supported: Some(true),
                approvals: Some(interrupts().any(|waits| waits.approval)),
                interrupts: Some(true),
                approve_with_edits: Some(interrupts().any(|waits| waits.editable)),
                ..HumanInTheLoop::default()
            }),
            ..AgentCapabilities::default()
        }
    }

    /// What of a client's media the model reads. A model is asked about an example of each kind.
    fn modalities(&self, model: &dyn Model) -> Modalities {
        let data = |mime_type: &str| Source::Data { value: "AAAA".into(), mime_type: mime_type.into() };
        let takes = |part| Some(self.inner.client.takes_media() && model.takes(&part));
        Modalities {
            image: takes(PartKind::Image { source: data("image/png") }),
            audio: takes(PartKind::Audio { source: data("audio/wav") }),
            video: takes(PartKind::Video { source: data("video/mp4") }),
            pdf: takes(PartKind::Document { source: data("application/pdf") }),
            file: takes(PartKind::Document { source: data("text/csv") }),
        }
    }
}

fn execution(limits: &Limits) -> Execution {
    Execution {
        max_iterations: Some(u64::from(limits.turns)),
        max_execution_time: u64::try_from(limits.run_timeout.as_millis()).ok(),
        ..Execution::default()
    }
}
