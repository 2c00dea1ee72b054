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
use serde::de::IgnoredAny;
use tokio::time::timeout;
use tracing::debug;

use super::error;
use super::repair::BlockTexts;
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
            turn: Turn { names, model, texts, blocks: BTreeMap::new(), ended_call: None, stop: None },
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
                Ok(Err(error)) => error::broken(error, self.request_id.as_deref()),
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

/// A block whose end needs what came before it.
enum Block {
    Call { arguments: String },
    Reasoning { signature: String, redacted: Vec<u8> },
}

/// A turn in the making.
struct Turn {
    names: ToolNames,
    model: Arc<str>,
    texts: BlockTexts,
    /// The open blocks by their index. Text is not among them: nothing of it is held back.
    blocks: BTreeMap<usize, Block>,
    /// The call that the event before ended, and whether its arguments are whole.
    ended_call: Option<(usize, bool)>,
    stop: Option<Stop>,
}

impl Turn {
    fn take(&mut self, event: Event, out: &mut VecDeque<Delta>) {
        if let Some((call, is_whole)) = self.ended_call.take() {
            // Bedrock ends the block of a call also where the limit of tokens cut it: such a call is not made.
            let is_cut = matches!(&event, Event::MessageStop(stop) if is_limit(&stop.stop_reason));
            if is_whole || !is_cut {
                out.push_back(Delta::ToolCallEnd { call });
            }
        }
        match event {
            Event::ContentBlockStart(event) => {
                let Some(ContentBlockStart::ToolUse(start)) = event.start else { return };
                let call = number(event.content_block_index);
                self.blocks.insert(call, Block::Call { arguments: String::new() });
                let name = self.names.own(start.name);
                out.push_back(Delta::ToolCall { call, id: start.tool_use_id, name });
            }
            Event::ContentBlockDelta(event) => {
                if let Some(delta) = event.delta {
                    out.extend(self.delta(number(event.content_block_index), delta));
                }
            }
            Event::ContentBlockStop(event) => {
                let index = number(event.content_block_index);
                out.extend(self.rest(index));
                match self.blocks.remove(&index) {
                    Some(Block::Call { arguments }) => {
                        let is_whole = serde_json::from_str::<IgnoredAny>(&arguments).is_ok();
                        self.ended_call = Some((index, is_whole));
                    }
                    Some(block) => end_of_reasoning(block, out),
                    None => {}
                }
            }
            Event::MessageStop(event) => {
                out.extend(self.texts.open().into_iter().filter_map(|index| self.rest(index)));
                let blocks = std::mem::take(&mut self.blocks);
                blocks.into_values().for_each(|block| end_of_reasoning(block, out));
                self.stop = Some(stop(&event.stop_reason));
            }
            Event::Metadata(event) => {
                out.extend(event.usage.map(|used| Delta::Usage(usage(&used, &self.model))));
            }
            _ => {}
        }
    }

    /// What is left of a block's text or reasoning. Arguments that end in a half are cut off.
    fn rest(&mut self, index: usize) -> Option<Delta> {
        let rest = self.texts.rest(index)?;
        match self.blocks.get(&index) {
            None => Some(Delta::Text(rest)),
            Some(Block::Reasoning { .. }) => Some(Delta::Reasoning(rest)),
            Some(Block::Call { .. }) => None,
        }
    }

    fn delta(&mut self, index: usize, delta: ContentBlockDelta) -> Option<Delta> {
        match delta {
            ContentBlockDelta::Text(text) => said(self.texts.join(index, text)).map(Delta::Text),
            ContentBlockDelta::ToolUse(delta) => {
                let json = said(self.texts.join(index, delta.input))?;
                if let Some(Block::Call { arguments }) = self.blocks.get_mut(&index) {
                    arguments.push_str(&json);
                }
                Some(Delta::ToolArgs { call: index, json })
            }
            ContentBlockDelta::ReasoningContent(delta) => {
                let delta = match delta {
                    ReasoningContentBlockDelta::Text(text) => {
                        ReasoningContentBlockDelta::Text(self.texts.join(index, text))
                    }
                    delta => delta,
                };
                let block = Block::Reasoning { signature: String::new(), redacted: Vec::new() };
                let block = self.blocks.entry(index).or_insert(block);
                let Block::Reasoning { signature, redacted } = block else { return None };
                match delta {
                    ReasoningContentBlockDelta::Text(text) => return said(text).map(Delta::Reasoning),
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

/// What a piece of reasoning ends with. An open call ends with nothing: it is not made.
fn end_of_reasoning(block: Block, out: &mut VecDeque<Delta>) {
    let Block::Reasoning { signature, redacted } = block else { return };
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
