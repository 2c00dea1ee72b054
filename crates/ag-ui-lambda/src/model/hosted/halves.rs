//! Texts of a turn whose deltas cut a surrogate pair in two.
//!
//! The text, the reasoning and the arguments of each call are texts of their own: a first half at the end of one waits for
//! the next delta of the same, and becomes U+FFFD where that does not go on with a second half. What says nothing of a text
//! does not end the waiting. The texts of opaque values are joined where they are kept, in [`opaque`](super::opaque).

use std::borrow::Cow;
use std::collections::HashMap;

use super::said::{Piece, Said};
use crate::json::halves::{Cut, Halves, cuts};
use crate::json::readable;

/// The halves that wait for the next delta of their text.
#[derive(Default)]
pub(super) struct SplitPairs {
    text: Halves,
    reasoning: Halves,
    /// By the place and the item that the provider gives to the call.
    arguments: HashMap<(Option<usize>, String), Halves>,
    /// Where the last frame cuts a pair.
    cuts: Vec<Cut>,
}

impl SplitPairs {
    /// A frame as it can be read.
    pub(super) fn frame<'a>(&mut self, frame: &'a [u8]) -> Cow<'a, [u8]> {
        self.cuts = cuts(frame);
        readable(frame)
    }

    /// What the last frame says, with whole characters.
    pub(super) fn join(&mut self, said: Vec<Said>) -> Vec<Said> {
        let is_holding = self.text.is_holding() || self.reasoning.is_holding() || !self.arguments.is_empty();
        if self.cuts.is_empty() && !is_holding {
            return said;
        }
        said.into_iter().flat_map(|said| self.joined(said)).collect()
    }

    /// Where the last frame cuts a pair.
    pub(super) fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// What is left of the text and the reasoning when the turn ends. Arguments that end in a half are cut off.
    pub(super) fn rest(&mut self) -> Vec<Said> {
        self.rest_of_reasoning().into_iter().chain(self.rest_of_text()).collect()
    }

    fn joined(&mut self, said: Said) -> Vec<Said> {
        match said {
            Said::Text(text) => {
                let text = self.text.join(text, &self.cuts);
                let text = (!text.is_empty()).then_some(Said::Text(text));
                self.rest_of_reasoning().into_iter().chain(text).collect()
            }
            Said::Reasoning(text) => {
                let text = self.reasoning.join(text, &self.cuts);
                let text = (!text.is_empty()).then_some(Said::Reasoning(text));
                self.rest_of_text().into_iter().chain(text).collect()
            }
            Said::Call(piece) => {
                let call = Said::Call(self.joined_arguments(piece));
                self.rest().into_iter().chain([call]).collect()
            }
            Said::OtherCall(piece) => vec![Said::OtherCall(self.joined_arguments(piece))],
            // It ends the reasoning, and may stand before the text that it comes with.
            said @ (Said::Signature(_) | Said::Sealed(_)) => {
                self.rest_of_reasoning().into_iter().chain([said]).collect()
            }
            // These say nothing of the text, and may come with every frame.
            said @ (Said::Opaque(_)
            | Said::WholeOpaque(_)
            | Said::SignatureStart(_)
            | Said::SignaturePiece(_)
            | Said::TextSignature(_)
            | Said::OtherStop(_)
            | Said::Tokens(_)
            | Said::Stop(_)) => vec![said],
            said => self.rest().into_iter().chain([said]).collect(),
        }
    }

    fn joined_arguments(&mut self, piece: Piece) -> Piece {
        let call = (piece.place, piece.item.clone());
        let mut halves = self.arguments.remove(&call).unwrap_or_default();
        let json = halves.join(piece.json, &self.cuts);
        if halves.is_holding() {
            self.arguments.insert(call, halves);
        }
        Piece { json, ..piece }
    }

    fn rest_of_text(&mut self) -> Option<Said> {
        self.text.rest().map(Said::Text)
    }

    fn rest_of_reasoning(&mut self) -> Option<Said> {
        self.reasoning.rest().map(Said::Reasoning)
    }
}
