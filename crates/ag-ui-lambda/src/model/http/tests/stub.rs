//! A server that records requests and plays answers, piece by piece.

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

pub(super) struct Stub {
    state: Arc<State>,
    server: Loopback,
}

#[derive(Default)]
struct State {
    /// How HEAD is answered.
    head: Mutex<&'static str>,
    answers: Mutex<VecDeque<StubResponse>>,
    seen: Mutex<Vec<RecordedRequest>>,
}

/// A request as it came.
#[derive(Clone)]
pub(super) struct RecordedRequest {
    pub(super) head: String,
    pub(super) body: Value,
}

pub(super) struct StubResponse {
    status: u16,
    headers: String,
    pieces: Vec<String>,
    end: End,
}

enum End {
    Clean,
    Late(Arc<Notify>),
    /// The connection is closed behind an end that promised to keep it.
    Closed,
    Cut,
    Silent,
    Again(Duration),
}

impl StubResponse {
    pub(super) fn stream(pieces: Vec<String>) -> Self {
        Self { status: 200, headers: "content-type: text/event-stream\r\n".into(), pieces, end: End::Clean }
    }

    pub(super) fn status(status: u16, headers: &str, body: impl Into<String>) -> Self {
        Self { status, headers: headers.into(), pieces: vec![body.into()], end: End::Clean }
    }

    /// Ends the body on request.
    pub(super) fn end_on_signal(self, signal: Arc<Notify>) -> Self {
        Self { end: End::Late(signal), ..self }
    }

    /// The connection breaks off behind the pieces.
    pub(super) fn cut_off(self) -> Self {
        Self { end: End::Cut, ..self }
    }

    /// The last piece comes again and again, with a pause between.
    pub(super) fn repeat_last(self, pause: Duration) -> Self {
        Self { end: End::Again(pause), ..self }
    }

    /// The connection is closed in place of an answer.
    pub(super) fn hang_up() -> Self {
        Self { status: 0, headers: String::new(), pieces: Vec::new(), end: End::Cut }
    }

    /// The body ends well, and the connection is closed right behind it.
    pub(super) fn close_connection(self) -> Self {
        Self { end: End::Closed, ..self }
    }

    /// Nothing comes behind the pieces, and no end.
    pub(super) fn then_silent(self) -> Self {
        Self { end: End::Silent, ..self }
    }
}

impl Stub {
    pub(super) fn with_responses(answers: impl IntoIterator<Item = StubResponse>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect());
        let state = Arc::new(State { answers, ..State::default() });
        let shared = Arc::clone(&state);
        let server = Loopback::serve(move |request| Arc::clone(&shared).answer(request)).unwrap();
        Self { state, server }
    }

    /// The same server, which closes the connection behind a HEAD.
    pub(super) fn close_after_head(self) -> Self {
        *self.state.head.lock().unwrap() = "connection: close\r\n";
        self
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Stops listening.
    pub(super) async fn close(self) {
        self.server.close().await;
    }
}

impl State {
    async fn answer(
        self: Arc<Self>,
        request: http::Request<Incoming>,
    ) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let lines =
            head.headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
        let text = format!("{} {} HTTP/1.1\r\n{}", head.method, head.uri, lines.collect::<String>());
        let seen = RecordedRequest { head: text, body: serde_json::from_slice(&body).unwrap_or_default() };
        self.seen.lock().unwrap().push(seen);
        let is_head = head.method == Method::HEAD;
        let answer = if is_head { None } else { self.answers.lock().unwrap().pop_front() };
        let answer = answer.unwrap_or_else(|| {
            StubResponse::status(404, if is_head { *self.head.lock().unwrap() } else { "" }, "")
        });
        // Only the answer that hangs up has none.
        let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
        let connection = head.extensions.get::<Connection>().unwrap().clone();
        let body =
            ResponseBody { pieces: answer.pieces.into_iter(), last: String::new(), end: answer.end, connection };
        let body = StreamBody::new(stream::unfold(body, ResponseBody::next)).boxed_unsync();
        let headers = answer.headers.lines().map(|line| line.split_once(": ").unwrap());
        let response =
            headers.fold(Response::builder(), |response, (name, value)| response.header(name, value));
        Ok(response.status(status).body(body).unwrap())
    }
}

/// The body of an answer while it is sent.
struct ResponseBody {
    pieces: vec::IntoIter<String>,
    /// The piece that was sent last.
    last: String,
    end: End,
    connection: Connection,
}

impl ResponseBody {
    async fn next(mut self) -> Option<(io::Result<Frame<Bytes>>, Self)> {
        // A piece at a time, as providers send them: it is written while there is no other.
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
