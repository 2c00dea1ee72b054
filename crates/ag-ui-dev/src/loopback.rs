//! A small HTTP/1.1 server on 127.0.0.1, for the other side of what a test or a development server drives.
//!
//! [`Loopback`] reads requests and writes what one function answers to them. It has no routes and knows no protocol above
//! HTTP: those belong to the function.
//!
//! The rule it guards: every connection and every answer that is still being written ends with the server.

use std::{
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket},
    pin,
    sync::Notify,
    task::JoinSet,
    time::sleep,
};

/// What may wait unread in the kernel and in hyper; by default the two would hide megabytes from a test of
/// back-pressure. Not smaller: loopback segments are 64 KiB, and a window below that stalls the sender.
const SOCKET_BUFFER_BYTES: u32 = 256 * 1024;
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// How long a connection stays open behind its last response: long enough for a client to send a request on it.
const CLOSED_AFTER: Duration = Duration::from_millis(20);

/// The connection that a request came over; every request has it in its extensions.
#[derive(Clone, Default)]
pub struct Connection(Arc<(AtomicBool, Notify)>);

impl Connection {
    /// Closes the connection 20 ms from now, though the response's head did not announce it.
    ///
    /// It is called where the response's body ends. A request that comes over the connection in these 20 ms is not
    /// answered: a client meets the same when a server closes an idle connection just as it is used again.
    pub fn close_after_response(&self) {
        let (is_closing, asked) = &*self.0;
        is_closing.store(true, Ordering::SeqCst);
        asked.notify_one();
    }

    fn is_closing(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    async fn close_time(&self) {
        self.0.1.notified().await;
        sleep(CLOSED_AFTER).await;
    }
}

/// An HTTP/1.1 server on 127.0.0.1; it ends, with its connections, when it is dropped.
pub struct Loopback {
    address: SocketAddr,
    /// Owns the accept loop, which owns the connections: all end with this value.
    tasks: JoinSet<()>,
    /// How many connections were accepted.
    connections: Arc<AtomicUsize>,
}

impl Loopback {
    /// Listens on a free port and answers each request with `answer`.
    ///
    /// An error of `answer` closes the connection without a response, and an error of the response's body closes it in the
    /// middle of the response. A response that has no length is written in chunks, one for each frame of its body.
    ///
    /// # Errors
    /// When there is no port.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn serve<A, F, B, E>(answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        Self::serve_on(0, answer)
    }

    /// Listens on this port, as [`serve`](Self::serve) does on a free one.
    ///
    /// # Errors
    /// When the port is taken.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn serve_on<A, F, B, E>(port: u16, answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        // A server that has just ended leaves its port to the next.
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let listener = socket.listen(128)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&connections), answer));
        Ok(Self { address, tasks, connections })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL without a path: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Ends the server and waits until nobody listens on its port. After a drop that is so only a moment later.
    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Why a connection is closed without a response.
#[derive(Debug, thiserror::Error)]
enum Failure<E> {
    #[error(transparent)]
    Answer(E),
    #[error("the connection is closed behind an earlier response")]
    Closing,
}

async fn accept<A, F, B, E>(listener: TcpListener, accepted: Arc<AtomicUsize>, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            stream = listener.accept() => stream,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = stream else {
            // Out of descriptors, say: it may pass, and a loop without a pause would burn a core meanwhile.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        accepted.fetch_add(1, Ordering::SeqCst);
        // Without it a connection still serves, only later.
        let _ = stream.set_nodelay(true);
        let (connection, answer) = (Connection::default(), answer.clone());
        let of_requests = connection.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(of_requests.clone());
            let response = (!of_requests.is_closing()).then(|| answer(request));
            async move {
                match response {
                    Some(response) => response.await.map_err(Failure::Answer),
                    None => Err(Failure::Closing),
                }
            }
        });
        connections.spawn(async move {
            let served = http1::Builder::new()
                .max_buf_size(READ_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            pin!(served);
            // A connection that breaks is the reader's business: it sees a body that was cut.
            tokio::select! {
                _ = served.as_mut() => {}
                () = connection.close_time() => {
                    served.as_mut().graceful_shutdown();
                    let _ = served.await;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::ready};

    use super::*;

    #[tokio::test]
    async fn requests_are_answered_until_the_server_is_closed_and_its_port_is_free_then() {
        let answer = |request: Request<Incoming>| {
            ready(Ok::<_, Infallible>(Response::new(request.uri().path().to_owned())))
        };
        let server = Loopback::serve(answer).unwrap();
        let (url, port) = (format!("{}/a", server.url()), server.address().port());

        for _ in 0..2 {
            assert_eq!(reqwest::get(&url).await.unwrap().text().await.unwrap(), "/a");
        }
        assert_eq!(server.connections(), 2);
        server.close().await;
        assert!(reqwest::get(&url).await.unwrap_err().is_connect());

        let _next = Loopback::serve_on(port, answer).unwrap();
        assert_eq!(reqwest::get(&url).await.unwrap().text().await.unwrap(), "/a");
    }
}
