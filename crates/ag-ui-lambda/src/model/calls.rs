//! Assembles the tool calls of a turn from the pieces that a provider streams.
//!
//! Providers number, name and identify calls in many ways, or not at all. Here each call gets a number and an id of its own,
//! and [`matching`] finds the call that a piece belongs to. The index on the wire (of the call, of the output or of the
//! block) distinguishes calls; ids and names may be repeated or shared. Arguments are never dropped: arguments that belong to
//! no known call go to the only call that lacks some, and otherwise the turn fails.

#![cfg_attr(
    not(feature = "http-models"),
    expect(dead_code, reason = "Bedrock sends calls in fewer forms than the providers over HTTP")
)]

mod brackets;
mod call_delta;
mod matching;
mod partial_call;
mod signature;
mod unassigned;

use std::collections::VecDeque;

use uuid::Uuid;

use self::partial_call::{EMPTY_ARGUMENTS, PartialCall, is_empty_arguments, is_same_json};
use self::unassigned::UnassignedArguments;
use super::Delta;
use super::compat::ToolNames;

pub(super) use self::call_delta::CallDelta;

/// The calls of a turn so far, in the order in which they started.
///
/// The methods append the resulting deltas to `out`. `names` restores the original names of the tools.
#[derive(Default)]
pub(super) struct Calls {
    /// The calls; the index of a call is its number in the deltas.
    calls: Vec<PartialCall>,
    /// The call that got the last piece.
    last_updated: usize,
    /// Arguments that belong to no known call yet.
    unassigned: UnassignedArguments,
    /// The indexes on the wire of calls that the provider itself runs. Pieces without a name at these indexes are
    /// dropped.
    ignored_indexes: Vec<usize>,
    /// Why the turn must fail, if it must.
    error: Option<&'static str>,
}

impl Calls {
    /// Returns `true` until the first call with a name has come. The HTTP adapters ask this at the end of the turn, for
    /// example to decide whether calls of other choices are added.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.iter().all(|call| call.announced_id.is_none())
    }

    /// Declares that the provider itself runs the call at this index on the wire, such as a web search, so that no tool
    /// of the agent runs for it. [`apply_delta`](Self::apply_delta) then drops every piece at this index that has no
    /// name, until a new call starts at the same index. If `index` is `None`, nothing changes.
    pub(super) fn ignore_index(&mut self, index: Option<usize>) {
        self.ignored_indexes.extend(index);
    }

    /// Returns whether the call at this index on the wire has started. The Bedrock adapter thus distinguishes a block
    /// with a call from a block of text.
    #[cfg(feature = "bedrock")]
    pub(super) fn has_index(&self, index: usize) -> bool {
        self.calls.iter().any(|call| call.index == Some(index))
    }

    /// Applies the next piece of a call. A piece that belongs to no known call starts a new call or, if it has neither
    /// id nor name, is kept until its call is known. A piece without a name is dropped at an index for which
    /// [`ignore_index`](Self::ignore_index) was called. `names` restores the tool's original name; the deltas are
    /// appended to `out`.
    pub(super) fn apply_delta(&mut self, delta: CallDelta, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let delta = matching::without_null_words(&self.calls, delta);
        if delta.name.is_empty() && delta.index.is_some_and(|index| self.ignored_indexes.contains(&index)) {
            return;
        }
        let call = match matching::find_call(&self.calls, &delta) {
            Some(call) => call,
            None if delta.id.is_empty() && delta.name.is_empty() => return self.unassigned.keep(delta),
            None => self.start_call(&delta),
        };
        self.apply_header(call, &delta, names, out);
        if delta.has_all_arguments {
            self.set_arguments(call, &delta.json, out);
        } else {
            self.append_arguments(call, delta, out);
        }
    }

    /// Adds a call that comes in one piece, and ends it. A call that was already added with the same index or id, name
    /// and arguments is skipped. `names` restores the tool's original name; the deltas are appended to `out`.
    pub(super) fn add_complete(&mut self, delta: CallDelta, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let delta = CallDelta { has_all_arguments: true, ..matching::without_null_words(&self.calls, delta) };
        let is_repeated = |call: &PartialCall| {
            call.is_compatible(&delta)
                && call.is_identified_by(&delta)
                && call.name == delta.name
                && is_same_json(call.arguments_so_far(), &delta.json)
        };
        if delta.name.is_empty() {
            self.unassigned.keep(delta);
        } else if !self.calls.iter().any(is_repeated) {
            let call = self.start_call(&delta);
            self.apply_complete(call, &delta, names, out);
            self.end_call(call, out);
        }
    }

    /// Applies the final form of a call, with all of its arguments; pieces of them may have been streamed before. An
    /// unknown call is added; if it has no name, its arguments are kept for another call. `names` restores the tool's
    /// original name; the deltas are appended to `out`.
    pub(super) fn complete_call(&mut self, delta: CallDelta, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let delta = CallDelta { has_all_arguments: true, ..matching::without_null_words(&self.calls, delta) };
        let call = match matching::find_call(&self.calls, &delta) {
            Some(call) => call,
            None if delta.name.is_empty() => return self.unassigned.keep(delta),
            None => self.start_call(&delta),
        };
        self.apply_complete(call, &delta, names, out);
    }

    /// Applies the list of all calls in the final frame. Calls that were streamed before are completed; the others are
    /// added. `names` restores the tools' original names; the deltas are appended to `out`.
    pub(super) fn add_all(&mut self, list: Vec<CallDelta>, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let mut is_listed = vec![false; self.calls.len()];
        for delta in list {
            let delta = matching::without_null_words(&self.calls, delta);
            let call = match matching::find_listed(&self.calls, &delta, &is_listed) {
                Some(call) => {
                    is_listed[call] = true;
                    call
                }
                None if delta.name.is_empty() => {
                    self.unassigned.keep(delta);
                    continue;
                }
                None => self.start_call(&delta),
            };
            self.apply_complete(call, &delta, names, out);
        }
    }

    /// Marks the call in the block with this index as complete; without an index, the last call. Nothing happens if the
    /// block holds no call. Deltas are appended to `out`.
    pub(super) fn end_block(&mut self, index: Option<usize>, out: &mut VecDeque<Delta>) {
        let call = match index {
            Some(_) => self.calls.iter().rposition(|call| call.index == index),
            None => self.calls.len().checked_sub(1),
        };
        if let Some(call) = call {
            self.mark_stopped(call, out);
        }
    }

    /// Ends all calls at the end of the turn; the deltas are appended to `out`. If `is_complete` is false, a limit or a
    /// filter has cut the turn: the call that got the last piece may lack arguments, and gets no
    /// [`Delta::ToolCallEnd`].
    ///
    /// # Errors
    /// A sentence for the log if a call or arguments would be lost; the turn must then fail.
    pub(super) fn finish(
        &mut self,
        is_complete: bool,
        out: &mut VecDeque<Delta>,
    ) -> Result<(), &'static str> {
        self.assign_rest(out)?;
        let last = self.last_updated;
        (0..self.calls.len())
            .filter(|&call| is_complete || call != last)
            .for_each(|call| self.end_call(call, out));
        Ok(())
    }

    /// At the end of the turn, gives arguments that belong to no known call to the only call that lacks arguments.
    ///
    /// # Errors
    /// A sentence for the log if the arguments fit no call, if a call has no name, or if an earlier piece was
    /// contradictory.
    fn assign_rest(&mut self, out: &mut VecDeque<Delta>) -> Result<(), &'static str> {
        if let Some(error) = self.error {
            return Err(error);
        }
        for nameless in self.calls.iter().filter(|call| call.announced_id.is_none()) {
            // Some servers start an empty call beside the others.
            if is_empty_arguments(&nameless.json) {
                continue;
            }
            if matching::find_call_lacking_arguments(&self.calls, &nameless.json).is_none() {
                return Err("a call has no name");
            }
            self.unassigned.keep_nameless(nameless.json.clone());
        }
        for json in self.unassigned.take_all() {
            if self.calls.iter().any(|call| is_same_json(&call.json, &json)) {
                continue;
            }
            match matching::find_call_lacking_arguments(&self.calls, &json) {
                Some(call) => self.send_arguments(call, &json, out),
                None if has_no_member(&json) => {}
                None => return Err("arguments belong to no call"),
            }
        }
        Ok(())
    }

    /// Adds the call that the piece `start` begins, and returns the number of the call. The call has the index and the
    /// ids of the piece, and those arguments of the call that came before the piece.
    ///
    /// The name, the arguments and the signature of `start` are not applied here. The method that calls this one
    /// applies them afterwards.
    fn start_call(&mut self, start: &CallDelta) -> usize {
        let mut call = PartialCall::new(start);
        self.ignored_indexes.retain(|index| Some(*index) != start.index);
        // OpenAI's Responses API may send arguments before their call.
        call.push(&self.unassigned.take_for(start));
        self.calls.push(call);
        self.calls.len() - 1
    }

    /// Applies a piece that holds all arguments of the call with the number `call`, and marks the call as complete.
    /// `names` restores the tool's original name; the deltas are appended to `out`.
    fn apply_complete(
        &mut self,
        call: usize,
        delta: &CallDelta,
        names: &ToolNames,
        out: &mut VecDeque<Delta>,
    ) {
        self.apply_header(call, delta, names, out);
        self.set_arguments(call, &delta.json, out);
        self.mark_stopped(call, out);
    }

    /// Applies id, name and signature of a piece to the call with the number `call`. When the name is first known, the
    /// call's start is sent, followed by the arguments that came before. `names` restores the tool's original name; the
    /// deltas are appended to `out`.
    fn apply_header(&mut self, call: usize, delta: &CallDelta, names: &ToolNames, out: &mut VecDeque<Delta>) {
        let partial = &mut self.calls[call];
        if partial.item_id.is_empty() {
            partial.item_id.clone_from(&delta.item_id);
        }
        if partial.id.is_empty() && partial.announced_id.is_none() {
            partial.id.clone_from(&delta.id);
        }
        let is_announced_now = partial.announced_id.is_none() && !delta.name.is_empty();
        if is_announced_now {
            let id = self.unique_id(call);
            let partial = &mut self.calls[call];
            partial.name.clone_from(&delta.name);
            partial.announced_id = Some(id.clone());
            self.last_updated = call;
            out.push_back(Delta::ToolCall { call, id, name: names.original_name(delta.name.clone()) });
        }
        let partial = &mut self.calls[call];
        let signature = signature::merge_signatures(partial.signature.as_deref(), delta.signature.as_deref());
        let is_signed_now = signature != partial.signature;
        partial.signature = signature;
        if partial.announced_id.is_some() && (is_signed_now || is_announced_now) {
            let signature = partial.signature.clone();
            out.extend(signature.map(|signature| Delta::ToolCallSignature { call, signature }));
        }
        if is_announced_now && !partial.json.is_empty() {
            out.push_back(Delta::ToolArgs { call, json: partial.json.clone() });
        }
    }

    /// Returns the id under which a call is sent: the provider's id, or a new one if the provider sent none or another
    /// call of the turn has the same.
    fn unique_id(&self, call: usize) -> String {
        let id = &self.calls[call].id;
        let is_free = !id.is_empty() && self.calls.iter().all(|call| call.announced_id.as_ref() != Some(id));
        if is_free { id.clone() } else { format!("call_{}", Uuid::new_v4().simple()) }
    }

    /// Applies a piece that continues the arguments of the call with the number `call`. If the arguments are already
    /// complete, a piece that repeats them is skipped, and any other is kept for another call.
    fn append_arguments(&mut self, call: usize, delta: CallDelta, out: &mut VecDeque<Delta>) {
        let partial = &self.calls[call];
        if !partial.is_closed() {
            return self.send_arguments(call, &delta.json, out);
        }
        if !is_same_json(partial.arguments_so_far(), &delta.json) {
            self.unassigned.keep(delta);
        }
    }

    /// Applies a text with all arguments of the call with the number `call`: sends the part that was not streamed
    /// before. A text that contradicts the streamed arguments makes the turn fail in [`finish`](Self::finish).
    fn set_arguments(&mut self, call: usize, json: &str, out: &mut VecDeque<Delta>) {
        let partial = &self.calls[call];
        match json.strip_prefix(partial.json.as_str()) {
            Some(rest) => self.send_arguments(call, rest, out),
            None if is_empty_arguments(json) || is_same_json(&partial.json, json) => {}
            None => self.error = Some("the arguments of a call came in two versions"),
        }
    }

    /// Stores `json` as the next piece of the arguments of the call with the number `call`, and appends it to `out` as
    /// a delta if the call's start was sent. An empty object before any other arguments is only noted; a call that has
    /// ended stays unchanged.
    fn send_arguments(&mut self, call: usize, json: &str, out: &mut VecDeque<Delta>) {
        let partial = &mut self.calls[call];
        if json.is_empty() || partial.is_ended {
            return;
        }
        // Some servers send an empty object first, and the arguments after it.
        if partial.json.is_empty() && is_empty_arguments(json) {
            partial.has_empty_object |= json.trim() == EMPTY_ARGUMENTS;
            return;
        }
        partial.push(json);
        if partial.announced_id.is_some() {
            self.last_updated = call;
            out.push_back(Delta::ToolArgs { call, json: json.to_owned() });
        }
    }

    /// Records that the wire has reported the call as complete, and ends the call if its arguments are complete.
    /// Missing arguments may still come later, so an incomplete call is ended only at the end of the turn.
    fn mark_stopped(&mut self, call: usize, out: &mut VecDeque<Delta>) {
        self.calls[call].has_stopped = true;
        if self.calls[call].has_complete_json() {
            self.end_call(call, out);
        }
    }

    /// Appends the end of a call to `out`. Nothing happens if the end was already sent, or if the call's start was
    /// never sent.
    fn end_call(&mut self, call: usize, out: &mut VecDeque<Delta>) {
        let partial = &mut self.calls[call];
        if partial.announced_id.is_some() && !std::mem::replace(&mut partial.is_ended, true) {
            if partial.json.is_empty() && partial.has_empty_object {
                out.push_back(Delta::ToolArgs { call, json: EMPTY_ARGUMENTS.into() });
            }
            out.push_back(Delta::ToolCallEnd { call });
        }
    }
}

/// Returns whether a text contains no part of an object's member, so that it can be dropped: for example a stray
/// bracket after complete arguments.
fn has_no_member(json: &str) -> bool {
    !json.contains(['"', ':'])
}
