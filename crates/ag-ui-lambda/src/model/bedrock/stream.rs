//! Reads Bedrock's response: its events become deltas, in the same order.
//!
//! A response is read to the end of its HTTP body, because only then its connection can be reused. So [`Delta::End`] comes
//! last, although Bedrock sends the stop reason before the token counts.

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
use crate::model::calls::{CallDelta, Calls};
use crate::model::compat::ToolNames;
use crate::model::{Delta, ModelError, ModelErrorKind, StopReason};
use crate::protocol::TokenUsage;

/// How long the reader waits for the rest of the body after the end of the turn.
const TRAILER_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the response of one turn.
pub(super) struct ResponseReader {
    events: EventReceiver<Event, ConverseStreamOutputError>,
    /// Bedrock's id of the request, for the log.
    request_id: Option<String>,
    /// The maximum time without any event.
    idle_timeout: Duration,
    /// Whether any event has come.
    has_begun: bool,
    /// Whether the body has ended or failed.
    is_over: bool,
    /// Deltas that have not been polled yet.
    ready: VecDeque<Delta>,
    turn: TurnDecoder,
}

/// Returns the deltas of a response as a stream. The stream ends after [`Delta::End`] or the first error.
pub(super) fn deltas(reader: ResponseReader) -> impl Stream<Item = Result<Delta, ModelError>> + Send {
    stream::try_unfold(reader, |mut reader| async move {
        let delta = reader.next().await?;
        Ok(delta.map(|delta| (delta, reader)))
    })
}

impl ResponseReader {
    /// Creates a reader for the events of an accepted request. `names` restores the original names of the request's
    /// tools, `idle_timeout` is the maximum time without an event, and `texts` joins characters that two events share.
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
            turn: TurnDecoder {
                names,
                model,
                texts,
                blocks: BTreeMap::new(),
                calls: Calls::default(),
                end: None,
            },
        }
    }

    /// Waits for the next delta. Returns `None` after [`Delta::End`].
    ///
    /// # Errors
    /// A [`ModelError`] if the stream fails, ends early or sends nothing for the idle timeout, and if Bedrock or the
    /// pieces of calls make the turn unusable.
    async fn next(&mut self) -> Result<Option<Delta>, ModelError> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Ok(Some(delta));
            }
            if self.is_over {
                return Ok(None);
            }
            let max_wait = if self.turn.end.is_some() { TRAILER_TIMEOUT } else { self.idle_timeout };
            let failure =
                match timeout(max_wait, self.events.recv()).await {
                    Ok(Ok(Some(event))) => {
                        self.has_begun = true;
                        self.turn.apply_event(event, &mut self.ready);
                        continue;
                    }
                    Ok(Ok(None)) => self
                        .error_with_request_id(ModelErrorKind::StreamCut, "stream ended without messageStop"),
                    Ok(Err(error)) => {
                        error::from_stream_error(error, &self.turn.names, self.request_id.as_deref())
                    }
                    Err(_elapsed) if self.has_begun => self
                        .error_with_request_id(ModelErrorKind::StreamCut, format!("silent for {max_wait:?}")),
                    Err(_elapsed) => self.error_with_request_id(
                        ModelErrorKind::Unavailable,
                        format!("no event within {max_wait:?}"),
                    ),
                };
            self.is_over = true;
            // After `messageStop` the turn is complete, however the connection ends.
            match self.turn.end.take() {
                Some(StreamEnd::Reason(reason)) => self.ready.push_back(Delta::End(reason)),
                Some(StreamEnd::Malformed(word)) => {
                    return Err(self.error_with_request_id(ModelErrorKind::StreamCut, word));
                }
                None => return Err(failure),
            }
        }
    }

    /// Creates an error of this kind. Its cause for the log is `cause` with Bedrock's id of the request.
    fn error_with_request_id(&self, kind: ModelErrorKind, cause: impl Into<String>) -> ModelError {
        error::stream_error(kind, cause.into(), self.request_id.as_deref())
    }
}

/// How Bedrock ended the turn.
enum StreamEnd {
    /// The turn ended for this reason.
    Reason(StopReason),
    /// Bedrock could not read what the model wrote; this is Bedrock's word for it.
    Malformed(String),
}

/// What is sent at the end of a block of reasoning.
#[derive(Default)]
struct ReasoningBlock {
    /// The pieces of the signature so far.
    signature: String,
    /// The redacted content so far.
    redacted: Vec<u8>,
}

/// Turns Bedrock's events into deltas.
struct TurnDecoder {
    /// The tools' names on the wire and their original names.
    names: ToolNames,
    /// The model's id, for the usage and the log.
    model: Arc<str>,
    /// Joins characters that two events share.
    texts: BlockTexts,
    /// The open blocks of reasoning by their index.
    blocks: BTreeMap<usize, ReasoningBlock>,
    /// The calls so far.
    calls: Calls,
    /// How the turn ended, once Bedrock's stop reason has come.
    end: Option<StreamEnd>,
}

impl TurnDecoder {
    /// Applies one event of the response to the turn and appends the resulting deltas to `out`. The stop reason is only
    /// stored in `end`, because the token counts come after it.
    fn apply_event(&mut self, event: Event, out: &mut VecDeque<Delta>) {
        match event {
            Event::ContentBlockStart(event) => {
                let Some(ContentBlockStart::ToolUse(start)) = event.start else { return };
                let call_delta = CallDelta {
                    index: Some(block_index(event.content_block_index)),
                    id: start.tool_use_id,
                    name: start.name,
                    is_start: true,
                    ..CallDelta::default()
                };
                self.calls.apply_delta(call_delta, &self.names, out);
            }
            Event::ContentBlockDelta(event) => {
                if let Some(delta) = event.delta {
                    let delta = self.content_delta(block_index(event.content_block_index), delta, out);
                    out.extend(delta);
                }
            }
            Event::ContentBlockStop(event) => {
                let index = block_index(event.content_block_index);
                self.flush_block(index, out);
                if let Some(block) = self.blocks.remove(&index) {
                    push_reasoning_end(block, out);
                }
                self.calls.end_block(Some(index), out);
            }
            Event::MessageStop(event) => {
                self.texts.pending_blocks().into_iter().for_each(|index| self.flush_block(index, out));
                let blocks = std::mem::take(&mut self.blocks);
                blocks.into_values().for_each(|block| push_reasoning_end(block, out));
                self.end = Some(self.finish_calls(&event.stop_reason, out));
            }
            Event::Metadata(event) => {
                out.extend(event.usage.map(|used| Delta::Usage(usage(&used, &self.model))));
            }
            _ => {}
        }
    }

    /// Ends the calls of the turn when Bedrock's stop reason has come, and returns how the turn ended. If a call or
    /// arguments would be lost, the result is [`StreamEnd::Malformed`].
    fn finish_calls(&mut self, reason: &WireReason, out: &mut VecDeque<Delta>) -> StreamEnd {
        let stop = stream_end(reason);
        if let StreamEnd::Reason(meaning) = &stop {
            if let Err(cause) = self.calls.finish(*meaning == StopReason::Complete, out) {
                return StreamEnd::Malformed(cause.to_owned());
            }
            if *reason == WireReason::ToolUse && self.calls.is_empty() {
                warn!(model = &*self.model, "the model stopped for calls and made none");
            }
        }
        stop
    }

    /// Appends U+FFFD to `out` as text or reasoning if half a character is still held back for the block at `index`;
    /// called at the block's end. Half a character at the end of arguments is dropped, because such arguments were cut
    /// off.
    fn flush_block(&mut self, index: usize, out: &mut VecDeque<Delta>) {
        let Some(rest) = self.texts.flush(index) else { return };
        if self.blocks.contains_key(&index) {
            out.push_back(Delta::Reasoning(rest));
        } else if !self.calls.has_index(index) {
            out.push_back(Delta::Text(rest));
        }
    }

    /// Applies the next piece of the block at `index`. Returns the delta for a piece of text or reasoning. For a piece
    /// of a call the deltas are appended to `out`, a piece of a signature is stored for the block's end, and the result
    /// is `None`.
    fn content_delta(
        &mut self,
        index: usize,
        delta: ContentBlockDelta,
        out: &mut VecDeque<Delta>,
    ) -> Option<Delta> {
        match delta {
            ContentBlockDelta::Text(text) => non_empty(self.texts.join(index, text)).map(Delta::Text),
            ContentBlockDelta::ToolUse(delta) => {
                let json = self.texts.join(index, delta.input);
                let call_delta = CallDelta { index: Some(index), json, ..CallDelta::default() };
                self.calls.apply_delta(call_delta, &self.names, out);
                None
            }
            ContentBlockDelta::ReasoningContent(delta) => {
                let ReasoningBlock { signature, redacted } = self.blocks.entry(index).or_default();
                match delta {
                    ReasoningContentBlockDelta::Text(text) => {
                        return non_empty(self.texts.join(index, text)).map(Delta::Reasoning);
                    }
                    ReasoningContentBlockDelta::Signature(piece) => signature.push_str(&piece),
                    ReasoningContentBlockDelta::RedactedContent(call_delta) => {
                        redacted.extend_from_slice(call_delta.as_ref());
                    }
                    _ => {}
                }
                None
            }
            _ => None,
        }
    }
}

/// Appends the deltas for the end of a block of reasoning to `out`: its signature and its redacted content, if it has
/// them.
fn push_reasoning_end(ReasoningBlock { signature, redacted }: ReasoningBlock, out: &mut VecDeque<Delta>) {
    out.extend(non_empty(signature).map(Delta::ReasoningSignature));
    if !redacted.is_empty() {
        out.push_back(Delta::RedactedReasoning(base64::encode(redacted)));
    }
}

/// Converts Bedrock's stop reason into how the turn ended. An unknown reason counts as a complete turn.
fn stream_end(reason: &WireReason) -> StreamEnd {
    StreamEnd::Reason(match reason {
        WireReason::EndTurn | WireReason::ToolUse | WireReason::StopSequence => StopReason::Complete,
        reason if is_limit(reason) => StopReason::MaxTokens,
        WireReason::GuardrailIntervened | WireReason::ContentFiltered => StopReason::Filtered,
        WireReason::MalformedModelOutput | WireReason::MalformedToolUse => {
            return StreamEnd::Malformed(reason.as_str().to_owned());
        }
        unknown => {
            debug!(reason = unknown.as_str(), "unknown stop reason; the turn counts as complete");
            StopReason::Complete
        }
    })
}

/// Returns whether a stop reason means that a limit of tokens ended the turn.
fn is_limit(reason: &WireReason) -> bool {
    matches!(reason, WireReason::MaxTokens | WireReason::ModelContextWindowExceeded)
}

/// Converts Bedrock's token counts into those of the AG-UI protocol, whose input includes cached tokens. `model` is the
/// model's id.
fn usage(used: &WireUsage, model: &str) -> TokenUsage {
    // The SDK reads a missing count as 0, and no turn has 0 tokens.
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

/// Returns the text; `None` if it is empty, so that no empty delta is sent.
fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Converts a block's index, which Bedrock counts from 0, into the number that identifies the block's call.
fn block_index(index: i32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
