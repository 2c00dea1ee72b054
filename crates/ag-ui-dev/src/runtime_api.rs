//! The Lambda Runtime API: where a function asks for events and posts its answers.
//!
//! Speaks to any client; it neither knows nor needs the process behind it. A response is answered only
//! after its body has ended, as AWS does. It does not freeze the function between events and does not stop
//! it at the deadline.
//!
//! Source: the Lambda developer guide's pages on custom runtimes and on response streaming, and
//! lambda_runtime 1.5 `requests.rs`.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{Notify, SetOnce, oneshot};
use uuid::Uuid;

use super::{
    answer::{self, Answer, Reply},
    error::{Failure, FunctionError},
    invocation::{self, Invocation, Payload},
    loopback::Loopback,
};

/// A Runtime API on a port of its own.
pub(super) struct RuntimeApi {
    /// What the connections share.
    state: Arc<State>,
    /// Ends every connection when dropped.
    server: Loopback,
}

#[derive(Default)]
struct State {
    /// Events that no worker has taken yet.
    queue: Mutex<VecDeque<Event>>,
    /// Wakes a worker when the queue has grown.
    arrived: Notify,
    /// Who waits for the answer to which request.
    running: Mutex<HashMap<String, Reply>>,
    /// When the function first asked for work.
    first_ask: SetOnce<Instant>,
    /// What the function said instead.
    init_failure: SetOnce<Failure>,
}

struct Event {
    id: String,
    payload: Payload,
    invocation: Invocation,
    reply: Reply,
}

impl RuntimeApi {
    pub(super) async fn start() -> io::Result<Self> {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let serve = move |request| {
            let response = Arc::clone(&shared).route(request);
            async move { Ok::<_, Infallible>(response.await) }
        };
        let server = Loopback::serve(serve)?;
        Ok(Self { state, server })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Resolves when the function first asks for work.
    pub(super) async fn first_ask(&self) -> Instant {
        *self.state.first_ask.wait().await
    }

    /// Resolves when the function reports that it cannot start.
    pub(super) async fn init_failure(&self) -> Failure {
        self.state.init_failure.wait().await.clone()
    }

    /// Queues an event and waits for the head of its answer.
    pub(super) async fn invoke(
        &self,
        payload: Payload,
        invocation: Invocation,
    ) -> Result<Answer, FunctionError> {
        let (reply, answer) = oneshot::channel();
        let id = invocation.request_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        lock(&self.state.queue).push_back(Event { id, payload, invocation, reply });
        self.state.arrived.notify_one();
        answer.await.unwrap_or(Err(FunctionError::Closed))
    }
}

impl State {
    async fn route(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let path: Vec<&str> = head.uri.path().split('/').skip(1).collect();
        match (head.method.as_str(), path.as_slice()) {
            ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => self.next().await,
            ("POST", ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.response(id, &head, body).await
            }
            ("POST", ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                let failure = failure(&head.headers, body).await;
                let Some(reply) = self.take(id) else {
                    return unknown_request();
                };
                let _ = reply.send(Err(FunctionError::Failed(failure)));
                accepted()
            }
            ("POST", ["2018-06-01", "runtime", "init", "error"]) => {
                // Only the first one counts.
                let _ = self.init_failure.set(failure(&head.headers, body).await);
                accepted()
            }
            ("POST", ["2020-01-01", "extension", "register"]) => {
                let function = json!({ "functionName": "ag-ui-dev", "functionVersion": "$LATEST", "handler": "bootstrap" });
                let mut response = reply(StatusCode::OK, &function);
                response
                    .headers_mut()
                    .insert("lambda-extension-identifier", invocation::header(Uuid::new_v4().to_string()));
                response
            }
            // No extension is told of events or of a shutdown yet.
            ("GET", ["2020-01-01", "extension", "event", "next"]) => std::future::pending().await,
            _ => reply(StatusCode::NOT_FOUND, &json!({ "errorType": "NotFound" })),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        // Only the first one counts.
        let _ = self.first_ask.set(Instant::now());
        let Event { id, payload, invocation, reply } = loop {
            match lock(&self.queue).pop_front() {
                // Nobody waits for this one any more.
                Some(event) if event.reply.is_closed() => continue,
                Some(event) => break event,
                None => {}
            }
            self.arrived.notified().await;
        };
        let mut response = Response::new(Full::new(payload.0));
        *response.headers_mut() = invocation.into_headers(&id);
        lock(&self.running).insert(id, reply);
        response
    }

    async fn response(&self, id: &str, head: &Parts, body: Incoming) -> Response<Full<Bytes>> {
        let Some(reply) = self.take(id) else {
            return unknown_request();
        };
        let mode = head.headers.get("lambda-runtime-function-response-mode");
        if mode.is_some_and(|mode| mode == "streaming") {
            answer::relay(body, reply).await;
        } else {
            let answer = match body.collect().await {
                Ok(body) => answer::buffered(&body.to_bytes()),
                Err(_) => Err(FunctionError::Closed),
            };
            let _ = reply.send(answer);
        }
        accepted()
    }

    fn take(&self, id: &str) -> Option<Reply> {
        lock(&self.running).remove(id)
    }
}

async fn failure(headers: &HeaderMap, body: Incoming) -> Failure {
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_else(|_| {
        let error_type = headers.get("lambda-runtime-function-error-type");
        Failure {
            error_type: error_type.and_then(|value| value.to_str().ok()).unwrap_or("unknown").to_owned(),
            error_message: String::from_utf8_lossy(&body).into_owned(),
        }
    })
}

fn accepted() -> Response<Full<Bytes>> {
    reply(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn unknown_request() -> Response<Full<Bytes>> {
    reply(StatusCode::BAD_REQUEST, &json!({ "errorType": "InvalidRequestID" }))
}

fn reply(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response
}

/// No panic happens under these locks, so a poisoned one is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
