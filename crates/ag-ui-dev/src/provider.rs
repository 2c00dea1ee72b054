//! A stand-in for the API of a model provider, for tests.
//!
//! [`Provider`] answers each request with the next [`Reply`] of its queue, and records the request. It knows how six
//! providers write a turn of a model ([`Wire`]). It does not read the content of requests,
//! except for the checks that a test sets.
//!
//! The rule it guards: a frame is what the provider's official documentation says it is, even where the code that reads it
//! would accept more. Each piece of a reply is written by itself, so that a test can see a stream.

mod anthropic;
mod bedrock;
mod gemini;
mod llama_cpp;
mod ollama;
mod openai;
mod recorded_request;
mod reply;
mod responses;
mod server;
mod sse;
mod turn;
mod wire;

use std::{io, sync::Arc};

use http::HeaderMap;
use serde_json::Value;

use super::loopback::Loopback;
use server::ProviderState;

pub use recorded_request::RecordedRequest;
pub use reply::{Gate, Reply};
pub use turn::{StopReason, TurnPart, Usage};
pub use wire::Wire;

#[cfg(test)]
mod tests;

/// A stand-in for a model provider, on a port of its own. It ends when it is dropped.
///
/// It answers each POST with the next reply of its queue, on every path, and speaks HTTP/1.1 only. A request with another
/// method, such as one that opens a connection ahead of time, is answered 404 without a body and counted as a probe.
pub struct Provider {
    /// What all connections share.
    state: Arc<ProviderState>,
    /// Ends every connection when dropped.
    server: Loopback,
}

impl Provider {
    /// Starts a provider, with an empty queue, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Returns an error if there is no free port.
    pub async fn start() -> io::Result<Self> {
        Self::serve(ProviderState::default()).await
    }

    /// Starts a provider that treats requests other than POSTs as llama.cpp's `llama-server` does: it refuses a `HEAD` and
    /// closes the connection, and answers a `GET` with a list of models. [`Reply::llama_cpp`] and
    /// [`Reply::llama_cpp_error`] create the server's replies to POSTs.
    ///
    /// The real server refuses a `HEAD` only on paths that it does not know. This one always does, which is harder on a
    /// client that opens connections ahead of time.
    ///
    /// # Errors
    /// Returns an error if there is no free port.
    pub async fn start_as_llama_cpp() -> io::Result<Self> {
        Self::serve(ProviderState::as_llama_cpp()).await
    }

    /// Starts the HTTP server of a provider with this state.
    async fn serve(state: ProviderState) -> io::Result<Self> {
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        let server = Loopback::serve(move |request| Arc::clone(&shared).handle(request))?;
        Ok(Self { state, server })
    }

    /// Returns the URL of the provider: `http://127.0.0.1:<port>`, without a path.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Adds replies to the end of the queue. Each is sent to one POST. A POST that finds the queue empty gets the reply of
    /// [`reply_always`](Self::reply_always), or else a 500 with a JSON error.
    pub fn queue(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.queue(replies);
    }

    /// Sets the reply to every POST that finds the queue empty.
    pub fn reply_always(&self, reply: Reply) {
        self.state.always(reply);
    }

    /// Sets a check for the JSON body of every POST from now on.
    ///
    /// A POST that fails the check is answered 400 with the text of the error, and uses up no reply of the queue.
    pub fn check_requests(&self, check: impl Fn(&Value) -> Result<(), String> + Send + Sync + 'static) {
        self.state.check_requests(Arc::new(check));
    }

    /// Sets a check for the headers of every POST from now on, such as the one that has the key.
    ///
    /// A POST that fails the check gets the reply in the check's error, and uses up no reply of the queue.
    pub fn check_headers(&self, check: impl Fn(&HeaderMap) -> Result<(), Reply> + Send + Sync + 'static) {
        self.state.check_headers(Arc::new(check));
    }

    /// Limits the context of the model: from now on every POST with a longer body than this is answered with `refusal`, such
    /// as [`Reply::context_too_long`], and uses up no reply of the queue.
    pub fn limit_context(&self, max_bytes: usize, refusal: Reply) {
        self.state.limit_context(max_bytes, refusal);
    }

    /// Returns the POSTs that have arrived so far, refused ones included, in the order in which their bodies were complete.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state.requests.borrow().clone()
    }

    /// Waits until at least `count` POSTs have arrived.
    pub async fn wait_for_requests(&self, count: usize) {
        let mut requests = self.state.requests.subscribe();
        // The sender is a part of `self`, so the wait cannot end with an error.
        let _ = requests.wait_for(|requests| requests.len() >= count).await;
    }

    /// Waits until clients have closed the connection of at least `count` replies before these were complete. A reply that
    /// stalls is never complete.
    pub async fn wait_for_abandoned(&self, count: usize) {
        let mut abandoned = self.state.abandoned.subscribe();
        let _ = abandoned.wait_for(|abandoned| *abandoned >= count).await;
    }

    /// Returns how many probes have arrived so far. A probe is a request with a method other than POST: clients send it
    /// to open a connection ahead of time.
    pub fn probes(&self) -> usize {
        *self.state.probes.borrow()
    }

    /// Waits until at least `count` probes have arrived since the start of the provider. A probe is a request with a
    /// method other than POST: clients send it to open a connection ahead of time.
    pub async fn wait_for_probes(&self, count: usize) {
        let mut probes = self.state.probes.subscribe();
        let _ = probes.wait_for(|probes| *probes >= count).await;
    }

    /// Returns how many TCP connections the provider has accepted so far, closed ones included.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }
}
