//! The function with the wires of real providers, configured by environment variables alone.

mod aimock;
mod api_keys;
mod cases;
mod connections;
mod documented_table;
mod failures;
mod fallback;
mod genai;
mod llama_cpp;
mod long_conversation;
mod mantle;
pub(crate) mod weather;

use ag_ui_dev::provider::{Provider, TurnPart, Usage, Wire};

use crate::support::function::{Function, local_function};
use crate::support::provider::{KEY, model, variables};

/// The wires that the function supports, each through its adapter.
const WIRES: [Wire; 6] = Wire::ALL;

/// Starts the template's function with its model at this provider.
pub(crate) async fn function(wire: Wire, provider: &Provider, more: &[(&str, &str)]) -> Function {
    let variables = variables(wire, &provider.url());
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    local_function(&[variables.as_slice(), more].concat()).await
}

/// Whether this wire streams the arguments of a call.
fn streams_arguments(wire: Wire) -> bool {
    !matches!(wire, Wire::Gemini | Wire::Ollama)
}

/// Whether this wire signs reasoning, so that it has to be sent back.
fn signs(wire: Wire) -> bool {
    matches!(wire, Wire::OpenAiResponses | Wire::Anthropic | Wire::Gemini | Wire::Bedrock)
}

/// Returns the reasoning of [`asking`]; empty for OpenAI's chat wire, which does not show it.
fn thought(wire: Wire) -> &'static str {
    if wire == Wire::OpenAiChat { "" } else { "Two cities." }
}

/// Returns a turn with reasoning, text and calls for the weather in two cities.
fn asking(wire: Wire, number: usize) -> Vec<TurnPart> {
    let call = |city: &str, place: usize| {
        let id = format!("call_{number}_{place}");
        TurnPart::call(id, "get_weather", ["{\"loca", "tion\":\"", city, "\"}"])
    };
    let signature = signs(wire).then(|| TurnPart::signature("c2lnbmVk"));
    let mut turn: Vec<TurnPart> = thought(wire).split_inclusive(' ').map(TurnPart::reasoning).collect();
    turn.extend(signature.clone());
    turn.extend([TurnPart::text("Let me "), TurnPart::text("look.")]);
    // Gemini signs the first call instead of the reasoning.
    turn.extend(signature.filter(|_| wire == Wire::Gemini));
    turn.extend([call("Tokyo", 1), call("Paris", 2), used()]);
    turn
}

/// Returns a turn with the final answer.
fn answering(number: usize) -> Vec<TurnPart> {
    vec![TurnPart::text(format!("Answer {number}: ")), TurnPart::text("fine in both."), used()]
}

/// Returns the usage of a turn.
fn used() -> TurnPart {
    TurnPart::Usage(Usage { input: 100, output: 20, cached_read: 40, reasoning: 5, ..Usage::default() })
}
