//! Reads a provider's response: bytes become frames, frames become [`FrameEvent`]s, and these become deltas.
//!
//! Whatever a provider sends or leaves out, a turn ends exactly once. It ends successfully only after the provider's finish
//! reason: at the end marker of its wire, at the end of the body, or when nothing more has come for a while.

mod finish;
mod repeats;
mod streamed_text;

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Response;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{self, ProviderError};
use super::finish_reason::FinishReason;
use super::frame_event::{FrameEvent, TokenCounts};
use super::frames::{FrameReader, Framing};
use super::opaque_members::OpaqueMembers;
use super::provider::{Provider, ReasoningReplay, Wire};
use super::surrogates::TurnSurrogates;
use super::{anthropic, chat, gemini, ollama, responses};
use crate::model::calls::{CallDelta, Calls};
use crate::model::compat::ToolNames;
use crate::model::{Delta, ModelError};
use streamed_text::StreamedText;

/// How long the end of the turn waits for the end of the body. A short wait costs less than a new connection.
const BODY_END_TIMEOUT: Duration = Duration::from_millis(10);

/// How long the reader waits for more after the finish reason, once the turn has an answer. Some servers send no end marker
/// and leave the connection open; others repeat the finish reason in every frame.
const POST_STOP_TIMEOUT: Duration = Duration::from_millis(2500);

/// How long a task of its own waits for the end of the body after the turn has ended.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of chunks that are read after the end of a turn.
const MAX_DRAINED_CHUNKS: usize = 16;

/// Reads the response of one turn.
pub(super) struct ResponseReader {
    response: Response,
    /// The maximum time without any bytes.
    idle: Duration,
    frames: FrameReader,
    wire: Wire,
    /// Whether unsigned reasoning goes back to the provider in later requests.
    replays_reasoning: bool,
    /// The provider's adapter name, for the usage and the log.
    provider: &'static str,
    /// The provider's id of the model, for the usage and the log.
    model: String,
    /// The tools' names on the wire and their original names.
    names: ToolNames,
    /// The limit of tokens that the request has set.
    max_tokens: Option<u32>,
    /// The API key, which must not get into the log.
    key: Option<SecretString>,
    /// Joins characters that two frames cut in half.
    surrogates: TurnSurrogates,
    /// The calls so far.
    calls: Calls,
    /// The pieces of calls in other choices than the first.
    other_calls: Vec<CallDelta>,
    /// The finish reason of another choice than the first.
    other_finish_reason: Option<String>,
    /// The signature of the open block: the one at the block's start, and the pieces after it.
    signature: (String, String),
    /// The signatures of reasoning items so far.
    item_signatures: Vec<String>,
    /// The signatures of reasoning items that came after text or calls.
    late_signatures: Vec<String>,
    /// The opaque members that the provider wants back with the turn.
    opaque: OpaqueMembers,
    /// The signature of the text, which Gemini wants back with it.
    text_signature: Option<String>,
    /// Whether reasoning has come that has neither ended nor got a signature.
    has_reasoned: bool,
    /// The text so far.
    text: StreamedText,
    /// The reasoning so far.
    reasoning: StreamedText,
    /// Whether deltas have come, so that a message repeats them.
    has_deltas: bool,
    /// Whether reasoning has come in a plain member, so that the same text in opaque members is skipped.
    has_plain_reasoning: bool,
    /// Whether any text, reasoning or call has come.
    has_answer: bool,
    /// When a part of the answer, or the finish reason, came last.
    last_part: Instant,
    /// Whether any frame has come.
    has_begun: bool,
    /// The token counts so far.
    tokens: TokenCounts,
    /// The provider's word for why the turn ends.
    finish_reason: Option<String>,
    /// Deltas that have not been polled yet.
    ready: VecDeque<Delta>,
    /// The failure that the turn ends with, after the deltas that are ready.
    failure: Option<ModelError>,
    /// Whether the turn has ended, so that nothing but `ready` remains.
    is_over: bool,
}

impl ResponseReader {
    /// Creates a reader for the response to a request. `idle` is the maximum time without bytes, `model` the provider's
    /// id of the model. `names` and `max_tokens` belong to the request; `key` is the API key, which is removed from
    /// texts for the log.
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
            frames: FrameReader::new(framing),
            wire,
            replays_reasoning: provider.reasoning_replay != ReasoningReplay::Never,
            provider: provider.adapter,
            model,
            names,
            max_tokens,
            key,
            surrogates: TurnSurrogates::default(),
            calls: Calls::default(),
            other_calls: Vec::new(),
            other_finish_reason: None,
            signature: Default::default(),
            item_signatures: Vec::new(),
            late_signatures: Vec::new(),
            opaque: OpaqueMembers::default(),
            text_signature: None,
            has_reasoned: false,
            text: StreamedText::default(),
            reasoning: StreamedText::default(),
            has_deltas: false,
            has_plain_reasoning: false,
            has_answer: false,
            last_part: Instant::now(),
            has_begun: false,
            tokens: TokenCounts::default(),
            finish_reason: None,
            ready: VecDeque::new(),
            failure: None,
            is_over: false,
        }
    }

    /// Waits for the next delta. Returns `None` after [`Delta::End`] and after a failure.
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
                Some(frame) => self.read_frame(&frame),
                None => self.receive().await,
            }
        }
    }

    /// Reads the body to its end after the turn, so that the connection can be reused. If the end does not come within
    /// 10 ms, a separate task waits for it, and this returns.
    pub(super) async fn drain(self) {
        let mut response = self.response;
        let mut end = Box::pin(async move {
            for _ in 0..MAX_DRAINED_CHUNKS {
                if !matches!(response.chunk().await, Ok(Some(_))) {
                    break;
                }
            }
        });
        match timeout(BODY_END_TIMEOUT, &mut end).await {
            // The connection's own task returns it to the pool.
            Ok(()) => tokio::task::yield_now().await,
            #[expect(
                clippy::disallowed_methods,
                reason = "it only reads the end of a body, and the turn does not wait for it"
            )]
            Err(_elapsed) => drop(tokio::spawn(timeout(DRAIN_TIMEOUT, end))),
        }
    }

    /// Waits for the next bytes of the body and gives them to the frame reader. If the body ends or breaks off, or if
    /// no bytes come in time, the turn ends or fails.
    async fn receive(&mut self) {
        let chunk = self.response.chunk();
        // After the finish reason, comments and pings do not prolong the wait.
        let chunk = match (&self.finish_reason, self.has_answer) {
            (None, _) => timeout(self.idle, chunk).await,
            (Some(_), true) => timeout_at(self.last_part + self.idle.min(POST_STOP_TIMEOUT), chunk).await,
            (Some(_), false) => timeout_at(self.last_part + self.idle, chunk).await,
        };
        let has_stopped = self.finish_reason.is_some();
        match chunk {
            Ok(Ok(Some(bytes))) => {
                if self.frames.push(&bytes).is_err() {
                    self.cut("a frame is too long");
                }
            }
            Ok(Ok(None)) => self.end_of_body(),
            Ok(Err(_)) | Err(_) if has_stopped && self.has_answer => self.end(),
            Ok(Err(error)) => self.fail(error::transport_error(error, self.failure_kind())),
            Err(_elapsed) if has_stopped => self.end(),
            Err(_elapsed) => self.cut("the provider sent nothing for too long"),
        }
    }

    /// Reads the next frame that is left after the end of the body. If none is left, the turn ends, or fails if there
    /// is no finish reason.
    fn end_of_body(&mut self) {
        if let Some(frame) = self.frames.finish() {
            return self.read_frame(&frame);
        }
        self.take_other_finish_reason();
        match self.finish_reason {
            _ if self.is_over || self.failure.is_some() => {}
            Some(_) => self.end(),
            None => self.cut("the response ended before the turn did"),
        }
    }

    /// Reads the data of one frame: an end marker, a ping, or JSON. A frame that can't be read makes the turn fail,
    /// unless the answer is already complete.
    fn read_frame(&mut self, data: &[u8]) {
        self.has_begun = true;
        let data = data.trim_ascii();
        if self.is_end_marker(data) {
            return self.end();
        }
        if data.eq_ignore_ascii_case(b"ping") {
            return;
        }
        match serde_json::from_slice(&self.surrogates.decode_frame(data)) {
            // Gemini's responses and errors may be a list.
            Ok(Value::Array(frames)) if frames.iter().all(Value::is_object) => {
                frames.into_iter().for_each(|frame| self.read_event(frame));
            }
            Ok(frame @ Value::Object(_)) => self.read_event(frame),
            // After a complete answer, a frame that can't be read does no harm.
            Ok(_) | Err(_) if self.finish_reason.is_some() && self.has_answer => {}
            Ok(Value::Null) => {}
            Ok(_) => self.cut("a frame is not a JSON object"),
            // The error's message may quote the answer, so only the position is kept.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                self.cut(&format!("a frame is not valid JSON at line {line}, column {column}"));
            }
        }
    }

    /// Decodes one JSON object of the response in the provider's wire format and applies its events to the turn. Events
    /// after the turn's end or failure are ignored.
    fn read_event(&mut self, frame: Value) {
        let events = match self.wire {
            _ if let Some(error) = ProviderError::from_frame(&frame) => vec![FrameEvent::Failed(error)],
            Wire::Chat => chat::decode_frame(frame),
            Wire::Responses => responses::decode_frame(frame),
            Wire::Anthropic => anthropic::decode_frame(frame),
            Wire::Gemini => gemini::decode_frame(frame),
            Wire::Ollama => ollama::decode_frame(frame),
        };
        let events = self.without_repeats(events);
        for event in self.surrogates.join(events) {
            if self.failure.is_none() && !self.is_over {
                self.apply(event);
            }
        }
    }

    /// Applies one event to the turn: appends its deltas to `ready`, or stores what belongs to the turn's end.
    fn apply(&mut self, event: FrameEvent) {
        if matches!(&event, FrameEvent::FinishReason(word) | FrameEvent::OtherChoiceFinishReason(word) if FinishReason::is_placeholder(word))
        {
            return;
        }
        let is_content = event.is_content();
        if is_content || (matches!(event, FrameEvent::FinishReason(_)) && self.finish_reason.is_none()) {
            self.last_part = Instant::now();
        }
        self.has_answer |= is_content;
        if is_content && !matches!(event, FrameEvent::Reasoning(_)) {
            self.end_reasoning();
        }
        match event {
            FrameEvent::Text(text) => {
                self.has_reasoned = false;
                self.text.push(&text);
                self.ready.push_back(Delta::Text(text));
            }
            FrameEvent::Reasoning(text) | FrameEvent::OpaqueReasoning(text) => {
                self.has_reasoned = true;
                self.reasoning.push(&text);
                self.ready.push_back(Delta::Reasoning(text));
            }
            FrameEvent::SignatureStart(start) => self.signature.0 = start,
            FrameEvent::SignatureDelta(delta) => self.signature.1.push_str(&delta),
            FrameEvent::TextSignature(signature) => self.text_signature = Some(signature),
            FrameEvent::OpaqueMembers(members) => self.opaque.merge(members, self.surrogates.cuts()),
            FrameEvent::Signature(signature) => {
                self.has_reasoned = false;
                self.ready.push_back(Delta::ReasoningSignature(signature));
            }
            FrameEvent::RepeatedOpaqueMembers(members) => self.opaque.add_unknown(members),
            FrameEvent::ItemSignature(signature) => self.add_item_signature(signature),
            FrameEvent::RedactedReasoning(data) => self.ready.push_back(Delta::RedactedReasoning(data)),
            FrameEvent::ProviderExecutedCall(index) => self.calls.ignore_index(index),
            FrameEvent::CallDelta(delta) => self.calls.apply_delta(delta, &self.names, &mut self.ready),
            FrameEvent::CompleteCall(call) => self.calls.add_complete(call, &self.names, &mut self.ready),
            FrameEvent::CallDone(call) => self.calls.complete_call(call, &self.names, &mut self.ready),
            FrameEvent::OtherChoiceCall(delta) => self.other_calls.push(delta),
            FrameEvent::Message(events) => events.into_iter().for_each(|event| self.apply(event)),
            FrameEvent::FullText(scope, text) => self.add_full_text(scope, &text),
            FrameEvent::FullReasoning(scope, text) => self.add_full_reasoning(scope, &text),
            FrameEvent::AllReasoning(items) => self.add_all_reasoning(items),
            FrameEvent::AllCalls(calls) => self.calls.add_all(calls, &self.names, &mut self.ready),
            FrameEvent::BlockEnd(index) => {
                self.end_signature();
                self.calls.end_block(index, &mut self.ready);
            }
            FrameEvent::Tokens(tokens) => self.tokens.update(tokens),
            FrameEvent::FinishReason(word) => self.finish_reason = Some(word),
            FrameEvent::OtherChoiceFinishReason(word) => self.other_finish_reason = Some(word),
            FrameEvent::End => self.end(),
            FrameEvent::Failed(error) => {
                let failure = error.into_model_error(self.key(), &self.names);
                self.fail(failure);
            }
        }
    }

    /// Returns whether a frame is the end marker `[DONE]`. Some servers send it on other wires than OpenAI's, too; on
    /// Ollama's it is not recognized.
    fn is_end_marker(&self, data: &[u8]) -> bool {
        let data = data.strip_prefix(b"\"").and_then(|data| data.strip_suffix(b"\"")).unwrap_or(data);
        self.wire != Wire::Ollama && chat::is_end_marker(data)
    }
}
