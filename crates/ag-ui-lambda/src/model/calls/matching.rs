//! Decides whether a piece of a call belongs to a known call, and to which, or starts a new one.
//!
//! Calls are returned as indexes into the list of the turn's calls.
//!
//! Servers differ. Some send every call with index 0 or without an index, some start a call without an index and continue it
//! with one, some give two calls the same id, and some repeat name and id in every piece.

use super::call_delta::CallDelta;
use super::partial_call::{EMPTY_ARGUMENTS, PartialCall, differ, is_same_json, is_same_known};

/// Returns the index of the call that a piece continues or repeats. Returns `None` if the piece starts a new call, or
/// if it names no known call.
pub(super) fn find_call(calls: &[PartialCall], delta: &CallDelta) -> Option<usize> {
    if delta.name.is_empty() && !delta.is_start {
        return find_owner(calls, delta);
    }
    let call = find_repeated(calls, delta)?;
    repeats_call(&calls[call], delta).then_some(call)
}

/// Removes `null`, `None` and `undefined` from a piece where a server wrote such a word in place of an id or a name
/// that it left out.
///
/// Such a word may also be a tool's real name. A name is removed only where the piece has no id, or belongs to a call
/// whose name is known.
pub(super) fn without_null_words(calls: &[PartialCall], mut delta: CallDelta) -> CallDelta {
    let is_null = |text: &str| matches!(text, "null" | "None" | "undefined");
    if is_null(&delta.id) {
        delta.id.clear();
    }
    let is_known = |call: &PartialCall| call.announced_id.is_some() && call.is_identified_by(&delta);
    let has_no_id = delta.id.is_empty() && delta.item_id.is_empty();
    if is_null(&delta.name) && (has_no_id || calls.iter().any(is_known)) {
        delta.name.clear();
    }
    delta
}

/// Returns the index of the streamed call that an entry of the final list of all calls repeats; `None` if the entry is
/// a new call. `is_listed` marks the calls that earlier entries of the list have repeated; they are not found again.
/// The entry may have other ids than the pieces of the stream.
pub(super) fn find_listed(calls: &[PartialCall], delta: &CallDelta, is_listed: &[bool]) -> Option<usize> {
    let is_free =
        |call: &usize| is_listed.get(*call) == Some(&false) && !differ(&calls[*call].name, &delta.name);
    let free: Vec<usize> = (0..calls.len()).filter(is_free).collect();
    let find =
        |matches: &dyn Fn(&PartialCall) -> bool| free.iter().find(|index| matches(&calls[**index])).copied();
    find(&|call| call.is_identified_by(delta) && !call.has_other_id(delta))
        .or_else(|| find(&|call| is_same_json(call.arguments_so_far(), &delta.json)))
        .or_else(|| find(&|call| !call.json.is_empty() && delta.json.starts_with(&call.json)))
        .or_else(|| find(&|call| call.json.is_empty()))
        .or_else(|| find(&|call| call.is_identified_by(delta)))
}

/// Returns the index of the only call to which arguments without any id can belong: it has a name and its arguments are
/// not complete. If there are several, `json` decides: the start of an object belongs to a call without arguments,
/// anything else to a call with some. Returns `None` if still not exactly one call fits.
pub(super) fn find_call_lacking_arguments(calls: &[PartialCall], json: &str) -> Option<usize> {
    let is_lacking = |call: &usize| calls[*call].announced_id.is_some() && !calls[*call].is_closed();
    let lacking: Vec<usize> = (0..calls.len()).filter(is_lacking).collect();
    let only = |calls: &[usize]| if let [call] = calls { Some(*call) } else { None };
    // A text that begins an object is not the rest of one.
    let is_start = json.trim_start().starts_with('{');
    only(&lacking).or_else(|| {
        let fitting = lacking.iter().copied().filter(|call| calls[*call].json.is_empty() == is_start);
        only(&fitting.collect::<Vec<_>>())
    })
}

/// Returns the index of the call that a piece without a name belongs to: by the item's id, by the call's id, by the
/// index on the wire, and for a piece without index and id the last call. Returns `None` if no call fits.
fn find_owner(calls: &[PartialCall], delta: &CallDelta) -> Option<usize> {
    let may_have_index = |call: &PartialCall| !call.has_other_index(delta);
    let has_item = |call: &PartialCall| is_same_known(&call.item_id, &delta.item_id);
    // Some servers send the call's id in place of the item's.
    let has_id =
        |call: &PartialCall| is_same_known(&call.id, &delta.id) || is_same_known(&call.id, &delta.item_id);
    let known = find_last_open(calls, |call| has_item(call) && may_have_index(call))
        .or_else(|| find_last_open(calls, has_item))
        .or_else(|| find_last_open(calls, |call| has_id(call) && may_have_index(call)))
        .or_else(|| find_last_open(calls, has_id));
    known.or_else(|| match delta.index {
        Some(index) => find_at_index(calls, index),
        None if delta.id.is_empty() => {
            let has_other_item = |call: &PartialCall| !call.item_id.is_empty() && !delta.item_id.is_empty();
            calls.len().checked_sub(1).filter(|last| !has_other_item(&calls[*last]))
        }
        None => None,
    })
}

/// Returns the index of the call that a piece with a name (or marked as a start) may repeat, by ids, by index, or by
/// arguments. The caller then checks with [`repeats_call`] whether it does. Returns `None` if there is no candidate.
fn find_repeated(calls: &[PartialCall], delta: &CallDelta) -> Option<usize> {
    let identified = find_last_open(calls, |call| {
        let has_same_id = is_same_known(&call.item_id, &delta.item_id) || is_same_known(&call.id, &delta.id);
        has_same_id && !call.has_other_index(delta) && !differ(&call.name, &delta.name)
    });
    identified.or_else(|| match delta.index {
        Some(index) => find_at_index(calls, index),
        None if !delta.id.is_empty() || !delta.item_id.is_empty() => None,
        None => find_begun_with(calls, delta).or_else(|| calls.len().checked_sub(1)),
    })
}

/// Returns the index of the first call that the wire has not reported as complete, that has the piece's name, and whose
/// arguments so far are the beginning of the piece's arguments. Returns `None` if there is no such call, or if the
/// piece does not hold all arguments.
fn find_begun_with(calls: &[PartialCall], delta: &CallDelta) -> Option<usize> {
    let is_begun = |call: &PartialCall| {
        !call.has_stopped && call.name == delta.name && delta.json.trim().starts_with(&call.json)
    };
    if delta.has_all_arguments { calls.iter().position(is_begun) } else { None }
}

/// Returns the index of the last call that `matches` and still lacks arguments; without such a call, of the last call that
/// `matches`.
fn find_last_open(calls: &[PartialCall], matches: impl Fn(&PartialCall) -> bool) -> Option<usize> {
    let open = calls.iter().rposition(|call| matches(call) && !call.is_closed());
    open.or_else(|| calls.iter().rposition(matches))
}

/// Returns the position of the last call with this index on the wire. If no call has it, `index` counts as a position in
/// `calls`, provided that the call there was started without an index.
fn find_at_index(calls: &[PartialCall], index: usize) -> Option<usize> {
    let started_without_index = || calls.get(index).filter(|call| call.index.is_none()).map(|_| index);
    calls.iter().rposition(|call| call.index == Some(index)).or_else(started_without_index)
}

/// Returns whether a piece with a name (or marked as a start) repeats or continues this call; `false` means that the
/// piece starts another call.
fn repeats_call(call: &PartialCall, delta: &CallDelta) -> bool {
    let is_identified = call.is_identified_by(delta);
    let is_new_start = delta.is_start && (call.has_stopped || !is_identified);
    if is_new_start || call.has_other_index(delta) || differ(&call.name, &delta.name) {
        return false;
    }
    let (so_far, json) = (call.arguments_so_far(), delta.json.trim());
    if call.announced_id.is_none() {
        return true;
    }
    if call.has_other_id(delta) && !delta.has_all_arguments {
        // Some servers send a new id with each piece. It starts another call only when the arguments are complete.
        return is_identified && !call.is_closed() && call.can_continue_with(json);
    }
    if json.is_empty() || so_far.is_empty() {
        return true;
    }
    if is_same_json(so_far, json) {
        // Two equal calls stay two if nothing but the arguments says that they are one.
        return is_identified || delta.has_all_arguments;
    }
    match call.is_closed() {
        true => delta.has_all_arguments && is_identified,
        false => {
            let extends_arguments = json.starts_with(so_far) || so_far == EMPTY_ARGUMENTS;
            !delta.has_all_arguments || extends_arguments || is_identified
        }
    }
}
