//! What is known about a model by its id: what it caches and how it is asked to think.
//!
//! The list has only what Bedrock would otherwise refuse. An id that tells nothing, such as the ARN of an application
//! inference profile, gets the defaults of an unknown model.

use crate::model::claude::{self, ThinkingMode};

/// Parts of the ids of the Claude models that can't cache prompts.
const WITHOUT_CACHE: &[&str] = &[
    "claude-v2",
    "claude-instant",
    "claude-3-haiku",
    "claude-3-sonnet",
    "claude-3-opus",
    "claude-3-5-sonnet-20240620",
];

/// The features of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ModelFamily {
    /// Whether it caches prompts.
    pub(super) caches: bool,
    /// Whether it accepts a cache point after the tools, too.
    pub(super) caches_tools: bool,
    /// How it is asked to think.
    pub(super) thinking: ThinkingMode,
}

impl ModelFamily {
    /// Returns the features of the model with this id, or of the model that the id of an inference profile names. An id
    /// that names no known model gets no prompt cache and no thinking.
    pub(super) fn of(model: &str) -> Self {
        let has = |parts: &[&str]| parts.iter().any(|part| model.contains(part));
        if has(&["amazon.nova"]) {
            return Self { caches: true, caches_tools: false, thinking: ThinkingMode::Never };
        }
        if !has(&["anthropic.claude"]) {
            return Self { caches: false, caches_tools: true, thinking: ThinkingMode::Never };
        }
        let thinking = claude::thinking_mode(model).unwrap_or(ThinkingMode::Never);
        Self { caches: !has(WITHOUT_CACHE), caches_tools: true, thinking }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caching_and_thinking_depend_on_the_id() {
        use ThinkingMode::{Adaptive, Budget, Never};
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
            assert_eq!(ModelFamily::of(model), ModelFamily { caches, caches_tools, thinking }, "{model}");
        }
    }
}
