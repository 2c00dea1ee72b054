//! The function and the wires of real providers: with nothing changed but environment variables.

mod aimock;
mod binary;
mod cases;
mod connections;
mod failures;
mod fallback;
mod keys;
mod llama_cpp;
mod oracle;
mod replay;
mod table;
pub(crate) mod weather;

use ag_ui_dev::provider::{Provider, Say, Usage, Wire};

use crate::support::function::{Function, local_function};
use crate::support::provider::{KEY, model, variables};

/// The wires that the function speaks, each through its adapter.
const WIRES: [Wire; 6] = Wire::ALL;

/// The template's function with its model at this provider.
async fn function(wire: Wire, provider: &Provider, more: &[(&str, &str)]) -> Function {
    let variables = variables(wire, &provider.url());
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    local_function(&[variables.as_slice(), more].concat()).await
}

/// Whether the arguments of a call stream on this wire.
fn streams_arguments(wire: Wire) -> bool {
    !matches!(wire, Wire::Gemini | Wire::Ollama)
}

/// Whether a model's reasoning comes with what the provider wants back.
fn signs(wire: Wire) -> bool {
    matches!(wire, Wire::OpenAiResponses | Wire::Anthropic | Wire::Gemini | Wire::Bedrock)
}

/// What the model thinks before it asks; OpenAI's own chat wire does not show it.
fn thought(wire: Wire) -> &'static str {
    if wire == Wire::OpenAiChat { "" } else { "Two cities." }
}

/// A turn that thinks, speaks and asks for the weather in two cities.
fn asking(wire: Wire, number: usize) -> Vec<Say> {
    let call = |city: &str, place: usize| {
        let id = format!("call_{number}_{place}");
        Say::call(id, "get_weather", ["{\"loca", "tion\":\"", city, "\"}"])
    };
    let signature = signs(wire).then(|| Say::signature("c2lnbmVk"));
    let mut turn: Vec<Say> = thought(wire).split_inclusive(' ').map(Say::reasoning).collect();
    turn.extend(signature.clone());
    turn.extend([Say::text("Let me "), Say::text("look.")]);
    // Gemini signs the first call, in place of the reasoning.
    turn.extend(signature.filter(|_| wire == Wire::Gemini));
    turn.extend([call("Tokyo", 1), call("Paris", 2), used()]);
    turn
}

/// A turn that answers.
fn answering(number: usize) -> Vec<Say> {
    vec![Say::text(format!("Answer {number}: ")), Say::text("fine in both."), used()]
}

fn used() -> Say {
    Say::Usage(Usage { input: 100, output: 20, cached_read: 40, reasoning: 5, ..Usage::default() })
}
