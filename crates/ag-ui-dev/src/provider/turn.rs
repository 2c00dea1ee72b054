//! A turn of a model, in a form that is independent of the provider.
//!
//! The caller chooses the order and the pieces: nothing here is merged, checked or completed.

/// A part of the turn that a model writes. Text after text, or reasoning after reasoning, continues the same block.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TurnPart {
    /// The model writes a piece of its answer.
    Text(String),
    /// The model writes a piece of its reasoning.
    Reasoning(String),
    /// The provider signs the reasoning before it; Gemini signs the call after it. Chat Completions and Ollama have no
    /// signatures and leave it out.
    Signature(String),
    /// The provider sends reasoning that only it can read. Anthropic, Bedrock (in Base64) and Responses have it.
    Redacted(String),
    /// The model calls a tool.
    Call {
        /// The provider's id of the call. Gemini and Ollama leave it out if it is empty.
        id: String,
        /// The name of the tool.
        name: String,
        /// The arguments: pieces of JSON text. Gemini and Ollama send a call at once, so the pieces together have to be an
        /// object there.
        arguments: Vec<String>,
    },
    /// The provider reports the tokens of the turn. If there are several reports, the last one counts.
    Usage(Usage),
    /// The turn ends for this reason. If there are several, the last one counts; without one, the reason is that the turn
    /// is complete, or that it waits for its tool calls.
    Stop(StopReason),
}

/// Counts the tokens of a turn. Each wire is sent the sums and differences that it has members for.
#[expect(clippy::exhaustive_structs, reason = "tests build it with a literal")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All tokens of the prompt, cached or not.
    pub input: u64,
    /// All tokens of the answer, reasoning and calls included.
    pub output: u64,
    /// The part of the input that was read from the cache.
    pub cached_read: u64,
    /// The part of the input that was written to the cache. Anthropic and Bedrock report it.
    pub cache_write: u64,
    /// The part of the output that was reasoning. The wires of OpenAI and Gemini report it.
    pub reasoning: u64,
}

/// Why a turn ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The answer is complete.
    Complete,
    /// The turn waits for the results of its tool calls.
    ToolCalls,
    /// The limit of tokens was reached.
    MaxTokens,
    /// A filter of the provider holds the rest back.
    Filtered,
    /// Another reason, as the provider writes it.
    Other(String),
}

impl TurnPart {
    /// Creates a piece of the model's answer.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Creates a piece of the model's reasoning.
    pub fn reasoning(text: impl Into<String>) -> Self {
        Self::Reasoning(text.into())
    }

    /// Creates a signature of the provider. It signs the reasoning before this part. Gemini signs the next call after this
    /// part instead, or the end of the turn if no call follows.
    pub fn signature(signature: impl Into<String>) -> Self {
        Self::Signature(signature.into())
    }

    /// Creates reasoning that only the provider can read. A wire without such reasoning leaves it out.
    pub fn redacted(data: impl Into<String>) -> Self {
        Self::Redacted(data.into())
    }

    /// Creates a tool call. `id` is the provider's id of the call, and `arguments` are pieces of one JSON text.
    pub fn call<'a>(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let arguments = arguments.into_iter().map(ToOwned::to_owned).collect();
        Self::Call { id: id.into(), name: name.into(), arguments }
    }
}

/// Returns the last report of tokens in the turn; `None` if the turn has no report. The encoders of the wires write
/// this report into the stream.
pub(super) fn final_usage(turn: &[TurnPart]) -> Option<Usage> {
    turn.iter().rev().find_map(|part| match part {
        TurnPart::Usage(usage) => Some(*usage),
        _ => None,
    })
}

/// Returns the last reason for the end of the turn that the test has given. Without one, the reason is that the turn waits
/// for its calls, or that it is complete.
pub(super) fn final_stop_reason(turn: &[TurnPart]) -> StopReason {
    let reason = turn.iter().rev().find_map(|part| match part {
        TurnPart::Stop(reason) => Some(reason.clone()),
        _ => None,
    });
    let has_calls = turn.iter().any(|part| matches!(part, TurnPart::Call { .. }));
    reason.unwrap_or(if has_calls { StopReason::ToolCalls } else { StopReason::Complete })
}

/// Joins the pieces of a call's arguments and reads them as JSON, for a provider that sends a call at once. Text that is
/// not JSON becomes a JSON string.
pub(super) fn complete_arguments(arguments: &[String]) -> serde_json::Value {
    let text = arguments.concat();
    serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))
}

impl Usage {
    /// Returns the number of input tokens that were neither read from the provider's cache nor written to it. The wires
    /// of Anthropic and Bedrock report this number as the input tokens.
    pub(super) fn uncached(self) -> u64 {
        self.input.saturating_sub(self.cached_read + self.cache_write)
    }
}
