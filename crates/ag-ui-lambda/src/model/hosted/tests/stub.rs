//! A server that records requests and plays answers, piece by piece.

use std::collections::VecDeque;
use std::future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

pub(super) struct Stub {
    listener: TcpListener,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How HEAD is answered.
    head: String,
    answers: VecDeque<Answer>,
    seen: Vec<Seen>,
    connections: usize,
}

/// A request as it came.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: Value,
}

pub(super) struct Answer {
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

impl Answer {
    pub(super) fn stream(pieces: Vec<String>) -> Self {
        Self { status: 200, headers: "content-type: text/event-stream\r\n".into(), pieces, end: End::Clean }
    }

    pub(super) fn status(status: u16, headers: &str, body: impl Into<String>) -> Self {
        Self { status, headers: headers.into(), pieces: vec![body.into()], end: End::Clean }
    }

    /// The end of the body comes when it is told to.
    pub(super) fn ending_at(self, signal: Arc<Notify>) -> Self {
        Self { end: End::Late(signal), ..self }
    }

    /// The connection breaks off behind the pieces.
    pub(super) fn cut(self) -> Self {
        Self { end: End::Cut, ..self }
    }

    /// The last piece comes again and again, with a pause between.
    pub(super) fn again(self, pause: Duration) -> Self {
        Self { end: End::Again(pause), ..self }
    }

    /// The connection is closed in place of an answer.
    pub(super) fn hung_up() -> Self {
        Self { status: 0, headers: String::new(), pieces: Vec::new(), end: End::Cut }
    }

    /// The body ends well, and the connection is closed right behind it.
    pub(super) fn closed(self) -> Self {
        Self { end: End::Closed, ..self }
    }

    /// Nothing comes behind the pieces, and no end.
    pub(super) fn silent(self) -> Self {
        Self { end: End::Silent, ..self }
    }
}

impl Stub {
    pub(super) async fn playing(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State { answers: answers.into_iter().collect(), ..State::default() };
        Self { listener, state: Mutex::new(state) }
    }

    /// The same server, which closes the connection behind a HEAD.
    pub(super) fn closing_behind_head(self) -> Self {
        self.state.lock().unwrap().head = "connection: close\r\n".into();
        self
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Serves while `work` goes on.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            out = work => out,
            () = self.serve() => unreachable!("it serves for ever"),
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    async fn serve(&self) {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    self.state.lock().unwrap().connections += 1;
                    open.push(self.converse(accepted.unwrap().0));
                }
                Some(()) = open.next() => {}
            }
        }
    }

    async fn converse(&self, mut socket: TcpStream) {
        socket.set_nodelay(true).unwrap();
        while let Some(seen) = read(&mut socket).await {
            let is_head = seen.head.starts_with("HEAD");
            let answer = {
                let mut state = self.state.lock().unwrap();
                state.seen.push(seen);
                if is_head {
                    Err(state.head.clone())
                } else {
                    state.answers.pop_front().ok_or_else(String::new)
                }
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(head) => {
                    let is_closed = head.contains("close");
                    let none = format!("HTTP/1.1 404 Not Found\r\n{head}content-length: 0\r\n\r\n");
                    if socket.write_all(none.as_bytes()).await.is_err() || is_closed {
                        return;
                    }
                    continue;
                }
            };
            if !play(&mut socket, answer).await {
                return;
            }
        }
    }
}

/// Reads a request with a body of known length; None when the client is gone.
async fn read(socket: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let body_at = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..body_at].to_vec()).unwrap();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<usize>().unwrap())
    });
    while bytes.len() < body_at + length.unwrap_or(0) {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = serde_json::from_slice(&bytes[body_at..]).unwrap_or_default();
    Some(Seen { head, body })
}

/// Whether the connection may be used again.
async fn play(socket: &mut TcpStream, answer: Answer) -> bool {
    if answer.status == 0 {
        return false;
    }
    let head =
        format!("HTTP/1.1 {} X\r\n{}transfer-encoding: chunked\r\n\r\n", answer.status, answer.headers);
    let chunks = answer.pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()));
    for bytes in std::iter::once(head).chain(chunks) {
        if socket.write_all(bytes.as_bytes()).await.is_err() {
            return false;
        }
        // A piece at a time, as providers send them.
        tokio::task::yield_now().await;
    }
    match answer.end {
        End::Late(signal) => {
            signal.notified().await;
            socket.write_all(b"0\r\n\r\n").await.is_ok()
        }
        End::Clean => socket.write_all(b"0\r\n\r\n").await.is_ok(),
        End::Closed => {
            // The request on the way finds the connection closed, or is reset.
            let _ = socket.write_all(b"0\r\n\r\n").await;
            let _ = socket.readable().await;
            false
        }
        End::Cut => false,
        End::Silent => future::pending().await,
        End::Again(pause) => {
            let piece = answer.pieces.last().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()));
            while socket.write_all(piece.as_deref().unwrap_or_default().as_bytes()).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
            false
        }
    }
}
