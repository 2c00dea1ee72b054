//! Replies: a response head, pieces of a body, and the faults that a test wants between them.
//!
//! The rule it guards: each piece is written by itself, and a fault comes between two pieces.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use super::{TurnPart, Wire, llama_cpp, wire};

/// The malformed frame of a reply that has no wire.
const MALFORMED: &[u8] = b"{\"broken\":";

/// Describes the reply to one request.
///
/// Methods that add a fault take the number of pieces before it: `0` is right after the response head, and a number that is
/// too large is after the last piece.
#[derive(Clone, Debug)]
#[must_use]
pub struct Reply {
    /// The format of its frames, if it has frames.
    wire: Option<Wire>,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// What happens in place of a response.
    pub(super) no_response: Option<NoResponse>,
    /// What happens after the response head, in order.
    pub(super) steps: Vec<Step>,
    /// A text that the request must contain, and the reply to a request without it.
    pub(super) condition: Option<(String, Box<Reply>)>,
}

/// A way not to respond.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoResponse {
    /// The connection is closed.
    HangUp,
    /// The connection stays open, and nothing is sent.
    Silence,
}

/// One step of sending a body.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Writes a piece.
    Send(Bytes),
    /// Waits until a test opens the gate.
    Wait(Gate),
    /// Waits for this long.
    Pause(Duration),
    /// Closes the connection in the middle of the body.
    Cut,
    /// Closes the connection a moment after the end of the body.
    Close,
    /// Sends nothing more and keeps the connection open.
    Stall,
}

/// A gate at which a reply waits until a test opens it. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// Creates a gate that is closed, for [`Reply::gate_after`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the gate for good: replies that wait at it continue, and later ones do not wait.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until a test has opened the gate; returns at once if it is open.
    pub(super) async fn wait_until_open(&self) {
        // The sender is a part of `self`, so the wait cannot end with an error.
        let _ = self.0.subscribe().wait_for(|is_open| *is_open).await;
    }
}

impl Reply {
    /// Creates a reply that streams a turn of a model with all frames that the provider sends for the turn on this wire.
    /// Each frame is a piece.
    pub fn stream(wire: Wire, turn: &[TurnPart]) -> Self {
        Self::new(200, Some(wire), wire.encode_turn(turn))
    }

    /// Creates a reply that streams a turn as llama.cpp's `llama-server` writes it. This server has the wires of Chat
    /// Completions, Responses and Messages; for another wire the body is empty.
    ///
    /// The response head promises to keep the connection open, but the connection is closed a moment after the end of the
    /// body: a request that is sent over it in this moment gets no response.
    pub fn llama_cpp(wire: Wire, turn: &[TurnPart]) -> Self {
        let mut reply = Self::raw(200, "text/event-stream", Bytes::new());
        reply.wire = Some(wire);
        reply.steps =
            llama_cpp::encode_turn(wire, turn).into_iter().map(Step::Send).chain([Step::Close]).collect();
        reply.header("keep-alive", "timeout=5, max=100")
    }

    /// Creates an error response of llama.cpp's `llama-server`, which has the same form on every wire: its code is
    /// `status`, and its type is `error_type`, such as `exceed_context_size_error`. The connection is closed, and the
    /// response head announces that.
    pub fn llama_cpp_error(status: u16, error_type: &str, message: &str) -> Self {
        let body = llama_cpp::error_body(status, error_type, message).to_string();
        Self::raw(status, "application/json; charset=utf-8", body).header("connection", "close")
    }

    /// Creates a reply that sends a recorded stream of this wire again. Each frame of `body` is a piece.
    pub fn recording(wire: Wire, body: impl Into<Bytes>) -> Self {
        Self::new(200, Some(wire), wire.split_frames(body.into()))
    }

    /// Creates a reply whose streamed body a test writes by hand: an object is one frame of the wire (on Bedrock an array
    /// of the event's type and its payload is one), a string is sent unchanged, and a number is a pause in seconds.
    pub fn frames(wire: Wire, frames: &[Value]) -> Self {
        let mut reply = Self::new(200, Some(wire), Vec::new());
        reply.steps.extend(frames.iter().map(|frame| match frame {
            Value::Number(seconds) => {
                Step::Pause(Duration::from_secs_f64(seconds.as_f64().unwrap_or_default()))
            }
            Value::String(text) => Step::Send(Bytes::from(text.clone())),
            frame => Step::Send(wire.encode_frame(frame)),
        }));
        reply
    }

    /// Makes the reply depend on the request: this reply is sent if the JSON text of the request contains `text`, and
    /// `otherwise` if not.
    pub fn if_request_contains(self, text: impl Into<String>, otherwise: Self) -> Self {
        Self { condition: Some((text.into(), Box::new(otherwise))), ..self }
    }

    /// Creates a reply with this status and media type, whose body is one piece.
    pub fn raw(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::new(status, None, vec![body.into()]);
        reply.headers.push(("content-type".into(), content_type.into()));
        reply
    }

    /// Creates an error response with this status, in the form that the provider of this wire has for it.
    pub fn error(wire: Wire, status: u16, message: &str) -> Self {
        let (error_type, body) = wire.error_body(status, message);
        let reply = Self::raw(status, "application/json", body.to_string());
        let reply = Self { wire: Some(wire), ..reply };
        match wire {
            // Bedrock sends the name with a suffix that clients have to cut off.
            Wire::Bedrock => reply.header(
                "x-amzn-errortype",
                &format!("{error_type}:http://internal.amazon.com/coral/com.amazon.bedrock/"),
            ),
            _ => reply,
        }
        .with_request_id()
    }

    /// Creates the error response to a conversation that is too long for the model, in the words of the provider of this
    /// wire.
    pub fn context_too_long(wire: Wire) -> Self {
        let message = match wire {
            Wire::OpenAiChat => {
                "This model's maximum context length is 128000 tokens. However, your messages resulted in 131072 tokens. \
                 Please reduce the length of the messages."
            }
            Wire::OpenAiResponses => {
                "Your input exceeds the context window of this model. Please adjust your input and try again."
            }
            Wire::Anthropic => "prompt is too long: 208310 tokens > 200000 maximum",
            Wire::Gemini => {
                "The input token count (1196265) exceeds the maximum number of tokens allowed (1048576)."
            }
            Wire::Ollama => "the input length exceeds the context length",
            Wire::Bedrock => "Input is too long for requested model.",
        };
        Self::error(wire, 400, message)
    }

    /// Creates a reply that closes the connection before a response head.
    pub fn hang_up() -> Self {
        Self { no_response: Some(NoResponse::HangUp), ..Self::new(200, None, Vec::new()) }
    }

    /// Creates a reply that keeps the connection open and sends nothing, not even a response head.
    pub fn silence() -> Self {
        Self { no_response: Some(NoResponse::Silence), ..Self::new(200, None, Vec::new()).stall_after(0) }
    }

    /// Adds a response header, also if there is one of this name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Returns the number of pieces of the body, each of which is sent by itself. Faults count `pieces` in the same way.
    pub fn pieces(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Send(_))).count()
    }

    /// Returns the complete body: all pieces, joined.
    pub fn body(&self) -> Bytes {
        let pieces = self.steps.iter().filter_map(|step| match step {
            Step::Send(piece) => Some(piece.clone()),
            _ => None,
        });
        wire::join(&pieces.collect::<Vec<_>>())
    }

    /// Closes the connection after this many pieces, in the middle of the body: the client sees an error.
    pub fn cut_after(self, pieces: usize) -> Self {
        self.end_with(pieces, Some(Step::Cut))
    }

    /// Ends the body after this many pieces, as if it were complete there.
    pub fn end_after(self, pieces: usize) -> Self {
        self.end_with(pieces, None)
    }

    /// Sends nothing more after this many pieces, and keeps the connection open until the client closes it or the provider
    /// is dropped.
    pub fn stall_after(self, pieces: usize) -> Self {
        self.end_with(pieces, Some(Step::Stall))
    }

    /// Sends the frame of an error after this many pieces, in the form of the reply's wire, and ends the body.
    ///
    /// `error_type` is the type of the error in the provider's words; on Bedrock it is the name of an exception, such as
    /// `throttlingException`. If the reply has no wire, as one of [`raw`](Self::raw), the body ends without the frame.
    pub fn failure_after(self, pieces: usize, error_type: &str, message: &str) -> Self {
        let number = pieces.min(self.pieces());
        let failure = self.wire.map(|wire| Step::Send(wire.error_frame(number, error_type, message)));
        self.end_with(pieces, failure)
    }

    /// Inserts a malformed frame after this many pieces: broken JSON, or a wrong checksum on Bedrock. It counts as a piece,
    /// and the other pieces follow.
    pub fn malformed_after(mut self, pieces: usize) -> Self {
        let frame = self.wire.map_or(Bytes::from_static(MALFORMED), Wire::malformed_frame);
        self.steps.insert(self.step_index(pieces), Step::Send(frame));
        self
    }

    /// Makes the reply wait after this many pieces until a test opens `gate`; then the other pieces follow.
    pub fn gate_after(mut self, pieces: usize, gate: &Gate) -> Self {
        self.steps.insert(self.step_index(pieces), Step::Wait(gate.clone()));
        self
    }

    /// Creates a reply with these pieces as its body. If it has a wire, the response headers that the provider sends there
    /// are added.
    fn new(status: u16, wire: Option<Wire>, pieces: Vec<Bytes>) -> Self {
        let steps = pieces.into_iter().map(Step::Send).collect();
        let reply = Self { wire, status, headers: Vec::new(), no_response: None, steps, condition: None };
        match wire {
            Some(wire) => reply.header("content-type", wire.content_type()).with_request_id(),
            None => reply,
        }
    }

    /// Adds the response header with the id of the request, if the provider of the wire sends one.
    fn with_request_id(self) -> Self {
        match self.wire.and_then(Wire::request_id_header) {
            Some(name) => self.header(name, "req-stub"),
            None => self,
        }
    }

    /// Keeps this many pieces of the body, removes the rest, and adds the step `last`.
    fn end_with(mut self, pieces: usize, last: Option<Step>) -> Self {
        self.steps.truncate(self.step_index(pieces));
        self.steps.extend(last);
        self
    }

    /// Returns the index at which a step is inserted so that it comes after this many pieces, and after the gates and
    /// faults that already follow these pieces.
    fn step_index(&self, pieces: usize) -> usize {
        let mut sent = 0;
        let next = self.steps.iter().position(|step| {
            let is_piece = matches!(step, Step::Send(_));
            sent += usize::from(is_piece);
            is_piece && sent > pieces
        });
        next.unwrap_or(self.steps.len())
    }
}
