//! A proxy between the function and a model server that is reached by plain HTTP. It can break responses off.
//!
//! It copies bytes and does not read them, so it works with every wire format.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A limit that no response reaches, so that nothing is cut.
const NO_LIMIT: u64 = u64::MAX;

/// A proxy for one model server. All its connections end when it is dropped.
pub(super) struct ModelProxy {
    /// The variable that names the server, and the address of the proxy.
    variable: (String, String),
    /// How many bytes of responses each connection passes on.
    limit: Arc<AtomicU64>,
    /// The task that accepts connections and owns them.
    _tasks: JoinSet<()>,
}

impl ModelProxy {
    /// Starts a proxy for the model server whose URL is `value`, the value of the environment variable `variable`. Returns
    /// `None` if the URL does not begin with `http://`, since only plain HTTP can be proxied.
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

    /// Returns the name of the environment variable, and the URL of the proxy as its new value, so that the function uses
    /// the proxy.
    pub(super) fn variable(&self) -> (String, String) {
        self.variable.clone()
    }

    /// Sets after how many bytes from the model server a connection is broken off; `None` means never. This is for the
    /// fault `cut-model`.
    pub(super) fn set_limit(&self, bytes: Option<u64>) {
        self.limit.store(bytes.unwrap_or(NO_LIMIT), Ordering::Relaxed);
    }

    /// Returns after how many bytes from the model server a connection is broken off; `None` means never. The list of
    /// faults for the page shows this number.
    pub(super) fn limit(&self) -> Option<u64> {
        Some(self.limit.load(Ordering::Relaxed)).filter(|limit| *limit != NO_LIMIT)
    }
}

/// Accepts connections to the proxy and relays each to the address `upstream` in a task of its own. It runs until it is
/// dropped.
async fn accept(listener: TcpListener, upstream: String, limit: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // The process may be out of file descriptors: the client gets no response.
                let Ok((client, _)) = accepted else { continue };
                let (upstream, limit) = (upstream.clone(), Arc::clone(&limit));
                connections.spawn(async move {
                    // If one side breaks the connection, the other side sees it closed.
                    let _ = relay(client, &upstream, &limit).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Copies bytes between a client and the model server in both directions, until one side ends the connection or the server
/// has sent `limit` bytes.
async fn relay(client: TcpStream, upstream: &str, limit: &AtomicU64) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let responses = async {
        let (mut buffer, mut passed) = ([0; 4096], 0);
        loop {
            let read = from_server.read(&mut buffer).await?;
            // The limit is read each time, so that a new one also applies to a response that has begun.
            let left = limit.load(Ordering::Relaxed).saturating_sub(passed);
            let allowed = read.min(usize::try_from(left).unwrap_or(usize::MAX));
            to_client.write_all(&buffer[..allowed]).await?;
            if read == 0 || allowed < read {
                return Ok(());
            }
            passed += allowed as u64;
        }
    };
    tokio::select! {
        ended = responses => ended,
        sent = copy(&mut from_client, &mut to_server) => sent.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    /// Starts a server that writes these bytes to each connection.
    async fn server(response: &'static [u8]) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let _request = connection.read(&mut [0; 64]).await.unwrap();
                let _ = connection.write_all(response).await;
            }
        });
        (address, tasks)
    }

    /// Connects to the model server through the proxy and reads the response.
    async fn response_through(proxy: &ModelProxy) -> Vec<u8> {
        let (_, address) = proxy.variable();
        let address =
            address.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1")).unwrap().to_owned();
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(b"request").await.unwrap();
        let mut response = Vec::new();
        let _ = connection.read_to_end(&mut response).await;
        response
    }

    #[tokio::test]
    async fn proxy_cuts_a_response_at_the_limit() {
        let (address, _server) = server(b"0123456789").await;
        let proxy =
            ModelProxy::start("OPENAI_BASE_URL", &format!("http://{address}/v1")).await.unwrap().unwrap();

        assert_eq!(response_through(&proxy).await, b"0123456789");
        proxy.set_limit(Some(4));
        assert_eq!((response_through(&proxy).await.as_slice(), proxy.limit()), (&b"0123"[..], Some(4)));
        proxy.set_limit(None);
        assert_eq!((response_through(&proxy).await.as_slice(), proxy.limit()), (&b"0123456789"[..], None));
    }

    #[tokio::test]
    async fn proxy_is_only_for_plain_http_addresses() {
        for value in ["https://api.example/v1", "not an address", ""] {
            assert!(ModelProxy::start("OPENAI_BASE_URL", value).await.unwrap().is_none(), "{value}");
        }
    }
}
