//! How OpenAI's Responses API streams a turn: as items with parts, and with a number in every event.
//!
//! Source: the OpenAI API reference, "Streaming events" of the Responses API.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    StopReason, TurnPart, Usage,
    sse::{merge, named_frame},
    turn::{final_stop_reason, final_usage},
};

/// Returns the frames that OpenAI's Responses API streams for a turn of a model, in order.
pub(super) fn encode_turn(turn: &[TurnPart]) -> Vec<Bytes> {
    let mut events = Events::default();
    let begun = response("in_progress", &[], None);
    events.push("response.created", json!({ "response": begun }));
    events.push("response.in_progress", json!({ "response": begun }));
    for part in turn {
        match part {
            TurnPart::Text(text) => events.text(text),
            TurnPart::Reasoning(text) => events.reasoning(text),
            TurnPart::Signature(value) => {
                if !matches!(events.open, Some(Item::Reasoning { .. })) {
                    events.open(Item::Reasoning { text: String::new() });
                }
                events.close(Some(value));
            }
            TurnPart::Redacted(value) => {
                events.open(Item::Reasoning { text: String::new() });
                events.close(Some(value));
            }
            TurnPart::Call { id, name, arguments } => events.call(id, name, arguments),
            TurnPart::Usage(_) | TurnPart::Stop(_) => {}
        }
    }
    events.close(None);
    let response = |status| response(status, &events.output, Some(final_usage(turn).unwrap_or_default()));
    let (kind, response) = match final_stop_reason(turn) {
        StopReason::Complete | StopReason::ToolCalls => ("response.completed", response("completed")),
        stop => {
            let details = json!({ "incomplete_details": { "reason": stop_reason(&stop) } });
            ("response.incomplete", merge(response("incomplete"), details))
        }
    };
    events.push(kind, json!({ "response": response }));
    events.frames
}

/// Returns the frame of an error in the middle of a stream. `number` is the sequence number of the frame, and
/// `error_type` is the code of the error in OpenAI's words.
pub(super) fn error_frame(number: usize, error_type: &str, message: &str) -> Bytes {
    named_frame(&json!({
        "type": "error",
        "sequence_number": number,
        "code": error_type,
        "message": message,
        "param": null,
    }))
}

/// Returns the word by which the Responses API names why a turn is incomplete; empty for a complete turn.
fn stop_reason(reason: &StopReason) -> &str {
    match reason {
        StopReason::Complete | StopReason::ToolCalls => "",
        StopReason::MaxTokens => "max_output_tokens",
        StopReason::Filtered => "content_filter",
        StopReason::Other(reason) => reason,
    }
}

/// Returns the response object that the first and the last events of a stream hold, with this status and these items.
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

/// Writes the events of a response, and knows which item is open.
#[derive(Default)]
struct Events {
    frames: Vec<Bytes>,
    /// The items that are complete.
    output: Vec<Value>,
    /// The item whose pieces are being written.
    open: Option<Item>,
}

/// An item that is being written, with its text so far.
enum Item {
    Message { text: String },
    Reasoning { text: String },
}

impl Events {
    /// Writes the next piece of the answer. If no message is open, opens one first.
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

    /// Writes the next piece of the reasoning. If no item of reasoning is open, opens one first.
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

    /// Writes all events of a function call, from its start to its end, and closes the item that was open before.
    fn call(&mut self, id: &str, name: &str, arguments: &[String]) {
        self.close(None);
        let joined = arguments.concat();
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
        let (begun, done) = (item("in_progress", ""), item("completed", &joined));
        self.on_output("response.output_item.added", json!({ "item": begun }));
        for piece in arguments {
            self.on_item("response.function_call_arguments.delta", "fc", json!({ "delta": piece }));
        }
        self.on_item("response.function_call_arguments.done", "fc", json!({ "arguments": joined }));
        self.done(done);
    }

    /// Closes the open output item, if any, and opens `item`.
    fn open(&mut self, item: Item) {
        self.close(None);
        let begun = match &item {
            Item::Message { .. } => self.message("in_progress", json!([])),
            Item::Reasoning { .. } => json!({ "id": self.id("rs"), "type": "reasoning", "summary": [] }),
        };
        self.on_output("response.output_item.added", json!({ "item": begun }));
        self.open = Some(item);
    }

    /// Closes the open output item; does nothing if none is open. `encrypted` becomes the encrypted content of an item of
    /// reasoning.
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
                    Some(value) => merge(item, json!({ "encrypted_content": value })),
                    None => item,
                });
            }
            None => {}
        }
    }

    /// Writes the event that an output item is complete, and adds the item to the output, which the last event repeats.
    fn done(&mut self, item: Value) {
        self.on_output("response.output_item.done", json!({ "item": item }));
        self.output.push(item);
    }

    /// Returns the JSON of an assistant message, which is an output item, with this status and content.
    fn message(&self, status: &str, content: Value) -> Value {
        let id = self.id("msg");
        json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": content })
    }

    /// Writes an event of the type `kind` that names the open output item by its id, which begins with `prefix`. `more` has
    /// its further members.
    fn on_item(&mut self, kind: &str, prefix: &str, more: Value) {
        let id = json!({ "item_id": self.id(prefix) });
        self.on_output(kind, merge(id, more));
    }

    /// Writes an event of the type `kind` with the index of the current output item. `more` has its further members.
    fn on_output(&mut self, kind: &str, more: Value) {
        let index = json!({ "output_index": self.output.len() });
        self.push(kind, merge(index, more));
    }

    /// Writes an event of the type `kind` with the next sequence number. `more` has its further members.
    fn push(&mut self, kind: &str, more: Value) {
        let base = json!({ "type": kind, "sequence_number": self.frames.len() });
        self.frames.push(named_frame(&merge(base, more)));
    }

    /// Returns the id of the open output item, or of the next one if none is open. The id begins with `prefix`.
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_stub_{}", self.output.len())
    }
}

/// Returns the JSON of a text part of a message.
fn output_text(text: &str) -> Value {
    json!({ "type": "output_text", "annotations": [], "logprobs": [], "text": text })
}

/// Returns the JSON of a text part of a summary of reasoning.
fn summary_text(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}
