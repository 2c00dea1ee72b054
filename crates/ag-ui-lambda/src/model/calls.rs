//! The calls of a turn, put together from the pieces that a provider streams.
//!
//! Providers number, name and identify calls in many ways, or not at all. Here each call gets a number and an id of its own, and a
//! piece finds the call that it belongs to. The place on the wire (the index, the output index, the block) tells calls
//! apart; ids and names may be repeated or shared. Arguments are never dropped: those that belong to no known call go to the
//! only call that lacks arguments, and otherwise the turn is broken.

#![cfg_attr(
    not(feature = "http-models"),
    expect(dead_code, reason = "Bedrock's calls come in fewer ways than those of the wires over HTTP")
)]

mod brackets;
mod matching;
mod piece;
mod signature;
mod unplaced;

use std::collections::VecDeque;

use uuid::Uuid;

use self::brackets::Brackets;
use self::matching::{is_nothing, is_same_json};
use self::unplaced::Unplaced;
use super::Delta;
use super::wire::ToolNames;

pub(super) use self::piece::Piece;

/// The arguments of a call that has none.
const EMPTY: &str = "{}";

/// The calls so far, in the order in which they were begun.
#[derive(Default)]
pub(super) struct Calls {
    made: Vec<Made>,
    /// The call that got the last piece.
    last: usize,
    unplaced: Unplaced,
    /// The places of what is no call of ours.
    left_out: Vec<usize>,
    /// Why no good turn can come of these calls.
    fault: Option<&'static str>,
}

struct Made {
    place: Option<usize>,
    item: String,
    /// The provider's id, as it came.
    id: String,
    /// The name on the wire.
    name: String,
    /// The id of the call in the deltas, once it has a name and was sent.
    sent: Option<String>,
    /// Its arguments so far. An empty object is kept apart: some send one first, and the arguments behind it.
    json: String,
    has_empty_object: bool,
    brackets: Brackets,
    /// What the provider wants back with it.
    signature: Option<String>,
    /// The wire says that it is complete.
    has_stopped: bool,
    /// Its end was sent.
    is_ended: bool,
}

impl Made {
    /// Whether nothing may follow its arguments.
    fn is_closed(&self) -> bool {
        self.is_ended || self.brackets.is_closed()
    }

    /// Its arguments so far, as they were told.
    fn told(&self) -> &str {
        if self.json.is_empty() && self.has_empty_object { EMPTY } else { &self.json }
    }

    fn push(&mut self, json: &str) {
        self.json.push_str(json);
        self.brackets.push(json);
    }
}

impl Calls {
    /// Whether no call has come that has a name.
    pub(super) fn is_none(&self) -> bool {
        self.made.iter().all(|made| made.sent.is_none())
    }

    /// Leaves out what comes at a place, since it is no call of ours.
    pub(super) fn leave_out(&mut self, place: Option<usize>) {
        self.left_out.extend(place);
    }

    /// Whether a call was begun at a place.
    #[cfg(feature = "bedrock")]
    pub(super) fn has_place(&self, place: usize) -> bool {
        self.made.iter().any(|made| made.place == Some(place))
    }

    /// Takes a piece of a call, which it may begin.
    pub(super) fn piece(&mut self, piece: Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let piece = self.without_null(piece);
        if piece.name.is_empty() && piece.place.is_some_and(|place| self.left_out.contains(&place)) {
            return;
        }
        let call = match self.find(&piece) {
            Some(call) => call,
            None if piece.id.is_empty() && piece.name.is_empty() => return self.unplaced.keep(piece),
            None => self.begin(&piece),
        };
        self.join(call, &piece, names, out);
        if piece.is_whole {
            self.complete(call, &piece.json, out);
        } else {
            self.arguments(call, piece, out);
        }
    }

    /// Takes a call that comes whole, with its end.
    pub(super) fn whole(&mut self, piece: Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let piece = Piece { is_whole: true, ..self.without_null(piece) };
        let is_again = |made: &Made| {
            made.agrees(&piece)
                && made.is_identified_by(&piece)
                && made.name == piece.name
                && is_same_json(made.told(), &piece.json)
        };
        if piece.name.is_empty() {
            self.unplaced.keep(piece);
        } else if !self.made.iter().any(is_again) {
            let call = self.begin(&piece);
            self.join_whole(call, &piece, names, out);
            self.end_call(call, out);
        }
    }

    /// Takes a call with all of its arguments, of which pieces may have come before.
    pub(super) fn done(&mut self, piece: Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let piece = Piece { is_whole: true, ..self.without_null(piece) };
        let call = match self.find(&piece) {
            Some(call) => call,
            None if piece.name.is_empty() => return self.unplaced.keep(piece),
            None => self.begin(&piece),
        };
        self.join_whole(call, &piece, names, out);
    }

    /// Takes the list of all calls of the turn, of which some or all may have come before.
    pub(super) fn all(&mut self, pieces: Vec<Piece>, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let mut is_listed = vec![false; self.made.len()];
        for piece in pieces {
            let piece = self.without_null(piece);
            let call = match self.listed(&piece, &is_listed) {
                Some(call) => {
                    is_listed[call] = true;
                    call
                }
                None if piece.name.is_empty() => {
                    self.unplaced.keep(piece);
                    continue;
                }
                None => self.begin(&piece),
            };
            self.join_whole(call, &piece, names, out);
        }
    }

    /// The end of the block at a place, in which a call may be; without a place it is that of the last call.
    pub(super) fn end(&mut self, place: Option<usize>, out: &mut VecDeque<Delta>) {
        let call = match place {
            Some(_) => self.made.iter().rposition(|made| made.place == place),
            None => self.made.len().checked_sub(1),
        };
        if let Some(call) = call {
            self.stop(call, out);
        }
    }

    /// The end of the turn. If it was cut short, the call that got the last piece may be incomplete.
    ///
    /// # Errors
    /// A sentence for the log, when a call or arguments would be lost.
    pub(super) fn finish(
        &mut self,
        is_complete: bool,
        out: &mut VecDeque<Delta>,
    ) -> Result<(), &'static str> {
        self.place_the_rest(out)?;
        let last = self.last;
        (0..self.made.len())
            .filter(|&call| is_complete || call != last)
            .for_each(|call| self.end_call(call, out));
        Ok(())
    }

    fn begin(&mut self, piece: &Piece) -> usize {
        let mut made = Made {
            place: piece.place,
            item: piece.item.clone(),
            id: piece.id.clone(),
            name: String::new(),
            sent: None,
            json: String::new(),
            has_empty_object: false,
            brackets: Brackets::default(),
            signature: None,
            has_stopped: false,
            is_ended: false,
        };
        self.left_out.retain(|place| Some(*place) != piece.place);
        // Responses may send arguments before their call.
        made.push(&self.unplaced.take_for(piece));
        self.made.push(made);
        self.made.len() - 1
    }

    /// Takes a piece that holds all arguments of its call, and stops the call.
    fn join_whole(&mut self, call: usize, piece: &Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        self.join(call, piece, names, out);
        self.complete(call, &piece.json, out);
        self.stop(call, out);
    }

    /// Takes everything of a piece but its arguments. A call is sent when its name is there.
    fn join(&mut self, call: usize, piece: &Piece, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let made = &mut self.made[call];
        if made.item.is_empty() {
            made.item.clone_from(&piece.item);
        }
        if made.id.is_empty() && made.sent.is_none() {
            made.id.clone_from(&piece.id);
        }
        let is_begun = made.sent.is_none() && !piece.name.is_empty();
        if is_begun {
            let id = self.own_id(call);
            let made = &mut self.made[call];
            made.name.clone_from(&piece.name);
            made.sent = Some(id.clone());
            self.last = call;
            out.push_back(Delta::ToolCall { call, id, name: names.own(piece.name.clone()) });
        }
        let made = &mut self.made[call];
        let signature = signature::joined(made.signature.as_deref(), piece.signature.as_deref());
        let is_signed = signature != made.signature;
        made.signature = signature;
        if made.sent.is_some() && (is_signed || is_begun) {
            out.extend(made.signature.clone().map(|signature| Delta::ToolCallSignature { call, signature }));
        }
        if is_begun && !made.json.is_empty() {
            out.push_back(Delta::ToolArgs { call, json: made.json.clone() });
        }
    }

    /// The provider's id, unless another call has it.
    fn own_id(&self, call: usize) -> String {
        let id = &self.made[call].id;
        let is_free = !id.is_empty() && self.made.iter().all(|made| made.sent.as_ref() != Some(id));
        if is_free { id.clone() } else { format!("call_{}", Uuid::new_v4().simple()) }
    }

    /// What comes next of a call's arguments. Arguments that repeat all of them say nothing new.
    fn arguments(&mut self, call: usize, piece: Piece, out: &mut VecDeque<Delta>) {
        let made = &mut self.made[call];
        if !made.is_closed() {
            return self.send_arguments(call, &piece.json, out);
        }
        if !is_same_json(made.told(), &piece.json) {
            self.unplaced.keep(piece);
        }
    }

    /// All arguments of a call: sends what is not sent yet.
    fn complete(&mut self, call: usize, json: &str, out: &mut VecDeque<Delta>) {
        let made = &self.made[call];
        match json.strip_prefix(made.json.as_str()) {
            Some(rest) => self.send_arguments(call, rest, out),
            None if is_nothing(json) || is_same_json(&made.json, json) => {}
            None => self.fault = Some("the arguments of a call came in two versions"),
        }
    }

    fn send_arguments(&mut self, call: usize, json: &str, out: &mut VecDeque<Delta>) {
        let made = &mut self.made[call];
        if json.is_empty() || made.is_ended {
            return;
        }
        // The arguments may yet come.
        if made.json.is_empty() && is_nothing(json) {
            made.has_empty_object |= json.trim() == EMPTY;
            return;
        }
        made.push(json);
        if made.sent.is_some() {
            self.last = call;
            out.push_back(Delta::ToolArgs { call, json: json.to_owned() });
        }
    }

    /// The wire says that the call is complete. One without all of its arguments may yet get them from elsewhere, so its
    /// end waits for that of the turn.
    fn stop(&mut self, call: usize, out: &mut VecDeque<Delta>) {
        self.made[call].has_stopped = true;
        if self.made[call].brackets.is_closed() {
            self.end_call(call, out);
        }
    }

    fn end_call(&mut self, call: usize, out: &mut VecDeque<Delta>) {
        let made = &mut self.made[call];
        if made.sent.is_some() && !std::mem::replace(&mut made.is_ended, true) {
            if made.json.is_empty() && made.has_empty_object {
                out.push_back(Delta::ToolArgs { call, json: EMPTY.into() });
            }
            out.push_back(Delta::ToolCallEnd { call });
        }
    }
}
