//! Repairs responses that the SDK would refuse because they contain half of a surrogate pair.
//!
//! The SDK parses JSON itself, and half a pair ends the stream with an error. So the bytes of a response pass through
//! [`RepairedBody`] first: a frame that contains half a pair is rewritten with U+FFFD in its place, and every other frame
//! passes unchanged. Where a frame cuts a pair in two, [`SharedCuts`] lets [`BlockTexts`] join it again.

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
const MAX_HELD: usize = 4 * 1024 * 1024;

/// The maximum number of cuts that wait for their deltas.
const MAX_CUTS: usize = 64;

/// The strings that begin or end in half a pair, in the frames that the SDK has not returned yet.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedCuts(Arc<Mutex<Vec<SplitString>>>);

impl SharedCuts {
    /// Returns the next delta of a text with joined characters, as [`SurrogateJoiner::join`] does. The cut of the delta, if
    /// there is one, is removed.
    fn join(&self, halves: &mut SurrogateJoiner, piece: String) -> String {
        let mut cuts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = cuts.iter().position(|cut| cut.is_text(&piece)).map(|at| cuts.remove(at));
        halves.join(piece, cut.as_slice())
    }

    /// Adds the cuts of a frame. If there are too many, the oldest are dropped.
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
    cuts: SharedCuts,
    /// The halves of characters that wait for the next delta, by the index of their block.
    halves: BTreeMap<usize, SurrogateJoiner>,
}

impl BlockTexts {
    /// Creates an instance for the response whose cuts are shared.
    pub(super) fn new(cuts: SharedCuts) -> Self {
        Self { cuts, halves: BTreeMap::new() }
    }

    /// Returns the next delta of a block's text with joined characters. A half at its end is held back.
    pub(super) fn join(&mut self, index: usize, text: String) -> String {
        let halves = self.halves.entry(index).or_default();
        let text = self.cuts.join(halves, text);
        if !halves.has_pending() {
            self.halves.remove(&index);
        }
        text
    }

    /// Returns the indexes of the blocks for which a half is held back.
    pub(super) fn pending_blocks(&self) -> Vec<usize> {
        self.halves.keys().copied().collect()
    }

    /// Returns the half that was held back for a block, as U+FFFD, if there is one. It is called at the block's end.
    pub(super) fn flush(&mut self, index: usize) -> Option<String> {
        self.halves.remove(&index)?.flush()
    }
}

/// Wraps the body of each response in a [`RepairedBody`].
#[derive(Debug)]
pub(super) struct RepairInterceptor(pub(super) SharedCuts);

impl Intercept for RepairInterceptor {
    fn name(&self) -> &'static str {
        "RepairAnswer"
    }

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
    body: SdkBody,
    /// Whether the body consists of frames. Otherwise it is JSON text, which is held back up to its end.
    is_stream: bool,
    cuts: SharedCuts,
    /// The bytes that are not a complete frame yet.
    held: BytesMut,
    /// Whether too much would have been held back, so that everything passes unchanged from now on.
    is_passthrough: bool,
    /// Whether the body has ended.
    is_over: bool,
}

impl RepairedBody {
    /// Wraps a body. The cuts of its frames are added to `cuts`.
    fn new(body: SdkBody, is_stream: bool, cuts: SharedCuts) -> Self {
        Self { body, is_stream, cuts, held: BytesMut::new(), is_passthrough: false, is_over: false }
    }

    /// Takes the bytes that can be passed on; `None` if there are none yet.
    fn ready(&mut self) -> Option<Bytes> {
        let mut ready = BytesMut::new();
        while self.is_stream && !self.is_passthrough {
            let Some(length) = self.held.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
            else {
                break;
            };
            if length == 0 || length > MAX_HELD {
                self.is_passthrough = true;
            } else if length <= self.held.len() {
                let frame = self.held.split_to(length).freeze();
                ready.extend_from_slice(&self.repaired(&frame).unwrap_or(frame));
            } else {
                break;
            }
        }
        self.is_passthrough |= self.held.len() > MAX_HELD;
        if self.is_passthrough || (self.is_over && self.is_stream) {
            ready.unsplit(self.held.split());
        } else if self.is_over {
            ready.extend_from_slice(&repair(&self.held.split()));
        }
        (!ready.is_empty()).then(|| ready.freeze())
    }

    /// Returns a frame without half pairs; `None` if it can pass unchanged.
    fn repaired(&self, frame: &[u8]) -> Option<Bytes> {
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

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while !self.is_over {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.held.extend_from_slice(&data);
                        if let Some(ready) = self.ready() {
                            return Poll::Ready(Some(Ok(Frame::data(ready))));
                        }
                    }
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.is_over = true,
            }
        }
        Poll::Ready(self.ready().map(|ready| Ok(Frame::data(ready))))
    }
}
