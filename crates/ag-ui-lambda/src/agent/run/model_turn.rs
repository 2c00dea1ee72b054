//! One turn of a model: it is asked for, begun, and written to the transcript while it streams.
//!
//! A hidden turn is not written to the transcript. Nothing here knows tools: the calls that a turn returns have not been handled.

mod assembler;
mod hidden;
mod start;

use tracing::warn;

use self::assembler::TurnAssembler;
pub(super) use self::assembler::{CompletedCall, ModelTurn};
pub(super) use self::hidden::{HiddenTurn, run_hidden_turn};
pub(super) use self::start::TurnRequest;
use self::start::{StartedTurn, start_turn};
use super::end::RunEnd;
use super::io::RunIo;
use crate::model::{Request, ToolChoice};
use crate::transcript::IdSource;

/// Asks a model for one turn and writes the turn to the transcript while it streams. The calls of the turn that is
/// returned have not been run.
///
/// `preferred` is the index of the model that is asked first, which is the one that made the previous turn of the run.
/// It is set to the index of the model that made this turn.
pub(super) async fn run_turn<S: IdSource>(
    request: &mut TurnRequest<'_>,
    preferred: &mut usize,
    io: &mut RunIo<S>,
) -> Result<ModelTurn, RunEnd> {
    let StartedTurn { index, first, deltas, mut recorder } = start_turn(request, *preferred, io).await?;
    *preferred = index;
    let model = request.models[index].name();
    recorder.begin(model, &first);
    io.transcript.start_turn();
    let mut assembler = TurnAssembler::new(model, &mut recorder);
    let turn = match assembler.read(first, deltas, io).await {
        Ok(reason) => assembler.finish(reason, &mut io.transcript),
        Err(end) => Err(end),
    };
    match &turn {
        Ok(turn) => {
            io.day_budget.end_call();
            check_tool_choice(&request.request.request, turn, model);
        }
        Err(RunEnd::ModelFailed { error, .. }) => recorder.fail(error.kind),
        Err(RunEnd::Cancelled(_) | RunEnd::InvalidResult { .. }) => {}
    }
    turn
}

/// Logs a warning if the tool choice required a call and the model did not make it: some servers ignore tools or the
/// tool choice. A call of another tool is enough only if the tool choice names no tool.
fn check_tool_choice(request: &Request, turn: &ModelTurn, model: &str) {
    let tool = match &request.settings.tool_choice {
        ToolChoice::Required if !request.tools.is_empty() => "any",
        ToolChoice::Tool(name) if request.offers(name) => name,
        _ => return,
    };
    if turn.calls.is_empty() {
        warn!(model, tool, "a call was required, and the model made none");
    } else if tool != "any" && turn.calls.iter().all(|completed| completed.call.name != tool) {
        warn!(model, tool, "a call of this tool was required, and the model made another");
    }
}
