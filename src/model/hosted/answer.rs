//! A turn as it comes in: genai's events and the sights on its frames, made into deltas.
//!
//! Text, reasoning, usage and the end are genai's. Calls and signatures of the wires that stream them are made
//! of the frames, for genai tells them late, joined, or not at all. What a frame shows comes behind the events
//! of the same frame.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt as _;
use genai::chat::{ChatStream, ChatStreamEvent, StopReason as Reason, StreamEnd, ToolCall, Usage};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tracing::warn;

use super::calls::Calls;
use super::error;
use super::frames::{Frames, Piece, Sight};
use super::provider::Wire;
use crate::model::wire::ToolNames;
use crate::model::{Delta, ModelError, ModelErrorKind, StopReason};
use crate::protocol::TokenUsage;

/// Words of providers for an end that is none.
const BROKEN: &[&str] = &[
    "malformed_function_call",
    "malformed_response",
    "unexpected_tool_call",
    "too_many_tool_calls",
    "missing_thought_signature",
    "other",
    "error",
    "failed",
    "cancelled",
    "network_error",
    "insufficient_system_resource",
    "load",
];

/// One turn that is coming in.
pub(super) struct Answer {
    /// genai's events.
    stream: ChatStream,
    /// What was seen in the frames.
    frames: Arc<Frames>,
    /// How the answer looks.
    wire: Wire,
    /// The tools' names as the provider knows them.
    names: ToolNames,
    /// To keep it out of the log.
    key: Option<SecretString>,
    /// Whose tokens are counted.
    counted: TokenUsage,
    /// The calls so far.
    calls: Calls,
    /// The signature of the block that is open.
    signature: String,
    /// Whether there was reasoning that a signature could belong to.
    has_reasoned: bool,
    /// Whether anything came that is of this wire.
    has_begun: bool,
    /// Whether the provider refuses the key.
    is_unauthorized: bool,
    /// Whether the provider holds the rest back.
    is_filtered: bool,
    /// Sights on the last frame.
    late: Vec<Sight>,
    /// Deltas that nobody has asked for yet.
    ready: VecDeque<Delta>,
    /// How the turn fails, when the deltas are told.
    failure: Option<ModelError>,
    /// Nothing comes any more.
    is_over: bool,
}

impl Answer {
    pub(super) fn new(
        stream: ChatStream,
        frames: Arc<Frames>,
        wire: Wire,
        names: ToolNames,
        key: Option<SecretString>,
        counted: TokenUsage,
    ) -> Self {
        Self {
            stream,
            frames,
            wire,
            names,
            key,
            counted,
            calls: Calls::default(),
            signature: String::new(),
            has_reasoned: false,
            has_begun: false,
            is_unauthorized: false,
            is_filtered: false,
            late: Vec::new(),
            ready: VecDeque::new(),
            failure: None,
            is_over: false,
        }
    }

    /// Waits until the provider answers; returns whether it refuses the key.
    pub(super) async fn is_unauthorized(&mut self) -> bool {
        while self.ready.is_empty() && self.failure.is_none() && !self.has_begun && !self.is_over {
            self.step().await;
        }
        self.is_unauthorized
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
            self.step().await;
        }
    }

    pub(super) fn into_stream(self) -> ChatStream {
        self.stream
    }

    pub(super) fn into_names(self) -> ToolNames {
        self.names
    }

    /// One event of genai's, or frames of which it made none yet.
    async fn step(&mut self) {
        let polled = poll_fn(|cx| match self.stream.poll_next_unpin(cx) {
            Poll::Pending if self.frames.is_empty() && self.late.is_empty() => Poll::Pending,
            polled => Poll::Ready(polled),
        })
        .await;
        for frame in self.frames.take() {
            self.has_begun = true;
            self.tell_late();
            self.late = frame;
        }
        // A failure in a frame says more than what genai makes of it.
        if self.late.iter().any(|sight| matches!(sight, Sight::Failed(_) | Sight::Malformed)) {
            self.tell_late();
        }
        if self.failure.is_some() {
            return;
        }
        match polled {
            Poll::Pending => self.tell_late(),
            Poll::Ready(Some(Ok(event))) => self.event(event),
            Poll::Ready(Some(Err(error))) => {
                self.tell_late();
                self.is_unauthorized = error::is_unauthorized(&error);
                match self.is_filtered {
                    // Gemini: what the user asked is held back, and genai misses an answer.
                    true => self.end_with(StopReason::Filtered, None),
                    false => self.fail(error::failure(error, self.has_begun, self.key())),
                }
            }
            Poll::Ready(None) => self.cut("the answer ended without its end"),
        }
    }

    fn event(&mut self, event: ChatStreamEvent) {
        match event {
            ChatStreamEvent::Chunk(text) => {
                if self.wire == Wire::Gemini {
                    // A signature ends the reasoning before the text, though one frame has them all.
                    self.tell_late();
                    // One behind this text is the text's, which does not go back.
                    self.has_reasoned &= text.content.is_empty();
                }
                self.text(text.content);
            }
            ChatStreamEvent::ReasoningChunk(text) if !text.content.is_empty() => {
                self.has_reasoned = true;
                self.ready.push_back(Delta::Reasoning(text.content));
            }
            ChatStreamEvent::ToolCallChunk(chunk) => {
                self.tell_late();
                if matches!(self.wire, Wire::Gemini | Wire::Ollama) {
                    self.whole_call(chunk.tool_call);
                }
            }
            ChatStreamEvent::End(end) => self.end(end),
            // Signatures are read from the frames, where their place is known.
            _ => {}
        }
    }

    /// What the last frame showed.
    fn tell_late(&mut self) {
        for sight in std::mem::take(&mut self.late) {
            match sight {
                Sight::Call(piece) => self.calls.piece(piece, &self.names, &mut self.ready),
                Sight::Arguments(place, json) => self.calls.complete(place, &json, &mut self.ready),
                Sight::End(place) => {
                    let signature = std::mem::take(&mut self.signature);
                    if !signature.is_empty() {
                        self.ready.push_back(Delta::ReasoningSignature(signature));
                    }
                    self.calls.end(place, &mut self.ready);
                }
                Sight::SignaturePiece(piece) => self.signature.push_str(&piece),
                // Gemini signs text and calls too, and of those nothing goes back.
                Sight::Signature(_) if self.wire == Wire::Gemini && !self.has_reasoned => {}
                Sight::Signature(signature) => {
                    self.has_reasoned = false;
                    self.ready.push_back(Delta::ReasoningSignature(signature));
                }
                Sight::Redacted(data) => self.ready.push_back(Delta::RedactedReasoning(data)),
                Sight::Text(text) => self.text(text),
                Sight::Reasoning(text) => self.ready.push_back(Delta::Reasoning(text)),
                Sight::Filtered => self.is_filtered = true,
                Sight::Failed(fault) => self.fail(fault.failure(self.key())),
                Sight::Malformed => self.cut("a frame is no JSON"),
            }
        }
    }

    fn text(&mut self, text: String) {
        if !text.is_empty() {
            self.ready.push_back(Delta::Text(text));
        }
    }

    /// A call that comes at once.
    fn whole_call(&mut self, call: ToolCall) {
        let json = match call.fn_arguments {
            Value::String(json) => json,
            Value::Null => String::new(),
            arguments => arguments.to_string(),
        };
        let signature = call.thought_signatures.into_iter().flatten().next();
        let piece = Piece { place: None, id: call.call_id, name: call.fn_name, json };
        self.calls.whole(piece, signature, &self.names, &mut self.ready);
    }

    fn end(&mut self, end: StreamEnd) {
        self.tell_late();
        let Some(reason) = end.captured_stop_reason else {
            return self.cut("the answer ended without a reason");
        };
        if self.wire == Wire::Responses && self.calls.is_none() {
            let calls = end.captured_content.map(|content| content.into_tool_calls()).unwrap_or_default();
            calls.into_iter().for_each(|call| self.whole_call(call));
        }
        let is_for_calls = matches!(reason, Reason::ToolCall(_));
        match self.stop_reason(&reason) {
            Some(_) if is_for_calls && self.calls.is_none() => {
                self.cut("the provider stopped for calls, and none came");
            }
            Some(stop) => self.end_with(stop, end.captured_usage),
            None => self.cut(&format!("the provider stopped: {}", reason.raw())),
        }
    }

    /// None if the turn did not end as it should.
    fn stop_reason(&self, reason: &Reason) -> Option<StopReason> {
        if self.is_filtered {
            return Some(StopReason::Filtered);
        }
        match reason {
            Reason::MaxTokens(_) => Some(StopReason::MaxTokens),
            Reason::ContentFilter(_) => Some(StopReason::Filtered),
            Reason::Other(word) if BROKEN.contains(&&*word.to_ascii_lowercase()) => None,
            Reason::Other(word) if word == "sensitive" => Some(StopReason::Filtered),
            Reason::Other(word) => {
                let word: String = word.chars().take(40).collect();
                warn!(word, "unknown reason to stop, taken for a good one");
                Some(StopReason::Complete)
            }
            _ => Some(StopReason::Complete),
        }
    }

    fn end_with(&mut self, stop: StopReason, usage: Option<Usage>) {
        self.calls.finish(stop == StopReason::Complete, &mut self.ready);
        self.ready.extend(usage.and_then(|usage| tokens(usage, &self.counted)).map(Delta::Usage));
        self.ready.push_back(Delta::End(stop));
        self.is_over = true;
    }

    fn cut(&mut self, cause: &str) {
        let kind = if self.has_begun { ModelErrorKind::StreamCut } else { ModelErrorKind::Unavailable };
        self.fail(ModelError::new(kind, cause));
    }

    /// Ends in the first failure.
    fn fail(&mut self, failure: ModelError) {
        self.failure.get_or_insert(failure);
    }

    fn key(&self) -> &str {
        self.key.as_ref().map(|key| key.expose_secret().trim()).unwrap_or_default()
    }
}

/// The tokens of a turn. genai's totals include what was cached and what was thought.
fn tokens(usage: Usage, counted: &TokenUsage) -> Option<TokenUsage> {
    let count = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok());
    let part = |part: Option<i32>| count(part).filter(|part| *part > 0);
    let (input, output) = (count(usage.prompt_tokens), count(usage.completion_tokens));
    let read = usage.prompt_tokens_details.unwrap_or_default();
    let written = usage.completion_tokens_details.unwrap_or_default();
    (input.is_some() || output.is_some()).then(|| TokenUsage {
        input_tokens: input,
        output_tokens: output,
        total_tokens: input.zip(output).map(|(input, output)| input.saturating_add(output)),
        reasoning_tokens: part(written.reasoning_tokens),
        cached_input_tokens: part(read.cached_tokens),
        cache_write_input_tokens: part(read.cache_creation_tokens),
        ..counted.clone()
    })
}
