//! Stands between the function and a model server that is reached by plain HTTP, and breaks its answers off.
//!
//! It copies bytes and reads none, so that every wire passes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// No answer is that long: nothing is cut.
const NO_LIMIT: u64 = u64::MAX;

/// A proxy before one model server; every connection ends when it is dropped.
pub(super) struct ModelProxy {
    /// The variable that names the server, and the address that takes its place.
    variable: (String, String),
    /// How many bytes of each connection's answers pass.
    limit: Arc<AtomicU64>,
    /// Owns the accept loop, which owns the connections.
    _tasks: JoinSet<()>,
}

impl ModelProxy {
    /// Listens in place of the server that the variable names; `None` where its value is no plain HTTP address.
    pub(super) async fn start(variable: &str, value: &str) -> io::Result<Option<Self>> {
        let Ok(uri) = value.parse::<Uri>() else { return Ok(None) };
        let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else { return Ok(None) };
        let upstream = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}{}", listener.local_addr()?, uri.path().trim_end_matches('/'));
        let limit = Arc::new(AtomicU64::new(NO_LIMIT));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, upstream, Arc::clone(&limit)));
        Ok(Some(Self { variable: (variable.to_owned(), address), limit, _tasks: tasks }))
    }

    pub(super) fn variable(&self) -> (String, String) {
        self.variable.clone()
    }

    /// Breaks connections off behind so many bytes of answers; `None` lets all pass.
    pub(super) fn cut_behind(&self, bytes: Option<u64>) {
        self.limit.store(bytes.unwrap_or(NO_LIMIT), Ordering::Relaxed);
    }

    pub(super) fn limit(&self) -> Option<u64> {
        Some(self.limit.load(Ordering::Relaxed)).filter(|limit| *limit != NO_LIMIT)
    }
}

async fn accept(listener: TcpListener, upstream: String, limit: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of descriptors, say: the client sees a connection that is not answered.
                let Ok((client, _)) = accepted else { continue };
                let (upstream, limit) = (upstream.clone(), Arc::clone(&limit));
                connections.spawn(async move {
                    // A connection that breaks is seen on the other side as one that is closed.
                    let _ = pass(client, &upstream, &limit).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Copies both ways until one side ends, or until the answers are as long as they may be.
async fn pass(client: TcpStream, upstream: &str, limit: &AtomicU64) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = async {
        let (mut buffer, mut passed) = ([0; 4096], 0);
        loop {
            let read = from_server.read(&mut buffer).await?;
            // It is asked for anew each time, so that a cut also reaches an answer that has begun.
            let left = limit.load(Ordering::Relaxed).saturating_sub(passed);
            let whole = read.min(usize::try_from(left).unwrap_or(usize::MAX));
            to_client.write_all(&buffer[..whole]).await?;
            if read == 0 || whole < read {
                return Ok(());
            }
            passed += whole as u64;
        }
    };
    tokio::select! {
        ended = answers => ended,
        sent = copy(&mut from_client, &mut to_server) => sent.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// A server that answers each connection with these bytes.
    async fn server(answer: &'static [u8]) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let _asked = connection.read(&mut [0; 64]).await.unwrap();
                let _ = connection.write_all(answer).await;
            }
        });
        (address, tasks)
    }

    async fn ask(proxy: &ModelProxy) -> Vec<u8> {
        let (_, address) = proxy.variable();
        let address =
            address.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1")).unwrap().to_owned();
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"ask").await.unwrap();
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn an_answer_passes_whole_or_is_cut_behind_some_bytes() {
        let (address, _server) = server(b"0123456789").await;
        let proxy =
            ModelProxy::start("OPENAI_BASE_URL", &format!("http://{address}/v1")).await.unwrap().unwrap();

        assert_eq!(ask(&proxy).await, b"0123456789");
        proxy.cut_behind(Some(4));
        assert_eq!((ask(&proxy).await.as_slice(), proxy.limit()), (&b"0123"[..], Some(4)));
        proxy.cut_behind(None);
        assert_eq!((ask(&proxy).await.as_slice(), proxy.limit()), (&b"0123456789"[..], None));
    }

    #[tokio::test]
    async fn an_address_that_is_not_plain_http_has_no_proxy() {
        for value in ["https://api.example/v1", "not an address", ""] {
            assert!(ModelProxy::start("OPENAI_BASE_URL", value).await.unwrap().is_none(), "{value}");
        }
    }
}
