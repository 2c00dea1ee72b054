//! The conversation of a run: the model is asked and its calls are run, turn after turn.

use std::sync::Arc;

use tracing::warn;

use super::compaction::LongRequest;
use super::context::RunContext;
use super::end::RunEnd;
use super::final_result::add_result;
use super::history::History;
use super::io::RunIo;
use super::limits::{NextStep, next_step};
use super::model_turn::{ModelTurn, TurnRequest, run_turn};
use crate::model::{Call, Request, ToolChoice, Turn};
use crate::transcript::IdSource;

/// Asks the model turn after turn and runs its calls, until the model makes no call, or a call waits for the client or
/// a person. After a turn without calls the model is asked for the result, if the agent has a result type. The model is not
/// asked if `history` is empty or one of its calls still waits.
///
/// The error is why the run ended early: a limit was reached, or all models have failed.
pub(super) async fn converse<C: Send + Sync + 'static, S: IdSource>(
    context: &RunContext<'_, C>,
    history: History,
    io: &mut RunIo<S>,
) -> Result<(), RunEnd> {
    context.log_withheld_tools().await;
    if history.turns.is_empty() || history.awaits_client {
        return Ok(());
    }
    let agent = context.agent();
    let request = Request {
        instructions: agent.instructions.text(&context.access.caller),
        history: Vec::new(),
        tools: Arc::clone(&context.tools),
        settings: agent.settings.clone(),
    };
    if let ToolChoice::Tool(name) = &request.settings.tool_choice
        && !request.offers(name)
    {
        warn!(tool = name, "the tool that must be called is not on offer");
    }
    let mut long = LongRequest::new(request, history);
    let mut model = 0;
    loop {
        io.budget.start_turn(io.transcript.total_tokens()).map_err(RunEnd::Cancelled)?;
        context.recorder.start_turn();
        let mut turn = TurnRequest {
            models: &agent.models,
            request: &mut long,
            ends_at: context.ends_at,
            recorder: &context.recorder,
        };
        let ModelTurn { reasoning, text, calls } = run_turn(&mut turn, &mut model, io).await?;
        let request = &mut long.request;
        let of_turn: Vec<Call> = calls.iter().map(|completed| completed.call.clone()).collect();
        let (responders, results) = context.run_calls(calls, io).await;
        match next_step(&responders) {
            NextStep::Wait => return Ok(()),
            NextStep::Finish => {
                if !text.is_empty() {
                    request.history.push(Turn::Assistant { reasoning, text, calls: of_turn });
                }
                return add_result(context, long, model, io).await;
            }
            NextStep::AskModel => {
                request.history.push(Turn::Assistant { reasoning, text, calls: of_turn });
                request.history.push(Turn::Results(results));
            }
        }
        // With a choice that forces a call in every turn the model could never give its answer.
        if request.settings.tool_choice != ToolChoice::None {
            request.settings.tool_choice = ToolChoice::Auto;
        }
    }
}
