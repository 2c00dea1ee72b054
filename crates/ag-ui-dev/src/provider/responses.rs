//! A turn as OpenAI's Responses stream it: items with parts, every event numbered.
//!
//! Source: the OpenAI API reference, "Streaming events" of the Responses API.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Say, Stop, Usage,
    sse::{event, with},
    turn::{stop, usage},
};

pub(super) fn turn(turn: &[Say]) -> Vec<Bytes> {
    let mut events = Events::default();
    let begun = response("in_progress", &[], None);
    events.push("response.created", json!({ "response": begun }));
    events.push("response.in_progress", json!({ "response": begun }));
    for say in turn {
        match say {
            Say::Text(text) => events.text(text),
            Say::Reasoning(text) => events.reasoning(text),
            Say::Signature(value) => {
                if !matches!(events.open, Some(Item::Reasoning { .. })) {
                    events.open(Item::Reasoning { text: String::new() });
                }
                events.close(Some(value));
            }
            Say::Redacted(value) => {
                events.open(Item::Reasoning { text: String::new() });
                events.close(Some(value));
            }
            Say::Call { id, name, arguments } => events.call(id, name, arguments),
            Say::Usage(_) | Say::Stop(_) => {}
        }
    }
    events.close(None);
    let response = |status| response(status, &events.output, Some(usage(turn).unwrap_or_default()));
    let (kind, response) = match stop(turn) {
        Stop::Complete | Stop::Calls => ("response.completed", response("completed")),
        stop => {
            let details = json!({ "incomplete_details": { "reason": word(&stop) } });
            ("response.incomplete", with(response("incomplete"), details))
        }
    };
    events.push(kind, json!({ "response": response }));
    events.frames
}

/// An error in the middle of a stream.
pub(super) fn failure(number: usize, word: &str, message: &str) -> Bytes {
    event(&json!({
        "type": "error",
        "sequence_number": number,
        "code": word,
        "message": message,
        "param": null,
    }))
}

fn word(stop: &Stop) -> &str {
    match stop {
        Stop::Complete | Stop::Calls => "",
        Stop::MaxTokens => "max_output_tokens",
        Stop::Filtered => "content_filter",
        Stop::Word(word) => word,
    }
}

fn response(status: &str, output: &[Value], usage: Option<Usage>) -> Value {
    let usage = usage.map(|usage| {
        json!({
            "input_tokens": usage.input,
            "input_tokens_details": { "cached_tokens": usage.cached_read },
            "output_tokens": usage.output,
            "output_tokens_details": { "reasoning_tokens": usage.reasoning },
            "total_tokens": usage.input + usage.output,
        })
    });
    json!({
        "id": "resp_stub",
        "object": "response",
        "created_at": 1_764_000_000,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": null,
        "model": "stub",
        "output": output,
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "store": false,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
        "metadata": {},
    })
}

/// The events so far, and the item that is open.
#[derive(Default)]
struct Events {
    frames: Vec<Bytes>,
    /// The items that are done.
    output: Vec<Value>,
    open: Option<Item>,
}

/// An item whose pieces still come.
enum Item {
    Message { text: String },
    Reasoning { text: String },
}

impl Events {
    fn text(&mut self, piece: &str) {
        if !matches!(self.open, Some(Item::Message { .. })) {
            self.open(Item::Message { text: String::new() });
            let part = json!({ "content_index": 0, "part": output_text("") });
            self.on_item("response.content_part.added", "msg", part);
        }
        let delta = json!({ "content_index": 0, "delta": piece, "logprobs": [] });
        self.on_item("response.output_text.delta", "msg", delta);
        if let Some(Item::Message { text }) = &mut self.open {
            text.push_str(piece);
        }
    }

    fn reasoning(&mut self, piece: &str) {
        if !matches!(self.open, Some(Item::Reasoning { .. })) {
            self.open(Item::Reasoning { text: String::new() });
            let part = json!({ "summary_index": 0, "part": summary_text("") });
            self.on_item("response.reasoning_summary_part.added", "rs", part);
        }
        let delta = json!({ "summary_index": 0, "delta": piece });
        self.on_item("response.reasoning_summary_text.delta", "rs", delta);
        if let Some(Item::Reasoning { text }) = &mut self.open {
            text.push_str(piece);
        }
    }

    fn call(&mut self, id: &str, name: &str, arguments: &[String]) {
        self.close(None);
        let whole = arguments.concat();
        let item = |status, arguments: &str| {
            json!({
                "id": self.id("fc"),
                "type": "function_call",
                "status": status,
                "arguments": arguments,
                "call_id": id,
                "name": name,
            })
        };
        let (begun, done) = (item("in_progress", ""), item("completed", &whole));
        self.on_output("response.output_item.added", json!({ "item": begun }));
        for piece in arguments {
            self.on_item("response.function_call_arguments.delta", "fc", json!({ "delta": piece }));
        }
        self.on_item("response.function_call_arguments.done", "fc", json!({ "arguments": whole }));
        self.done(done);
    }

    fn open(&mut self, item: Item) {
        self.close(None);
        let begun = match &item {
            Item::Message { .. } => self.message("in_progress", json!([])),
            Item::Reasoning { .. } => json!({ "id": self.id("rs"), "type": "reasoning", "summary": [] }),
        };
        self.on_output("response.output_item.added", json!({ "item": begun }));
        self.open = Some(item);
    }

    fn close(&mut self, encrypted: Option<&str>) {
        match self.open.take() {
            Some(Item::Message { text }) => {
                let done = json!({ "content_index": 0, "text": text, "logprobs": [] });
                self.on_item("response.output_text.done", "msg", done);
                let part = output_text(&text);
                let done = json!({ "content_index": 0, "part": part });
                self.on_item("response.content_part.done", "msg", done);
                self.done(self.message("completed", json!([part])));
            }
            Some(Item::Reasoning { text }) => {
                let mut summary = json!([]);
                if !text.is_empty() {
                    let part = summary_text(&text);
                    let done = json!({ "summary_index": 0, "text": text });
                    self.on_item("response.reasoning_summary_text.done", "rs", done);
                    let done = json!({ "summary_index": 0, "part": part });
                    self.on_item("response.reasoning_summary_part.done", "rs", done);
                    summary = json!([part]);
                }
                let item = json!({ "id": self.id("rs"), "type": "reasoning", "summary": summary });
                self.done(match encrypted {
                    Some(value) => with(item, json!({ "encrypted_content": value })),
                    None => item,
                });
            }
            None => {}
        }
    }

    fn done(&mut self, item: Value) {
        self.on_output("response.output_item.done", json!({ "item": item }));
        self.output.push(item);
    }

    fn message(&self, status: &str, content: Value) -> Value {
        let id = self.id("msg");
        json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": content })
    }

    fn on_item(&mut self, kind: &str, prefix: &str, more: Value) {
        let id = json!({ "item_id": self.id(prefix) });
        self.on_output(kind, with(id, more));
    }

    fn on_output(&mut self, kind: &str, more: Value) {
        let index = json!({ "output_index": self.output.len() });
        self.push(kind, with(index, more));
    }

    fn push(&mut self, kind: &str, more: Value) {
        let base = json!({ "type": kind, "sequence_number": self.frames.len() });
        self.frames.push(event(&with(base, more)));
    }

    /// The id of the item that is open or comes next.
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_stub_{}", self.output.len())
    }
}

fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

fn summary_text(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}
