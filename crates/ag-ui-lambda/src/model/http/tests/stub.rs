//! A server that records requests and sends prepared responses, piece by piece.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{future, vec};

use ag_ui_dev::loopback::{Connection, Loopback};
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::Notify;

/// A server on this machine.
pub(super) struct Stub {
    state: Arc<State>,
    server: Loopback,
}

#[derive(Default)]
struct State {
    /// The headers of responses to HEAD.
    head: Mutex<&'static str>,
    responses: Mutex<VecDeque<StubResponse>>,
    requests: Mutex<Vec<RecordedRequest>>,
}

/// A request that the server received.
#[derive(Clone)]
pub(super) struct RecordedRequest {
    pub(super) head: String,
    pub(super) body: Value,
}

/// A prepared response.
pub(super) struct StubResponse {
    status: u16,
    headers: String,
    pieces: Vec<String>,
    end: End,
}

/// What happens after the pieces of a response.
enum End {
    /// The body ends.
    Clean,
    /// The body ends when the signal comes.
    Late(Arc<Notify>),
    /// The body ends, and the connection is closed although the response promised to keep it.
    Closed,
    /// The connection breaks off within the body.
    Cut,
    /// Nothing more comes.
    Silent,
    /// The last piece is repeated with a pause.
    Again(Duration),
}

impl StubResponse {
    /// Creates an event stream of these pieces.
    pub(super) fn stream(pieces: Vec<String>) -> Self {
        Self { status: 200, headers: "content-type: text/event-stream\r\n".into(), pieces, end: End::Clean }
    }

    /// Creates a response with this status, header lines and body.
    pub(super) fn status(status: u16, headers: &str, body: impl Into<String>) -> Self {
        Self { status, headers: headers.into(), pieces: vec![body.into()], end: End::Clean }
    }

    /// Ends the body on request.
    pub(super) fn end_on_signal(self, signal: Arc<Notify>) -> Self {
        Self { end: End::Late(signal), ..self }
    }

    /// Breaks the connection off after the pieces.
    pub(super) fn cut_off(self) -> Self {
        Self { end: End::Cut, ..self }
    }

    /// Repeats the last piece for ever, with a pause before each repetition.
    pub(super) fn repeat_last(self, pause: Duration) -> Self {
        Self { end: End::Again(pause), ..self }
    }

    /// Closes the connection in place of a response.
    pub(super) fn hang_up() -> Self {
        Self { status: 0, headers: String::new(), pieces: Vec::new(), end: End::Cut }
    }

    /// Closes the connection right after the end of the body.
    pub(super) fn close_connection(self) -> Self {
        Self { end: End::Closed, ..self }
    }

    /// Sends nothing after the pieces, and keeps the connection open.
    pub(super) fn then_silent(self) -> Self {
        Self { end: End::Silent, ..self }
    }
}

impl Stub {
    /// Starts a server that sends these responses in this order, and 404 after them.
    pub(super) fn with_responses(responses: impl IntoIterator<Item = StubResponse>) -> Self {
        let responses = Mutex::new(responses.into_iter().collect());
        let state = Arc::new(State { responses, ..State::default() });
        let shared = Arc::clone(&state);
        let server = Loopback::serve(move |request| Arc::clone(&shared).respond(request)).unwrap();
        Self { state, server }
    }

    /// Closes the connection after each response to HEAD.
    pub(super) fn close_after_head(self) -> Self {
        *self.state.head.lock().unwrap() = "connection: close\r\n";
        self
    }

    /// Returns the server's address.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the requests so far.
    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Returns the number of connections that were opened.
    pub(super) fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Stops listening.
    pub(super) async fn close(self) {
        self.server.close().await;
    }
}

impl State {
    /// Records a request and sends the next response.
    async fn respond(
        self: Arc<Self>,
        request: http::Request<Incoming>,
    ) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let lines =
            head.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
        let text = format!("{} {} HTTP/1.1\r\n{}", head.method, head.uri, lines.collect::<String>());
        let recorded =
            RecordedRequest { head: text, body: serde_json::from_slice(&body).unwrap_or_default() };
        self.requests.lock().unwrap().push(recorded);
        let is_head = head.method == Method::HEAD;
        let prepared = if is_head { None } else { self.responses.lock().unwrap().pop_front() };
        let prepared = prepared.unwrap_or_else(|| {
            StubResponse::status(404, if is_head { *self.head.lock().unwrap() } else { "" }, "")
        });
        // Only the response that closes the connection has no valid status.
        let status = StatusCode::from_u16(prepared.status).map_err(io::Error::other)?;
        let connection = head.extensions.get::<Connection>().unwrap().clone();
        let body = ResponseBody {
            pieces: prepared.pieces.into_iter(),
            last: String::new(),
            end: prepared.end,
            connection,
        };
        let body = StreamBody::new(stream::unfold(body, ResponseBody::next)).boxed_unsync();
        let headers = prepared.headers.lines().map(|line| line.split_once(": ").unwrap());
        let response =
            headers.fold(Response::builder(), |response, (name, value)| response.header(name, value));
        Ok(response.status(status).body(body).unwrap())
    }
}

/// The body of a response that is being sent.
struct ResponseBody {
    pieces: vec::IntoIter<String>,
    /// The piece that was sent last.
    last: String,
    end: End,
    connection: Connection,
}

impl ResponseBody {
    /// Returns the next piece; `None` at the end of the body.
    async fn next(mut self) -> Option<(io::Result<Frame<Bytes>>, Self)> {
        // Each piece is written on its own, as providers send them.
        tokio::task::yield_now().await;
        if let Some(piece) = self.pieces.next() {
            self.last = piece;
        } else {
            match &self.end {
                End::Clean => return None,
                End::Late(signal) => {
                    signal.notified().await;
                    return None;
                }
                End::Closed => {
                    self.connection.close_after_response();
                    return None;
                }
                End::Cut => return Some((Err(io::ErrorKind::ConnectionAborted.into()), self)),
                End::Silent => future::pending().await,
                End::Again(pause) => tokio::time::sleep(*pause).await,
            }
        }
        Some((Ok(Frame::data(self.last.clone().into())), self))
    }
}
