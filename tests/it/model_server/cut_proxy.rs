//! A proxy that hangs up in the middle of a streamed answer.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Events of a stream that pass before the connection is closed.
const EVENTS: usize = 12;

/// The proxy, gone when dropped.
pub(super) struct CutProxy {
    /// The server's address, at this proxy.
    pub(super) url: String,
    turns: watch::Sender<usize>,
    _tasks: JoinSet<()>,
}

impl CutProxy {
    /// A proxy in front of a base URL.
    pub(super) async fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Url::parse(url).unwrap();
        let turns = watch::Sender::new(0);
        let forward =
            Forward { server: server.clone(), client: reqwest::Client::new(), turns: turns.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, forward));
        Self { url: format!("http://{address}{}", server.path()), turns, _tasks: tasks }
    }

    /// How many turns were asked for.
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

async fn accept(listener: TcpListener, forward: Forward) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let forward = forward.clone();
        connections.spawn(async move {
            let answer = service_fn(move |request| {
                let forward = forward.clone();
                async move { Ok::<_, Infallible>(forward.answer(request).await) }
            });
            // It is cut, which is what it is for.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Forward {
    async fn answer(self, request: Request<Incoming>) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
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
        response.body(StreamBody::new(stream::unfold((answer, 0), next)).boxed_unsync()).unwrap()
    }
}

/// The next bytes of an answer, or an error behind its first events, which closes the connection.
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
