//! The result of a run: after its last answer, the model is asked for a value of the agent's result type.
//!
//! The client sees nothing of these turns but the result itself, in `RUN_FINISHED`.

use serde_json::Value;

use super::compaction::LongRequest;
use super::context::RunContext;
use super::end::RunEnd;
use super::io::RunIo;
use super::model_turn::{HiddenTurn, TurnRequest, run_hidden_turn};
use crate::agent::result_type::{RESULT_TOOL, ResultType};
use crate::model::{ModelSettings, ToolChoice, Turn, UserPart};
use crate::transcript::IdSource;

/// How often the model is asked again after a result that does not fit.
const MAX_CORRECTIONS: usize = 2;

/// Asks for the result of a run whose last turn is in the history of `long`, and gives it to the transcript. Does
/// nothing if the agent has no result type. `model` is the index of the model that is asked first.
///
/// The error is why the run ends: a limit was reached, the models have failed, or no result fits.
pub(super) async fn add_result<C: Send + Sync + 'static, S: IdSource>(
    context: &RunContext<'_, C>,
    mut long: LongRequest,
    mut model: usize,
    io: &mut RunIo<S>,
) -> Result<(), RunEnd> {
    let agent = context.agent();
    let Some(result_type) = &agent.result_type else { return Ok(()) };
    // The answer is complete, so its message does not stay open while the result is asked for.
    io.transcript.start_turn();
    io.flush().await;
    let request = &mut long.request;
    request.tools = [result_type.tool().clone()].into();
    request.settings = ModelSettings {
        tool_choice: ToolChoice::Tool(RESULT_TOOL.to_owned()),
        // Some models cannot be forced to call a tool while they think, and a stop text could cut the JSON.
        thinking_tokens: None,
        stop: Vec::new(),
        ..request.settings.clone()
    };
    let mut note = format!("(Now give the result of this conversation as the arguments of {RESULT_TOOL}.)");
    for _ in 0..=MAX_CORRECTIONS {
        io.budget.start_turn(io.transcript.total_tokens()).map_err(RunEnd::Cancelled)?;
        context.recorder.start_turn();
        long.request.history.push(Turn::User(vec![UserPart::Note(note)]));
        let mut turn = TurnRequest {
            models: &agent.models,
            request: &mut long,
            ends_at: context.ends_at,
            recorder: &context.recorder,
        };
        let turn = run_hidden_turn(&mut turn, &mut model, io).await?;
        // An attempt is repeated in the next note and not as a turn of its own: a turn with a call needs what its provider
        // has signed, and another model may be asked next.
        long.request.history.pop();
        match read_result(&turn, result_type) {
            Ok(result) => {
                io.transcript.set_result(result);
                return Ok(());
            }
            Err(fault) => note = correction(&turn, &fault),
        }
    }
    Err(RunEnd::InvalidResult { model: agent.models[model].name().to_owned() })
}

/// Reads the result from a turn: from the arguments of the call, or else from the JSON object in the text, because some
/// servers ignore which tool must be called. The error is a sentence for the model.
fn read_result(turn: &HiddenTurn, result_type: &ResultType) -> Result<Value, String> {
    match &turn.call {
        Some(call) if call.name == RESULT_TOOL => result_type.read(&call.arguments),
        _ => match object_in(&turn.text) {
            Some(object) => result_type.read(object),
            None => Err("There was no call of the tool.".to_owned()),
        },
    }
}

/// Returns the part of a text from its first `{` to its last `}`; `None` if there is no such part.
fn object_in(text: &str) -> Option<&str> {
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    text.get(start..=end)
}

/// Returns the note that asks again after `turn`, which holds no result that fits. `fault` says why.
fn correction(turn: &HiddenTurn, fault: &str) -> String {
    let attempt = turn.call.as_ref().map_or(&turn.text, |call| &call.arguments);
    format!(
        "(The result was not accepted. {fault} It was: {attempt}\nGive the complete result again as the arguments of {RESULT_TOOL}.)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_is_found_in_text() {
        for (text, expected) in [
            ("```json\n{\"a\": {}}\n```", Some("{\"a\": {}}")),
            ("{}", Some("{}")),
            ("no object", None),
            ("} and {", None),
            ("", None),
        ] {
            assert_eq!(object_in(text), expected, "{text}");
        }
    }
}
