//! Arguments that came without a call to put them in.

use std::collections::VecDeque;

use super::matching::{is_nothing, is_same_json};
use super::{Calls, Piece};
use crate::model::Delta;

/// The groups of arguments without a call, each from one place of the wire.
#[derive(Default)]
pub(super) struct Unplaced(Vec<Piece>);

impl Unplaced {
    pub(super) fn keep(&mut self, piece: Piece) {
        if is_nothing(&piece.json) {
            return;
        }
        let is_same_place =
            |kept: &&mut Piece| kept.place == piece.place && kept.item == piece.item && kept.id == piece.id;
        match self.0.iter_mut().find(is_same_place) {
            Some(kept) if piece.is_whole => kept.json = piece.json,
            Some(kept) => kept.json.push_str(&piece.json),
            None => self.0.push(piece),
        }
    }

    /// The arguments that came before the call which this piece begins.
    pub(super) fn take_for(&mut self, piece: &Piece) -> String {
        let is_its = |kept: &Piece| {
            let is_known = |a: &str, b: &str| !a.is_empty() && a == b;
            let is_at_place = kept.place.is_some() && kept.place == piece.place;
            is_known(&kept.item, &piece.item) || is_known(&kept.id, &piece.id) || is_at_place
        };
        match self.0.iter().position(is_its) {
            Some(at) => self.0.remove(at).json,
            None => String::new(),
        }
    }
}

impl Calls {
    /// Gives what is without a call to the only call that lacks arguments.
    pub(super) fn place_the_rest(&mut self, out: &mut VecDeque<Delta>) -> Result<(), &'static str> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        for nameless in self.made.iter().filter(|made| made.sent.is_none()) {
            // Some servers begin a call of nothing beside the others.
            if is_nothing(&nameless.json) {
                continue;
            }
            if self.lacking(&nameless.json).is_none() {
                return Err("a call has no name");
            }
            self.unplaced.0.push(Piece { json: nameless.json.clone(), ..Piece::default() });
        }
        for Piece { json, .. } in std::mem::take(&mut self.unplaced.0) {
            if self.made.iter().any(|made| is_same_json(&made.json, &json)) {
                continue;
            }
            match self.lacking(&json) {
                Some(call) => self.send_arguments(call, &json, out),
                None if names_nothing(&json) => {}
                None => return Err("arguments belong to no call"),
            }
        }
        Ok(())
    }

    /// The only call that these arguments may belong to.
    fn lacking(&self, json: &str) -> Option<usize> {
        let lack = (0..self.made.len())
            .filter(|call| self.made[*call].sent.is_some() && !self.made[*call].is_closed());
        let lack: Vec<usize> = lack.collect();
        let only = |calls: &[usize]| if let [call] = calls { Some(*call) } else { None };
        // A text that begins an object is not the rest of one.
        let is_start = json.trim_start().starts_with('{');
        only(&lack).or_else(|| {
            let fit = lack.iter().copied().filter(|call| self.made[*call].json.is_empty() == is_start);
            only(&fit.collect::<Vec<_>>())
        })
    }
}

/// Whether a text holds no member of an object: a bracket too many, or the end of a tag, behind arguments that are complete.
fn names_nothing(json: &str) -> bool {
    !json.contains(['"', ':'])
}
