//! Assembles a turn from the deltas of a model, and writes each to the transcript.

use futures_util::StreamExt as _;
use serde::de::IgnoredAny;
use tracing::warn;

use crate::agent::observe::recorder::ModelCallRecorder;
use crate::agent::run::end::RunEnd;
use crate::agent::run::io::RunIo;
use crate::agent::run::limits::{check_answer_size, check_argument_size};
use crate::agent::run::provider_state;
use crate::json::fragment_repairer::FragmentRepairer;
use crate::model::{
    Call, CallSignature, Delta, DeltaStream, ModelError, ModelErrorKind, Reasoning, ReasoningKind, StopReason,
};
use crate::transcript::{ClosedCall, IdSource, OpenCall, Transcript};

/// The turn that a model has made.
#[derive(Debug, Default)]
pub(crate) struct ModelTurn {
    pub(crate) reasoning: Vec<Reasoning>,
    pub(crate) text: String,
    pub(crate) calls: Vec<CompletedCall>,
}

/// A call that a model has made. It has no result yet.
#[derive(Debug)]
pub(crate) struct CompletedCall {
    pub(crate) call: Call,
    pub(crate) closed: ClosedCall,
    /// Whether the arguments are complete; they may have been cut off.
    pub(crate) is_complete: bool,
}

/// A turn that is being read.
pub(super) struct TurnAssembler<'a, 'r> {
    model: &'a str,
    recorder: &'a mut ModelCallRecorder<'r>,
    turn: ModelTurn,
    /// The reasoning whose kind is not known yet: it may still be signed.
    reasoning: String,
    calls: Vec<CallAssembler>,
    /// The length of the text and the reasoning so far, in bytes.
    answer_bytes: usize,
}

/// A call that is being read: it is open until its arguments have ended.
struct CallAssembler {
    /// The number by which the deltas name the call.
    number: usize,
    call: Call,
    /// Holds back an escape sequence that two deltas split.
    arguments: FragmentRepairer,
    open: Option<OpenCall>,
    closed: Option<ClosedCall>,
}

impl CallAssembler {
    /// Whether the arguments of this call are complete, for a turn that was cut short: the call has ended, and its
    /// arguments are valid JSON. The end of the call is not enough, because providers also end calls that are cut off.
    fn is_complete(&self) -> bool {
        self.open.is_none() && serde_json::from_str::<IgnoredAny>(&self.call.arguments).is_ok()
    }

    /// Adds a piece of JSON text to the arguments and writes the piece to the transcript. Does nothing after the
    /// arguments have ended.
    fn append<S: IdSource>(&mut self, json: &str, transcript: &mut Transcript<S>) {
        if let Some(open) = self.open.as_ref().filter(|_| !json.is_empty()) {
            transcript.tool_args(open, json);
            self.call.arguments.push_str(json);
        }
    }

    /// Ends the arguments, after the text that was held back. Does nothing if they have ended before.
    fn close<S: IdSource>(&mut self, transcript: &mut Transcript<S>) {
        let rest = self.arguments.flush();
        self.append(&rest, transcript);
        if let Some(open) = self.open.take() {
            self.closed = Some(transcript.end_call(open));
        }
    }
}

impl<'a, 'r> TurnAssembler<'a, 'r> {
    /// Starts to assemble a turn of the model of this name. `recorder` records the request.
    pub(super) fn new(model: &'a str, recorder: &'a mut ModelCallRecorder<'r>) -> Self {
        Self {
            model,
            recorder,
            turn: ModelTurn::default(),
            reasoning: String::new(),
            calls: Vec::new(),
            answer_bytes: 0,
        }
    }

    /// Reads the turn to its end, `first` and then `deltas`, and sends each delta to the client at once. Returns why
    /// the model stopped. The error is why the run ends: the model failed, its stream broke off, or a limit was
    /// reached.
    pub(super) async fn read<S: IdSource>(
        &mut self,
        first: Delta,
        mut deltas: DeltaStream,
        io: &mut RunIo<S>,
    ) -> Result<StopReason, RunEnd> {
        let mut next = Some(Ok(first));
        loop {
            let delta = match next {
                Some(delta) => delta.map_err(|error| RunEnd::model_failed(self.model, error))?,
                None => return Err(RunEnd::model_failed(self.model, ModelErrorKind::StreamCut)),
            };
            let bytes = delta.output_len();
            if let Some(reason) = self.apply(delta, io)? {
                return Ok(reason);
            }
            io.flush().await;
            io.count_output(bytes).await?;
            next = deltas.next().await;
        }
    }

    /// Writes one delta to the transcript and adds it to the turn. Returns why the model stopped, if this delta ends
    /// the turn; otherwise `None`. The error is why the run ends: a limit was reached, or the delta names an unknown
    /// call.
    fn apply<S: IdSource>(&mut self, delta: Delta, io: &mut RunIo<S>) -> Result<Option<StopReason>, RunEnd> {
        let RunIo { transcript, budget, .. } = io;
        if let Delta::Text(text) | Delta::Reasoning(text) | Delta::RedactedReasoning(text) = &delta {
            self.answer_bytes += text.len();
            check_answer_size(self.answer_bytes).map_err(RunEnd::Cancelled)?;
        }
        match delta {
            Delta::Text(delta) => {
                self.keep_reasoning(ReasoningKind::Plain);
                transcript.text(&delta);
                self.turn.text.push_str(&delta);
            }
            Delta::Reasoning(delta) => {
                transcript.reasoning(&delta);
                self.reasoning.push_str(&delta);
            }
            Delta::ReasoningSignature(signature) => {
                transcript.attach_to_reasoning(&provider_state::signature(self.model, &signature));
                self.keep_reasoning(ReasoningKind::Signed(signature));
            }
            Delta::RedactedReasoning(data) => {
                self.keep_reasoning(ReasoningKind::Plain);
                transcript.encrypted_reasoning(&provider_state::redacted(self.model, &data));
                self.keep_reasoning(ReasoningKind::Redacted(data));
            }
            Delta::ReasoningEnd => {
                if !self.reasoning.is_empty() {
                    transcript.attach_to_reasoning(&provider_state::readable_text(self.model));
                    self.keep_reasoning(ReasoningKind::Plain);
                }
            }
            Delta::TurnSignature(value) => self.attach_to_turn(value, transcript),
            Delta::ToolCall { call: number, id, name } => {
                self.keep_reasoning(ReasoningKind::Plain);
                budget.start_call().map_err(RunEnd::Cancelled)?;
                let open = transcript.tool_call(id.into(), &name);
                let call = Call { id: open.id().clone(), name, arguments: String::new(), signature: None };
                let arguments = FragmentRepairer::default();
                self.calls.push(CallAssembler { number, call, arguments, open: Some(open), closed: None });
            }
            Delta::ToolArgs { call, json } => {
                let assembler = self.call(call)?;
                if assembler.open.is_some() {
                    let bytes = assembler.call.arguments.len() + json.len();
                    check_argument_size(bytes).map_err(RunEnd::Cancelled)?;
                    let json = assembler.arguments.push(json);
                    assembler.append(&json, transcript);
                }
            }
            Delta::ToolCallEnd { call } => self.call(call)?.close(transcript),
            Delta::ToolCallSignature { call, signature } => {
                let state = provider_state::signature(self.model, &signature);
                let model = self.model.to_owned();
                let assembler = self.call(call)?;
                if let Some(open) = &assembler.open {
                    transcript.attach_to_call(open, &state);
                }
                assembler.call.signature = Some(CallSignature { model, value: signature });
            }
            Delta::Usage(usage) => {
                io.add_usage(&usage, self.recorder);
            }
            Delta::End(reason) => return Ok(Some(reason)),
        }
        Ok(None)
    }

    /// Keeps `value`, which the provider wants back with this turn in later requests. The client is sent the value with
    /// the first call of the turn, or with the message if there is no call, and sends the value back in later runs.
    fn attach_to_turn<S: IdSource>(&mut self, value: String, transcript: &mut Transcript<S>) {
        self.keep_reasoning(ReasoningKind::Plain);
        let first = self.calls.first().map(|assembler| &assembler.call);
        let own = first.and_then(|call| call.signature.as_ref()).map(|signature| signature.value.as_str());
        if first.is_some() || !self.turn.text.is_empty() {
            transcript
                .attach_to_turn(first.map(|call| &call.id), &provider_state::turn(self.model, own, &value));
        }
        self.keep_reasoning(ReasoningKind::TurnSignature(value));
    }

    /// Ends the turn and closes the calls that are open. Returns the complete turn. The error is a failure of the
    /// model, for a turn that was cut short before it had text or a call.
    pub(super) fn finish<S: IdSource>(
        mut self,
        reason: StopReason,
        transcript: &mut Transcript<S>,
    ) -> Result<ModelTurn, RunEnd> {
        self.keep_reasoning(ReasoningKind::Plain);
        self.recorder.finish(reason, self.calls.len());
        if reason != StopReason::Complete {
            warn!(model = self.model, ?reason, "model's turn was cut short");
        }
        let is_empty = self.turn.text.is_empty() && self.calls.is_empty();
        let cause = match reason {
            StopReason::Complete => None,
            StopReason::MaxTokens => Some("the limit of tokens left no room for an answer"),
            StopReason::Filtered => Some("the provider held the answer back"),
        };
        if let Some(cause) = cause.filter(|_| is_empty) {
            let error = ModelError::new(ModelErrorKind::Refused, cause);
            return Err(RunEnd::model_failed(self.model, error));
        }
        for mut assembler in self.calls {
            let is_complete = reason == StopReason::Complete || assembler.is_complete();
            assembler.close(transcript);
            let mut call = assembler.call;
            if call.arguments.is_empty() {
                call.arguments.push_str("{}");
            }
            self.turn.calls.extend(assembler.closed.map(|closed| CompletedCall {
                call,
                closed,
                is_complete,
            }));
        }
        Ok(self.turn)
    }

    /// Returns the call that has this number in the deltas. If the call has not begun, the stream of the model is
    /// broken, which ends the run.
    fn call(&mut self, number: usize) -> Result<&mut CallAssembler, RunEnd> {
        let model = self.model;
        self.calls.iter_mut().find(|call| call.number == number).ok_or_else(|| {
            let cause = "a delta names a call that was not begun";
            RunEnd::model_failed(model, ModelError::new(ModelErrorKind::StreamCut, cause))
        })
    }

    /// Moves the reasoning text that was read so far into the turn, as reasoning of this kind; it goes back only to the
    /// model that made it. Plain reasoning without text is left out.
    fn keep_reasoning(&mut self, kind: ReasoningKind) {
        let text = std::mem::take(&mut self.reasoning);
        if !text.is_empty() || kind != ReasoningKind::Plain {
            self.turn.reasoning.push(Reasoning { model: self.model.to_owned(), text, kind });
        }
    }
}
