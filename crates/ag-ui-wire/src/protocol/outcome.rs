//! How a run or a subagent ends, and how many tokens it used.

use serde::{Deserialize, Serialize};

use super::read::null_as_empty;
use super::{InterruptId, JsonObject, SubagentRunId, ToolCallId};

/// How a run ended that did not fail.
///
/// Such a run ends with RUN_FINISHED, which holds this; a run that failed ends with RUN_ERROR.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum RunOutcome {
    /// The run did all that it could do.
    Success {
        /// The tool calls of this run whose results the client will send, in the order of the calls.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_as_empty")]
        pending_tool_call_ids: Vec<ToolCallId>,
    },
    /// The run stopped to wait for answers.
    Interrupt {
        /// The questions, of which there is at least one.
        interrupts: Vec<Interrupt>,
    },
    /// The run was stopped on purpose, which is neither success nor failure.
    Cancelled,
}

/// A question that a run stops for. The client answers it with the input of a later run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interrupt {
    /// The id of the interrupt, unique in the run. The answer has the same id.
    pub id: InterruptId,
    /// Why the run stopped, such as `tool_call` or `input_required`.
    pub reason: String,
    /// The question, for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The tool call that waits for the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<ToolCallId>,
    /// The JSON Schema of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_schema: Option<JsonObject>,
    /// The time after which the interrupt can only be cancelled, in ISO 8601 and UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Data that the protocol does not define.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// The invocation of a subagent that asks. It is absent for the agent itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subagent_run_id: Option<SubagentRunId>,
}

/// How the invocation of a subagent ended that did not fail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum SubagentOutcome {
    /// The subagent did all that it could do.
    Success,
    /// The subagent waits for answers to interrupts of the run.
    Suspended {
        /// The ids of these interrupts.
        #[serde(skip_serializing_if = "Vec::is_empty", default, deserialize_with = "null_as_empty")]
        interrupt_ids: Vec<InterruptId>,
    },
}

/// The tokens that one model of one provider used in a run.
///
/// `input_tokens` and `output_tokens` are totals, and the counts of cached and reasoning tokens are parts of them. A count
/// that is not known is absent, never 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    /// The name of the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The name of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tokens that the model read, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// The tokens that the model wrote, reasoning included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The tokens that the model read and wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tokens: Option<u64>,
    /// The part of the output that was reasoning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// The part of the input that was read from the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    /// The part of the input that was written to the provider's cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_input_tokens: Option<u64>,
}

impl TokenUsage {
    /// Returns the number of tokens that the model read and wrote: `total_tokens` if that is known, or else the sum of the
    /// known ones of `input_tokens` and `output_tokens`. A run adds these totals up for its limit of tokens.
    pub fn total(&self) -> u64 {
        self.total_tokens
            .unwrap_or_else(|| self.input_tokens.unwrap_or(0).saturating_add(self.output_tokens.unwrap_or(0)))
    }

    /// Adds the counts of another model call with the same provider and model. A count that is known in only one of the two
    /// is that one.
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
