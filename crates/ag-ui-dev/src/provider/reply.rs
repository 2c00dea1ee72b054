//! What a provider answers: a head, pieces of a body, and what goes wrong between them.
//!
//! The rule it guards: a piece is written on its own, and what is to go wrong goes wrong between two pieces.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use super::{Say, Wire, llama_cpp, wire};

/// Frames of a reply that is not streamed have no wire; this breaks them.
const BROKEN: &[u8] = b"{\"broken\":";

/// An answer to one request.
///
/// The faults count pieces from the start of the body: `0` is right behind the head, and a number past the
/// last piece is behind it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Reply {
    /// How its frames are spelled, if they are.
    wire: Option<Wire>,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// What comes instead of a head.
    pub(super) headless: Option<Headless>,
    pub(super) steps: Vec<Step>,
    /// A text that the request must hold, and the answer to one that lacks it.
    pub(super) condition: Option<(String, Box<Reply>)>,
}

/// A way to answer without a head.
#[derive(Clone, Copy, Debug)]
pub(super) enum Headless {
    /// The connection is closed.
    HangUp,
    /// Nothing comes.
    Silence,
}

/// What happens next in a body.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A piece is written.
    Send(Bytes),
    /// The test is waited for.
    Wait(Gate),
    /// Nothing happens for this long.
    Pause(Duration),
    /// The connection is closed in the middle of the body.
    Cut,
    /// The connection is closed a moment behind the end of the body.
    Close,
    /// Nothing comes any more.
    Stall,
}

/// What a reply waits at, until a test opens it. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// A gate that is shut.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets pass who waits here and who comes later.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn passed(&self) {
        // The sender lives in `self`, so the wait ends in no other way.
        let _ = self.0.subscribe().wait_for(|is_open| *is_open).await;
    }
}

impl Reply {
    /// A streamed turn, complete and in the provider's own order.
    pub fn stream(wire: Wire, turn: &[Say]) -> Self {
        Self::new(200, Some(wire), wire.turn(turn))
    }

    /// A streamed turn as llama.cpp's `llama-server` writes it, which has the wires of Chat Completions, Responses and
    /// Messages; on the others nothing is sent.
    ///
    /// The head promises to keep the connection. It is closed all the same, a moment behind the end of the body: a request that
    /// is sent on it meanwhile is not answered.
    pub fn llama_cpp(wire: Wire, turn: &[Say]) -> Self {
        let mut reply = Self::raw(200, "text/event-stream", Bytes::new());
        reply.wire = Some(wire);
        reply.steps = llama_cpp::turn(wire, turn).into_iter().map(Step::Send).chain([Step::Close]).collect();
        reply.header("keep-alive", "timeout=5, max=100")
    }

    /// An error of llama.cpp's `llama-server`, which has the same form on every wire: the status is its code, and `word`
    /// its type, `exceed_context_size_error` say. It closes the connection, and announces that.
    pub fn llama_cpp_error(status: u16, word: &str, message: &str) -> Self {
        let body = llama_cpp::error(status, word, message).to_string();
        Self::raw(status, "application/json; charset=utf-8", body).header("connection", "close")
    }

    /// A recorded stream, a piece a frame.
    pub fn recording(wire: Wire, body: impl Into<Bytes>) -> Self {
        Self::new(200, Some(wire), wire.frames(body.into()))
    }

    /// A streamed body, written by hand: an object is one frame in the framing of the wire (on Bedrock an array of
    /// the event's type and its payload), a string is written as it is, and a number is a pause in seconds.
    pub fn frames(wire: Wire, frames: &[Value]) -> Self {
        let mut reply = Self::new(200, Some(wire), Vec::new());
        reply.steps.extend(frames.iter().map(|frame| match frame {
            Value::Number(seconds) => {
                Step::Pause(Duration::from_secs_f64(seconds.as_f64().unwrap_or_default()))
            }
            Value::String(text) => Step::Send(Bytes::from(text.clone())),
            frame => Step::Send(wire.frame(frame)),
        }));
        reply
    }

    /// Answers with `otherwise` if the JSON text of the request lacks `text`.
    pub fn needs(self, text: impl Into<String>, otherwise: Self) -> Self {
        Self { condition: Some((text.into(), Box::new(otherwise))), ..self }
    }

    /// Anything, in one piece.
    pub fn raw(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::new(status, None, vec![body.into()]);
        reply.headers.push(("content-type".into(), content_type.into()));
        reply
    }

    /// An error instead of a stream, as that provider words it for this status.
    pub fn error(wire: Wire, status: u16, message: &str) -> Self {
        let (word, body) = wire.error(status, message);
        let reply = Self::raw(status, "application/json", body.to_string());
        let reply = Self { wire: Some(wire), ..reply };
        match wire {
            // Bedrock sends the name with a suffix that clients have to cut off.
            Wire::Bedrock => reply.header(
                "x-amzn-errortype",
                &format!("{word}:http://internal.amazon.com/coral/com.amazon.bedrock/"),
            ),
            _ => reply,
        }
        .named()
    }

    /// No answer: the connection is closed before the head.
    pub fn hang_up() -> Self {
        Self { headless: Some(Headless::HangUp), ..Self::new(200, None, Vec::new()) }
    }

    /// No answer: the connection stays open and not even a head comes.
    pub fn silence() -> Self {
        Self { headless: Some(Headless::Silence), ..Self::new(200, None, Vec::new()).stall_after(0) }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How many pieces the body has.
    pub fn pieces(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Send(_))).count()
    }

    /// The pieces together, as a client would read them.
    pub fn body(&self) -> Bytes {
        let pieces = self.steps.iter().filter_map(|step| match step {
            Step::Send(piece) => Some(piece.clone()),
            _ => None,
        });
        wire::join(&pieces.collect::<Vec<_>>())
    }

    /// Closes the connection in the middle of the body: the client sees an end that it did not expect.
    pub fn cut_after(self, pieces: usize) -> Self {
        self.then(pieces, Some(Step::Cut))
    }

    /// Ends the body as if it were complete.
    pub fn end_after(self, pieces: usize) -> Self {
        self.then(pieces, None)
    }

    /// Sends nothing more, until the client goes away or the provider is dropped.
    pub fn stall_after(self, pieces: usize) -> Self {
        self.then(pieces, Some(Step::Stall))
    }

    /// Sends an error of that provider, in its `word` for it, and ends the body. On Bedrock the word is the
    /// name of an exception, `throttlingException` say.
    ///
    /// Without a wire, after [`raw`](Self::raw), nothing is sent.
    pub fn failure_after(self, pieces: usize, word: &str, message: &str) -> Self {
        let number = pieces.min(self.pieces());
        let failure = self.wire.map(|wire| Step::Send(wire.failure(number, word, message)));
        self.then(pieces, failure)
    }

    /// Puts a frame between that is not JSON or, on Bedrock, has a wrong checksum. It is a piece like the
    /// others; the rest follows.
    pub fn malformed_after(mut self, pieces: usize) -> Self {
        let frame = self.wire.map_or(Bytes::from_static(BROKEN), Wire::malformed);
        self.steps.insert(self.behind(pieces), Step::Send(frame));
        self
    }

    /// Waits for `gate` to be opened before it goes on.
    pub fn gate_after(mut self, pieces: usize, gate: &Gate) -> Self {
        self.steps.insert(self.behind(pieces), Step::Wait(gate.clone()));
        self
    }

    fn new(status: u16, wire: Option<Wire>, pieces: Vec<Bytes>) -> Self {
        let steps = pieces.into_iter().map(Step::Send).collect();
        let reply = Self { wire, status, headers: Vec::new(), headless: None, steps, condition: None };
        match wire {
            Some(wire) => reply.header("content-type", wire.content_type()).named(),
            None => reply,
        }
    }

    /// With the id of the request, where the provider sends one.
    fn named(self) -> Self {
        match self.wire.and_then(Wire::request_id_header) {
            Some(name) => self.header(name, "req-stub"),
            None => self,
        }
    }

    /// That many pieces, then `last`, and nothing more.
    fn then(mut self, pieces: usize, last: Option<Step>) -> Self {
        self.steps.truncate(self.behind(pieces));
        self.steps.extend(last);
        self
    }

    /// Where the step is that follows that many pieces, and what waits or was put behind them already.
    fn behind(&self, pieces: usize) -> usize {
        let mut sent = 0;
        let next = self.steps.iter().position(|step| {
            let is_piece = matches!(step, Step::Send(_));
            sent += usize::from(is_piece);
            is_piece && sent > pieces
        });
        next.unwrap_or(self.steps.len())
    }
}
