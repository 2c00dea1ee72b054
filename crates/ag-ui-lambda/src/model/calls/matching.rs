//! Which call a piece belongs to, and whether it begins another one.
//!
//! Some servers send every call at place 0 or at none, some begin a call without a place and go on with one, some give
//! two calls one id, and some repeat name and id in every piece.

use serde_json::Value;

use super::{Calls, EMPTY, Made, Piece};

impl Made {
    /// Whether a piece names this very call, by its place or by an id.
    pub(super) fn is_identified_by(&self, piece: &Piece) -> bool {
        let is_at_place = self.place.is_some() && self.place == piece.place;
        !self.is_elsewhere(piece)
            && (is_at_place || is_known(&self.item, &piece.item) || is_known(&self.id, &piece.id))
    }

    /// Whether neither place, id nor name tells the two apart. Ids of items do not: some servers make new ones in each event.
    pub(super) fn agrees(&self, piece: &Piece) -> bool {
        !self.is_elsewhere(piece) && !self.has_other_id(piece) && !differ(&self.name, &piece.name)
    }

    fn is_elsewhere(&self, piece: &Piece) -> bool {
        self.place.is_some() && piece.place.is_some() && self.place != piece.place
    }

    fn has_other_id(&self, piece: &Piece) -> bool {
        differ(&self.id, &piece.id)
    }

    /// Whether these are the next characters of the arguments, and not the first of others.
    fn goes_on_with(&self, json: &str) -> bool {
        let wants_value = self.json.trim_end().ends_with([':', ',', '[']);
        self.json.is_empty() || wants_value || !json.trim_start().starts_with('{')
    }
}

impl Calls {
    /// The call that a piece goes on with.
    pub(super) fn find(&self, piece: &Piece) -> Option<usize> {
        if piece.name.is_empty() && !piece.is_start {
            return self.owner(piece);
        }
        let call = self.candidate(piece)?;
        self.is_again(&self.made[call], piece).then_some(call)
    }

    /// A piece without the words that some servers write in place of what they leave out. A call that is known has its name.
    pub(super) fn without_null(&self, mut piece: Piece) -> Piece {
        let is_null = |text: &str| matches!(text, "null" | "None" | "undefined");
        if is_null(&piece.id) {
            piece.id.clear();
        }
        let is_known = |made: &Made| made.sent.is_some() && made.is_identified_by(&piece);
        let is_nobodys = piece.id.is_empty() && piece.item.is_empty();
        if is_null(&piece.name) && (is_nobodys || self.made.iter().any(is_known)) {
            piece.name.clear();
        }
        piece
    }

    /// The call of the list of all calls that a piece repeats; none has more than one. Ids may be others than before.
    pub(super) fn listed(&self, piece: &Piece, is_listed: &[bool]) -> Option<usize> {
        let is_free = |call: &usize| {
            let made = &self.made[*call];
            is_listed.get(*call) == Some(&false) && !differ(&made.name, &piece.name)
        };
        let free: Vec<usize> = (0..self.made.len()).filter(is_free).collect();
        let find = |is: &dyn Fn(&Made) -> bool| free.iter().find(|call| is(&self.made[**call])).copied();
        find(&|made| made.is_identified_by(piece) && !made.has_other_id(piece))
            .or_else(|| find(&|made| is_same_json(made.told(), &piece.json)))
            .or_else(|| find(&|made| !made.json.is_empty() && piece.json.starts_with(&made.json)))
            .or_else(|| find(&|made| made.json.is_empty()))
            .or_else(|| find(&|made| made.is_identified_by(piece)))
    }

    /// The call that a piece without a name belongs to. A known id counts more than a place.
    fn owner(&self, piece: &Piece) -> Option<usize> {
        let is_at_place =
            |made: &Made| piece.place.is_none_or(|place| made.place.is_none_or(|own| own == place));
        let has_item = |made: &Made| is_known(&made.item, &piece.item);
        // Some name the call where the item is meant.
        let has_id = |made: &Made| is_known(&made.id, &piece.id) || is_known(&made.id, &piece.item);
        let known = self
            .last_open(|made| has_item(made) && is_at_place(made))
            .or_else(|| self.last_open(has_item))
            .or_else(|| self.last_open(|made| has_id(made) && is_at_place(made)))
            .or_else(|| self.last_open(has_id));
        known.or_else(|| match piece.place {
            Some(place) => self.at(place),
            None if piece.id.is_empty() => {
                let is_other = |made: &Made| !made.item.is_empty() && !piece.item.is_empty();
                self.made.len().checked_sub(1).filter(|call| !is_other(&self.made[*call]))
            }
            None => None,
        })
    }

    /// The call that a piece with a name may repeat.
    fn candidate(&self, piece: &Piece) -> Option<usize> {
        let identified = self.last_open(|made| {
            let is_named = is_known(&made.item, &piece.item) || is_known(&made.id, &piece.id);
            is_named && !made.is_elsewhere(piece) && !differ(&made.name, &piece.name)
        });
        identified.or_else(|| match piece.place {
            Some(place) => self.at(place),
            None if !piece.id.is_empty() || !piece.item.is_empty() => None,
            None => self.begun_as(piece).or_else(|| self.made.len().checked_sub(1)),
        })
    }

    /// The first open call whose arguments so far are the beginning of these.
    fn begun_as(&self, piece: &Piece) -> Option<usize> {
        let is_begun = |made: &Made| {
            !made.has_stopped && made.name == piece.name && piece.json.trim().starts_with(&made.json)
        };
        if piece.is_whole { self.made.iter().position(is_begun) } else { None }
    }

    /// The last call that this holds for, rather one that is not complete.
    fn last_open(&self, is: impl Fn(&Made) -> bool) -> Option<usize> {
        let open = self.made.iter().rposition(|made| is(made) && !made.is_closed());
        open.or_else(|| self.made.iter().rposition(is))
    }

    /// The call at a place; or the one of that number, if it was begun without a place.
    fn at(&self, place: usize) -> Option<usize> {
        let begun_without = || self.made.get(place).filter(|made| made.place.is_none()).map(|_| place);
        self.made.iter().rposition(|made| made.place == Some(place)).or_else(begun_without)
    }

    /// Whether a piece with a name is the call again, and not another one.
    fn is_again(&self, made: &Made, piece: &Piece) -> bool {
        let is_identified = made.is_identified_by(piece);
        let is_new_start = piece.is_start && (made.has_stopped || !is_identified);
        if is_new_start || made.is_elsewhere(piece) || differ(&made.name, &piece.name) {
            return false;
        }
        let (told, json) = (made.told(), piece.json.trim());
        if made.sent.is_none() {
            return true;
        }
        if made.has_other_id(piece) && !piece.is_whole {
            // At one place, an id that is new in each piece does not begin a call before the arguments are complete.
            return is_identified && !made.is_closed() && made.goes_on_with(json);
        }
        if json.is_empty() || told.is_empty() {
            return true;
        }
        if is_same_json(told, json) {
            // Two equal calls that nothing tells apart stay two.
            return is_identified || piece.is_whole;
        }
        match made.is_closed() {
            true => piece.is_whole && is_identified,
            false => !piece.is_whole || json.starts_with(told) || told == EMPTY || is_identified,
        }
    }
}

fn is_known(a: &str, b: &str) -> bool {
    !a.is_empty() && a == b
}

fn differ(a: &str, b: &str) -> bool {
    !a.is_empty() && !b.is_empty() && a != b
}

/// Whether arguments say nothing.
pub(super) fn is_nothing(json: &str) -> bool {
    matches!(json.trim(), "" | EMPTY | "null" | "None")
}

/// Whether two texts are the same JSON; nothing is the same as nothing.
pub(super) fn is_same_json(a: &str, b: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    a.trim() == b.trim() || read(a).is_some_and(|a| read(b) == Some(a))
}
