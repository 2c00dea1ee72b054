//! The local model provider: what stands behind the function when no provider does.
//!
//! [`Provider`] answers each request with the next [`Reply`] it was given and keeps what it was asked. It
//! knows how six providers write a turn ([`Wire`]), not what a turn should say: it reads no request but to
//! hand it to a test's own judge.
//!
//! The rule it guards: a frame is what the provider's official documentation says it is, whatever the
//! adapter that reads it would forgive. One piece is one write, so that streaming can be seen.

mod anthropic;
mod asked;
mod bedrock;
mod gemini;
mod llama_cpp;
mod ollama;
mod openai;
mod reply;
mod responses;
mod server;
mod sse;
mod turn;
mod wire;

use std::{io, sync::Arc};

use serde_json::Value;

use super::loopback::Loopback;
use server::State;

pub use asked::Asked;
pub use reply::{Gate, Reply};
pub use turn::{Say, Stop, Usage};
pub use wire::Wire;

#[cfg(test)]
mod tests;

/// A model provider on a port of its own, gone when dropped: answers each request with the next reply that
/// it was given.
///
/// It serves every path, and HTTP/1.1 only. What is not a POST, a request that warms a connection say, is
/// answered 404 without a body and counted as a probe.
pub struct Provider {
    /// What the server shares.
    state: Arc<State>,
    /// Ends every connection when dropped.
    server: Loopback,
}

impl Provider {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> io::Result<Self> {
        Self::serve(State::default()).await
    }

    /// Listens as llama.cpp's `llama-server` does: it refuses a `HEAD` and closes the connection, and has a list of models for
    /// a `GET`. Its turns and errors are [`Reply::llama_cpp`] and [`Reply::llama_cpp_error`].
    ///
    /// The real one refuses a `HEAD` of the paths that it does not know. Here every one is refused, which is harder on a
    /// client that opens a connection ahead.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start_as_llama_cpp() -> io::Result<Self> {
        Self::serve(State::as_llama_cpp()).await
    }

    async fn serve(state: State) -> io::Result<Self> {
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let server = Loopback::serve(move |request| Arc::clone(&shared).answer(request))?;
        Ok(Self { state, server })
    }

    /// Its address: `http://127.0.0.1:<port>`, without a path.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Queues replies, for one request each. A request that finds none is answered 500, with an error in
    /// JSON that says so.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.queue(replies);
    }

    /// Answers every request that finds none queued.
    pub fn always(&self, reply: Reply) {
        self.state.always(reply);
    }

    /// Checks the body of every request from now on.
    ///
    /// One that fails is answered 400 with the text of the error; it takes no reply from the queue.
    pub fn judge(&self, check: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static) {
        self.state.judge(Arc::new(check));
    }

    /// The POSTs so far, refused ones included, in the order that their bodies were complete.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.borrow().clone()
    }

    /// Waits until at least `count` POSTs have come.
    pub async fn has_been_asked(&self, count: usize) {
        let mut asked = self.state.asked.subscribe();
        // The sender lives in `self`, so the wait ends in no other way.
        let _ = asked.wait_for(|asked| asked.len() >= count).await;
    }

    /// Waits until at least `count` replies were given up by the client before their end. A reply that
    /// stalls has no end.
    pub async fn has_been_left(&self, count: usize) {
        let mut left = self.state.left.subscribe();
        let _ = left.wait_for(|left| *left >= count).await;
    }

    /// How many requests came that are not POSTs.
    pub fn probes(&self) -> usize {
        *self.state.probes.borrow()
    }

    /// Waits until at least `count` requests have come that are not POSTs.
    pub async fn has_been_probed(&self, count: usize) {
        let mut probes = self.state.probes.subscribe();
        let _ = probes.wait_for(|probes| *probes >= count).await;
    }

    /// How many TCP connections were accepted.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }
}
