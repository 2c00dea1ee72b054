//! The client of a case: it keeps the messages of a run and sends them with the next one.

use serde_json::{Value, json};

use crate::support::conversation::Conversation;

pub(super) struct Client {
    /// The input of the next run.
    pub(super) input: Value,
}

impl Client {
    /// Creates a client that sends this input first.
    pub(super) fn new(input: Value) -> Self {
        Self { input }
    }

    /// Adds the messages of a run.
    pub(super) fn apply_run(&mut self, events: &[Value]) {
        let messages = self.input["messages"].as_array().cloned().unwrap_or_default();
        let mut conversation = Conversation(messages);
        events.iter().for_each(|event| conversation.apply(event));
        self.input["messages"] = conversation.0.into();
    }

    /// Adds the next user message, or the results of the open calls.
    pub(super) fn continue_with(&mut self, run: &Value) {
        let messages = self.input["messages"].as_array_mut().unwrap();
        let count = messages.len();
        let answered: Vec<Value> = messages.iter().map(|message| message["toolCallId"].clone()).collect();
        let calls = messages.iter().filter_map(|message| message["toolCalls"].as_array()).flatten();
        let open = calls.map(|call| call["id"].clone()).filter(|id| !answered.contains(id));
        let results = run["results"].as_array().cloned().unwrap_or_default();
        let results = open.collect::<Vec<_>>().into_iter().zip(results).enumerate();
        messages.extend(results.map(|(number, (call, content))| {
            json!({ "id": format!("t{count}-{number}"), "role": "tool", "toolCallId": call, "content": content })
        }));
        if let Some(text) = run["say"].as_str() {
            messages.push(json!({ "id": format!("u{count}"), "role": "user", "content": text }));
        }
        self.input["runId"] = format!("r{count}").into();
    }
}
