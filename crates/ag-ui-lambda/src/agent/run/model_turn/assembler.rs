//! Assembles a turn from the deltas of a model, and writes each to the transcript.

use futures_util::StreamExt as _;
use serde::de::IgnoredAny;
use tracing::warn;

use crate::agent::observe::recorder::ModelCallRecorder;
use crate::agent::run::end::RunEnd;
use crate::agent::run::io::RunIo;
use crate::agent::run::limits::check_argument_size;
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
    /// Whether the arguments are complete although the turn was cut short. That a provider ended the call does not show it:
    /// providers end calls that are cut off, too.
    fn is_complete(&self) -> bool {
        self.open.is_none() && serde_json::from_str::<IgnoredAny>(&self.call.arguments).is_ok()
    }

    /// Appends to the arguments, unless they have ended.
    fn append<S: IdSource>(&mut self, json: &str, transcript: &mut Transcript<S>) {
        if let Some(open) = self.open.as_ref().filter(|_| !json.is_empty()) {
            transcript.tool_args(open, json);
            self.call.arguments.push_str(json);
        }
    }

    /// Ends the arguments, unless they have ended.
    fn close<S: IdSource>(&mut self, transcript: &mut Transcript<S>) {
        let rest = self.arguments.flush();
        self.append(&rest, transcript);
        if let Some(open) = self.open.take() {
            self.closed = Some(transcript.end_call(open));
        }
    }
}

impl<'a, 'r> TurnAssembler<'a, 'r> {
    /// Starts to assemble a turn of this model.
    pub(super) fn new(model: &'a str, recorder: &'a mut ModelCallRecorder<'r>) -> Self {
        Self { model, recorder, turn: ModelTurn::default(), reasoning: String::new(), calls: Vec::new() }
    }

    /// Reads the deltas of the turn, and sends each to the client as it comes. Returns why the turn is over.
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
            if let Some(reason) = self.apply(delta, io)? {
                return Ok(reason);
            }
            io.flush().await;
            next = deltas.next().await;
        }
    }

    /// Writes one delta to the transcript. Returns why the turn is over, if it is.
    fn apply<S: IdSource>(&mut self, delta: Delta, io: &mut RunIo<S>) -> Result<Option<StopReason>, RunEnd> {
        let RunIo { transcript, budget, .. } = io;
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
                    transcript.attach_to_reasoning(&provider_state::plain(self.model));
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

    /// Keeps what the provider wants back with the turn. It is attached to the first call, which clients send back, and to the
    /// message if there is no call.
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

    /// Ends the turn, and closes everything that is open.
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

    /// Finds the call that a delta names. A delta of a call that has not begun counts as a broken stream.
    fn call(&mut self, number: usize) -> Result<&mut CallAssembler, RunEnd> {
        let model = self.model;
        self.calls.iter_mut().find(|call| call.number == number).ok_or_else(|| {
            let cause = "a delta names a call that was not begun";
            RunEnd::model_failed(model, ModelError::new(ModelErrorKind::StreamCut, cause))
        })
    }

    /// Keeps the reasoning so far, to be sent back to its model and to no other.
    fn keep_reasoning(&mut self, kind: ReasoningKind) {
        let text = std::mem::take(&mut self.reasoning);
        if !text.is_empty() || kind != ReasoningKind::Plain {
            self.turn.reasoning.push(Reasoning { model: self.model.to_owned(), text, kind });
        }
    }
}
