//! What is known about a Claude model by its id, and the rule for thinking that all Claude models have.
//!
//! The ids are those of Anthropic, of Bedrock's models and of Bedrock's inference profiles.

use super::{ReasoningKind, Request, Turn};

/// The smallest budget of thinking tokens that Claude models accept.
pub(super) const MIN_THINKING_BUDGET: u32 = 1024;

/// How a Claude model is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingMode {
    /// The model can't think.
    Never,
    /// The request sets a budget of tokens.
    Budget,
    /// The model chooses the budget itself, and its temperature can never be set.
    ///
    /// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html>.
    Adaptive,
}

/// Returns how a request asks the model with this id to think; `None` if the id is not that of a Claude model.
pub(super) fn thinking_mode(id: &str) -> Option<ThinkingMode> {
    let (_, id) = id.split_once("claude-")?;
    let mut words = id.split(['-', ':', '@']);
    let (first, second, third) = (words.next(), words.next(), words.next());
    Some(match (first.unwrap_or_default(), second) {
        ("v2" | "instant" | "2" | "2.0" | "2.1", _) => ThinkingMode::Never,
        ("3", Some("7")) => ThinkingMode::Budget,
        ("3", _) => ThinkingMode::Never,
        // A date, or nothing, in place of the minor version means 4.0.
        (_, Some("4")) if third.and_then(minor_version).is_none_or(|minor| minor <= 6) => {
            ThinkingMode::Budget
        }
        _ => ThinkingMode::Adaptive,
    })
}

/// Returns the maximum number of tokens that the model with this id can write in a turn. It is sent where the settings
/// have no limit, because Anthropic requires one in each request.
///
/// Source: <https://platform.claude.com/docs/en/about-claude/models/overview>.
#[cfg(feature = "http-models")]
pub(super) fn max_output_tokens(id: &str) -> u32 {
    let is = |name: &str| id.contains(name);
    match () {
        () if is("claude-3-5") => 8192,
        () if is("claude-3-7") => 64_000,
        () if is("claude-3") => 4096,
        () if is("claude-opus-4") && !["4-5", "4-6", "4-7", "4-8"].iter().any(|version| is(version)) => {
            32_000
        }
        () if is("claude") => 64_000,
        () => 32_000,
    }
}

/// Returns whether the history allows this request to ask for thinking. `model` is the full name of the model.
///
/// While the results of calls are sent back, Claude refuses to think unless the first turn after the user's message
/// began with signed or redacted reasoning of this model. That is not the case if another model wrote that turn, for
/// example.
pub(super) fn can_think(request: &Request, model: &str) -> bool {
    let in_loop = request.history.rsplit(|turn| matches!(turn, Turn::User(_))).next().unwrap_or_default();
    let first = in_loop.iter().find_map(|turn| match turn {
        Turn::Assistant { reasoning, .. } => Some(reasoning),
        _ => None,
    });
    first.is_none_or(|reasoning| {
        let own = reasoning.iter().find(|piece| piece.model == model);
        own.is_some_and(|piece| matches!(piece.kind, ReasoningKind::Signed(_) | ReasoningKind::Redacted(_)))
    })
}

/// Parses the minor version in a Claude model's id. Returns `None` for other words, such as a date, which has more than
/// two digits.
fn minor_version(word: &str) -> Option<u32> {
    if word.len() <= 2 { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thinking_mode_depends_on_the_id() {
        use ThinkingMode::{Adaptive, Budget, Never};
        for (id, expected) in [
            ("anthropic.claude-v2:1", Some(Never)),
            ("claude-2.1", Some(Never)),
            ("anthropic.claude-3-haiku-20240307-v1:0", Some(Never)),
            ("claude-3-5-sonnet-latest", Some(Never)),
            ("claude-3-7-sonnet-20250219", Some(Budget)),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Some(Budget)),
            ("claude-opus-4", Some(Budget)),
            ("claude-sonnet-4-20250514", Some(Budget)),
            ("anthropic.claude-opus-4-20250514-v1:0", Some(Budget)),
            ("claude-opus-4-1", Some(Budget)),
            ("claude-haiku-4-5-20251001", Some(Budget)),
            ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", Some(Budget)),
            ("global.anthropic.claude-opus-4-6-v1", Some(Budget)),
            ("claude-opus-4-7", Some(Adaptive)),
            ("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-opus-4-7", Some(Adaptive)),
            ("claude-sonnet-5", Some(Adaptive)),
            ("MiniMax-M2", None),
            ("eu.amazon.nova-lite-v1:0", None),
        ] {
            assert_eq!(thinking_mode(id), expected, "{id}");
        }
    }

    #[cfg(feature = "http-models")]
    #[test]
    fn the_output_limit_depends_on_the_id() {
        for (id, expected) in [
            ("claude-3-haiku-20240307", 4096),
            ("claude-3-5-haiku-latest", 8192),
            ("claude-3-7-sonnet-20250219", 64_000),
            ("claude-opus-4-1-20250805", 32_000),
            ("claude-opus-4-5", 64_000),
            ("claude-haiku-4-5", 64_000),
            ("MiniMax-M2", 32_000),
        ] {
            assert_eq!(max_output_tokens(id), expected, "{id}");
        }
    }
}
