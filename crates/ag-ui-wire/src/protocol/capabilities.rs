//! The capabilities that an agent declares. Every group and every member is optional: what is not known is absent.

use serde::{Deserialize, Serialize};

use super::{JsonObject, Tool};

/// Lists the capabilities of an agent, in groups. A client reads them to decide what it offers to the user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCapabilities {
    /// Who the agent is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// How a client can reach the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    /// Which tools the agent calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolSupport>,
    /// Which forms of output the agent writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// How the agent shares state with its client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateSupport>,
    /// How the agent works with other agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_agent: Option<MultiAgent>,
    /// What the agent shows of its reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Reasoning>,
    /// Which media the agent reads and writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multimodal: Option<Multimodal>,
    /// How the agent runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// What the agent asks people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_in_the_loop: Option<HumanInTheLoop>,
    /// Capabilities that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<JsonObject>,
}

/// Who an agent is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The name of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of agent, such as the framework that it is built with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// What the agent is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The version of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The organization that offers the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The URL of the agent's documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_url: Option<String>,
    /// Data that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
}

/// How a client can reach an agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// The agent streams events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streaming: Option<bool>,
    /// It can be reached over WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub websocket: Option<bool>,
    /// It can be reached with the binary encoding (protobuf) over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_binary: Option<bool>,
    /// It notifies clients that are not connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_notifications: Option<bool>,
    /// A client can resume a stream that broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumable: Option<bool>,
}

/// Which tools an agent calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSupport {
    /// The agent calls tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// The tools that the agent runs itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<Tool>>,
    /// It calls several tools at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_calls: Option<bool>,
    /// It calls tools that the client offers and runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_provided: Option<bool>,
}

/// Which forms of output an agent writes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The agent writes answers that follow a JSON Schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<bool>,
    /// The media types that the agent writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_mime_types: Option<Vec<String>>,
}

/// How an agent shares state with its client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateSupport {
    /// The agent sends snapshots of the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<bool>,
    /// It sends changes of the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deltas: Option<bool>,
    /// It remembers facts across threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<bool>,
    /// It keeps the state between runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_state: Option<bool>,
}

/// How an agent works with other agents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiAgent {
    /// The agent works with other agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// It delegates tasks to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation: Option<bool>,
    /// It hands conversations over to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handoffs: Option<bool>,
    /// The other agents that the agent works with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagents: Option<Vec<Subagent>>,
}

/// What an agent shows of its reasoning.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasoning {
    /// The agent shows its reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// It streams the reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streaming: Option<bool>,
    /// It sends reasoning in an encrypted form that the client stores and sends back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
}

/// Which media an agent reads and writes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Multimodal {
    /// The media that the agent reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Modalities>,
    /// The media that the agent writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Modalities>,
}

/// Which kinds of media an agent reads or writes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Modalities {
    /// The kinds include pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<bool>,
    /// The kinds include sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<bool>,
    /// The kinds include video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<bool>,
    /// The kinds include PDF documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pdf: Option<bool>,
    /// The kinds include other files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<bool>,
}

/// How an agent runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// The agent runs code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_execution: Option<bool>,
    /// It runs code in a sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandboxed: Option<bool>,
    /// How many times a run calls the model at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u64>,
    /// How long a run may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_execution_time: Option<u64>,
}

/// What an agent asks people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HumanInTheLoop {
    /// The agent asks people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported: Option<bool>,
    /// It asks them to approve tool calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<bool>,
    /// People can change what a run does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interventions: Option<bool>,
    /// It asks them for feedback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<bool>,
    /// It asks with interrupts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interrupts: Option<bool>,
    /// People can change the arguments of a call when they approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approve_with_edits: Option<bool>,
}

/// Another agent that an agent works with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subagent {
    /// The name of the agent.
    pub name: String,
    /// What the agent is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
