//! The calls of a history, each with the tool messages that answer it.
//!
//! A tool message belongs to the nearest call before it that has its id. Ids do not identify calls: some providers number their
//! calls anew in each turn, so that one thread has the same id many times, and no result of an earlier call may be lost to a later
//! one. Which of the tool messages counts, and for what, is decided in `interrupt::judge`.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use serde_json::json;

use crate::protocol::{Content, Message, MessageBody, ToolCall, ToolCallId};

/// A call of a history.
#[derive(Debug)]
pub(crate) struct HistoryCall<'a> {
    /// The index of its assistant message.
    pub(crate) message_index: usize,
    pub(crate) call: &'a ToolCall,
    /// The index of the call in its message.
    call_index: usize,
    /// The indexes of the tool messages that belong to it, in order.
    pub(crate) tool_messages: Vec<usize>,
    /// Whether no earlier call has its id. A client shows a result with the first call that has the id of the result.
    pub(crate) is_first_of_id: bool,
    /// How many later calls have its id.
    pub(crate) later_of_id: usize,
    /// What the model reads as its result.
    pub(crate) result: ModelResult,
    /// Whether the result was made in this run, so that the model has not read it.
    pub(crate) has_new_result: bool,
}

/// What the model reads as the result of a call of the history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ModelResult {
    /// This content: the result, or a placeholder for it.
    Content(Content),
    /// What the tool message with this index holds.
    Message(usize),
    /// The history has no result.
    Missing,
    /// The call waits for a person, who answers it in a later run. The model is not asked before.
    WaitsForPerson,
}

/// Lists the calls of a history with the tool messages of each. The first tool message of a call is set as the call's
/// result, whoever wrote the message; nothing is verified.
pub(crate) fn read_calls(messages: &[Message]) -> Vec<HistoryCall<'_>> {
    let mut reader = Reader::default();
    for (index, message) in messages.iter().enumerate() {
        match &message.body {
            MessageBody::Assistant { tool_calls, .. } => reader.read_calls(index, tool_calls),
            MessageBody::Tool { tool_call_id, .. } => reader.read_tool_message(index, tool_call_id),
            MessageBody::User { .. } => reader.turn += 1,
            _ => {}
        }
    }
    let mut calls = reader.finish();
    let mut later: HashMap<&ToolCallId, usize> = HashMap::with_capacity(calls.len());
    for call in calls.iter_mut().rev() {
        let count = later.entry(&call.call.id).or_default();
        call.later_of_id = *count;
        *count += 1;
    }
    for call in &mut calls {
        if let Some(index) = call.tool_messages.first() {
            call.result = ModelResult::Message(*index);
        }
    }
    calls
}

/// Takes the content of a tool message as the model reads it; if the client set `error`, JSON text with the error and the
/// content. `None` if the message is not a tool message.
pub(super) fn take_result_content(message: &mut Message) -> Option<Content> {
    let MessageBody::Tool { content, error, .. } = &mut message.body else { return None };
    let content = std::mem::replace(content, Content::Text(String::new()));
    Some(match error.take() {
        Some(error) => Content::Text(json!({ "error": error, "content": content.text() }).to_string()),
        None => content,
    })
}

/// A call of a history without a reference to it, so that its message can be taken apart.
#[derive(Debug)]
pub(crate) struct DecidedCall {
    /// The index of its assistant message.
    pub(super) message_index: usize,
    /// The index of the call in its message.
    pub(super) call_index: usize,
    /// Whether no earlier call has its id.
    pub(super) is_first_of_id: bool,
    /// What the model reads as its result.
    pub(super) result: ModelResult,
    /// Whether the result was made in this run, so that the model has not read it.
    pub(super) has_new_result: bool,
}

impl From<HistoryCall<'_>> for DecidedCall {
    /// Keeps the place of the call and its result.
    fn from(call: HistoryCall<'_>) -> Self {
        let HistoryCall { message_index, call_index, is_first_of_id, result, has_new_result, .. } = call;
        Self { message_index, call_index, is_first_of_id, result, has_new_result }
    }
}

/// Reads the messages one after another and assigns each tool message to its call.
#[derive(Default)]
struct Reader<'a> {
    calls: Vec<HistoryCall<'a>>,
    /// Counts the messages that end a turn of the assistant. A call that is repeated within a turn is the same call.
    turn: usize,
    /// The calls that a tool message with an id may answer.
    nearest: HashMap<&'a ToolCallId, NearestCalls<'a>>,
    /// The tool messages that stand before every call of their id.
    early: Vec<(usize, &'a ToolCallId)>,
}

/// The calls with one id in the nearest turn that has any. A history can have thousands of ids with one call each, so this is
/// kept small.
#[derive(Default)]
struct NearestCalls<'a> {
    turn: usize,
    /// The index of the first call; `None` only until it is added.
    first: Option<usize>,
    /// The indexes of the other calls.
    others: Vec<usize>,
    /// The names and arguments of the calls, by which a repeated call is recognized. It is `None` while there are only a
    /// few calls, which are compared one by one.
    #[expect(clippy::box_collection, reason = "an empty set is six times as large as the box")]
    functions: Option<Box<HashSet<(&'a str, &'a str)>>>,
    /// How many of the calls have a tool message.
    answered: usize,
}

impl NearestCalls<'_> {
    /// Returns the indexes of the calls, in order.
    fn calls(&self) -> impl Iterator<Item = usize> {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    /// Returns the index of the call at this place among the calls.
    fn get(&self, place: usize) -> Option<usize> {
        match place.checked_sub(1) {
            None => self.first,
            Some(place) => self.others.get(place).copied(),
        }
    }

    /// Adds the index of a call.
    fn push(&mut self, index: usize) {
        match self.first {
            None => self.first = Some(index),
            Some(_) => self.others.push(index),
        }
    }
}

/// The number of calls with one id in a turn from which on a set finds repeated ones.
const FEW_CALLS: usize = 8;

/// Returns the name and the arguments of a call.
fn function(call: &ToolCall) -> (&str, &str) {
    (&call.function.name, &call.function.arguments)
}

impl<'a> Reader<'a> {
    /// Adds the calls of the assistant message with this index. A call that repeats id, name and arguments of a call in
    /// the same turn is left out.
    fn read_calls(&mut self, message_index: usize, calls: &'a [ToolCall]) {
        for (call_index, call) in calls.iter().enumerate() {
            let entry = self.nearest.entry(&call.id);
            let is_first_of_id = matches!(entry, Entry::Vacant(_));
            let nearest = entry.or_default();
            if nearest.turn != self.turn {
                *nearest = NearestCalls { turn: self.turn, ..NearestCalls::default() };
            }
            let known = |index: usize| function(self.calls[index].call);
            if nearest.functions.is_none() && nearest.others.len() + 1 == FEW_CALLS {
                nearest.functions = Some(Box::new(nearest.calls().map(known).collect()));
            }
            let is_new = match &mut nearest.functions {
                None => nearest.calls().all(|index| known(index) != function(call)),
                Some(functions) => functions.insert(function(call)),
            };
            if !is_new {
                continue;
            }
            nearest.push(self.calls.len());
            self.calls.push(HistoryCall {
                message_index,
                call,
                call_index,
                tool_messages: Vec::new(),
                is_first_of_id,
                later_of_id: 0,
                result: ModelResult::Missing,
                has_new_result: false,
            });
        }
    }

    /// Adds the tool message with this index to the nearest earlier call with this id. If there is no such call yet, the
    /// message is kept for [`finish`](Self::finish).
    fn read_tool_message(&mut self, index: usize, id: &'a ToolCallId) {
        self.turn += 1;
        let Some(nearest) = self.nearest.get_mut(id) else {
            self.early.push((index, id));
            return;
        };
        // The results of parallel calls with one id come in the order of the calls.
        let next = nearest.get(nearest.answered);
        nearest.answered += usize::from(next.is_some());
        if let Some(call) = next.or(nearest.first) {
            self.calls[call].tool_messages.push(index);
        }
    }

    /// Returns the calls. A tool message that stands before its call is used only if the call has no later one.
    fn finish(mut self) -> Vec<HistoryCall<'a>> {
        if self.early.is_empty() {
            return self.calls;
        }
        let mut first: HashMap<&ToolCallId, usize> = HashMap::new();
        for (index, call) in self.calls.iter().enumerate() {
            first.entry(&call.call.id).or_insert(index);
        }
        for (message_index, id) in std::mem::take(&mut self.early) {
            if let Some(index) = first.get(id)
                && self.calls[*index].tool_messages.is_empty()
            {
                self.calls[*index].tool_messages.push(message_index);
            }
        }
        self.calls
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::RunAgentInput;

    fn messages(messages: Value) -> Vec<Message> {
        let input = json!({"threadId": "t", "runId": "r", "messages": messages});
        RunAgentInput::read(input).unwrap().input.messages
    }

    fn assistant(calls: &[(&str, &str)]) -> Value {
        let call = |(id, arguments): &(&str, &str)| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
        json!({"id": "a", "role": "assistant", "toolCalls": calls.iter().map(call).collect::<Vec<_>>()})
    }

    fn tool(id: &str) -> Value {
        json!({"id": "x", "role": "tool", "toolCallId": id, "content": "done"})
    }

    fn user() -> Value {
        json!({"id": "u", "role": "user", "content": "go"})
    }

    #[test]
    fn tool_message_belongs_to_the_nearest_earlier_call_of_its_id() {
        for (why, history, expected) in [
            ("one call", json!([assistant(&[("c", "1")]), tool("c")]), vec![("1", vec![1])]),
            ("two results", json!([assistant(&[("c", "1")]), tool("c"), tool("c")]), vec![("1", vec![1, 2])]),
            (
                "an id used again in a later turn",
                json!([assistant(&[("c", "1")]), tool("c"), user(), assistant(&[("c", "2")]), tool("c")]),
                vec![("1", vec![1]), ("2", vec![4])],
            ),
            (
                "the same call in a later turn",
                json!([assistant(&[("c", "1")]), tool("c"), user(), assistant(&[("c", "1")])]),
                vec![("1", vec![1]), ("1", vec![])],
            ),
            (
                "a call that two messages of a turn hold",
                json!([assistant(&[("c", "1")]), assistant(&[("c", "1")]), tool("c")]),
                vec![("1", vec![2])],
            ),
            (
                "parallel calls under one id",
                json!([assistant(&[("c", "1"), ("c", "2")]), tool("c"), tool("c")]),
                vec![("1", vec![1]), ("2", vec![2])],
            ),
            (
                "a result before its call",
                json!([tool("c"), assistant(&[("c", "1"), ("d", "2")]), tool("d")]),
                vec![("1", vec![0]), ("2", vec![2])],
            ),
            ("a result of no call", json!([tool("e"), assistant(&[("c", "1")])]), vec![("1", vec![])]),
        ] {
            let messages = messages(history);
            let calls = read_calls(&messages);
            let found: Vec<(&str, Vec<usize>)> = calls
                .iter()
                .map(|call| (call.call.function.arguments.as_str(), call.tool_messages.clone()))
                .collect();
            assert_eq!(found, expected, "{why}");
        }
    }

    #[test]
    fn calls_with_the_same_id_are_counted() {
        let messages =
            messages(json!([assistant(&[("c", "1")]), user(), assistant(&[("c", "2"), ("d", "3")])]));

        let calls = read_calls(&messages);
        let counts: Vec<(bool, usize)> =
            calls.iter().map(|call| (call.is_first_of_id, call.later_of_id)).collect();

        assert_eq!(counts, [(true, 1), (false, 0), (true, 0)]);
    }
}
