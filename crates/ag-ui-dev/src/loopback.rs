//! A small HTTP/1 server on loopback, gone when it is dropped.

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

/// How long a connection that is closed without a word stays open: long enough for a client to send a request on it.
const CLOSED_AFTER: Duration = Duration::from_millis(20);

/// Closes the connection of a request without a word; every request has it in its extensions.
#[derive(Clone, Default)]
pub(super) struct Closing(Arc<(AtomicBool, Notify)>);

impl Closing {
    /// Closes the connection a moment behind the answer that is being sent.
    pub(super) fn behind_this_answer(&self) {
        let (is_closing, asked) = &*self.0;
        is_closing.store(true, Ordering::SeqCst);
        asked.notify_one();
    }

    /// Whether a request came too late to be answered.
    pub(super) fn is_closing(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    async fn moment(&self) {
        self.0.1.notified().await;
        sleep(CLOSED_AFTER).await;
    }
}

/// A listener with the tasks that serve it.
pub(super) struct Loopback {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Owns the accept loop, which owns the connections: all end with this value.
    _tasks: JoinSet<()>,
    /// How many connections were accepted.
    connections: Arc<AtomicUsize>,
}

impl Loopback {
    /// Listens on a free port of 127.0.0.1 and answers each request with `answer`; an error of it, or of its
    /// body, closes the connection.
    pub(super) async fn serve<A, F, B, E>(answer: A) -> io::Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
        E: Error + Send + Sync + 'static,
    {
        Self::serve_on(0, answer)
    }

    /// As [`serve`](Self::serve), on this port.
    pub(super) fn serve_on<A, F, B, E>(port: u16, answer: A) -> io::Result<Self>
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
        Ok(Self { address, _tasks: tasks, connections })
    }

    /// How many connections were accepted so far.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
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
        let closing = Closing::default();
        let (answer, of_requests) = (answer.clone(), closing.clone());
        let service = service_fn(move |mut request| {
            request.extensions_mut().insert(of_requests.clone());
            answer(request)
        });
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .max_buf_size(READ_BUFFER_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            pin!(connection);
            // A connection that breaks is the reader's business: it sees a body that was cut.
            tokio::select! {
                _ = connection.as_mut() => {}
                () = closing.moment() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
        });
    }
}
