//! The body of a request as the input of a run: it is read within limits, or refused with a path.

use ag_ui_wire::protocol::{InputLimits, ReadInputError, RunAgentInput};
use bytes::Bytes;
use serde_json::Value;

use super::Session;
use crate::breakage::{break_value, inflate, merge, to_text};
use crate::choices::Choices;
use crate::responses::Outcome;
use crate::valid::Inputs;

/// Prepares the target.
pub(super) fn start(seed: u64) -> Session {
    let inputs = Inputs::new(seed);
    Box::new(move |choices| {
        let body = body(choices, &inputs);
        choices.show("body", &body);
        let limits = limits(choices);
        read(&body.into(), &limits)
    })
}

/// The largest body that is made on purpose.
const LARGE_BYTES: usize = 3_000_000;

/// Makes the body of a request: a valid input one time in four, a large one rarely, or else one that is broken.
pub(super) fn body(choices: &mut Choices<'_>, inputs: &Inputs) -> Vec<u8> {
    if let Some(raw) = choices.raw() {
        return raw.to_vec();
    }
    let mut input = inputs.choose(choices);
    if choices.is_one_in(4) {
        return input.to_string().into();
    }
    break_value(choices, &mut input);
    // After it was broken, because what is broken may be repeated.
    if choices.is_one_in(150) {
        let bytes = choices.number(LARGE_BYTES);
        inflate(choices, &mut input, bytes);
    }
    let text = to_text(choices, &input);
    if choices.is_one_in(20) {
        let other = inputs.choose(choices).to_string();
        return merge(choices, &text, other.as_bytes());
    }
    text
}

/// Chooses the limits of an input: the usual ones, or small ones.
fn limits(choices: &mut Choices<'_>) -> InputLimits {
    let mut limits = InputLimits::default();
    if choices.is_one_in(3) {
        limits.messages = choices.number(8);
        limits.tool_calls = choices.number(4);
        limits.content_parts = choices.number(4);
        limits.tools = choices.number(3);
        limits.context_entries = choices.number(2);
        limits.json_values = choices.number(40);
        limits.state_bytes = choices.number(100);
        limits.schema_bytes = choices.number(300);
        limits.schema_depth = choices.number(8);
    }
    limits
}

/// Reads an input, and checks the error or what can be done with the input.
fn read(body: &Bytes, limits: &InputLimits) -> Result<Outcome, String> {
    let received = match RunAgentInput::read_body(body, limits) {
        Ok(received) => received,
        Err(ReadInputError::Json(_)) => return Ok(Outcome::Refused),
        Err(ReadInputError::Input(error)) => {
            let path = error.path;
            return match path.is_empty() || path.starts_with('/') {
                true => Ok(Outcome::Refused),
                false => Err(format!("{path:?} is not a JSON Pointer")),
            };
        }
    };
    let input = received.input;
    if input.messages.len() > limits.messages || input.tools.len() > limits.tools {
        return Err("an input is larger than its limits".into());
    }
    for knows_1_0 in [true, false] {
        for message in input.messages_without(&[0, 2], knows_1_0) {
            let text = serde_json::to_string(&message).map_err(|error| error.to_string())?;
            serde_json::from_str::<Value>(&text).map_err(|error| format!("a message sent back: {error}"))?;
        }
    }
    // What is written is read back equal.
    let written = serde_json::to_vec(&input).map_err(|error| error.to_string())?;
    let again = RunAgentInput::read_body(&written.into(), &InputLimits::default())
        .map_err(|error| format!("an input that was read is refused: {error}"))?;
    let without_originals = |input: RunAgentInput| RunAgentInput { original_messages: None, ..input };
    match without_originals(again.input) == without_originals(input) {
        true => Ok(Outcome::Accepted),
        false => Err("an input that was written and read is another one".into()),
    }
}
