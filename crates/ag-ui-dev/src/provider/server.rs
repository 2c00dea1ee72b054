//! How a provider is served: requests in, replies out, one piece a write.

use std::{
    collections::VecDeque,
    fmt, future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    vec,
};

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::{sync::watch, task::yield_now, time::sleep};

use super::{
    Asked, Reply,
    reply::{Headless, Step},
};
use crate::loopback::Connection;

/// A test's opinion of a request's body.
type Judge = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// What the connections share.
#[derive(Default)]
pub(super) struct State {
    /// For the requests to come.
    replies: Mutex<VecDeque<Reply>>,
    /// For those that find none queued.
    always: Mutex<Option<Reply>>,
    /// Who checks them.
    judge: Mutex<Option<Judge>>,
    /// Requests that are not POSTs are answered as llama.cpp's server answers them.
    is_llama_cpp: bool,
    /// The POSTs so far.
    pub(super) asked: watch::Sender<Vec<Asked>>,
    /// How many other requests came.
    pub(super) probes: watch::Sender<usize>,
    /// How many replies were dropped before their end.
    pub(super) left: watch::Sender<usize>,
}

/// The connection is closed without what should have come.
#[derive(Debug)]
pub(super) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reply ends here")
    }
}

impl std::error::Error for Closed {}

pub(super) type Answer = Result<Response<UnsyncBoxBody<Bytes, Closed>>, Closed>;

/// The body of a reply while it is sent.
struct Playing {
    steps: vec::IntoIter<Step>,
    state: Arc<State>,
    /// What it is sent over.
    connection: Option<Connection>,
}

impl State {
    pub(super) fn as_llama_cpp() -> Self {
        Self { is_llama_cpp: true, ..Self::default() }
    }

    pub(super) fn queue(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.replies).extend(replies);
    }

    pub(super) fn always(&self, reply: Reply) {
        *lock(&self.always) = Some(reply);
    }

    pub(super) fn judge(&self, judge: Judge) {
        *lock(&self.judge) = Some(judge);
    }

    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let connection = head.extensions.get::<Connection>().cloned();
        if head.method != Method::POST {
            self.probes.send_modify(|probes| *probes += 1);
            if self.is_llama_cpp {
                return self.play(llama_cpp_not_a_turn(&head.method), None).await;
            }
            let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
        let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
        let (body, refused) = match serde_json::from_slice(&body) {
            Ok(body) => {
                let judge = lock(&self.judge).clone();
                let refused = judge.and_then(|judge| judge(&body).err());
                (body, refused)
            }
            Err(error) => (Value::Null, Some(format!("body is not JSON: {error}"))),
        };
        let reply = match &refused {
            Some(why) => refusal(400, why),
            None => match self.next() {
                Reply { condition: Some((text, otherwise)), .. } if !body.to_string().contains(&text) => {
                    *otherwise
                }
                reply => reply,
            },
        };
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        self.asked.send_modify(|asked| asked.push(Asked { path, headers: head.headers, body, refused }));
        self.play(reply, connection).await
    }

    fn next(&self) -> Reply {
        let queued = lock(&self.replies).pop_front();
        let reply = queued.or_else(|| lock(&self.always).clone());
        reply.unwrap_or_else(|| refusal(500, "no reply is queued"))
    }

    async fn play(self: Arc<Self>, reply: Reply, connection: Option<Connection>) -> Answer {
        let playing = Playing { steps: reply.steps.into_iter(), state: self, connection };
        match reply.headless {
            Some(Headless::HangUp) => return Err(Closed),
            Some(Headless::Silence) => return future::pending().await,
            None => {}
        }
        let body = StreamBody::new(stream::unfold(playing, Playing::next));
        let mut response = Response::builder().status(reply.status);
        for (name, value) in &reply.headers {
            response = response.header(name, value);
        }
        response.body(body.boxed_unsync()).map_err(|_| Closed)
    }
}

impl Playing {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Closed>, Self)> {
        loop {
            // hyper writes to the socket when a body has nothing to give for now.
            yield_now().await;
            match self.steps.as_slice().first()? {
                Step::Send(_) => {}
                Step::Wait(gate) => gate.passed().await,
                Step::Pause(time) => sleep(*time).await,
                Step::Cut => {
                    self.steps.next();
                    return Some((Err(Closed), self));
                }
                Step::Close => self.connection.iter().for_each(Connection::close_after_response),
                Step::Stall => future::pending().await,
            }
            // A step is over when it was done, so that one which is waited at counts as left.
            if let Some(Step::Send(piece)) = self.steps.next() {
                return Some((Ok(Frame::data(piece)), self));
            }
        }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        if !self.steps.as_slice().is_empty() {
            self.state.left.send_modify(|left| *left += 1);
        }
    }
}

/// How llama.cpp answers a request that is no POST.
fn llama_cpp_not_a_turn(method: &Method) -> Reply {
    if *method == Method::GET {
        let models = json!({ "object": "list", "data": [{ "id": "stub", "object": "model" }] });
        return Reply::raw(200, "application/json; charset=utf-8", models.to_string())
            .header("keep-alive", "timeout=5, max=100");
    }
    let refusal = Reply::llama_cpp_error(404, "not_found_error", "File Not Found");
    // The answer to a HEAD has no body.
    if *method == Method::HEAD { refusal.end_after(0) } else { refusal }
}

/// An error of the stub's own, worded so that every provider's client finds the message.
fn refusal(status: u16, message: &str) -> Reply {
    let error = json!({ "type": "stub", "code": status, "message": message });
    let body = json!({ "type": "error", "error": error, "message": message });
    Reply::raw(status, "application/json", body.to_string())
}

/// No panic happens under these locks, so a poisoned one is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
