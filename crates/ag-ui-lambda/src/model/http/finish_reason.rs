//! The providers' words for why a turn ends.

/// What a provider's finish reason means for the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FinishReason {
    /// The answer is complete.
    Complete,
    /// The model waits for the results of its calls.
    ToolCalls,
    /// The limit of tokens was reached.
    MaxTokens,
    /// The provider withheld the rest because of its content policy.
    Filtered,
    /// The turn failed.
    Failed,
}

impl FinishReason {
    /// Returns whether a finish reason is a word such as `null`, in any case. Some servers write such a word in every
    /// frame before the turn ends, so the reader ignores it.
    pub(super) fn is_placeholder(word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        matches!(word.as_str(), "null" | "none" | "undefined" | "unspecified" | "finish_reason_unspecified")
    }

    /// Returns what a provider's finish reason means; `word` is in lower case. Returns `None` for an unknown word,
    /// since compatible servers have words of their own; the turn then counts as complete.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "stop" | "end_turn" | "stop_sequence" | "completed" | "eos" => Self::Complete,
            "tool_calls" | "tool_use" | "function_call" => Self::ToolCalls,
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "model_length"
            | "model_context_window_exceeded" => Self::MaxTokens,
            "content_filter"
            | "refusal"
            | "sensitive"
            | "safety"
            | "recitation"
            | "language"
            | "blocklist"
            | "prohibited_content"
            | "spii"
            | "image_safety"
            | "image_prohibited_content"
            | "image_recitation" => Self::Filtered,
            "malformed_function_call"
            | "malformed_response"
            | "unexpected_tool_call"
            | "too_many_tool_calls"
            | "missing_thought_signature"
            | "other"
            | "image_other"
            | "error"
            | "abort"
            | "aborted"
            | "failed"
            | "cancelled"
            | "incomplete"
            | "network_error"
            | "insufficient_system_resource"
            | "load" => Self::Failed,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_reasons_for_images_equal_those_for_text() {
        for (word, expected) in [
            ("safety", Some(FinishReason::Filtered)),
            ("image_safety", Some(FinishReason::Filtered)),
            ("image_prohibited_content", Some(FinishReason::Filtered)),
            ("image_recitation", Some(FinishReason::Filtered)),
            ("image_other", Some(FinishReason::Failed)),
            ("a_word_of_tomorrow", None),
        ] {
            assert_eq!(FinishReason::parse(word), expected, "{word}");
        }
    }
}
