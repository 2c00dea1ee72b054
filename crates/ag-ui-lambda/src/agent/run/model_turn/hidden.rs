//! A turn that the client does not see. Nothing of it is written to the transcript, except for the tokens that it used.

use futures_util::StreamExt as _;

use super::start::{StartedTurn, TurnRequest, start_turn};
use crate::agent::run::end::RunEnd;
use crate::agent::run::io::RunIo;
use crate::agent::run::limits::check_argument_size;
use crate::json::fragment_repairer::FragmentRepairer;
use crate::model::{Delta, ModelErrorKind, StopReason};
use crate::transcript::IdSource;

/// The text and the first call of a turn that the client does not see.
#[derive(Debug, Default)]
pub(crate) struct HiddenTurn {
    pub(crate) text: String,
    pub(crate) call: Option<HiddenCall>,
}

/// A call that the client does not see.
#[derive(Debug)]
pub(crate) struct HiddenCall {
    /// The number by which the deltas name the call.
    number: usize,
    pub(crate) name: String,
    /// The JSON text. It may be cut off.
    pub(crate) arguments: String,
    /// Holds back an escape sequence that two deltas split.
    repairer: FragmentRepairer,
    has_ended: bool,
}

/// Asks a model for one turn and reads it to its end. `preferred` is as for [`run_turn`](super::run_turn). The error is
/// why the run ends. This function is used to ask for the result of a run by its type.
pub(crate) async fn run_hidden_turn<S: IdSource>(
    request: &mut TurnRequest<'_>,
    preferred: &mut usize,
    io: &mut RunIo<S>,
) -> Result<HiddenTurn, RunEnd> {
    let mut started = start_turn(request, *preferred, io).await?;
    *preferred = started.index;
    let model = request.models[started.index].name();
    started.recorder.begin(model, &started.first);
    let turn = HiddenTurn::read(model, &mut started, io).await;
    match &turn {
        // The call is no call of a tool, so it is not counted as one.
        Ok((_, reason)) => {
            started.recorder.finish(*reason, 0);
            io.day_budget.end_call();
        }
        Err(RunEnd::ModelFailed { error, .. }) => started.recorder.fail(error.kind),
        Err(RunEnd::Cancelled(_) | RunEnd::InvalidResult { .. }) => {}
    }
    turn.map(|(turn, _)| turn)
}

impl HiddenTurn {
    /// Reads the turn of the model of this name to its end. Returns the turn and why the model stopped.
    async fn read<S: IdSource>(
        model: &str,
        started: &mut StartedTurn<'_>,
        io: &mut RunIo<S>,
    ) -> Result<(Self, StopReason), RunEnd> {
        let StartedTurn { first, deltas, recorder, .. } = started;
        let mut turn = Self::default();
        let mut next = Some(Ok(first.clone()));
        loop {
            match next {
                Some(Ok(Delta::End(reason))) => return Ok((turn.finish(), reason)),
                Some(Ok(Delta::Usage(usage))) => io.add_usage(&usage, recorder),
                Some(Ok(delta)) => {
                    let bytes = delta.output_len();
                    turn.add(delta)?;
                    io.count_output(bytes).await?;
                }
                Some(Err(error)) => return Err(RunEnd::model_failed(model, error)),
                None => return Err(RunEnd::model_failed(model, ModelErrorKind::StreamCut)),
            }
            next = deltas.next().await;
        }
    }

    /// Adds a delta to the turn. Reasoning, further calls and values for the provider are left out, because the turn is in
    /// no later request. The error is that text or arguments are too long.
    fn add(&mut self, delta: Delta) -> Result<(), RunEnd> {
        match (delta, &mut self.call) {
            (Delta::Text(text), _) => {
                self.text.push_str(&text);
                check_argument_size(self.text.len()).map_err(RunEnd::Cancelled)
            }
            (Delta::ToolCall { call: number, name, .. }, none @ None) => {
                let (arguments, repairer) = (String::new(), FragmentRepairer::default());
                *none = Some(HiddenCall { number, name, arguments, repairer, has_ended: false });
                Ok(())
            }
            (Delta::ToolArgs { call: number, json }, Some(call))
                if call.number == number && !call.has_ended =>
            {
                call.arguments.push_str(&call.repairer.push(json));
                check_argument_size(call.arguments.len()).map_err(RunEnd::Cancelled)
            }
            (Delta::ToolCallEnd { call: number }, Some(call)) if call.number == number => {
                call.has_ended = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Adds the text that was held back to the arguments, at the end of the turn.
    fn finish(mut self) -> Self {
        if let Some(call) = &mut self.call {
            call.arguments.push_str(&call.repairer.flush());
        }
        self
    }
}
