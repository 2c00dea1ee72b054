//! A small HTTP/1.1 server on 127.0.0.1, for stand-ins of other servers.
//!
//! [`Loopback`] reads requests, calls one async function for each, and writes the response that it returns. It has no
//! routes and knows no protocol above HTTP: that is the work of the function.
//!
//! The rule it guards: every connection, and every response that is still being written, ends with the server.

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

/// The receive buffer of a socket. The default holds megabytes, in which a test of back-pressure would see nothing. It cannot
/// be much smaller: loopback segments are 64 KiB, and a smaller window stalls the sender.
const SOCKET_BUFFER_BYTES: u32 = 256 * 1024;
/// The read buffer of a connection in hyper, for the same reason.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// How long a connection stays open after its last response. It is long enough for a client to send a request on it.
const CLOSE_DELAY: Duration = Duration::from_millis(20);

/// Identifies the connection of a request. The server puts it into the extensions of every request.
#[derive(Clone, Default)]
pub struct Connection(Arc<(AtomicBool, Notify)>);

impl Connection {
    /// Closes the connection 20 ms from now, although the response's headers promise to keep it open. Call this at the end of
    /// the response's body.
    ///
    /// This imitates a server that closes an idle connection just when the client sends its next request: a request that
    /// arrives in these 20 ms gets no response.
    pub fn close_after_response(&self) {
        let (is_closing, close) = &*self.0;
        is_closing.store(true, Ordering::SeqCst);
        close.notify_one();
    }

    /// Whether [`close_after_response`](Self::close_after_response) was called, so that no further request gets a
    /// response. The server checks this before each request of the connection.
    fn is_closing(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Waits until 20 ms after [`close_after_response`](Self::close_after_response) was called; forever if it is not
    /// called.
    async fn close_time(&self) {
        self.0.1.notified().await;
        sleep(CLOSE_DELAY).await;
    }
}

/// An HTTP/1.1 server that listens on 127.0.0.1. It ends, with all its connections, when it is dropped.
pub struct Loopback {
    address: SocketAddr,
    /// The task that accepts connections and owns them. All of them end with this value.
    tasks: JoinSet<()>,
    /// How many connections were accepted.
    connections: Arc<AtomicUsize>,
}

impl Loopback {
    /// Listens on a free port of 127.0.0.1 and calls `respond` for each request, to get the response.
    ///
    /// An error of `respond` closes the connection without a response, and an error of the response's body closes it in the
    /// middle of the response. A response without a length is written in chunks, one for each frame of its body.
    ///
    /// # Errors
    /// Returns an error if there is no free port.
    ///
    /// # Panics
    /// Panics outside of a Tokio runtime.
    pub fn serve<A, F, B, E>(respond: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        Self::serve_on(0, respond)
    }

    /// Listens on this port of 127.0.0.1 and calls `respond` for each request, as [`serve`](Self::serve) does on a free
    /// port.
    ///
    /// # Errors
    /// Returns an error if the port is taken.
    ///
    /// # Panics
    /// Panics outside of a Tokio runtime.
    pub fn serve_on<A, F, B, E>(port: u16, respond: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        // The port of a server that has just ended can be used again.
        socket.set_reuseaddr(true)?;
        socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
        let listener = socket.listen(128)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&connections), respond));
        Ok(Self { address, tasks, connections })
    }

    /// Returns the IP address and the port that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address as a URL without a path: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many connections the server has accepted so far, closed ones included.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Ends the server, with all its connections, and waits until its port is free. If the server is dropped instead, the
    /// port is free a moment later.
    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Why a connection is closed without a response.
#[derive(Debug, thiserror::Error)]
enum ServeError<E> {
    #[error(transparent)]
    Respond(E),
    #[error("the connection is closed after an earlier response")]
    Closing,
}

/// Accepts HTTP connections and serves each in a task of its own; `respond` makes the responses, and `accepted` counts the
/// connections. It runs until it is dropped, which ends all connections.
async fn accept<A, F, B, E>(listener: TcpListener, accepted: Arc<AtomicUsize>, respond: A)
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
            // The process may be out of file descriptors for a moment; a loop without a pause would use up a core.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        accepted.fetch_add(1, Ordering::SeqCst);
        // A connection without it works too, only slower.
        let _ = stream.set_nodelay(true);
        let (connection, respond) = (Connection::default(), respond.clone());
        let request_connection = connection.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(request_connection.clone());
            let response = (!request_connection.is_closing()).then(|| respond(request));
            async move {
                match response {
                    Some(response) => response.await.map_err(ServeError::Respond),
                    None => Err(ServeError::Closing),
                }
            }
        });
        connections.spawn(async move {
            let served = http1::Builder::new()
                .max_buf_size(READ_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            pin!(served);
            // The client sees an error of the connection as a response that is cut off.
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
    async fn server_answers_until_it_is_closed_and_frees_its_port() {
        let respond = |request: Request<Incoming>| {
            ready(Ok::<_, Infallible>(Response::new(request.uri().path().to_owned())))
        };
        let server = Loopback::serve(respond).unwrap();
        let (url, port) = (format!("{}/a", server.url()), server.address().port());

        for _ in 0..2 {
            assert_eq!(reqwest::get(&url).await.unwrap().text().await.unwrap(), "/a");
        }
        assert_eq!(server.connections(), 2);
        server.close().await;
        assert!(reqwest::get(&url).await.unwrap_err().is_connect());

        let _next = Loopback::serve_on(port, respond).unwrap();
        assert_eq!(reqwest::get(&url).await.unwrap().text().await.unwrap(), "/a");
    }
}
