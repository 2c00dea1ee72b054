//! Joins surrogate pairs that the deltas of a turn cut in two.
//!
//! The text, the reasoning and the arguments of each call are texts of their own. A first half at the end of a delta waits
//! for the next delta of the same text, and becomes U+FFFD if that does not begin with a second half. Events that do not
//! concern the text do not end the wait. The texts of opaque members are joined in [`opaque_members`](super::opaque_members).

use std::borrow::Cow;
use std::collections::HashMap;

use super::frame_event::{CallDelta, FrameEvent};
use crate::json::normalize;
use crate::json::surrogate_joiner::{SplitString, SurrogateJoiner, find_split_strings};

/// The halves of characters that wait for the next delta of their text.
#[derive(Default)]
pub(super) struct TurnSurrogates {
    text: SurrogateJoiner,
    reasoning: SurrogateJoiner,
    /// The halves in arguments, by the call's index and item on the wire.
    arguments: HashMap<(Option<usize>, String), SurrogateJoiner>,
    /// The strings of the last frame that begin or end in half a pair.
    cuts: Vec<SplitString>,
}

impl TurnSurrogates {
    /// Returns a frame as valid JSON: each half of a surrogate pair that stands alone becomes U+FFFD. Remembers the
    /// affected strings, so that [`join`](Self::join) can join them with the next frame.
    pub(super) fn decode_frame<'a>(&mut self, frame: &'a [u8]) -> Cow<'a, [u8]> {
        self.cuts = find_split_strings(frame);
        normalize(frame)
    }

    /// Restores the characters that this frame's events share with earlier or later frames; called after
    /// [`decode_frame`](Self::decode_frame). The first half of a pair at the end of a text is held back.
    pub(super) fn join(&mut self, events: Vec<FrameEvent>) -> Vec<FrameEvent> {
        let is_holding =
            self.text.has_pending() || self.reasoning.has_pending() || !self.arguments.is_empty();
        if self.cuts.is_empty() && !is_holding {
            return events;
        }
        events.into_iter().flat_map(|event| self.join_event(event)).collect()
    }

    /// Returns the strings of the last frame that begin or end in half a surrogate pair, for texts that are joined
    /// elsewhere. Only the texts in opaque members are joined so.
    pub(super) fn cuts(&self) -> &[SplitString] {
        &self.cuts
    }

    /// Returns U+FFFD as text and as reasoning where half a pair is still held back; called at the end of the turn and
    /// before events that end both texts. Halves in arguments are never returned, because such arguments were cut off.
    pub(super) fn flush(&mut self) -> Vec<FrameEvent> {
        self.flush_reasoning().into_iter().chain(self.flush_text()).collect()
    }

    /// Joins the text of one event. If the event ends the text or the reasoning, the half of a pair that is held back
    /// there is returned before it, as U+FFFD.
    fn join_event(&mut self, event: FrameEvent) -> Vec<FrameEvent> {
        match event {
            FrameEvent::Text(text) => {
                let text = self.text.join(text, &self.cuts);
                let text = (!text.is_empty()).then_some(FrameEvent::Text(text));
                self.flush_reasoning().into_iter().chain(text).collect()
            }
            FrameEvent::Reasoning(text) => {
                let text = self.reasoning.join(text, &self.cuts);
                let text = (!text.is_empty()).then_some(FrameEvent::Reasoning(text));
                self.flush_text().into_iter().chain(text).collect()
            }
            FrameEvent::CallDelta(delta) => {
                let call = FrameEvent::CallDelta(self.join_arguments(delta));
                self.flush().into_iter().chain([call]).collect()
            }
            FrameEvent::OtherChoiceCall(piece) => {
                vec![FrameEvent::OtherChoiceCall(self.join_arguments(piece))]
            }
            // A signature ends the reasoning, but it may stand before the text that it comes with.
            event @ (FrameEvent::Signature(_) | FrameEvent::ItemSignature(_)) => {
                self.flush_reasoning().into_iter().chain([event]).collect()
            }
            // These events do not concern the text, and may come with every frame.
            event @ (FrameEvent::OpaqueMembers(_)
            | FrameEvent::RepeatedOpaqueMembers(_)
            | FrameEvent::SignatureStart(_)
            | FrameEvent::SignatureDelta(_)
            | FrameEvent::TextSignature(_)
            | FrameEvent::OtherChoiceFinishReason(_)
            | FrameEvent::Tokens(_)
            | FrameEvent::FinishReason(_)) => vec![event],
            event => self.flush().into_iter().chain([event]).collect(),
        }
    }

    /// Joins characters in the arguments of a call's next piece with the piece before, by the call's index and item.
    /// Returns the piece with the joined arguments.
    fn join_arguments(&mut self, delta: CallDelta) -> CallDelta {
        let call = (delta.index, delta.item_id.clone());
        let mut halves = self.arguments.remove(&call).unwrap_or_default();
        let json = halves.join(delta.json, &self.cuts);
        if halves.has_pending() {
            self.arguments.insert(call, halves);
        }
        CallDelta { json, ..delta }
    }

    /// Returns U+FFFD as text if half a pair of the text is held back, and `None` otherwise.
    fn flush_text(&mut self) -> Option<FrameEvent> {
        self.text.flush().map(FrameEvent::Text)
    }

    /// Returns U+FFFD as reasoning if half a pair of the reasoning is held back, and `None` otherwise.
    fn flush_reasoning(&mut self) -> Option<FrameEvent> {
        self.reasoning.flush().map(FrameEvent::Reasoning)
    }
}
