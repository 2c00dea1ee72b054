//! Whether and how long a model thinks, in each provider's terms.
//!
//! Some count tokens and some know three efforts: up to 2048 tokens are a low effort, up to 8192 a medium one,
//! more a high one. Where nothing is set, nothing is sent that a model without reasoning would refuse.

use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ReasoningEffort as Effort, ToolChoice as Choice};
use serde_json::json;
use tracing::debug;

use super::provider::{Provider, Wire};
use crate::model::{ReasoningKind, Request, Turn};

/// What Anthropic takes at least.
const LEAST_BUDGET: u32 = 1024;

/// The budget that genai makes of a high effort.
const HIGH_BUDGET: u32 = 24_000;

/// The smallest limit of tokens that genai sends for a model that thinks, where none is set.
const LEAST_LIMIT: u32 = 32_000;

/// Room for the answer, when the limit of tokens is no higher than the budget for thinking.
const ROOM: u32 = 1024;

/// Sets the options of reasoning; returns how genai has to call the provider.
pub(super) fn set(
    provider: &Provider,
    model: &str,
    id: &str,
    request: &Request,
    options: &mut ChatOptions,
) -> AdapterKind {
    let tokens = request.settings.thinking_tokens;
    let mut kind = provider.kind;
    // An effort that is set keeps genai from looking for one in the id.
    let (effort, shows) = match provider.wire {
        Wire::Chat => {
            if tokens.is_none() && kind == AdapterKind::DeepSeek {
                // There any effort turns thinking on.
                kind = AdapterKind::OpenAI;
            }
            (Some(tokens.map_or(Effort::Budget(0), effort)), true)
        }
        Wire::Responses => {
            // Summaries are refused to organisations that OpenAI has not verified.
            (Some(tokens.map_or(Effort::Budget(0), effort)), tokens.is_some())
        }
        Wire::Gemini => {
            let effort = match tokens {
                None => Effort::Zero,
                // Only these two levels are taken by every model that has levels.
                Some(..=2048) if id.contains("gemini-3") => Effort::Low,
                Some(_) if id.contains("gemini-3") => Effort::High,
                Some(tokens) => Effort::Budget(tokens),
            };
            (Some(effort), tokens.is_some() || id.contains("2.5") || id.contains("gemini-3"))
        }
        Wire::Anthropic => match tokens {
            Some(tokens) if may_think(model, request) => (Some(on_anthropic(tokens, id, options)), true),
            _ => (ends_in_effort(id).then_some(Effort::Zero), true),
        },
        // Any number turns it on there.
        Wire::Ollama => (tokens.map(Effort::Budget), true),
    };
    if provider.wire == Wire::Responses && !shows && reasons_on_responses(id) {
        // What the model needs back between its calls.
        let more = options.extra_body.get_or_insert_with(|| json!({}));
        more["include"] = json!(["reasoning.encrypted_content"]);
    }
    options.reasoning_effort = effort;
    options.capture_reasoning_content = Some(shows);
    kind
}

fn effort(tokens: u32) -> Effort {
    match tokens {
        0..=2048 => Effort::Low,
        2049..=8192 => Effort::Medium,
        _ => Effort::High,
    }
}

fn on_anthropic(tokens: u32, id: &str, options: &mut ChatOptions) -> Effort {
    let budget = tokens.max(LEAST_BUDGET);
    let counts = counts_tokens(id);
    // A later Claude makes do with its limit; of another name genai may make the largest budget it knows.
    let most = match counts {
        true => Some(budget),
        false => (!id.contains("claude")).then_some(HIGH_BUDGET),
    };
    if let Some(most) = most {
        options.max_tokens = match options.max_tokens {
            Some(max) => Some(if max > most { max } else { most.saturating_add(ROOM) }),
            // The limits that genai knows begin here.
            None => (most >= LEAST_LIMIT).then_some(most.saturating_add(ROOM)),
        };
    }
    options.temperature = None;
    if matches!(options.tool_choice, Some(Choice::Required | Choice::Tool { .. })) {
        options.tool_choice = None;
    }
    if counts { Effort::Budget(budget) } else { effort(budget) }
}

/// Whether a model takes a budget of thinking tokens: Claude 3.7 to 4.5. Later ones refuse it and know efforts;
/// for a name that tells nothing, an effort is what genai can turn into either.
fn counts_tokens(id: &str) -> bool {
    let is_old = |rest: &str| {
        let minor = rest.strip_prefix('-').and_then(|rest| rest.split('-').next());
        minor.is_none_or(|minor| minor.len() > 2 || minor.parse().is_ok_and(|minor: u32| minor <= 5))
    };
    let fourth = ["claude-opus-4", "claude-sonnet-4", "claude-haiku-4"];
    id.starts_with("claude-3") || fourth.iter().filter_map(|name| id.strip_prefix(name)).any(is_old)
}

/// Anthropic refuses to think when the calls being answered were made by a turn that did not begin with
/// thinking of its own: another model made them, say.
fn may_think(model: &str, request: &Request) -> bool {
    let in_loop = request.history.rsplit(|turn| matches!(turn, Turn::User(_))).next().unwrap_or_default();
    let first = in_loop.iter().find_map(|turn| match turn {
        Turn::Assistant { reasoning, .. } => Some(reasoning),
        _ => None,
    });
    let may = first.is_none_or(|reasoning| {
        let own = reasoning.iter().find(|piece| piece.model == model);
        own.is_some_and(|piece| piece.kind != ReasoningKind::Plain)
    });
    if !may {
        debug!(model, "no thinking: the calls being answered were made without");
    }
    may
}

/// Models that reason, and so can encrypt it, on the Responses wire.
fn reasons_on_responses(id: &str) -> bool {
    let id = id.rsplit('/').next().unwrap_or(id);
    let is_of = |start: &&str| id.starts_with(*start) && !id.contains("-chat");
    ["gpt-5", "gpt-6", "o1", "o3", "o4"].iter().any(is_of) || id.contains("codex")
}

/// Whether genai would take the end of an id for an effort.
fn ends_in_effort(id: &str) -> bool {
    Effort::from_model_name(id).0.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_goes_to_the_models_that_count_tokens() {
        for (id, expected) in [
            ("claude-3-7-sonnet-20250219", true),
            ("claude-sonnet-4-20250514", true),
            ("claude-opus-4-1", true),
            ("claude-haiku-4-5-20251001", true),
            ("claude-opus-4", true),
            ("claude-opus-4-6", false),
            ("claude-opus-4-7", false),
            ("claude-sonnet-5", false),
            ("MiniMax-M2", false),
        ] {
            assert_eq!(counts_tokens(id), expected, "{id}");
        }
    }

    #[test]
    fn models_that_reason_are_known_by_their_names() {
        for (id, expected) in [
            ("gpt-5.1", true),
            ("o3-mini", true),
            ("gpt-5-chat-latest", false),
            ("gpt-4.1", false),
            ("gpt-4o", false),
            ("codex-mini", true),
        ] {
            assert_eq!(reasons_on_responses(id), expected, "{id}");
        }
    }
}
