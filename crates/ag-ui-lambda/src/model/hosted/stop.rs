//! The providers' words for why a turn stops.

/// What a word means for the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// All is said.
    Complete,
    /// The calls are to be answered.
    ForCalls,
    /// The limit of tokens was reached.
    MaxTokens,
    /// The rest is held back.
    Filtered,
    /// The turn did not end as it should.
    Broken,
}

impl Stop {
    /// Whether a word says that there is no reason yet: some servers write one in every frame.
    pub(super) fn is_none(word: &str) -> bool {
        let word = word.to_ascii_lowercase();
        matches!(word.as_str(), "null" | "none" | "undefined" | "unspecified" | "finish_reason_unspecified")
    }

    /// What a word, in lower case, means. None for one that nobody knows: compatible servers have their own.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "stop" | "end_turn" | "stop_sequence" | "completed" | "eos" => Self::Complete,
            "tool_calls" | "tool_use" | "function_call" => Self::ForCalls,
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
            | "load" => Self::Broken,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geminis_words_for_pictures_mean_what_those_for_text_mean() {
        for (word, expected) in [
            ("safety", Some(Stop::Filtered)),
            ("image_safety", Some(Stop::Filtered)),
            ("image_prohibited_content", Some(Stop::Filtered)),
            ("image_recitation", Some(Stop::Filtered)),
            ("image_other", Some(Stop::Broken)),
            ("a_word_of_tomorrow", None),
        ] {
            assert_eq!(Stop::of(word), expected, "{word}");
        }
    }
}
