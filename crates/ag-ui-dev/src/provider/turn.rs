//! What a model says in a turn, in no provider's words.
//!
//! Order and pieces are the caller's: nothing here is merged, checked or completed.

/// A part of a turn. Neighbours of one kind are pieces of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Say {
    /// A piece of the answer.
    Text(String),
    /// A piece of the reasoning.
    Reasoning(String),
    /// The signature of the reasoning before it; on Gemini, of the call behind it. The chat wires of OpenAI
    /// and Ollama have none and leave it out.
    Signature(String),
    /// Reasoning that only the provider can read. Anthropic, Bedrock (in Base64) and Responses have it.
    Redacted(String),
    /// A call.
    Call {
        /// The provider's id of it. Gemini and Ollama leave it out when it is empty.
        id: String,
        /// The tool's name.
        name: String,
        /// JSON text in pieces. Gemini and Ollama send whole calls, so that theirs have to be an object.
        arguments: Vec<String>,
    },
    /// What the turn used; the last one counts.
    Usage(Usage),
    /// Why it ends; the last one counts. Without one, it ends as its calls demand.
    Stop(Stop),
}

/// Tokens of a turn. Each wire is sent the sums and differences that it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All of the prompt, cached or not.
    pub input: u64,
    /// All of the answer, reasoning and calls included.
    pub output: u64,
    /// Part of the input that was read from the cache.
    pub cached_read: u64,
    /// Part of the input that was written to the cache. Anthropic and Bedrock have it.
    pub cache_write: u64,
    /// Part of the output that was reasoning. The wires of OpenAI and Gemini have it.
    pub reasoning: u64,
}

/// Why a turn ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The answer is complete.
    Complete,
    /// It waits for the results of its calls.
    Calls,
    /// The limit of tokens was reached.
    MaxTokens,
    /// The provider holds the rest back.
    Filtered,
    /// The provider's own word.
    Word(String),
}

impl Say {
    /// A piece of the answer.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A piece of the reasoning.
    pub fn reasoning(text: impl Into<String>) -> Self {
        Self::Reasoning(text.into())
    }

    /// The signature of the reasoning before it; on Gemini, of the call behind it.
    pub fn signature(signature: impl Into<String>) -> Self {
        Self::Signature(signature.into())
    }

    /// Reasoning that only the provider can read.
    pub fn redacted(data: impl Into<String>) -> Self {
        Self::Redacted(data.into())
    }

    /// A call, its arguments in pieces of JSON text.
    pub fn call<'a>(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let arguments = arguments.into_iter().map(ToOwned::to_owned).collect();
        Self::Call { id: id.into(), name: name.into(), arguments }
    }
}

/// What the turn used, if it says so.
pub(super) fn usage(turn: &[Say]) -> Option<Usage> {
    turn.iter().rev().find_map(|say| match say {
        Say::Usage(usage) => Some(*usage),
        _ => None,
    })
}

/// Why the turn ends.
pub(super) fn stop(turn: &[Say]) -> Stop {
    let said = turn.iter().rev().find_map(|say| match say {
        Say::Stop(stop) => Some(stop.clone()),
        _ => None,
    });
    let calls = turn.iter().any(|say| matches!(say, Say::Call { .. }));
    said.unwrap_or(if calls { Stop::Calls } else { Stop::Complete })
}

/// Whole arguments, for a wire that has no pieces of them; text that is not JSON stays text.
pub(super) fn whole(arguments: &[String]) -> serde_json::Value {
    let text = arguments.concat();
    serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))
}

impl Usage {
    /// The part of the input that no cache had to do with.
    pub(super) fn uncached(self) -> u64 {
        self.input.saturating_sub(self.cached_read + self.cache_write)
    }
}
