//! Removes repetitions from a turn, and reads answers of unusual form: full texts and reasoning after their deltas, and
//! calls in another choice than the first.
//!
//! Some servers stream a text and then repeat it in full, and some send it only in full. The client gets it once.

use super::ResponseReader;
use crate::model::http::frame_event::{FrameEvent, ReasoningItem, TextScope};

impl ResponseReader {
    /// Removes events that repeat earlier ones from the events of a frame. If deltas have come before, a message
    /// becomes full texts and a list of all calls, which are compared with the deltas later. Readable reasoning in
    /// opaque members is dropped if a plain member has it.
    pub(super) fn without_repeats(&mut self, events: Vec<FrameEvent>) -> Vec<FrameEvent> {
        let had_deltas = self.has_deltas;
        self.has_deltas |= events.iter().any(FrameEvent::is_content);
        let events = events.into_iter().flat_map(|event| match event {
            FrameEvent::Message(events) if had_deltas => as_full_message(events),
            FrameEvent::Message(events) => events,
            event => vec![event],
        });
        let events: Vec<FrameEvent> = events.collect();
        self.has_plain_reasoning |= events.iter().any(|event| matches!(event, FrameEvent::Reasoning(_)));
        let without_repeated_reasoning = |event| match event {
            FrameEvent::OpaqueReasoning(_) if self.has_plain_reasoning => None,
            FrameEvent::OpaqueReasoning(text) => Some(FrameEvent::Reasoning(text)),
            event => Some(event),
        };
        events.into_iter().filter_map(without_repeated_reasoning).collect()
    }

    /// Applies the full text of a part, an item or the turn (`scope`): sends what was not streamed in deltas, and marks
    /// the scope as ended.
    pub(super) fn add_full_text(&mut self, scope: TextScope, full: &str) {
        if let Some(rest) = self.text.unsent_rest(scope, full) {
            self.apply(FrameEvent::Text(rest.to_owned()));
        }
        self.text.end_scope(scope);
    }

    /// Applies the full reasoning of a part, an item or the turn (`scope`): sends what was not streamed in deltas, and
    /// marks the scope as ended.
    pub(super) fn add_full_reasoning(&mut self, scope: TextScope, full: &str) {
        if let Some(rest) = self.reasoning.unsent_rest(scope, full) {
            self.apply(FrameEvent::Reasoning(rest.to_owned()));
        }
        self.reasoning.end_scope(scope);
    }

    /// Applies the list of all reasoning items at the end of the turn. If reasoning was streamed, only what is missing
    /// is sent; otherwise each item is sent, followed by its signature.
    pub(super) fn add_all_reasoning(&mut self, items: Vec<ReasoningItem>) {
        let is_new = self.reasoning.is_empty();
        if !is_new {
            let full: String = items.iter().map(|item| item.text.as_str()).collect();
            self.add_full_reasoning(TextScope::Turn, &full);
        }
        for ReasoningItem { text, signature } in items {
            if is_new && !text.is_empty() {
                self.apply(FrameEvent::Reasoning(text));
            }
            signature.into_iter().for_each(|signature| self.add_item_signature(signature));
        }
    }

    /// Applies the signature of a reasoning item; a repeated signature is skipped. After text or a call, a client would
    /// take the signature for the start of the next turn, so it is then kept and sent with the turn's signature.
    pub(super) fn add_item_signature(&mut self, signature: String) {
        if self.item_signatures.contains(&signature) {
            return;
        }
        self.item_signatures.push(signature.clone());
        if self.text.is_empty() && self.calls.is_empty() {
            self.apply(FrameEvent::Signature(signature));
        } else {
            self.late_signatures.push(signature);
        }
    }

    /// Adds the calls of other choices at the turn's end if the first choice has none, and drops them otherwise.
    ///
    /// The request asks for one choice, so other choices are parts of it or alternatives. Calls of an alternative must
    /// not run beside those of the first choice.
    pub(super) fn take_other_calls(&mut self) {
        self.take_other_finish_reason();
        let deltas = std::mem::take(&mut self.other_calls);
        if self.calls.is_empty() {
            deltas.into_iter().for_each(|delta| self.calls.apply_delta(delta, &self.names, &mut self.ready));
        }
    }

    /// Uses the finish reason of another choice for the turn if the first choice has sent none. It is called when the
    /// turn or the response's body ends, because the first choice may send its own until then.
    pub(super) fn take_other_finish_reason(&mut self) {
        let other = self.other_finish_reason.take();
        self.finish_reason = self.finish_reason.take().or(other);
    }
}

/// Converts the events of a message that comes after deltas, and so repeats all of them, into full texts and the list
/// of all calls.
fn as_full_message(events: Vec<FrameEvent>) -> Vec<FrameEvent> {
    let (mut text, mut reasoning, mut opaque) = (String::new(), String::new(), String::new());
    let (mut calls, mut others) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            FrameEvent::Text(more) => text.push_str(&more),
            FrameEvent::Reasoning(more) => reasoning.push_str(&more),
            FrameEvent::OpaqueReasoning(more) => opaque.push_str(&more),
            FrameEvent::OpaqueMembers(members) => others.push(FrameEvent::RepeatedOpaqueMembers(members)),
            FrameEvent::CallDelta(delta) => calls.push(delta),
            event => others.push(event),
        }
    }
    let reasoning = if reasoning.is_empty() { opaque } else { reasoning };
    let texts =
        [FrameEvent::FullReasoning(TextScope::Turn, reasoning), FrameEvent::FullText(TextScope::Turn, text)];
    texts.into_iter().chain([FrameEvent::AllCalls(calls)]).chain(others).collect()
}
