//! The calls of a history, each with the tool messages that answer it.
//!
//! A tool message belongs to the nearest call of its id before it. Ids are names and no more: some providers count
//! their calls anew in each turn, so that a thread has one id many times, and nothing of an earlier call may be lost
//! to a later one. Which of the tool messages counts, and for what, is decided elsewhere.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use crate::protocol::{Content, Message, MessageBody, ToolCall, ToolCallId};

/// A call of the history.
#[derive(Debug)]
pub(super) struct HistoryCall<'a> {
    /// The place of its assistant message.
    pub(super) message: usize,
    pub(super) call: &'a ToolCall,
    /// The places of the tool messages that belong to it, in order.
    pub(super) answers: Vec<usize>,
    /// Whether no call before it has its id. A client puts the result of a call behind the first one of its id.
    pub(super) is_first_of_id: bool,
    /// How many calls behind it have its id.
    pub(super) later_of_id: usize,
    /// What the model reads of it.
    pub(super) result: ModelResult,
}

/// What the model reads as the result of a call of the history.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ModelResult {
    /// This. It is there, or was made up to stand for what is not.
    Content(Content),
    /// Nothing yet: nobody has answered the call.
    Missing,
    /// Nothing yet: a person will answer it in a later run, and the model is not asked before.
    Open,
}

/// Reads the calls of a history. What a model reads of each is its first tool message, whoever wrote it.
pub(super) fn calls(messages: &[Message]) -> Vec<HistoryCall<'_>> {
    let mut reader = Reader::default();
    for (place, message) in messages.iter().enumerate() {
        match &message.body {
            MessageBody::Assistant { tool_calls, .. } => reader.assistant(place, tool_calls),
            MessageBody::Tool { tool_call_id, .. } => reader.tool(place, tool_call_id),
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
        if let Some(content) = call.answers.first().and_then(|place| content(&messages[*place])) {
            call.result = ModelResult::Content(content);
        }
    }
    calls
}

/// What a tool message says; an `error` of the client's is a result too.
pub(super) fn content(message: &Message) -> Option<Content> {
    let MessageBody::Tool { content, error, .. } = &message.body else { return None };
    Some(match error {
        Some(error) => Content::Text(json!({ "error": error, "content": content.text() }).to_string()),
        None => content.clone(),
    })
}

#[derive(Default)]
struct Reader<'a> {
    calls: Vec<HistoryCall<'a>>,
    /// Counts what ends a turn of the assistant: a call that it repeats before that is the same call.
    turn: usize,
    nearest: HashMap<&'a ToolCallId, Nearest<'a>>,
    ids: HashSet<&'a ToolCallId>,
    /// Tool messages before any call of their id.
    early: Vec<(usize, &'a ToolCallId)>,
}

/// The calls that the nearest turn made under an id.
#[derive(Default)]
struct Nearest<'a> {
    turn: usize,
    calls: Vec<usize>,
    functions: HashSet<(&'a str, &'a str)>,
    /// How many of the calls have a tool message.
    answered: usize,
}

impl<'a> Reader<'a> {
    fn assistant(&mut self, message: usize, calls: &'a [ToolCall]) {
        for call in calls {
            let nearest = self.nearest.entry(&call.id).or_default();
            if nearest.turn != self.turn {
                *nearest = Nearest { turn: self.turn, ..Nearest::default() };
            }
            if !nearest.functions.insert((&call.function.name, &call.function.arguments)) {
                continue;
            }
            nearest.calls.push(self.calls.len());
            let is_first_of_id = self.ids.insert(&call.id);
            self.calls.push(HistoryCall {
                message,
                call,
                answers: Vec::new(),
                is_first_of_id,
                later_of_id: 0,
                result: ModelResult::Missing,
            });
        }
    }

    fn tool(&mut self, place: usize, id: &'a ToolCallId) {
        self.turn += 1;
        let Some(nearest) = self.nearest.get_mut(id) else {
            self.early.push((place, id));
            return;
        };
        // Parallel calls under one id have their results in their order.
        let call = match nearest.calls.get(nearest.answered) {
            Some(call) => {
                nearest.answered += 1;
                Some(call)
            }
            None => nearest.calls.first(),
        };
        if let Some(call) = call {
            self.calls[*call].answers.push(place);
        }
    }

    /// A client may have put a result before its call. Where the call has no other, that is the one.
    fn finish(mut self) -> Vec<HistoryCall<'a>> {
        if self.early.is_empty() {
            return self.calls;
        }
        let mut first: HashMap<&ToolCallId, usize> = HashMap::new();
        for (index, call) in self.calls.iter().enumerate() {
            first.entry(&call.call.id).or_insert(index);
        }
        for (place, id) in std::mem::take(&mut self.early) {
            if let Some(index) = first.get(id)
                && self.calls[*index].answers.is_empty()
            {
                self.calls[*index].answers.push(place);
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
    fn a_tool_message_belongs_to_the_nearest_call_of_its_id_before_it() {
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
            let calls = calls(&messages);
            let found: Vec<(&str, Vec<usize>)> = calls
                .iter()
                .map(|call| (call.call.function.arguments.as_str(), call.answers.clone()))
                .collect();
            assert_eq!(found, expected, "{why}");
        }
    }

    #[test]
    fn the_place_of_a_call_among_those_of_its_id_is_known() {
        let messages =
            messages(json!([assistant(&[("c", "1")]), user(), assistant(&[("c", "2"), ("d", "3")])]));

        let calls = calls(&messages);
        let places: Vec<(bool, usize)> =
            calls.iter().map(|call| (call.is_first_of_id, call.later_of_id)).collect();

        assert_eq!(places, [(true, 1), (false, 0), (true, 0)]);
    }
}
