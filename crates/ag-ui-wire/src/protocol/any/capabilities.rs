//! Generates capabilities of agents.

use proptest::prelude::*;

use super::inputs::tool;
use super::values::{many, maybe, object, text};
use crate::protocol::{
    AgentCapabilities, Execution, HumanInTheLoop, Identity, Modalities, MultiAgent, Multimodal, Output,
    Reasoning, StateSupport, Subagent, ToolSupport, Transport,
};

/// Generates capabilities, each group with and without each of its members.
pub fn capabilities() -> impl Strategy<Value = AgentCapabilities> {
    let first = (maybe(identity()), maybe(transport()), maybe(tool_support()), maybe(output()));
    let second = (maybe(state_support()), maybe(multi_agent()), maybe(reasoning()), maybe(multimodal()));
    let third = (maybe(execution()), maybe(human_in_the_loop()), maybe(object()));
    (first, second, third).prop_map(|(first, second, third)| {
        let (identity, transport, tools, output) = first;
        let (state, multi_agent, reasoning, multimodal) = second;
        let (execution, human_in_the_loop, custom) = third;
        AgentCapabilities {
            identity,
            transport,
            tools,
            output,
            state,
            multi_agent,
            reasoning,
            multimodal,
            execution,
            human_in_the_loop,
            custom,
        }
    })
}

/// Generates the group `identity`.
fn identity() -> impl Strategy<Value = Identity> {
    let texts = (maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()));
    (texts, maybe(object())).prop_map(|((name, r#type, description, version, provider, url), metadata)| {
        Identity { name, r#type, description, version, provider, documentation_url: url, metadata }
    })
}

/// Generates the group `transport`.
fn transport() -> impl Strategy<Value = Transport> {
    (flag(), flag(), flag(), flag(), flag()).prop_map(
        |(streaming, websocket, http_binary, push_notifications, resumable)| Transport {
            streaming,
            websocket,
            http_binary,
            push_notifications,
            resumable,
        },
    )
}

/// Generates the group `tools`.
fn tool_support() -> impl Strategy<Value = ToolSupport> {
    (flag(), maybe(many(tool())), flag(), flag()).prop_map(
        |(supported, items, parallel_calls, client_provided)| ToolSupport {
            supported,
            items,
            parallel_calls,
            client_provided,
        },
    )
}

/// Generates the group `output`.
fn output() -> impl Strategy<Value = Output> {
    (flag(), maybe(many(text()))).prop_map(|(structured_output, supported_mime_types)| Output {
        structured_output,
        supported_mime_types,
    })
}

/// Generates the group `state`.
fn state_support() -> impl Strategy<Value = StateSupport> {
    (flag(), flag(), flag(), flag()).prop_map(|(snapshots, deltas, memory, persistent_state)| StateSupport {
        snapshots,
        deltas,
        memory,
        persistent_state,
    })
}

/// Generates the group `multi_agent`.
fn multi_agent() -> impl Strategy<Value = MultiAgent> {
    let subagent = (text(), maybe(text())).prop_map(|(name, description)| Subagent { name, description });
    (flag(), flag(), flag(), maybe(many(subagent))).prop_map(
        |(supported, delegation, handoffs, subagents)| MultiAgent {
            supported,
            delegation,
            handoffs,
            subagents,
        },
    )
}

/// Generates the group `reasoning`.
fn reasoning() -> impl Strategy<Value = Reasoning> {
    (flag(), flag(), flag()).prop_map(|(supported, streaming, encrypted)| Reasoning {
        supported,
        streaming,
        encrypted,
    })
}

/// Generates the group `multimodal`.
fn multimodal() -> impl Strategy<Value = Multimodal> {
    (maybe(modalities()), maybe(modalities())).prop_map(|(input, output)| Multimodal { input, output })
}

/// Generates which media are read or written.
fn modalities() -> impl Strategy<Value = Modalities> {
    (flag(), flag(), flag(), flag(), flag()).prop_map(|(image, audio, video, pdf, file)| Modalities {
        image,
        audio,
        video,
        pdf,
        file,
    })
}

/// Generates the group `execution`.
fn execution() -> impl Strategy<Value = Execution> {
    (flag(), flag(), maybe(any::<u64>()), maybe(any::<u64>())).prop_map(
        |(code_execution, sandboxed, max_iterations, max_execution_time)| Execution {
            code_execution,
            sandboxed,
            max_iterations,
            max_execution_time,
        },
    )
}

/// Generates the group `human_in_the_loop`.
fn human_in_the_loop() -> impl Strategy<Value = HumanInTheLoop> {
    (flag(), flag(), flag(), flag(), flag(), flag()).prop_map(
        |(supported, approvals, interventions, feedback, interrupts, approve_with_edits)| HumanInTheLoop {
            supported,
            approvals,
            interventions,
            feedback,
            interrupts,
            approve_with_edits,
        },
    )
}

/// Generates an optional bool.
fn flag() -> impl Strategy<Value = Option<bool>> {
    maybe(any::<bool>())
}
