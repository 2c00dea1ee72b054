//! What a Claude's id says about it, and what all Claudes ask of a conversation in which they think.
//!
//! Ids are those of Anthropic, of Bedrock's models and of Bedrock's inference profiles.

use super::{ReasoningKind, Request, Turn};

/// The smallest budget that Claude takes for its thinking.
pub(super) const LEAST_BUDGET: u32 = 1024;

/// How a Claude is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It doesn't.
    Never,
    /// With a budget of tokens.
    Budget,
    /// It chooses the budget itself, and no temperature can be set at all.
    ///
    /// Source: <https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html>.
    Adaptive,
}

/// How the model of this id is told to think; None if it is no Claude.
pub(super) fn thinking(id: &str) -> Option<Thinking> {
    let (_, id) = id.split_once("claude-")?;
    let mut words = id.split(['-', ':', '@']);
    let (first, second, third) = (words.next(), words.next(), words.next());
    Some(match (first.unwrap_or_default(), second) {
        ("v2" | "instant" | "2" | "2.0" | "2.1", _) => Thinking::Never,
        ("3", Some("7")) => Thinking::Budget,
        ("3", _) => Thinking::Never,
        // A date, or nothing, in the minor version's place is a 4.0.
        (_, Some("4")) if third.and_then(minor).is_none_or(|minor| minor <= 6) => Thinking::Budget,
        _ => Thinking::Adaptive,
    })
}

/// The most tokens that the model of this id writes in a turn. Anthropic wants a limit in each request.
///
/// Source: <https://platform.claude.com/docs/en/about-claude/models/overview>.
#[cfg(feature = "http-models")]
pub(super) fn most_tokens(id: &str) -> u32 {
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

/// Whether the model of this name may think in this request: Claude refuses to in the midst of calls that it did not
/// begin with thoughts of its own, when another model made them, say.
pub(super) fn may_think(request: &Request, model: &str) -> bool {
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

fn minor(word: &str) -> Option<u32> {
    if word.len() <= 2 { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_how_a_claude_thinks() {
        use Thinking::{Adaptive, Budget, Never};
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
            assert_eq!(thinking(id), expected, "{id}");
        }
    }

    #[cfg(feature = "http-models")]
    #[test]
    fn an_id_says_how_much_a_claude_writes() {
        for (id, expected) in [
            ("claude-3-haiku-20240307", 4096),
            ("claude-3-5-haiku-latest", 8192),
            ("claude-3-7-sonnet-20250219", 64_000),
            ("claude-opus-4-1-20250805", 32_000),
            ("claude-opus-4-5", 64_000),
            ("claude-haiku-4-5", 64_000),
            ("MiniMax-M2", 32_000),
        ] {
            assert_eq!(most_tokens(id), expected, "{id}");
        }
    }
}
