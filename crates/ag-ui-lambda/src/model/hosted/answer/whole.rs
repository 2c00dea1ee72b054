//! What a wire tells twice, or in another place than usual: texts and reasoning as a whole behind their deltas, and calls in
//! another choice than the first.
//!
//! Some servers stream a text and repeat it, some tell it only as a whole. It is told once.

use super::Answer;
use crate::model::hosted::said::{Said, Span, Thought};

impl Answer {
    /// What a frame says, without what the turn tells already.
    pub(super) fn once(&mut self, said: Vec<Said>) -> Vec<Said> {
        let had_deltas = self.has_deltas;
        self.has_deltas |= said.iter().any(Said::is_part_of_answer);
        let said = said.into_iter().flat_map(|said| match said {
            Said::Message(said) if had_deltas => whole(said),
            Said::Message(said) => said,
            said => vec![said],
        });
        let said: Vec<Said> = said.collect();
        self.has_plain_reasoning |= said.iter().any(|said| matches!(said, Said::Reasoning(_)));
        let once = |said| match said {
            Said::OpaqueReasoning(_) if self.has_plain_reasoning => None,
            Said::OpaqueReasoning(text) => Some(Said::Reasoning(text)),
            said => Some(said),
        };
        said.into_iter().filter_map(once).collect()
    }

    pub(super) fn whole_text(&mut self, span: Span, whole: &str) {
        if let Some(rest) = self.text.rest(span, whole) {
            self.hear(Said::Text(rest.to_owned()));
        }
        self.text.end(span);
    }

    pub(super) fn whole_reasoning(&mut self, span: Span, whole: &str) {
        if let Some(rest) = self.reasoning.rest(span, whole) {
            self.hear(Said::Reasoning(rest.to_owned()));
        }
        self.reasoning.end(span);
    }

    /// All items of the reasoning. If none was told, each comes with its own signature.
    pub(super) fn all_reasoning(&mut self, thoughts: Vec<Thought>) {
        let is_new = self.reasoning.is_none();
        if !is_new {
            let whole: String = thoughts.iter().map(|thought| thought.text.as_str()).collect();
            self.whole_reasoning(Span::Turn, &whole);
        }
        for Thought { text, signature } in thoughts {
            if is_new && !text.is_empty() {
                self.hear(Said::Reasoning(text));
            }
            signature.into_iter().for_each(|signature| self.sealed(signature));
        }
    }

    /// The signature of an item. Behind text or a call a client would take it for one of the next turn, so that it goes
    /// with the turn then.
    pub(super) fn sealed(&mut self, signature: String) {
        if self.sealed.contains(&signature) {
            return;
        }
        self.sealed.push(signature.clone());
        if self.text.is_none() && self.calls.is_none() {
            self.hear(Said::Signature(signature));
        } else {
            self.late.push(signature);
        }
    }

    /// Takes the calls of other choices, if the first has made none. One choice is asked for, so that others are parts of
    /// it, or alternatives that nobody wants; calls of an alternative must not run beside those of the first choice.
    pub(super) fn take_other_calls(&mut self) {
        self.take_other_stop();
        let pieces = std::mem::take(&mut self.other_calls);
        if self.calls.is_none() {
            pieces.into_iter().for_each(|piece| self.calls.piece(piece, &self.names, &mut self.ready));
        }
    }

    /// Takes the reason to stop of another choice, if the first tells none.
    pub(super) fn take_other_stop(&mut self) {
        let stop = self.other_stop.take();
        self.stop = self.stop.take().or(stop);
    }
}

/// A message behind deltas, which is all of them.
fn whole(said: Vec<Said>) -> Vec<Said> {
    let (mut text, mut reasoning, mut opaque) = (String::new(), String::new(), String::new());
    let (mut calls, mut others) = (Vec::new(), Vec::new());
    for said in said {
        match said {
            Said::Text(more) => text.push_str(&more),
            Said::Reasoning(more) => reasoning.push_str(&more),
            Said::OpaqueReasoning(more) => opaque.push_str(&more),
            Said::Opaque(members) => others.push(Said::WholeOpaque(members)),
            Said::Call(piece) => calls.push(piece),
            said => others.push(said),
        }
    }
    let reasoning = if reasoning.is_empty() { opaque } else { reasoning };
    let texts = [Said::WholeReasoning(Span::Turn, reasoning), Said::WholeText(Span::Turn, text)];
    texts.into_iter().chain([Said::AllCalls(calls)]).chain(others).collect()
}
