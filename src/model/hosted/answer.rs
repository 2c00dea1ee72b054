//! A turn as it comes in: bytes into frames, frames into what they say, and that into deltas.
//!
//! Whatever a provider sends or leaves out, a turn ends once, and well only behind the end that its wire has.

use std::collections::VecDeque;
use std::time::Duration;

use http::header;
use reqwest::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::time::timeout;
use tracing::warn;

use super::calls::Calls;
use super::error;
use super::frames::{Frames, Framing};
use super::halves::SplitPairs;
use super::provider::Wire;
use super::said::{Said, Tokens, failure};
use super::stop::Stop;
use super::{anthropic, chat, gemini, ollama, responses};
use crate::model::wire::ToolNames;
use crate::model::{Delta, ModelError, ModelErrorKind, StopReason};

/// How long the end of a body may come behind the turn's. Waiting for it costs less than another connection.
const END_OF_BODY: Duration = Duration::from_millis(10);

/// How long more may come behind a reason to stop, on a wire that has no other end than the body's.
const BEHIND_STOP: Duration = Duration::from_secs(1);

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
    /// Whose tokens are counted: the provider and the model.
    whose: (&'static str, String),
    /// The tools' names as the provider knows them.
    names: ToolNames,
    /// To keep it out of the log.
    key: Option<SecretString>,
    /// The halves of characters that wait for the next frame.
    pairs: SplitPairs,
    /// The calls so far.
    calls: Calls,
    /// The signature of the block that is open.
    signature: String,
    /// Whether there was reasoning, and no text since, that a signature could belong to.
    has_reasoned: bool,
    /// Whether any text came.
    has_spoken: bool,
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
        wire: Wire,
        whose: (&'static str, String),
        names: ToolNames,
        key: Option<SecretString>,
    ) -> Self {
        Self {
            response,
            idle,
            frames: Frames::new(if wire == Wire::Ollama { Framing::Lines } else { Framing::Events }),
            wire,
            whose,
            names,
            key,
            pairs: SplitPairs::default(),
            calls: Calls::default(),
            signature: String::new(),
            has_reasoned: false,
            has_spoken: false,
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
        // Gemini may tell the reason to stop in every frame; its end is the body's.
        let has_stopped = self.wire == Wire::Gemini && self.stop.is_some();
        let idle = if has_stopped { self.idle.min(BEHIND_STOP) } else { self.idle };
        match timeout(idle, self.response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                if self.frames.push(&bytes).is_err() {
                    self.cut("a frame is too long");
                }
            }
            Ok(Ok(None)) => match self.frames.rest() {
                Some(frame) => self.frame(&frame),
                None if has_stopped => self.end(),
                None => self.cut("the answer ended without its end"),
            },
            Ok(Err(error)) => self.fail(error::transport(error, self.broken())),
            Err(_elapsed) if has_stopped => self.end(),
            Err(_elapsed) => self.cut("the provider is silent"),
        }
    }

    fn frame(&mut self, data: &[u8]) {
        self.has_begun = true;
        let data = data.trim_ascii();
        if self.wire == Wire::Chat && chat::is_end(data) {
            return self.end();
        }
        match serde_json::from_slice(&self.pairs.frame(data)) {
            // Gemini's answers and errors may be a list.
            Ok(Value::Array(frames)) if frames.iter().all(Value::is_object) => {
                frames.into_iter().for_each(|frame| self.read(frame));
            }
            Ok(frame @ Value::Object(_)) => self.read(frame),
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
            _ if let Some(failure) = failure(&frame) => vec![failure],
            Wire::Chat => chat::read(frame),
            Wire::Responses => responses::read(frame),
            Wire::Anthropic => anthropic::read(frame),
            Wire::Gemini => gemini::read(frame),
            Wire::Ollama => ollama::read(frame),
        };
        for said in self.pairs.join(said) {
            if self.failure.is_none() && !self.is_over {
                self.hear(said);
            }
        }
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Text(text) => {
                self.has_reasoned = false;
                self.has_spoken = true;
                self.ready.push_back(Delta::Text(text));
            }
            Said::Reasoning(text) => {
                self.has_reasoned = true;
                self.ready.push_back(Delta::Reasoning(text));
            }
            Said::SignaturePiece(piece) => self.signature.push_str(&piece),
            // Gemini signs text too, and of that nothing goes back.
            Said::Signature(_) if self.wire == Wire::Gemini && !self.has_reasoned => {}
            Said::Signature(signature) => {
                self.has_reasoned = false;
                self.ready.push_back(Delta::ReasoningSignature(signature));
            }
            Said::Redacted(data) => self.ready.push_back(Delta::RedactedReasoning(data)),
            Said::Call(piece) => self.calls.piece(piece, &self.names, &mut self.ready),
            Said::WholeCall(piece, signature) => {
                self.calls.whole(piece, signature, &self.names, &mut self.ready);
            }
            Said::AllText(text) if !self.has_spoken => self.ready.push_back(Delta::Text(text)),
            Said::AllText(_) => {}
            Said::AllCalls(pieces) => {
                for piece in pieces {
                    self.calls.late(piece, &self.names, &mut self.ready);
                }
            }
            Said::Arguments(place, json) => self.calls.complete(place, &json, &mut self.ready),
            Said::BlockEnd(place) => {
                let signature = std::mem::take(&mut self.signature);
                if !signature.is_empty() {
                    self.ready.push_back(Delta::ReasoningSignature(signature));
                }
                self.calls.end(place, &mut self.ready);
            }
            Said::Tokens(tokens) => self.tokens.update(tokens),
            Said::Stop(word) => self.stop = Some(word),
            Said::End => self.end(),
            Said::Failed(fault) => {
                let failure = fault.failure(self.key(), &self.names);
                self.fail(failure);
            }
        }
    }

    fn end(&mut self) {
        for said in self.pairs.rest() {
            self.hear(said);
        }
        let Some(word) = self.stop.take() else {
            return self.cut("the answer ended without a reason");
        };
        // It is read before the key is taken out of it: a short one may be a part of any word.
        let stop = Stop::of(&word.to_ascii_lowercase());
        let word = error::scrubbed(&word, self.key()).to_ascii_lowercase();
        let stop = stop.unwrap_or_else(|| {
            let word: String = word.chars().take(40).collect();
            warn!(word, "unknown reason to stop, taken for a good one");
            Stop::Complete
        });
        let reason = match stop {
            Stop::Broken => return self.cut(&format!("the provider stopped: {word}")),
            _ if self.calls.has_nameless() => return self.cut("a call has no name"),
            Stop::ForCalls if self.calls.is_none() => {
                return self.cut("the provider stopped for calls, and none came");
            }
            Stop::ForCalls | Stop::Complete => StopReason::Complete,
            Stop::MaxTokens => StopReason::MaxTokens,
            Stop::Filtered => StopReason::Filtered,
        };
        self.calls.finish(reason == StopReason::Complete, &mut self.ready);
        self.count();
        self.ready.push_back(Delta::End(reason));
        self.is_over = true;
    }

    /// Tells the tokens.
    fn count(&mut self) {
        let mut tokens = self.tokens;
        if self.wire == Wire::Anthropic {
            // There what was cached is counted apart.
            let cached = tokens.cached.unwrap_or(0).saturating_add(tokens.cache_written.unwrap_or(0));
            tokens.input = tokens.input.map(|input| input.saturating_add(cached));
        }
        self.ready.extend(tokens.usage(self.whose.0, &self.whose.1).map(Delta::Usage));
    }

    fn cut(&mut self, cause: &str) {
        let kind = self.broken();
        let media_type = self.response.headers().get(header::CONTENT_TYPE);
        // Only another one than the wire's says anything.
        let is_telling = |media_type: &&str| !self.has_begun && !media_type.starts_with("text/event-stream");
        match media_type.and_then(|value| value.to_str().ok()).filter(is_telling) {
            Some(media_type) => {
                let media_type = error::scrubbed(media_type, self.key());
                let media_type: String = media_type.chars().take(60).collect();
                self.fail(ModelError::new(kind, format!("{cause}, and is {media_type}")));
            }
            None => self.fail(ModelError::new(kind, cause)),
        }
    }

    /// Ends in the first failure. What was counted by then was used.
    fn fail(&mut self, failure: ModelError) {
        if self.failure.is_none() {
            self.count();
            self.failure = Some(failure);
        }
    }

    fn broken(&self) -> ModelErrorKind {
        if self.has_begun { ModelErrorKind::StreamCut } else { ModelErrorKind::Unavailable }
    }

    fn key(&self) -> &str {
        self.key.as_ref().map(|key| key.expose_secret().trim()).unwrap_or_default()
    }
}
