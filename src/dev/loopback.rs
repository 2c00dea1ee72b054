//! A small HTTP/1 server on loopback, gone when it is dropped.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinSet,
};

/// What may wait unread in the kernel and in hyper; by default the two would hide megabytes from a test of
/// back-pressure. Not smaller: loopback segments are 64 KiB, and a window below that stalls the sender.
const SOCKET_BUFFER_BYTES: u32 = 256 * 1024;
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// A listener with the tasks that serve it.
pub(super) struct Loopback {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Owns the accept loop, which owns the connections: all end with this value.
    _tasks: JoinSet<()>,
}

impl Loopback {
    /// Listens on a free port of 127.0.0.1 and answers each request with `answer`.
    pub(super) async fn serve<A, F>(answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(128)?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, answer));
        Ok(Self { address, _tasks: tasks })
    }
}

async fn accept<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, say: it may pass, and a loop without a pause would burn a core meanwhile.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Without it a connection still serves, only later.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let response = answer(request);
                async move { Ok::<_, Infallible>(response.await) }
            });
            // A connection that breaks is the reader's business: it sees a body that was cut.
            let _ = http1::Builder::new()
                .max_buf_size(READ_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
