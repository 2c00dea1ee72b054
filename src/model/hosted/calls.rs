//! The calls of a turn, made of their pieces.
//!
//! Providers number, name and identify calls in many ways, or not at all. Here each call gets a number and an
//! id of its own, and a piece finds the call that it belongs to.

use std::collections::VecDeque;

use uuid::Uuid;

use super::said::Piece;
use crate::model::Delta;
use crate::model::wire::ToolNames;

/// The calls so far, in the order they were begun.
#[derive(Default)]
pub(super) struct Calls {
    made: Vec<Made>,
    /// The call that was told of last.
    last: usize,
}

struct Made {
    /// Where the provider has it.
    place: Option<usize>,
    /// The provider's id, as it came.
    id: String,
    /// The id that it goes by.
    told: String,
    /// Bytes of its arguments so far.
    sent: usize,
    is_ended: bool,
}

impl Calls {
    pub(super) fn is_none(&self) -> bool {
        self.made.is_empty()
    }

    /// A piece of a call, which it may begin.
    pub(super) fn piece(&mut self, piece: Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let call = match self.find(&piece) {
            Some(call) => call,
            // Without a begin: Responses may send arguments early, and repeats them at the end.
            None if piece.id.is_empty() && piece.name.is_empty() => return,
            None => self.begin(piece.place, piece.id, piece.name, names, out),
        };
        self.arguments(call, piece.json, out);
    }

    /// A call that comes at once.
    pub(super) fn whole(
        &mut self,
        piece: Piece,
        signature: Option<String>,
        names: &ToolNames,
        out: &mut VecDeque<Delta>,
    ) {
        let call = self.begin(None, piece.id, piece.name, names, out);
        out.extend(signature.map(|signature| Delta::ToolCallSignature { call, signature }));
        self.arguments(call, piece.json, out);
        self.end_call(call, out);
    }

    /// All arguments of a call: tells what of them was not told yet.
    pub(super) fn complete(&mut self, place: usize, json: &str, out: &mut VecDeque<Delta>) {
        if let Some(call) = self.at(place)
            && let Some(rest) = json.get(self.made[call].sent..)
        {
            self.arguments(call, rest.to_owned(), out);
        }
    }

    /// The end of the call at a place, if one is there.
    pub(super) fn end(&mut self, place: usize, out: &mut VecDeque<Delta>) {
        if let Some(call) = self.at(place) {
            self.end_call(call, out);
        }
    }

    /// The end of the turn. If it was cut short, the call that was told of last may be incomplete.
    pub(super) fn finish(&mut self, is_complete: bool, out: &mut VecDeque<Delta>) {
        let last = self.last;
        (0..self.made.len())
            .filter(|&call| is_complete || call != last)
            .for_each(|call| self.end_call(call, out));
    }

    fn at(&self, place: usize) -> Option<usize> {
        self.made.iter().rposition(|made| made.place == Some(place))
    }

    fn find(&self, piece: &Piece) -> Option<usize> {
        let call = match piece.place {
            Some(place) => self.at(place)?,
            None => self.made.len().checked_sub(1)?,
        };
        // Some send every call at place 0 or at none; others repeat name and id in every piece.
        let is_other = match piece.id.is_empty() {
            true => piece.place.is_none(),
            false => piece.id != self.made[call].id,
        };
        (piece.name.is_empty() || !is_other).then_some(call)
    }

    fn begin(
        &mut self,
        place: Option<usize>,
        id: String,
        name: String,
        names: &ToolNames,
        out: &mut VecDeque<Delta>,
    ) -> usize {
        let call = self.made.len();
        let is_own = !id.is_empty() && self.made.iter().all(|made| made.told != id);
        let told = if is_own { id.clone() } else { format!("call_{}", Uuid::new_v4().simple()) };
        out.push_back(Delta::ToolCall { call, id: told.clone(), name: names.own(name) });
        self.made.push(Made { place, id, told, sent: 0, is_ended: false });
        self.last = call;
        call
    }

    fn arguments(&mut self, call: usize, json: String, out: &mut VecDeque<Delta>) {
        if !json.is_empty() && !self.made[call].is_ended {
            self.made[call].sent += json.len();
            self.last = call;
            out.push_back(Delta::ToolArgs { call, json });
        }
    }

    fn end_call(&mut self, call: usize, out: &mut VecDeque<Delta>) {
        if !std::mem::replace(&mut self.made[call].is_ended, true) {
            out.push_back(Delta::ToolCallEnd { call });
        }
    }
}
