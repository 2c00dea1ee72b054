//! Makes answers readable that the SDK would refuse: those that hold half of a surrogate pair.
//!
//! The SDK reads JSON by itself, and one half ends the stream. So the bytes of an answer pass through here before it reads
//! them: a frame that holds a half is written anew with U+FFFD in its place, every other one goes on as it came. Where a frame
//! cuts a pair in two, [`SharedCuts`] tells the reader of the deltas.

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

use crate::json::halves::{Cut, Halves, cuts};
use crate::json::surrogates::repaired;

/// The most bytes of a frame, or of an answer that is no event stream, that are held back to be repaired. What is longer
/// goes on as it is.
const MAX_HELD: usize = 4 * 1024 * 1024;

/// The most cuts that wait for their deltas.
const MAX_CUTS: usize = 64;

/// Where the frames that the SDK has not handed out yet cut a pair.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedCuts(Arc<Mutex<Vec<Cut>>>);

impl SharedCuts {
    /// The next delta of a text, as [`Halves::join`] makes it.
    fn join(&self, halves: &mut Halves, piece: String) -> String {
        let mut cuts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = cuts.iter().position(|cut| cut.is_of(&piece)).map(|at| cuts.remove(at));
        halves.join(piece, cut.as_slice())
    }

    fn add(&self, more: Vec<Cut>) {
        let mut cuts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.extend(more);
        let too_many = cuts.len().saturating_sub(MAX_CUTS);
        cuts.drain(..too_many);
    }
}

/// The texts of an answer's blocks, with whole characters.
#[derive(Debug, Default)]
pub(super) struct BlockTexts {
    cuts: SharedCuts,
    /// The halves of characters that wait for the next delta, by the index of their block.
    halves: BTreeMap<usize, Halves>,
}

impl BlockTexts {
    pub(super) fn new(cuts: SharedCuts) -> Self {
        Self { cuts, halves: BTreeMap::new() }
    }

    /// The next delta of a block's text.
    pub(super) fn join(&mut self, index: usize, text: String) -> String {
        let halves = self.halves.entry(index).or_default();
        let text = self.cuts.join(halves, text);
        if !halves.is_holding() {
            self.halves.remove(&index);
        }
        text
    }

    /// The blocks of which a half waits.
    pub(super) fn open(&self) -> Vec<usize> {
        self.halves.keys().copied().collect()
    }

    /// What is left of a block's text at its end.
    pub(super) fn rest(&mut self, index: usize) -> Option<String> {
        self.halves.remove(&index)?.rest()
    }
}

/// Puts [`Repaired`] around the body of an answer.
#[derive(Debug)]
pub(super) struct RepairAnswer(pub(super) SharedCuts);

impl Intercept for RepairAnswer {
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
        let repaired = Repaired::new(body, is_stream, self.0.clone());
        *response.body_mut() = SdkBody::from_body_1_x(repaired);
        Ok(())
    }
}

/// The body of an answer, repaired as it comes.
struct Repaired {
    body: SdkBody,
    /// Whether it consists of frames. What does not is JSON text, and held back to its end.
    is_stream: bool,
    cuts: SharedCuts,
    /// What came and is not a frame yet.
    held: BytesMut,
    /// Too much was held back: nothing is any more.
    is_left_alone: bool,
    is_over: bool,
}

impl Repaired {
    fn new(body: SdkBody, is_stream: bool, cuts: SharedCuts) -> Self {
        Self { body, is_stream, cuts, held: BytesMut::new(), is_left_alone: false, is_over: false }
    }

    /// What can go on of what came; never nothing.
    fn ready(&mut self) -> Option<Bytes> {
        let mut ready = BytesMut::new();
        while self.is_stream && !self.is_left_alone {
            let Some(length) = self.held.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
            else {
                break;
            };
            if length == 0 || length > MAX_HELD {
                self.is_left_alone = true;
            } else if length <= self.held.len() {
                let frame = self.held.split_to(length).freeze();
                ready.extend_from_slice(&self.repaired(&frame).unwrap_or(frame));
            } else {
                break;
            }
        }
        self.is_left_alone |= self.held.len() > MAX_HELD;
        if self.is_left_alone || (self.is_over && self.is_stream) {
            ready.unsplit(self.held.split());
        } else if self.is_over {
            ready.extend_from_slice(&repaired(&self.held.split()));
        }
        (!ready.is_empty()).then(|| ready.freeze())
    }

    /// A frame without halves; `None` if it may go on as it is.
    fn repaired(&self, frame: &[u8]) -> Option<Bytes> {
        // Most frames hold no half anywhere, and are not read here.
        if matches!(repaired(frame), Cow::Borrowed(_)) {
            return None;
        }
        let message = read_message_from(&mut Bytes::copy_from_slice(frame)).ok()?;
        self.cuts.add(cuts(message.payload()));
        let payload = repaired(message.payload()).into_owned();
        let mut written = Vec::with_capacity(frame.len());
        write_message_to(&Message::new_from_parts(message.headers().to_vec(), payload), &mut written).ok()?;
        Some(written.into())
    }
}

impl Body for Repaired {
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
