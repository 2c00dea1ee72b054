//! The Lambda Runtime API: a function polls it for events and posts its responses to it.
//!
//! It works with any client and knows nothing about the process of the function. It acknowledges a response when its body has
//! ended, as AWS does. It neither freezes the function between events nor stops it at the deadline.
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
    error::{FunctionError, ReportedError},
    function_response::{self, FunctionResponse, ResponseSender},
    invocation::{self, Invocation, Payload},
    loopback::Loopback,
};

/// A Runtime API on a port of its own.
pub(super) struct RuntimeApi {
    /// What all connections share.
    state: Arc<ApiState>,
    /// Ends every connection when dropped.
    server: Loopback,
}

#[derive(Default)]
struct ApiState {
    /// The events that no worker of the function has taken yet.
    queue: Mutex<VecDeque<QueuedEvent>>,
    /// Wakes a worker when an event is added to the queue.
    arrived: Notify,
    /// For each request id, the caller that waits for the response.
    running: Mutex<HashMap<String, ResponseSender>>,
    /// When the function first polled for an event.
    first_poll: SetOnce<Instant>,
    /// The error that the function reported in place of a first poll.
    init_error: SetOnce<ReportedError>,
}

/// An event that waits for a worker of the function.
struct QueuedEvent {
    id: String,
    payload: Payload,
    invocation: Invocation,
    caller: ResponseSender,
}

impl RuntimeApi {
    /// Starts a Runtime API on a free port of 127.0.0.1.
    pub(super) async fn start() -> io::Result<Self> {
        let state = Arc::new(ApiState::default());
        let shared = Arc::clone(&state);
        let serve = move |request| {
            let response = Arc::clone(&shared).route(request);
            async move { Ok::<_, Infallible>(response.await) }
        };
        let server = Loopback::serve(serve)?;
        Ok(Self { state, server })
    }

    /// Returns the address of the Runtime API, for the variable `AWS_LAMBDA_RUNTIME_API` of the function.
    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Waits until the function first polls for an event, and returns the time of this poll.
    /// [`Function::ready`](crate::function::Function::ready) waits for this.
    pub(super) async fn first_poll(&self) -> Instant {
        *self.state.first_poll.wait().await
    }

    /// Waits until the function reports an error in place of its first poll, and returns this error; forever if it reports
    /// none. [`Function::ready`](crate::function::Function::ready) waits for this too.
    pub(super) async fn init_error(&self) -> ReportedError {
        self.state.init_error.wait().await.clone()
    }

    /// Puts an event into the queue for the function, and waits until the status and the headers of the response were read.
    ///
    /// # Errors
    /// [`FunctionError`] if the function reports an error, closes the connection or sends a malformed response.
    pub(super) async fn invoke(
        &self,
        payload: Payload,
        invocation: Invocation,
    ) -> Result<FunctionResponse, FunctionError> {
        let (caller, response) = oneshot::channel();
        let id = invocation.request_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        lock(&self.state.queue).push_back(QueuedEvent { id, payload, invocation, caller });
        self.state.arrived.notify_one();
        response.await.unwrap_or(Err(FunctionError::Closed))
    }
}

impl ApiState {
    /// Handles one request of the function to the Runtime API: a poll, a response, an error, or the registration of an
    /// extension. Any other request gets 404.
    async fn route(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let path: Vec<&str> = head.uri.path().split('/').skip(1).collect();
        match (head.method.as_str(), path.as_slice()) {
            ("GET", ["2018-06-01", "runtime", "invocation", "next"]) => self.next().await,
            ("POST", ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.response(id, &head, body).await
            }
            ("POST", ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                let error = reported_error(&head.headers, body).await;
                let Some(caller) = self.take(id) else {
                    return unknown_request();
                };
                let _ = caller.send(Err(FunctionError::Failed(error)));
                accepted()
            }
            ("POST", ["2018-06-01", "runtime", "init", "error"]) => {
                // Only the first one counts.
                let _ = self.init_error.set(reported_error(&head.headers, body).await);
                accepted()
            }
            ("POST", ["2020-01-01", "extension", "register"]) => {
                let function = json!({ "functionName": "ag-ui-dev", "functionVersion": "$LATEST", "handler": "bootstrap" });
                let mut response = json_response(StatusCode::OK, &function);
                response.headers_mut().insert(
                    "lambda-extension-identifier",
                    invocation::header_value(Uuid::new_v4().to_string()),
                );
                response
            }
            // This Runtime API sends extensions neither invocations nor a shutdown.
            ("GET", ["2020-01-01", "extension", "event", "next"]) => std::future::pending().await,
            _ => json_response(StatusCode::NOT_FOUND, &json!({ "errorType": "NotFound" })),
        }
    }

    /// Handles the function's poll for an event: waits for an event in the queue, skips those whose caller has gone, and
    /// returns the event as the HTTP response.
    async fn next(&self) -> Response<Full<Bytes>> {
        // Only the first one counts.
        let _ = self.first_poll.set(Instant::now());
        let QueuedEvent { id, payload, invocation, caller } = loop {
            match lock(&self.queue).pop_front() {
                // Its caller has gone.
                Some(event) if event.caller.is_closed() => continue,
                Some(event) => break event,
                None => {}
            }
            self.arrived.notified().await;
        };
        let mut response = Response::new(Full::new(payload.0));
        *response.headers_mut() = invocation.into_headers(&id);
        lock(&self.running).insert(id, caller);
        response
    }

    /// Receives the function's response to the event with this request id, and passes the response on to the caller. The
    /// HTTP response to the function follows when the body has ended.
    async fn response(&self, id: &str, head: &Parts, body: Incoming) -> Response<Full<Bytes>> {
        let Some(caller) = self.take(id) else {
            return unknown_request();
        };
        let mode = head.headers.get("lambda-runtime-function-response-mode");
        if mode.is_some_and(|mode| mode == "streaming") {
            function_response::relay_streamed(body, caller).await;
        } else {
            let response = match body.collect().await {
                Ok(body) => function_response::read_buffered(&body.to_bytes()),
                Err(_) => Err(FunctionError::Closed),
            };
            let _ = caller.send(response);
        }
        accepted()
    }

    /// Removes and returns the sender to the caller that waits for the response to a request. Returns `None` if the id is
    /// unknown or if the function has already responded.
    fn take(&self, id: &str) -> Option<ResponseSender> {
        lock(&self.running).remove(id)
    }
}

/// Reads an error that the function reports in the body of a request. If the body is not JSON of the right form, it becomes
/// the message, and the type is that of a header.
async fn reported_error(headers: &HeaderMap, body: Incoming) -> ReportedError {
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_else(|_| {
        let error_type = headers.get("lambda-runtime-function-error-type");
        ReportedError {
            error_type: error_type.and_then(|value| value.to_str().ok()).unwrap_or("unknown").to_owned(),
            error_message: String::from_utf8_lossy(&body).into_owned(),
        }
    })
}

/// Creates the HTTP response with which the Runtime API acknowledges a response or an error of the function.
fn accepted() -> Response<Full<Bytes>> {
    json_response(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

/// Creates the HTTP response to a function that responds to an unknown request id, or to one that has its response.
fn unknown_request() -> Response<Full<Bytes>> {
    json_response(StatusCode::BAD_REQUEST, &json!({ "errorType": "InvalidRequestID" }))
}

/// Creates an HTTP response with a JSON body.
fn json_response(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.to_string().into()));
    *response.status_mut() = status;
    response
}

/// Locks a mutex. No code panics while it holds one of these locks, so the value of a poisoned lock is consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
