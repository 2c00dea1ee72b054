//! What Bedrock answers: its events as deltas, in the order they come.
//!
//! An answer is read to the end of its HTTP body, since only then is the connection used again: [`Delta::End`]
//! is the last, though Bedrock gives its reason before the tokens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use aws_sdk_bedrockruntime::types::{
    ContentBlockDelta, ContentBlockStart, ConverseStreamOutput as Event, ReasoningContentBlockDelta,
    StopReason as WireReason, TokenUsage as WireUsage,
};
use aws_smithy_types::base64;
use futures_util::{Stream, stream};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::error;
use super::repair::BlockTexts;
use crate::model::calls::{Calls, Piece};
use crate::model::wire::ToolNames;
use crate::model::{Delta, ModelError, ModelErrorKind, StopReason};
use crate::protocol::TokenUsage;

/// How long the rest of a complete answer is waited for.
const REST: Duration = Duration::from_secs(5);

/// An accepted request, and what has come of its answer.
pub(super) struct Answer {
    events: EventReceiver<Event, ConverseStreamOutputError>,
    request_id: Option<String>,
    idle_timeout: Duration,
    has_begun: bool,
    is_over: bool,
    /// Deltas of the last event that are not handed out yet.
    ready: VecDeque<Delta>,
    turn: Turn,
}

/// The answer's deltas; it ends after [`Delta::End`] or the first error.
pub(super) fn deltas(answer: Answer) -> impl Stream<Item = Result<Delta, ModelError>> + Send {
    stream::try_unfold(answer, |mut answer| async move {
        let delta = answer.next().await?;
        Ok(delta.map(|delta| (delta, answer)))
    })
}

impl Answer {
    pub(super) fn new(
        events: EventReceiver<Event, ConverseStreamOutputError>,
        request_id: Option<String>,
        names: ToolNames,
        model: Arc<str>,
        idle_timeout: Duration,
        texts: BlockTexts,
    ) -> Self {
        Self {
            events,
            request_id,
            idle_timeout,
            has_begun: false,
            is_over: false,
            ready: VecDeque::new(),
            turn: Turn { names, model, texts, blocks: BTreeMap::new(), calls: Calls::default(), stop: None },
        }
    }

    async fn next(&mut self) -> Result<Option<Delta>, ModelError> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            if self.is_over {
                return Ok(None);
            }
            let patience = if self.turn.stop.is_some() { REST } else { self.idle_timeout };
            let fault = match timeout(patience, self.events.recv()).await {
                Ok(Ok(Some(event))) => {
                    self.has_begun = true;
                    self.turn.take(event, &mut self.ready);
                    continue;
                }
                Ok(Ok(None)) => self.fault(ModelErrorKind::StreamCut, "stream ended without messageStop"),
                Ok(Err(error)) => error::broken(error, &self.turn.names, self.request_id.as_deref()),
                Err(_elapsed) if self.has_begun => {
                    self.fault(ModelErrorKind::StreamCut, format!("silent for {patience:?}"))
                }
                Err(_elapsed) => {
                    self.fault(ModelErrorKind::Unavailable, format!("no event within {patience:?}"))
                }
            };
            self.is_over = true;
            // After its messageStop an answer is complete, however its connection ends.
            match self.turn.stop.take() {
                Some(Stop::Reason(reason)) => self.ready.push_back(Delta::End(reason)),
                Some(Stop::Malformed(word)) => return Err(self.fault(ModelErrorKind::StreamCut, word)),
                None => return Err(fault),
            }
        }
    }

    fn fault(&self, kind: ModelErrorKind, what: impl Into<String>) -> ModelError {
        error::cut_off(kind, what.into(), self.request_id.as_deref())
    }
}

/// How Bedrock says that the turn ended.
enum Stop {
    Reason(StopReason),
    /// What the model wrote could not be read; in Bedrock's word.
    Malformed(String),
}

/// What comes at the end of a block of reasoning.
#[derive(Default)]
struct Reasoning {
    signature: String,
    redacted: Vec<u8>,
}

/// A turn in the making.
struct Turn {
    names: ToolNames,
    model: Arc<str>,
    texts: BlockTexts,
    /// The open blocks of reasoning by their index.
    blocks: BTreeMap<usize, Reasoning>,
    calls: Calls,
    stop: Option<Stop>,
}

impl Turn {
    fn take(&mut self, event: Event, out: &mut VecDeque<Delta>) {
        match event {
            Event::ContentBlockStart(event) => {
                let Some(ContentBlockStart::ToolUse(start)) = event.start else { return };
                let piece = Piece {
                    place: Some(number(event.content_block_index)),
                    id: start.tool_use_id,
                    name: start.name,
                    is_start: true,
                    ..Piece::default()
                };
                self.calls.piece(piece, &self.names, out);
            }
            Event::ContentBlockDelta(event) => {
                if let Some(delta) = event.delta {
                    let delta = self.delta(number(event.content_block_index), delta, out);
                    out.extend(delta);
                }
            }
            Event::ContentBlockStop(event) => {
                let index = number(event.content_block_index);
                self.rest(index, out);
                if let Some(block) = self.blocks.remove(&index) {
                    end_of_reasoning(block, out);
                }
                self.calls.end(Some(index), out);
            }
            Event::MessageStop(event) => {
                self.texts.open().into_iter().for_each(|index| self.rest(index, out));
                let blocks = std::mem::take(&mut self.blocks);
                blocks.into_values().for_each(|block| end_of_reasoning(block, out));
                self.stop = Some(self.stopped(&event.stop_reason, out));
            }
            Event::Metadata(event) => {
                out.extend(event.usage.map(|used| Delta::Usage(usage(&used, &self.model))));
            }
            _ => {}
        }
    }

    /// Why the turn is over. A call that is lost breaks it.
    fn stopped(&mut self, reason: &WireReason, out: &mut VecDeque<Delta>) -> Stop {
        let stop = stop(reason);
        if let Stop::Reason(meaning) = &stop {
            if let Err(fault) = self.calls.finish(*meaning == StopReason::Complete, out) {
                return Stop::Malformed(fault.to_owned());
            }
            if *reason == WireReason::ToolUse && self.calls.is_none() {
                warn!(model = &*self.model, "the model stopped for calls and made none");
            }
        }
        stop
    }

    /// Sends what is left of a block's text or reasoning. Arguments that end in a half are cut off.
    fn rest(&mut self, index: usize, out: &mut VecDeque<Delta>) {
        let Some(rest) = self.texts.rest(index) else { return };
        if self.blocks.contains_key(&index) {
            out.push_back(Delta::Reasoning(rest));
        } else if !self.calls.has_place(index) {
            out.push_back(Delta::Text(rest));
        }
    }

    fn delta(&mut self, index: usize, delta: ContentBlockDelta, out: &mut VecDeque<Delta>) -> Option<Delta> {
        match delta {
            ContentBlockDelta::Text(text) => said(self.texts.join(index, text)).map(Delta::Text),
            ContentBlockDelta::ToolUse(delta) => {
                let json = self.texts.join(index, delta.input);
                let piece = Piece { place: Some(index), json, ..Piece::default() };
                self.calls.piece(piece, &self.names, out);
                None
            }
            ContentBlockDelta::ReasoningContent(delta) => {
                let Reasoning { signature, redacted } = self.blocks.entry(index).or_default();
                match delta {
                    ReasoningContentBlockDelta::Text(text) => {
                        return said(self.texts.join(index, text)).map(Delta::Reasoning);
                    }
                    ReasoningContentBlockDelta::Signature(piece) => signature.push_str(&piece),
                    ReasoningContentBlockDelta::RedactedContent(piece) => {
                        redacted.extend_from_slice(piece.as_ref());
                    }
                    _ => {}
                }
                None
            }
            _ => None,
        }
    }
}

/// What a piece of reasoning ends with.
fn end_of_reasoning(Reasoning { signature, redacted }: Reasoning, out: &mut VecDeque<Delta>) {
    out.extend(said(signature).map(Delta::ReasoningSignature));
    if !redacted.is_empty() {
        out.push_back(Delta::RedactedReasoning(base64::encode(redacted)));
    }
}

fn stop(reason: &WireReason) -> Stop {
    Stop::Reason(match reason {
        WireReason::EndTurn | WireReason::ToolUse | WireReason::StopSequence => StopReason::Complete,
        reason if is_limit(reason) => StopReason::MaxTokens,
        WireReason::GuardrailIntervened | WireReason::ContentFiltered => StopReason::Filtered,
        WireReason::MalformedModelOutput | WireReason::MalformedToolUse => {
            return Stop::Malformed(reason.as_str().to_owned());
        }
        unknown => {
            debug!(reason = unknown.as_str(), "unknown stop reason");
            StopReason::Complete
        }
    })
}

fn is_limit(reason: &WireReason) -> bool {
    matches!(reason, WireReason::MaxTokens | WireReason::ModelContextWindowExceeded)
}

/// Tokens as the protocol counts them: Bedrock's input is without what its cache read and wrote.
fn usage(used: &WireUsage, model: &str) -> TokenUsage {
    // The SDK reads a count that is missing as 0, and no turn has none.
    let count = |tokens: i32| u64::try_from(tokens).ok().filter(|tokens| *tokens > 0);
    let cached = |tokens: Option<i32>| tokens.and_then(|tokens| u64::try_from(tokens).ok());
    let read = cached(used.cache_read_input_tokens);
    let written = cached(used.cache_write_input_tokens);
    let of_cache = read.unwrap_or(0) + written.unwrap_or(0);
    let input = match count(used.input_tokens) {
        Some(input) => Some(input + of_cache),
        None => Some(of_cache).filter(|tokens| *tokens > 0),
    };
    let output = count(used.output_tokens);
    TokenUsage {
        provider: Some("bedrock".into()),
        model: Some(model.to_owned()),
        input_tokens: input,
        output_tokens: output,
        total_tokens: input.zip(output).map(|(input, output)| input + output),
        cached_input_tokens: read,
        cache_write_input_tokens: written,
        ..TokenUsage::default()
    }
}

fn said(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// A block's index as the number of its call. Bedrock counts from 0.
fn number(index: i32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
