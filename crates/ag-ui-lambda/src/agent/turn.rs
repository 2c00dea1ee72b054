//! One turn of a model: asked, begun, and told to the transcript as it is made.
//!
//! It knows nothing of tools: the calls it returns are unanswered.

mod begin;

use futures_util::StreamExt as _;
use serde::de::IgnoredAny;
use tokio::time::Instant;
use tracing::warn;

use self::begin::{Begun, begin};
use super::Models;
use super::account::Account;
use super::run::Ended;
use super::seal;
use super::spans::Chat;
use super::stream::Outbox;
use super::turns::{Turns, check_arguments};
use crate::json::pieces::Pieces;
use crate::model::{
    Call, CallSignature, Delta, DeltaStream, ModelError, ModelErrorKind, Reasoning, ReasoningKind, Request,
    StopReason, ToolChoice,
};
use crate::transcript::{ClosedCall, OpenCall, Stamps, Transcript};

/// What a model made of its turn.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) reasoning: Vec<Reasoning>,
    pub(super) text: String,
    pub(super) calls: Vec<MadeCall>,
}

/// A call that a model made.
#[derive(Debug)]
pub(super) struct MadeCall {
    pub(super) call: Call,
    pub(super) closed: ClosedCall,
    /// Its arguments are not cut off.
    pub(super) is_whole: bool,
}

/// What a turn is asked for, and of whom.
pub(super) struct Asking<'a> {
    pub(super) models: &'a Models,
    pub(super) request: &'a Request,
    /// When the run ends at the latest.
    pub(super) stop_at: Instant,
    pub(super) account: &'a Account,
}

/// Asks for one turn and tells it to the transcript. `preferred` is the model that made the run's last turn: it is
/// asked first.
pub(super) async fn ask<S: Stamps>(
    asking: &Asking<'_>,
    preferred: &mut usize,
    turns: &mut Turns,
    transcript: &mut Transcript<S>,
    outbox: &Outbox,
) -> Result<Made, Ended> {
    let Begun { index, first, deltas, mut chat } = begin(asking, *preferred, transcript).await?;
    *preferred = index;
    let model = asking.models[index].name();
    asking.account.began(model);
    if !matches!(first, Delta::End(_)) {
        asking.account.first_token();
    }
    transcript.turn();
    let mut making = Making::new(model, asking.account, &mut chat);
    let made = match making.follow(first, deltas, turns, transcript, outbox).await {
        Ok(reason) => making.made(reason, transcript),
        Err(ended) => Err(ended),
    };
    if let Ok(made) = &made {
        check_choice(asking.request, made, model);
    }
    made.inspect_err(|ended| {
        if let Ended::Failed { error, .. } = ended {
            chat.failed(error.kind);
        }
    })
}

/// Logs that a model made no call although one was asked for: some servers ignore tools, or the choice of one.
fn check_choice(request: &Request, made: &Made, model: &str) {
    let tool = match &request.settings.tool_choice {
        ToolChoice::Required if !request.tools.is_empty() => "any",
        ToolChoice::Tool(name) if request.offers(name) => name,
        _ => return,
    };
    if made.calls.is_empty() {
        warn!(model, tool, "a call was required, and the model made none");
    } else if tool != "any" && made.calls.iter().all(|made| made.call.name != tool) {
        warn!(model, tool, "a call of this tool was required, and the model made another");
    }
}

fn failed(model: &str, error: ModelError) -> Ended {
    Ended::Failed { model: model.to_owned(), error }
}

/// A turn that is being made.
struct Making<'a> {
    model: &'a str,
    account: &'a Account,
    chat: &'a mut Chat,
    made: Made,
    /// Reasoning that may yet be signed.
    reasoning: String,
    calls: Vec<MakingCall>,
}

/// A call that is being made: open, then closed.
struct MakingCall {
    number: usize,
    call: Call,
    /// Of its arguments, an escape that the deltas cut in two.
    pieces: Pieces,
    open: Option<OpenCall>,
    closed: Option<ClosedCall>,
}

impl MakingCall {
    /// Whether the arguments are there to their end, in a turn that was cut short: providers end calls that are
    /// cut off, too.
    fn is_whole(&self) -> bool {
        self.open.is_none() && serde_json::from_str::<IgnoredAny>(&self.call.arguments).is_ok()
    }

    /// Adds to the arguments, unless they have ended.
    fn add<S: Stamps>(&mut self, json: &str, transcript: &mut Transcript<S>) {
        if let Some(open) = self.open.as_ref().filter(|_| !json.is_empty()) {
            transcript.tool_args(open, json);
            self.call.arguments.push_str(json);
        }
    }

    /// Ends the arguments, unless they have ended.
    fn close<S: Stamps>(&mut self, transcript: &mut Transcript<S>) {
        let rest = self.pieces.rest();
        self.add(&rest, transcript);
        if let Some(open) = self.open.take() {
            self.closed = Some(transcript.end_call(open));
        }
    }
}

impl<'a> Making<'a> {
    fn new(model: &'a str, account: &'a Account, chat: &'a mut Chat) -> Self {
        Self { model, account, chat, made: Made::default(), reasoning: String::new(), calls: Vec::new() }
    }

    /// Tells the turn as it comes. Returns why it is over.
    async fn follow<S: Stamps>(
        &mut self,
        first: Delta,
        mut deltas: DeltaStream,
        turns: &mut Turns,
        transcript: &mut Transcript<S>,
        outbox: &Outbox,
    ) -> Result<StopReason, Ended> {
        let mut next = Some(Ok(first));
        loop {
            let delta = match next {
                Some(delta) => delta.map_err(|error| failed(self.model, error))?,
                None => return Err(failed(self.model, ModelErrorKind::StreamCut.into())),
            };
            if let Some(reason) = self.tell(delta, turns, transcript)? {
                return Ok(reason);
            }
            outbox.flush(transcript).await;
            next = deltas.next().await;
        }
    }

    /// Tells a delta. Returns why the turn is over, if it is.
    fn tell<S: Stamps>(
        &mut self,
        delta: Delta,
        turns: &mut Turns,
        transcript: &mut Transcript<S>,
    ) -> Result<Option<StopReason>, Ended> {
        match delta {
            Delta::Text(delta) => {
                self.keep_reasoning(ReasoningKind::Plain);
                transcript.text(&delta);
                self.made.text.push_str(&delta);
            }
            Delta::Reasoning(delta) => {
                transcript.reasoning(&delta);
                self.reasoning.push_str(&delta);
            }
            Delta::ReasoningSignature(signature) => {
                transcript.sign_reasoning(&seal::signature(self.model, &signature));
                self.keep_reasoning(ReasoningKind::Signed(signature));
            }
            Delta::RedactedReasoning(data) => {
                self.keep_reasoning(ReasoningKind::Plain);
                transcript.hidden_reasoning(&seal::redacted(self.model, &data));
                self.keep_reasoning(ReasoningKind::Redacted(data));
            }
            Delta::ReasoningEnd => {
                if !self.reasoning.is_empty() {
                    transcript.sign_reasoning(&seal::plain(self.model));
                    self.keep_reasoning(ReasoningKind::Plain);
                }
            }
            Delta::TurnSignature(value) => self.sign_turn(value, transcript),
            Delta::ToolCall { call: number, id, name } => {
                self.keep_reasoning(ReasoningKind::Plain);
                turns.begin_call().map_err(Ended::Stopped)?;
                let open = transcript.tool_call(id.into(), &name);
                let call = Call { id: open.id().clone(), name, arguments: String::new(), signature: None };
                let pieces = Pieces::default();
                self.calls.push(MakingCall { number, call, pieces, open: Some(open), closed: None });
            }
            Delta::ToolArgs { call, json } => {
                let making = self.find(call)?;
                if making.open.is_some() {
                    check_arguments(making.call.arguments.len() + json.len()).map_err(Ended::Stopped)?;
                    let json = making.pieces.push(json);
                    making.add(&json, transcript);
                }
            }
            Delta::ToolCallEnd { call } => self.find(call)?.close(transcript),
            Delta::ToolCallSignature { call, signature } => {
                let sealed = seal::signature(self.model, &signature);
                let model = self.model.to_owned();
                let making = self.find(call)?;
                if let Some(open) = &making.open {
                    transcript.sign_call(open, &sealed);
                }
                making.call.signature = Some(CallSignature { model, value: signature });
            }
            Delta::Usage(usage) => {
                transcript.usage(&usage);
                self.account.used(&usage);
                self.chat.used(&usage);
            }
            Delta::End(reason) => return Ok(Some(reason)),
        }
        Ok(None)
    }

    /// Keeps what the provider wants back with the turn. It is sealed with the first call, which clients send back, and else with
    /// the message.
    fn sign_turn<S: Stamps>(&mut self, value: String, transcript: &mut Transcript<S>) {
        self.keep_reasoning(ReasoningKind::Plain);
        let first = self.calls.first().map(|making| &making.call);
        let own = first.and_then(|call| call.signature.as_ref()).map(|signature| signature.value.as_str());
        if first.is_some() || !self.made.text.is_empty() {
            transcript.sign_turn(first.map(|call| &call.id), &seal::turn(self.model, own, &value));
        }
        self.keep_reasoning(ReasoningKind::OfTurn(value));
    }

    /// Ends the turn: what is open is closed.
    fn made<S: Stamps>(mut self, reason: StopReason, transcript: &mut Transcript<S>) -> Result<Made, Ended> {
        self.keep_reasoning(ReasoningKind::Plain);
        self.chat.ended(reason, !self.calls.is_empty());
        if reason != StopReason::Complete {
            warn!(model = self.model, ?reason, "model's turn was cut short");
        }
        let says_nothing = self.made.text.is_empty() && self.calls.is_empty();
        let cause = match reason {
            StopReason::Complete => None,
            StopReason::MaxTokens => Some("the limit of tokens left no room for an answer"),
            StopReason::Filtered => Some("the provider held the answer back"),
        };
        if let Some(cause) = cause.filter(|_| says_nothing) {
            return Err(failed(self.model, ModelError::new(ModelErrorKind::Refused, cause)));
        }
        for mut making in self.calls {
            let is_whole = reason == StopReason::Complete || making.is_whole();
            making.close(transcript);
            let mut call = making.call;
            if call.arguments.is_empty() {
                call.arguments.push_str("{}");
            }
            self.made.calls.extend(making.closed.map(|closed| MadeCall { call, closed, is_whole }));
        }
        Ok(self.made)
    }

    fn find(&mut self, number: usize) -> Result<&mut MakingCall, Ended> {
        let cut = || ModelError::new(ModelErrorKind::StreamCut, "a delta names a call that was not begun");
        let model = self.model;
        self.calls.iter_mut().find(|making| making.number == number).ok_or_else(|| failed(model, cut()))
    }

    /// Keeps the reasoning so far, for its model only.
    fn keep_reasoning(&mut self, kind: ReasoningKind) {
        let text = std::mem::take(&mut self.reasoning);
        if !text.is_empty() || kind != ReasoningKind::Plain {
            self.made.reasoning.push(Reasoning { model: self.model.to_owned(), text, kind });
        }
    }
}
