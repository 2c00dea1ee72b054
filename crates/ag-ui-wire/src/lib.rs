//! The AG-UI protocol, version 1.0: its data types for servers and clients, over any transport.
//!
//! AG-UI is the protocol between an agent and its user interface. A client sends the conversation as a
//! [`RunAgentInput`](protocol::RunAgentInput), and the server answers with a stream of events, each a Server-Sent Event.
//! This crate has the data types of both directions, which serde writes and reads, and a writer that keeps events in order.
//! It does no I/O, needs no async runtime, and depends on no model, no HTTP and no cloud.
//!
//! - [`protocol`]: the 31 events, messages, the input of a run, capabilities, ids, state patches and SSE frames.
//! - [`transcript`]: the event writer. A server calls a method for each thing that happens, and gets events in an order that
//!   clients accept.
//! - [`json`]: a strict reader of JSON text, and repair of surrogate pairs that were cut in two.
//!
//! What is written is read back equal. What a newer version of the protocol adds is skipped: unknown members are left out,
//! and an event of an unknown type is an error that names the type, after which the rest of the stream can be read.
//!
//! # A run, written and read
//!
//! ```
//! use ag_ui_wire::protocol::{EventKind, RunAgentInput, sse};
//! use ag_ui_wire::transcript::{RandomIds, Transcript};
//!
//! // The client sends an input as JSON, and the server reads it.
//! let input = RunAgentInput::new("thread-1", "run-1", Vec::new());
//! let body = serde_json::to_value(&input)?;
//! let input = RunAgentInput::read(body)?.input;
//!
//! // The server writes the run. It could send each frame at once.
//! let mut run = Transcript::begin(input.thread_id, input.run_id, RandomIds);
//! run.text("It is ");
//! run.text("noon.");
//! let stream: Vec<u8> = run.finish().iter().flat_map(sse::frame).collect();
//!
//! // The client reads it in chunks, as they arrive.
//! let mut decoder = sse::Decoder::new();
//! let mut answer = String::new();
//! for chunk in stream.chunks(100) {
//!     decoder.push(chunk);
//!     while let Some(event) = decoder.next_event() {
//!         if let EventKind::TextMessageContent { delta, .. } = event?.kind {
//!             answer += &delta;
//!         }
//!     }
//! }
//! assert_eq!(answer, "It is noon.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

pub mod json;
pub mod protocol;
pub mod transcript;

#[doc(no_inline)]
pub use {bytes, serde_json};
