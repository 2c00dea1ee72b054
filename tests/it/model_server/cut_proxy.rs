//! A proxy that closes the connection in the middle of a streamed response.

use std::convert::Infallible;
use std::io;

use ag_ui_dev::loopback::Loopback;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use reqwest::Url;
use tokio::sync::watch;

/// The number of events that pass before the connection is closed.
const EVENTS: usize = 12;

/// A running proxy. It stops when it is dropped.
pub(super) struct CutProxy {
    /// The proxy's address.
    pub(super) url: String,
    turns: watch::Sender<usize>,
    _proxy: Loopback,
}

impl CutProxy {
    /// Starts a proxy in front of a base URL.
    pub(super) async fn before(url: &str) -> Self {
        let server = Url::parse(url).unwrap();
        let turns = watch::Sender::new(0);
        let forward =
            Forward { server: server.clone(), client: reqwest::Client::new(), turns: turns.clone() };
        let proxy = Loopback::serve(move |request| forward.clone().answer(request)).unwrap();
        Self { url: proxy.url() + server.path(), turns, _proxy: proxy }
    }

    /// Returns the number of turns that were requested.
    pub(super) fn turns(&self) -> usize {
        *self.turns.borrow()
    }
}

#[derive(Clone)]
struct Forward {
    server: Url,
    client: reqwest::Client,
    turns: watch::Sender<usize>,
}

impl Forward {
    /// Forwards a request, and cuts the response if it is a stream.
    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<UnsyncBoxBody<Bytes, io::Error>>, Infallible> {
        let (head, body) = request.into_parts();
        let mut url = self.server.clone();
        url.set_path(head.uri.path());
        url.set_query(head.uri.query());
        let mut headers = head.headers;
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        if head.method == Method::POST {
            self.turns.send_modify(|turns| *turns += 1);
        }
        let body = body.collect().await.unwrap().to_bytes();
        let answer = self.client.request(head.method, url).headers(headers).body(body).send().await.unwrap();
        let mut response = Response::builder().status(answer.status());
        if let Some(kind) = answer.headers().get(CONTENT_TYPE) {
            response = response.header(CONTENT_TYPE, kind);
        }
        Ok(response.body(StreamBody::new(stream::unfold((answer, 0), next)).boxed_unsync()).unwrap())
    }
}

/// Returns the next bytes of a response, or an error after its first events, which closes the connection.
async fn next(
    (mut answer, passed): (reqwest::Response, usize),
) -> Option<(io::Result<Frame<Bytes>>, (reqwest::Response, usize))> {
    if passed >= EVENTS {
        return Some((Err(io::ErrorKind::ConnectionAborted.into()), (answer, 0)));
    }
    let bytes = answer.chunk().await.ok()??;
    let events = bytes.windows(b"data:".len()).filter(|bytes| bytes == b"data:").count();
    Some((Ok(Frame::data(bytes)), (answer, passed + events)))
}
