//! A turn as it comes in: bytes into frames, frames into what they say, and that into deltas.
//!
//! Whatever a provider sends or leaves out, a turn ends once. It ends well only behind the provider's reason to stop: at the end
//! marker of its wire, at the end of the body, or when nothing more has come for a while.

mod end;
mod text;
mod whole;

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Response;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{self, Fault};
use super::frames::{Frames, Framing};
use super::halves::SplitPairs;
use super::opaque::Opaque;
use super::provider::{Back, Provider, Wire};
use super::said::{Said, Tokens};
use super::stop::Stop;
use super::{anthropic, chat, gemini, ollama, responses};
use crate::model::calls::{Calls, Piece};
use crate::model::wire::ToolNames;
use crate::model::{Delta, ModelError};
use text::Told;

/// How long the end of a body may come behind the turn's. Waiting for it costs less than another connection.
const END_OF_BODY: Duration = Duration::from_millis(10);

/// How long more may come behind a reason to stop, once the turn has an answer. Some servers send no end marker and leave the
/// connection open; others tell the reason in every frame.
const BEHIND_STOP: Duration = Duration::from_millis(2500);

/// How long the end of a body is waited for beside the run.
const LATE_END: Duration = Duration::from_secs(5);

/// The most chunks behind the end of a turn.
const LATE_CHUNKS: usize = 16;

/// One turn that is coming in.
pub(super) struct Answer {
    response: Response,
    /// The longest silence.
    idle: Duration,
    frames: Frames,
    wire: Wire,
    /// Whether unsigned reasoning goes back.
    wants_reasoning: bool,
    /// Whose tokens are counted: the provider and the model.
    whose: (&'static str, String),
    /// The tools' names as the provider knows them.
    names: ToolNames,
    /// The limit of tokens that the request has set.
    max_tokens: Option<u32>,
    /// To keep it out of the log.
    key: Option<SecretString>,
    /// The halves of characters that wait for the next frame.
    pairs: SplitPairs,
    /// The calls so far.
    calls: Calls,
    /// What other choices than the first say of calls, and why they stop.
    other_calls: Vec<Piece>,
    other_stop: Option<String>,
    /// The signature of the block that is open: in its beginning, and in pieces.
    signature: (String, String),
    /// The signatures of items of the reasoning so far.
    sealed: Vec<String>,
    /// Those that came behind text or calls.
    late: Vec<String>,
    /// What the provider wants back with the turn.
    opaque: Opaque,
    /// The signature of text, which Gemini wants back with it.
    text_signature: Option<String>,
    /// Whether there was reasoning, and no text since, that a signature could belong to.
    has_reasoned: bool,
    /// The text so far.
    text: Told,
    /// The reasoning so far.
    reasoning: Told,
    /// Whether deltas came, so that a message repeats them.
    has_deltas: bool,
    /// Whether a plain member tells the reasoning.
    has_plain_reasoning: bool,
    /// Whether any text, reasoning or call came.
    has_answer: bool,
    /// When a part of the answer, or the reason to stop, came last.
    last_part: Instant,
    /// Whether any frame came.
    has_begun: bool,
    /// Tokens so far.
    tokens: Tokens,
    /// Why the provider stops.
    stop: Option<String>,
    /// Deltas that nobody has asked for yet.
    ready: VecDeque<Delta>,
    /// How the turn fails, when the deltas are told.
    failure: Option<ModelError>,
    /// Nothing comes any more.
    is_over: bool,
}

impl Answer {
    pub(super) fn new(
        response: Response,
        idle: Duration,
        provider: &'static Provider,
        model: String,
        names: ToolNames,
        max_tokens: Option<u32>,
        key: Option<SecretString>,
    ) -> Self {
        let wire = provider.wire;
        let framing = if wire == Wire::Ollama { Framing::Lines } else { Framing::Events };
        Self {
            response,
            idle,
            frames: Frames::new(framing),
            wire,
            wants_reasoning: provider.back != Back::No,
            whose: (provider.adapter, model),
            names,
            max_tokens,
            key,
            pairs: SplitPairs::default(),
            calls: Calls::default(),
            other_calls: Vec::new(),
            other_stop: None,
            signature: Default::default(),
            sealed: Vec::new(),
            late: Vec::new(),
            opaque: Opaque::default(),
            text_signature: None,
            has_reasoned: false,
            text: Told::default(),
            reasoning: Told::default(),
            has_deltas: false,
            has_plain_reasoning: false,
            has_answer: false,
            last_part: Instant::now(),
            has_begun: false,
            tokens: Tokens::default(),
            stop: None,
            ready: VecDeque::new(),
            failure: None,
            is_over: false,
        }
    }

    /// The next delta; None behind [`Delta::End`] and behind a failure.
    pub(super) async fn next(&mut self) -> Option<Result<Delta, ModelError>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Some(Ok(delta));
            }
            if let Some(failure) = self.failure.take() {
                self.is_over = true;
                return Some(Err(failure));
            }
            if self.is_over {
                return None;
            }
            match self.frames.next() {
                Some(frame) => self.frame(&frame),
                None => self.receive().await,
            }
        }
    }

    /// Reads to the end of the body, so that the connection is free for the next turn. An end that does not come at
    /// once is waited for beside the run.
    pub(super) async fn let_go(self) {
        let mut response = self.response;
        let mut end = Box::pin(async move {
            for _ in 0..LATE_CHUNKS {
                if !matches!(response.chunk().await, Ok(Some(_))) {
                    break;
                }
            }
        });
        match timeout(END_OF_BODY, &mut end).await {
            // The connection's own task puts it back.
            Ok(()) => tokio::task::yield_now().await,
            #[expect(
                clippy::disallowed_methods,
                reason = "it reads the end of a body, and the run is over for it"
            )]
            Err(_elapsed) => drop(tokio::spawn(timeout(LATE_END, end))),
        }
    }

    /// Takes the bytes that come next.
    async fn receive(&mut self) {
        let chunk = self.response.chunk();
        // Comments and pings do not prolong what comes behind a reason to stop.
        let chunk = match (&self.stop, self.has_answer) {
            (None, _) => timeout(self.idle, chunk).await,
            (Some(_), true) => timeout_at(self.last_part + self.idle.min(BEHIND_STOP), chunk).await,
            (Some(_), false) => timeout_at(self.last_part + self.idle, chunk).await,
        };
        let has_stopped = self.stop.is_some();
        match chunk {
            Ok(Ok(Some(bytes))) => {
                if self.frames.push(&bytes).is_err() {
                    self.cut("a frame is too long");
                }
            }
            Ok(Ok(None)) => self.end_of_body(),
            Ok(Err(_)) | Err(_) if has_stopped && self.has_answer => self.end(),
            Ok(Err(error)) => self.fail(error::transport(error, self.broken())),
            Err(_elapsed) if has_stopped => self.end(),
            Err(_elapsed) => self.cut("the provider is silent"),
        }
    }

    fn end_of_body(&mut self) {
        if let Some(frame) = self.frames.rest() {
            return self.frame(&frame);
        }
        self.take_other_stop();
        match self.stop {
            _ if self.is_over || self.failure.is_some() => {}
            Some(_) => self.end(),
            None => self.cut("the answer ended without its end"),
        }
    }

    fn frame(&mut self, data: &[u8]) {
        self.has_begun = true;
        let data = data.trim_ascii();
        if self.framing_ends(data) {
            return self.end();
        }
        if data.eq_ignore_ascii_case(b"ping") {
            return;
        }
        match serde_json::from_slice(&self.pairs.frame(data)) {
            // Gemini's answers and errors may be a list.
            Ok(Value::Array(frames)) if frames.iter().all(Value::is_object) => {
                frames.into_iter().for_each(|frame| self.read(frame));
            }
            Ok(frame @ Value::Object(_)) => self.read(frame),
            // What can't be read behind a complete answer takes nothing of it away.
            Ok(_) | Err(_) if self.stop.is_some() && self.has_answer => {}
            Ok(Value::Null) => {}
            Ok(_) => self.cut("a frame is no object"),
            // The message quotes the answer, so only the place is kept.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                self.cut(&format!("a frame is no JSON, line {line} column {column}"));
            }
        }
    }

    fn read(&mut self, frame: Value) {
        let said = match self.wire {
            _ if let Some(fault) = Fault::in_frame(&frame) => vec![Said::Failed(fault)],
            Wire::Chat => chat::read(frame),
            Wire::Responses => responses::read(frame),
            Wire::Anthropic => anthropic::read(frame),
            Wire::Gemini => gemini::read(frame),
            Wire::Ollama => ollama::read(frame),
        };
        let said = self.once(said);
        for said in self.pairs.join(said) {
            if self.failure.is_none() && !self.is_over {
                self.hear(said);
            }
        }
    }

    fn hear(&mut self, said: Said) {
        if matches!(&said, Said::Stop(word) | Said::OtherStop(word) if Stop::is_none(word)) {
            return;
        }
        let is_part = said.is_part_of_answer();
        if is_part || (matches!(said, Said::Stop(_)) && self.stop.is_none()) {
            self.last_part = Instant::now();
        }
        self.has_answer |= is_part;
        if is_part && !matches!(said, Said::Reasoning(_)) {
            self.end_reasoning();
        }
        match said {
            Said::Text(text) => {
                self.has_reasoned = false;
                self.text.push(&text);
                self.ready.push_back(Delta::Text(text));
            }
            Said::Reasoning(text) | Said::OpaqueReasoning(text) => {
                self.has_reasoned = true;
                self.reasoning.push(&text);
                self.ready.push_back(Delta::Reasoning(text));
            }
            Said::SignatureStart(start) => self.signature.0 = start,
            Said::SignaturePiece(piece) => self.signature.1.push_str(&piece),
            Said::TextSignature(signature) => self.text_signature = Some(signature),
            Said::Opaque(members) => self.opaque.merge(members, self.pairs.cuts()),
            Said::Signature(signature) => {
                self.has_reasoned = false;
                self.ready.push_back(Delta::ReasoningSignature(signature));
            }
            Said::WholeOpaque(members) => self.opaque.add(members),
            Said::Sealed(signature) => self.sealed(signature),
            Said::Redacted(data) => self.ready.push_back(Delta::RedactedReasoning(data)),
            Said::OthersCall(place) => self.calls.leave_out(place),
            Said::Call(piece) => self.calls.piece(piece, &self.names, &mut self.ready),
            Said::WholeCall(piece) => self.calls.whole(piece, &self.names, &mut self.ready),
            Said::CallDone(piece) => self.calls.done(piece, &self.names, &mut self.ready),
            Said::OtherCall(piece) => self.other_calls.push(piece),
            Said::Message(said) => said.into_iter().for_each(|said| self.hear(said)),
            Said::WholeText(span, text) => self.whole_text(span, &text),
            Said::WholeReasoning(span, text) => self.whole_reasoning(span, &text),
            Said::AllReasoning(thoughts) => self.all_reasoning(thoughts),
            Said::AllCalls(pieces) => self.calls.all(pieces, &self.names, &mut self.ready),
            Said::BlockEnd(place) => {
                self.end_signature();
                self.calls.end(place, &mut self.ready);
            }
            Said::Tokens(tokens) => self.tokens.update(tokens),
            Said::Stop(word) => self.stop = Some(word),
            Said::OtherStop(word) => self.other_stop = Some(word),
            Said::End => self.end(),
            Said::Failed(fault) => {
                let failure = fault.failure(self.key(), &self.names);
                self.fail(failure);
            }
        }
    }

    /// Whether a frame is the end marker of an event stream, which some servers send on other wires than OpenAI's.
    fn framing_ends(&self, data: &[u8]) -> bool {
        let data = data.strip_prefix(b"\"").and_then(|data| data.strip_suffix(b"\"")).unwrap_or(data);
        self.wire != Wire::Ollama && chat::is_end(data)
    }
}
