//! Repairs responses that the SDK would refuse because they contain half of a surrogate pair.
//!
//! The SDK parses JSON itself, and half a pair ends the stream with an error. So the bytes of a response pass through
//! [`RepairedBody`] first: a frame that contains half a pair is rewritten with U+FFFD in place of the half, and every other
//! frame passes unchanged. Where two frames share a pair, [`SharedCuts`] remembers the halves, and [`BlockTexts`] joins
//! them again after the SDK has parsed the frames.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::BoxError;
use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::event_stream::Message;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

use crate::json::surrogate_joiner::{SplitString, SurrogateJoiner, find_split_strings};
use crate::json::surrogates::repair;

/// The maximum number of bytes of a frame, or of a response that is not an event stream, that are held back for repair.
/// Anything longer passes unchanged.
const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;

/// The maximum number of cuts that wait for their deltas.
const MAX_CUTS: usize = 64;

/// The strings that begin or end in half a pair, in the frames that the SDK has not returned yet.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedCuts(Arc<Mutex<Vec<SplitString>>>);

impl SharedCuts {
    /// Returns the next delta of a text after [`SurrogateJoiner::join`] has joined surrogate pairs that two deltas
    /// share. `halves` is the joiner of this text and keeps a first half until the next delta. The recorded string that
    /// equals `piece`, if there is one, is used up and removed.
    fn join(&self, halves: &mut SurrogateJoiner, piece: String) -> String {
        let mut cuts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = cuts.iter().position(|cut| cut.is_text(&piece)).map(|at| cuts.remove(at));
        halves.join(piece, cut.as_slice())
    }

    /// Records the strings of a repaired frame that began or ended in half a pair. Above [`MAX_CUTS`] the oldest are
    /// dropped.
    fn add(&self, more: Vec<SplitString>) {
        let mut cuts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.extend(more);
        let too_many = cuts.len().saturating_sub(MAX_CUTS);
        cuts.drain(..too_many);
    }
}

/// Joins the texts of a response's blocks where deltas cut a character in half.
#[derive(Debug, Default)]
pub(super) struct BlockTexts {
    /// The strings of this response that begin or end in half a pair.
    cuts: SharedCuts,
    /// The halves of characters that wait for the next delta, by the index of their block.
    halves: BTreeMap<usize, SurrogateJoiner>,
}

impl BlockTexts {
    /// Creates the joiner for one response. `cuts` is filled by the [`RepairInterceptor`] of the same request.
    pub(super) fn new(cuts: SharedCuts) -> Self {
        Self { cuts, halves: BTreeMap::new() }
    }

    /// Returns the next delta of a block's text or arguments with the surrogate pairs joined that two deltas share. A
    /// first half at the end is held back until the block's next delta. `index` is the block's index.
    pub(super) fn join(&mut self, index: usize, text: String) -> String {
        let halves = self.halves.entry(index).or_default();
        let text = self.cuts.join(halves, text);
        if !halves.has_pending() {
            self.halves.remove(&index);
        }
        text
    }

    /// Returns the indexes of the blocks for which the first half of a surrogate pair is held back.
    pub(super) fn pending_blocks(&self) -> Vec<usize> {
        self.halves.keys().copied().collect()
    }

    /// Returns U+FFFD if half a surrogate pair is still held back for this block, and `None` otherwise. Called at the
    /// end of the block, when the other half can no longer come.
    pub(super) fn flush(&mut self, index: usize) -> Option<String> {
        self.halves.remove(&index)?.flush()
    }
}

/// Wraps the body of each response in a [`RepairedBody`].
#[derive(Debug)]
pub(super) struct RepairInterceptor(pub(super) SharedCuts);

impl Intercept for RepairInterceptor {
    /// Returns the interceptor's name, which the SDK shows in its own logs.
    fn name(&self) -> &'static str {
        "RepairAnswer"
    }

    /// Replaces the response's body by a [`RepairedBody`] before the SDK parses it. Never fails.
    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let is_stream =
            response.headers().get("content-type").is_some_and(|kind| kind.contains("eventstream"));
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        let repaired = RepairedBody::new(body, is_stream, self.0.clone());
        *response.body_mut() = SdkBody::from_body_1_x(repaired);
        Ok(())
    }
}

/// The body of a response, which is repaired frame by frame.
struct RepairedBody {
    /// The original body.
    body: SdkBody,
    /// Whether the body consists of frames. Otherwise it is JSON text, which is held back up to its end.
    is_stream: bool,
    /// Where the strings that begin or end in half a pair are recorded.
    cuts: SharedCuts,
    /// The bytes that are not a complete frame yet.
    held: BytesMut,
    /// Whether too much would have been held back, so that everything passes unchanged from now on.
    is_passthrough: bool,
    /// Whether the body has ended.
    is_over: bool,
}

impl RepairedBody {
    /// Wraps a response's body. `is_stream` is whether the body is an event stream and not one JSON text. The strings
    /// of repaired frames that begin or end in half a surrogate pair are recorded in `cuts`.
    fn new(body: SdkBody, is_stream: bool, cuts: SharedCuts) -> Self {
        Self { body, is_stream, cuts, held: BytesMut::new(), is_passthrough: false, is_over: false }
    }

    /// Removes and returns the bytes that can be passed on: complete frames, or the rest at the end of the body, each
    /// repaired. Returns `None` if there are none yet. Something longer than [`MAX_HELD_BYTES`] makes all further bytes
    /// pass unchanged.
    fn take_ready(&mut self) -> Option<Bytes> {
        let mut ready = BytesMut::new();
        while self.is_stream && !self.is_passthrough {
            let Some(length) = self.held.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
            else {
                break;
            };
            if length == 0 || length > MAX_HELD_BYTES {
                self.is_passthrough = true;
            } else if length <= self.held.len() {
                let frame = self.held.split_to(length).freeze();
                ready.extend_from_slice(&self.repair_frame(&frame).unwrap_or(frame));
            } else {
                break;
            }
        }
        self.is_passthrough |= self.held.len() > MAX_HELD_BYTES;
        if self.is_passthrough || (self.is_over && self.is_stream) {
            ready.unsplit(self.held.split());
        } else if self.is_over {
            ready.extend_from_slice(&repair(&self.held.split()));
        }
        (!ready.is_empty()).then(|| ready.freeze())
    }

    /// Rewrites a frame of the event stream with U+FFFD in place of each half of a surrogate pair, and records the
    /// halves. Returns `None` if the frame has no such half or cannot be read; the frame then passes unchanged.
    fn repair_frame(&self, frame: &[u8]) -> Option<Bytes> {
        // Most frames contain no half pair, and need not be parsed.
        if matches!(repair(frame), Cow::Borrowed(_)) {
            return None;
        }
        let message = read_message_from(&mut Bytes::copy_from_slice(frame)).ok()?;
        self.cuts.add(find_split_strings(message.payload()));
        let payload = repair(message.payload()).into_owned();
        let mut written = Vec::with_capacity(frame.len());
        write_message_to(&Message::new_from_parts(message.headers().to_vec(), payload), &mut written).ok()?;
        Some(written.into())
    }
}

impl Body for RepairedBody {
    type Data = Bytes;
    type Error = BoxError;

    /// Polls the original body and returns the bytes that are ready, repaired. Errors and trailers pass unchanged.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while !self.is_over {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.held.extend_from_slice(&data);
                        if let Some(ready) = self.take_ready() {
                            return Poll::Ready(Some(Ok(Frame::data(ready))));
                        }
                    }
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.is_over = true,
            }
        }
        Poll::Ready(self.take_ready().map(|ready| Ok(Frame::data(ready))))
    }
}
