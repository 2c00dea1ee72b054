//! What a model's id says about it: what it caches and how it is told to think.
//!
//! Only what Bedrock would refuse otherwise is known here. An id that says nothing, such as the ARN of an
//! application inference profile, is a model of no family.

use crate::model::claude::{self, Thinking};

/// Parts of the ids of the Claude models that cache no prompts.
const WITHOUT_CACHE: &[&str] = &[
    "claude-v2",
    "claude-instant",
    "claude-3-haiku",
    "claude-3-sonnet",
    "claude-3-opus",
    "claude-3-5-sonnet-20240620",
];

/// What is known of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    /// Whether it keeps prompts unless told otherwise.
    pub(super) caches: bool,
    /// Whether it takes a cache point behind the tools, too.
    pub(super) caches_tools: bool,
    /// How it is told to think.
    pub(super) thinking: Thinking,
}

impl Family {
    /// What the id of a model or of an inference profile says.
    pub(super) fn of(model: &str) -> Self {
        let has = |parts: &[&str]| parts.iter().any(|part| model.contains(part));
        if has(&["amazon.nova"]) {
            return Self { caches: true, caches_tools: false, thinking: Thinking::Never };
        }
        if !has(&["anthropic.claude"]) {
            return Self { caches: false, caches_tools: true, thinking: Thinking::Never };
        }
        let thinking = claude::thinking(model).unwrap_or(Thinking::Never);
        Self { caches: !has(WITHOUT_CACHE), caches_tools: true, thinking }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_a_model_caches_and_how_it_thinks() {
        use Thinking::{Adaptive, Budget, Never};
        for (model, caches, caches_tools, thinking) in [
            ("anthropic.claude-v2:1", false, true, Never),
            ("anthropic.claude-3-haiku-20240307-v1:0", false, true, Never),
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", false, true, Never),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", true, true, Never),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", true, true, Budget),
            ("anthropic.claude-opus-4-20250514-v1:0", true, true, Budget),
            ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", true, true, Budget),
            ("global.anthropic.claude-opus-4-6-v1", true, true, Budget),
            ("anthropic.claude-opus-4-7", true, true, Adaptive),
            ("anthropic.claude-opus-5", true, true, Adaptive),
            (
                "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-opus-4-7",
                true,
                true,
                Adaptive,
            ),
            ("eu.amazon.nova-lite-v1:0", true, false, Never),
            ("meta.llama3-3-70b-instruct-v1:0", false, true, Never),
            ("arn:aws:bedrock:eu-west-1:1:application-inference-profile/x", false, true, Never),
        ] {
            assert_eq!(Family::of(model), Family { caches, caches_tools, thinking }, "{model}");
        }
    }
}
