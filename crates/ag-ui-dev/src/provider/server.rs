//! The HTTP server of a provider: it takes requests, chooses replies and sends them piece by piece.

use std::{
    collections::VecDeque,
    fmt, future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    vec,
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::{sync::watch, task::yield_now, time::sleep};

use super::{
    RecordedRequest, Reply,
    reply::{NoResponse, Step},
};
use crate::loopback::Connection;

/// A check that a test sets for the body of each request.
type RequestCheck = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// A check that a test sets for the headers of each request.
type HeaderCheck = Arc<dyn Fn(&HeaderMap) -> Result<(), Reply> + Send + Sync>;

/// What all connections of a provider share.
#[derive(Default)]
pub(super) struct ProviderState {
    /// The replies to the next requests.
    replies: Mutex<VecDeque<Reply>>,
    /// The reply to requests that find the queue empty.
    always: Mutex<Option<Reply>>,
    /// The check for the body of each request.
    check: Mutex<Option<RequestCheck>>,
    /// The check for the headers of each request.
    header_check: Mutex<Option<HeaderCheck>>,
    /// The longest body that is not too long for the model, in bytes, and the reply to a longer one.
    context_limit: Mutex<Option<(usize, Reply)>>,
    /// Whether requests that are not POSTs are answered as llama.cpp's server answers them.
    is_llama_cpp: bool,
    /// The POSTs so far.
    pub(super) requests: watch::Sender<Vec<RecordedRequest>>,
    /// How many probes have arrived: requests that were not POSTs.
    pub(super) probes: watch::Sender<usize>,
    /// How many replies were not complete when the client closed their connection.
    pub(super) abandoned: watch::Sender<usize>,
}

/// The error that makes hyper close a connection before a response is complete.
#[derive(Debug)]
pub(super) struct ConnectionClosed;

impl fmt::Display for ConnectionClosed {
    /// Writes that the reply ends here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reply ends here")
    }
}

impl std::error::Error for ConnectionClosed {}

/// What the server gives to hyper for a request: a response, or the end of the connection.
pub(super) type ReplyResult = Result<Response<UnsyncBoxBody<Bytes, ConnectionClosed>>, ConnectionClosed>;

/// The body of a reply that is being sent.
struct ReplyBody {
    steps: vec::IntoIter<Step>,
    state: Arc<ProviderState>,
    /// The connection that it is sent over.
    connection: Option<Connection>,
}

impl ProviderState {
    /// Creates the state of a provider that answers requests other than POSTs as llama.cpp's server does.
    pub(super) fn as_llama_cpp() -> Self {
        Self { is_llama_cpp: true, ..Self::default() }
    }

    /// Adds replies to the end of the queue. Each is sent to one POST.
    pub(super) fn queue(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.replies).extend(replies);
    }

    /// Sets the reply to every POST that finds the queue empty.
    pub(super) fn always(&self, reply: Reply) {
        *lock(&self.always) = Some(reply);
    }

    /// Sets the check for the JSON body of every POST from now on. A POST that fails the check is answered 400.
    pub(super) fn check_requests(&self, check: RequestCheck) {
        *lock(&self.check) = Some(check);
    }

    /// Sets the check for the headers of every POST from now on. A POST that fails it gets the reply in the check's error.
    pub(super) fn check_headers(&self, check: HeaderCheck) {
        *lock(&self.header_check) = Some(check);
    }

    /// Sets the reply to every POST whose body is longer than `max_bytes`, from now on.
    pub(super) fn limit_context(&self, max_bytes: usize, refusal: Reply) {
        *lock(&self.context_limit) = Some((max_bytes, refusal));
    }

    /// Returns why a request is refused and the reply to it: its headers fail the check, or its body of this length is too
    /// long for the model. `None` if it is neither.
    fn refuse(&self, headers: &HeaderMap, bytes: usize) -> Option<(&'static str, Reply)> {
        let check = lock(&self.header_check).clone();
        if let Some(reply) = check.and_then(|check| check(headers).err()) {
            return Some(("the headers fail the check", reply));
        }
        let limit = lock(&self.context_limit);
        let limit = limit.as_ref().filter(|(max_bytes, _)| bytes > *max_bytes);
        limit.map(|(_, refusal)| ("body is too long for the model", refusal.clone()))
    }

    /// Handles a request to the provider. A POST is checked, recorded and answered with the next reply, or with 400 if the
    /// check fails. Any other request counts as a probe and is answered 404, or as llama.cpp's server does.
    pub(super) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> ReplyResult {
        let (head, body) = request.into_parts();
        let connection = head.extensions.get::<Connection>().cloned();
        if head.method != Method::POST {
            self.probes.send_modify(|probes| *probes += 1);
            if self.is_llama_cpp {
                return self.send(llama_cpp_probe_reply(&head.method), None).await;
            }
            let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
        let body = body.collect().await.map_err(|_| ConnectionClosed)?.to_bytes();
        let (why, refusal) = self.refuse(&head.headers, body.len()).unzip();
        let (body, refused) = match serde_json::from_slice(&body) {
            Ok(body) if refusal.is_some() => (body, why.map(ToOwned::to_owned)),
            Ok(body) => {
                let check = lock(&self.check).clone();
                let refused = check.and_then(|check| check(&body).err());
                (body, refused)
            }
            Err(error) => (Value::Null, Some(format!("body is not JSON: {error}"))),
        };
        let reply = match &refused {
            Some(error) => refusal.unwrap_or_else(|| stub_error(400, error)),
            None => match self.next() {
                Reply { condition: Some((text, otherwise)), .. } if !body.to_string().contains(&text) => {
                    *otherwise
                }
                reply => reply,
            },
        };
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        self.requests.send_modify(|requests| {
            requests.push(RecordedRequest { path, headers: head.headers, body, rejection: refused });
        });
        self.send(reply, connection).await
    }

    /// Removes and returns the next reply of the queue. If the queue is empty, returns the reply of
    /// [`always`](Self::always), or else an error 500.
    fn next(&self) -> Reply {
        let queued = lock(&self.replies).pop_front();
        let reply = queued.or_else(|| lock(&self.always).clone());
        reply.unwrap_or_else(|| stub_error(500, "no reply is queued"))
    }

    /// Turns a reply into the HTTP response to a request. A reply may instead close the connection, or never respond.
    /// `connection` is closed by a reply that has such a step.
    async fn send(self: Arc<Self>, reply: Reply, connection: Option<Connection>) -> ReplyResult {
        let body = ReplyBody { steps: reply.steps.into_iter(), state: self, connection };
        match reply.no_response {
            Some(NoResponse::HangUp) => return Err(ConnectionClosed),
            Some(NoResponse::Silence) => return future::pending().await,
            None => {}
        }
        let body = StreamBody::new(stream::unfold(body, ReplyBody::next));
        let mut response = Response::builder().status(reply.status);
        for (name, value) in &reply.headers {
            response = response.header(name, value);
        }
        response.body(body.boxed_unsync()).map_err(|_| ConnectionClosed)
    }
}

impl ReplyBody {
    /// Runs the steps of a reply, such as pauses and gates, up to the next piece of the body, and returns this piece;
    /// `None` at the end of the body, and an error where a fault cuts the connection.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, ConnectionClosed>, Self)> {
        loop {
            // hyper writes to the socket when a body has nothing to give for now.
            yield_now().await;
            match self.steps.as_slice().first()? {
                Step::Send(_) => {}
                Step::Wait(gate) => gate.wait_until_open().await,
                Step::Pause(time) => sleep(*time).await,
                Step::Cut => {
                    self.steps.next();
                    return Some((Err(ConnectionClosed), self));
                }
                Step::Close => self.connection.iter().for_each(Connection::close_after_response),
                Step::Stall => future::pending().await,
            }
            // A step is removed when it is done, so that a reply that waits at one counts as abandoned.
            if let Some(Step::Send(piece)) = self.steps.next() {
                return Some((Ok(Frame::data(piece)), self));
            }
        }
    }
}

impl Drop for ReplyBody {
    /// Counts the reply as abandoned if not all of its steps were done.
    fn drop(&mut self) {
        if !self.steps.as_slice().is_empty() {
            self.state.abandoned.send_modify(|left| *left += 1);
        }
    }
}

/// Returns the reply of llama.cpp's server to a request that is not a POST: a list of models to a GET, and 404 to any
/// other.
fn llama_cpp_probe_reply(method: &Method) -> Reply {
    if *method == Method::GET {
        let models = json!({ "object": "list", "data": [{ "id": "stub", "object": "model" }] });
        return Reply::raw(200, "application/json; charset=utf-8", models.to_string())
            .header("keep-alive", "timeout=5, max=100");
    }
    let refusal = Reply::llama_cpp_error(404, "not_found_error", "File Not Found");
    // The response to a HEAD has no body.
    if *method == Method::HEAD { refusal.end_after(0) } else { refusal }
}

/// Creates an error response of this stand-in itself. Its JSON has the message in each place where a client of some
/// provider looks for it. A POST that fails the test's check gets this response, and so does a POST for which no reply
/// is queued.
fn stub_error(status: u16, message: &str) -> Reply {
    let error = json!({ "type": "stub", "code": status, "message": message });
    let body = json!({ "type": "error", "error": error, "message": message });
    Reply::raw(status, "application/json", body.to_string())
}

/// Locks a mutex. No code panics while it holds one of these locks, so the value of a poisoned lock is consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
