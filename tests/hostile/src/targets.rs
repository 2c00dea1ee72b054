//! The targets: what is sent where, and what must hold for each input.

mod agents;
mod event_streams;
mod events;
mod interrupts;
mod patches;
mod planted;
mod provider_requests;
mod provider_streams;
mod read_inputs;
mod run_inputs;
mod tool_arguments;
mod user_tokens;

use crate::choices::Choices;
use crate::responses::Outcome;

/// A part of the library that gets hostile inputs.
pub struct Target {
    /// The name, which commands and reports use.
    pub name: &'static str,
    /// How many of 50,000 inputs it gets.
    pub share: u64,
    /// Prepares the target. What is random in it depends on the seed.
    pub start: fn(seed: u64) -> Session,
}

/// A prepared target: it makes an input of the choices, sends it and checks the result. An error is the rule that was broken.
pub type Session = Box<dyn FnMut(&mut Choices<'_>) -> Result<Outcome, String>>;

/// All targets. Their shares are 50,000 together.
pub const TARGETS: [Target; 10] = [
    Target { name: "read_inputs", share: 8_000, start: read_inputs::start },
    Target { name: "run_inputs", share: 7_000, start: run_inputs::start },
    Target { name: "provider_requests", share: 4_000, start: provider_requests::start },
    Target { name: "events", share: 6_000, start: events::start },
    Target { name: "provider_streams", share: 7_000, start: provider_streams::start },
    Target { name: "user_tokens", share: 4_000, start: user_tokens::start },
    Target { name: "interrupts", share: 4_000, start: interrupts::start },
    Target { name: "patches", share: 3_000, start: patches::start },
    Target { name: "event_streams", share: 3_000, start: event_streams::start },
    Target { name: "tool_arguments", share: 4_000, start: tool_arguments::start },
];

/// Targets with a planted fault in one input of 50, for the tests of the harness.
pub const PLANTED: [Target; 8] = [
    Target { name: "planted_panic", share: 200, start: planted::panic },
    Target { name: "planted_caught_panic", share: 200, start: planted::caught_panic },
    Target { name: "planted_hang", share: 200, start: planted::hang },
    Target { name: "planted_endless_wait", share: 200, start: planted::endless_wait },
    Target { name: "planted_leak", share: 1_000, start: planted::leak },
    Target { name: "planted_memory", share: 200, start: planted::memory },
    Target { name: "planted_second_end", share: 200, start: planted::second_end },
    Target { name: "planted_merged_value", share: 2_000, start: planted::merged_value },
];

/// Returns the target with this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().chain(&PLANTED).find(|target| target.name == name)
}
