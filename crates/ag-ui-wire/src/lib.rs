//! The AG-UI protocol, version 1.0, on the wire: for servers and for clients, over any transport.
//!
//! AG-UI is the protocol between an agent and the user interface in front of it. A client sends the conversation as a
//! [`RunAgentInput`](protocol::RunAgentInput); the server answers with a stream of events, one Server-Sent Event each. This
//! crate has the data of both directions, which serde writes and reads, and it keeps the order of events. It does no I/O, needs
//! no async runtime and knows no model, no HTTP and no cloud.
//!
//! - [`protocol`]: the 31 events, messages, the input of a run, capabilities, ids, state patches and SSE frames.
//! - [`transcript`]: the event writer. A server tells it what happens, and its events are in an order that clients accept.
//! - [`json`]: JSON text as peers send it: read strictly, with half surrogate pairs repaired, whole or in pieces.
//!
//! What is written is read back equal. What a newer version adds is passed over: unknown members are left out, and an event of
//! an unknown type is an error that names the type, behind which a stream can be read on.
//!
//! # A run, written and read
//!
//! ```
//! use ag_ui_wire::protocol::{EventKind, RunAgentInput, sse};
//! use ag_ui_wire::transcript::{Clock, Transcript};
//!
//! // The client sends an input as JSON, and the server reads it.
//! let input = RunAgentInput::new("thread-1", "run-1", Vec::new());
//! let body = serde_json::to_value(&input)?;
//! let input = RunAgentInput::read(body)?.input;
//!
//! // The server writes the run. Each frame can be sent as soon as its event is there.
//! let mut run = Transcript::begin(input.thread_id, input.run_id, Clock);
//! run.text("It is ");
//! run.text("noon.");
//! let stream: Vec<u8> = run.finish().iter().flat_map(sse::frame).collect();
//!
//! // The client reads it, in pieces as they arrive.
//! let mut decoder = sse::Decoder::new();
//! let mut answer = String::new();
//! for piece in stream.chunks(100) {
//!     decoder.push(piece);
//!     while let Some(event) = decoder.next_event() {
//!         if let EventKind::TextMessageContent { delta, .. } = event?.kind {
//!             answer += &delta;
//!         }
//!     }
//! }
//! assert_eq!(answer, "It is noon.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod json;
pub mod protocol;
pub mod transcript;

#[doc(no_inline)]
pub use {bytes, serde_json};
