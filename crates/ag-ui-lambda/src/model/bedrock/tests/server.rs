//! A stand-in for Bedrock on this machine: it sends real event-stream frames, and failures at any byte.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::{future, io};

use ag_ui_dev::loopback::Loopback;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockruntime::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::Notify;

use crate::model::Bedrock;

/// The id that the server gives to every request.
pub(super) const REQUEST_ID: &str = "6c1f9f0e-0000-4000-8000-000000000001";

/// How the body of a response ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    /// The connection is closed before the body's end.
    Dropped,
    /// Nothing more comes.
    Silent,
}

/// A prepared response.
pub(super) enum StubResponse {
    /// An event stream of these bytes.
    Events(Vec<u8>, End),
    /// A status, further header lines and a JSON body.
    Error(u16, String, String),
    /// The connection is closed before any byte of a response.
    Reset,
}

/// A received request: its first line and its body.
pub(super) type RecordedRequest = (String, String);

pub(super) struct StubServer {
    state: Arc<State>,
    server: Loopback,
    /// Signals that the client closed the connection of a silent response.
    pub(super) hung_up: Arc<Notify>,
}

#[derive(Default)]
struct State {
    responses: Mutex<VecDeque<StubResponse>>,
    requests: Mutex<Vec<RecordedRequest>>,
    hung_up: Arc<Notify>,
}

impl StubServer {
    /// Starts a server that sends these responses in this order, over any number of connections, and 404 after them.
    pub(super) fn with_responses(responses: impl IntoIterator<Item = StubResponse>) -> Self {
        let responses = Mutex::new(responses.into_iter().collect());
        let state = Arc::new(State { responses, ..State::default() });
        let shared = Arc::clone(&state);
        let server = Loopback::serve(move |request| Arc::clone(&shared).respond(request)).unwrap();
        Self { hung_up: Arc::clone(&state.hung_up), state, server }
    }

    /// A model that asks this server.
    pub(super) fn model(&self, id: &str) -> Bedrock {
        Bedrock::new(id).with_config(&self.config())
    }

    /// Returns the SDK configuration for this server.
    pub(super) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIDEXAMPLE", "s3cret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.server.url())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    /// Returns the requests so far.
    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Returns the number of connections that were opened.
    pub(super) fn connections(&self) -> usize {
        self.server.connections()
    }
}

impl State {
    /// Records a request and sends the next response.
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let recorded =
            (format!("{} {} HTTP/1.1", head.method, head.uri), String::from_utf8(body.into()).unwrap());
        self.requests.lock().unwrap().push(recorded);
        let prepared =
            if head.method == Method::GET { None } else { self.responses.lock().unwrap().pop_front() };
        let response = Response::builder().header("x-amzn-requestid", REQUEST_ID);
        let (response, bytes, end) = match prepared {
            Some(StubResponse::Events(bytes, end)) => {
                (response.header("content-type", "application/vnd.amazon.eventstream"), bytes, end)
            }
            Some(StubResponse::Error(status, headers, body)) => {
                let response = response.status(status).header("content-type", "application/json");
                let headers = headers.lines().map(|line| line.split_once(": ").unwrap());
                let add = |response: http::response::Builder, (name, value)| response.header(name, value);
                (headers.fold(response, add), body.into_bytes(), End::Complete)
            }
            Some(StubResponse::Reset) => return Err(io::ErrorKind::ConnectionReset.into()),
            None => (
                response.status(404).header("content-type", "application/json"),
                b"{}".to_vec(),
                End::Complete,
            ),
        };
        let hang_up = (end == End::Silent).then(|| NotifyOnDrop(Arc::clone(&self.hung_up)));
        let last = stream::once(async move {
            // The bytes are written before the body ends.
            tokio::task::yield_now().await;
            match end {
                End::Complete => None,
                End::Dropped => Some(Err(io::ErrorKind::ConnectionAborted.into())),
                End::Silent => {
                    let _noticed = hang_up;
                    future::pending().await
                }
            }
        });
        let frames = stream::iter([Ok(Frame::data(bytes.into()))]).chain(last.filter_map(future::ready));
        Ok(response.body(StreamBody::new(frames).boxed_unsync()).unwrap())
    }
}

/// Notifies when it is dropped.
struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Returns the bytes of an event.
pub(super) fn event(kind: &str, payload: &Value) -> Vec<u8> {
    frame(&[(":message-type", "event"), (":event-type", kind)], payload)
}

/// Returns the bytes of an exception.
pub(super) fn exception(kind: &str, payload: &Value) -> Vec<u8> {
    frame(&[(":message-type", "exception"), (":exception-type", kind)], payload)
}

/// Encodes an event-stream frame.
fn frame(headers: &[(&'static str, &str)], payload: &Value) -> Vec<u8> {
    let mut message = Message::new(payload.to_string().into_bytes());
    for (name, value) in headers.iter().chain(&[(":content-type", "application/json")]) {
        message = message.add_header(Header::new(*name, HeaderValue::String(value.to_string().into())));
    }
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}
