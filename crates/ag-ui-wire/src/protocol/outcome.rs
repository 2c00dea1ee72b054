//! How a run or a subagent ends, and what it cost.

use serde::{Deserialize, Serialize};

use super::read::null_is_empty;
use super::{InterruptId, JsonObject, SubagentRunId, ToolCallId};

/// How a run ended that did not fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum RunOutcome {
    /// It did what it could.
    Success {
        /// The calls of this run that wait for the client, in call order.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_empty")]
        pending_tool_call_ids: Vec<ToolCallId>,
    },
    /// It waits for answers.
    Interrupt {
        /// What it asks; at least one.
        interrupts: Vec<Interrupt>,
    },
    /// It was stopped on purpose: neither success nor failure.
    Cancelled,
}

/// A question that stops a run until it is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interrupt {
    /// Unique in the run; the answer names it.
    pub id: InterruptId,
    /// Why, such as `tool_call` or `input_required`.
    pub reason: String,
    /// The question, for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The call that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<ToolCallId>,
    /// JSON Schema of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_schema: Option<JsonObject>,
    /// ISO 8601 UTC time after which it may only be cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Data beside the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// The subagent that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent_run_id: Option<SubagentRunId>,
}

/// How a subagent's invocation ended that did not fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum SubagentOutcome {
    /// It did what it could.
    Success,
    /// It waits for answers to the run's interrupts.
    Suspended {
        /// Those it waits for.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_is_empty")]
        interrupt_ids: Vec<InterruptId>,
    },
}

/// Tokens that one model of one provider used in a run.
///
/// `input_tokens` and `output_tokens` are totals; cache and reasoning counts are parts of them. An unknown
/// count is absent, never 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    /// Name of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Name of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// All tokens read, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// All tokens written, reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Input and output together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// Part of the output that was reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// Part of the input that was read from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    /// Part of the input that was written to the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_input_tokens: Option<u64>,
}

impl TokenUsage {
    /// Input and output together, whatever of them is known.
    pub fn total(&self) -> u64 {
        self.total_tokens
            .unwrap_or_else(|| self.input_tokens.unwrap_or(0).saturating_add(self.output_tokens.unwrap_or(0)))
    }

    /// Adds another turn's tokens of the same provider and model.
    pub fn add(&mut self, other: &TokenUsage) {
        let sum = |a: &mut Option<u64>, b: Option<u64>| {
            if let Some(b) = b {
                *a = Some(a.unwrap_or(0).saturating_add(b));
            }
        };
        sum(&mut self.input_tokens, other.input_tokens);
        sum(&mut self.output_tokens, other.output_tokens);
        sum(&mut self.total_tokens, other.total_tokens);
        sum(&mut self.reasoning_tokens, other.reasoning_tokens);
        sum(&mut self.cached_input_tokens, other.cached_input_tokens);
        sum(&mut self.cache_write_input_tokens, other.cache_write_input_tokens);
    }
}
