//! The calls of a turn, made of their pieces.
//!
//! Providers number, name and identify calls in many ways, or not at all. Here each call gets a number and an
//! id of its own, and a piece finds the call that it belongs to.

use std::collections::VecDeque;

use serde::de::IgnoredAny;
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
    /// The id that it goes by, once it has a name and is told of.
    told: Option<String>,
    /// Its arguments so far.
    json: String,
    is_ended: bool,
}

impl Made {
    fn is_whole(&self) -> bool {
        serde_json::from_str::<IgnoredAny>(&self.json).is_ok()
    }
}

impl Calls {
    pub(super) fn is_none(&self) -> bool {
        self.made.is_empty()
    }

    /// Whether a call came without a name: nobody can make it.
    pub(super) fn has_nameless(&self) -> bool {
        self.made.iter().any(|made| made.told.is_none())
    }

    /// A piece of a call, which it may begin.
    pub(super) fn piece(&mut self, piece: Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let call = match self.find(&piece) {
            Some(call) => call,
            // Without a begin: Responses may send arguments early, and repeats them at the end.
            None if piece.id.is_empty() && piece.name.is_empty() => return,
            None => self.begin(piece.place, &piece.id),
        };
        self.name(call, piece.name, names, out);
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
        let call = self.begin(None, &piece.id);
        self.name(call, piece.name, names, out);
        out.extend(signature.map(|signature| Delta::ToolCallSignature { call, signature }));
        self.arguments(call, piece.json, out);
        self.end_call(call, out);
    }

    /// A call that was told already, unless it was not.
    pub(super) fn late(&mut self, piece: Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        if self.made.iter().all(|made| made.id != piece.id) {
            self.whole(piece, None, names, out);
        }
    }

    /// All arguments of a call: tells what of them was not told yet.
    pub(super) fn complete(&mut self, place: usize, json: &str, out: &mut VecDeque<Delta>) {
        if let Some(call) = self.at(place)
            && let Some(rest) = json.strip_prefix(self.made[call].json.as_str())
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

    /// The call that a piece goes on with.
    ///
    /// Some servers send every call at place 0 or at none, some begin a call without a place and go on with one, and
    /// some repeat name and id in every piece.
    fn find(&self, piece: &Piece) -> Option<usize> {
        let by_id = || {
            let is_known = |made: &Made| !piece.id.is_empty() && made.id == piece.id;
            self.made.iter().rposition(is_known)
        };
        let last = || self.made.len().checked_sub(1);
        let begun_without =
            |place: usize| self.made.get(place).filter(|made| made.place.is_none()).map(|_| place);
        let call = match piece.place {
            Some(place) => self.at(place).or_else(|| begun_without(place)).or_else(by_id)?,
            None => by_id().or_else(last)?,
        };
        let made = &self.made[call];
        let is_another = match (piece.name.is_empty(), piece.id.is_empty()) {
            (true, true) => false,
            (true, false) => piece.place.is_none() && piece.id != made.id,
            // A name without an id: the call again, or another one.
            (false, true) => made.told.is_some() && (piece.place.is_none() || made.is_whole()),
            (false, false) => piece.id != made.id,
        };
        (!is_another).then_some(call)
    }

    fn begin(&mut self, place: Option<usize>, id: &str) -> usize {
        self.made.push(Made { place, id: id.to_owned(), told: None, json: String::new(), is_ended: false });
        self.made.len() - 1
    }

    /// Tells of a call, when its name is there. Its arguments may have come before.
    fn name(&mut self, call: usize, name: String, names: &ToolNames, out: &mut VecDeque<Delta>) {
        if name.is_empty() || self.made[call].told.is_some() {
            return;
        }
        let id = &self.made[call].id;
        let is_own = !id.is_empty() && self.made.iter().all(|made| made.told.as_ref() != Some(id));
        let id = if is_own { id.clone() } else { format!("call_{}", Uuid::new_v4().simple()) };
        out.push_back(Delta::ToolCall { call, id: id.clone(), name: names.own(name) });
        let made = &mut self.made[call];
        made.told = Some(id);
        self.last = call;
        if !made.json.is_empty() {
            out.push_back(Delta::ToolArgs { call, json: made.json.clone() });
        }
    }

    fn arguments(&mut self, call: usize, json: String, out: &mut VecDeque<Delta>) {
        let made = &mut self.made[call];
        if !json.is_empty() && !made.is_ended {
            made.json.push_str(&json);
            if made.told.is_some() {
                self.last = call;
                out.push_back(Delta::ToolArgs { call, json });
            }
        }
    }

    fn end_call(&mut self, call: usize, out: &mut VecDeque<Delta>) {
        let made = &mut self.made[call];
        if made.told.is_some() && !std::mem::replace(&mut made.is_ended, true) {
            out.push_back(Delta::ToolCallEnd { call });
        }
    }
}
