//! Connections to a provider: opened once, reused, and replaced when they turn out to be dead.
//!
//! Servers close connections that they have promised to keep; llama-server does so right after the end of a stream. The next
//! request on such a connection fails before the first byte of a response. That is not a failure of the provider, so the
//! request is sent again at once.

use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::{Extensions, Method, header};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::{Client, Request, Response, Url, redirect};

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The maximum number of idle connections that are kept. Each of them may be dead.
const MAX_IDLE: usize = 8;

/// The maximum number of used connections that are remembered.
const MAX_KNOWN: usize = 64;

/// The maximum number of chunks that are read from a body only to free its connection.
const MAX_CHUNKS: usize = 64;

/// The connections to one provider.
#[derive(Default)]
pub(super) struct Connections {
    /// The client, which is built on first use: that takes milliseconds, and the start should not wait for it. `None` if it
    /// can't be built, for want of TLS root certificates.
    client: OnceLock<Option<Client>>,
    /// The local addresses of the connections on which a response has come, the latest last.
    used_addresses: Mutex<VecDeque<SocketAddr>>,
}

impl Connections {
    /// Returns the HTTP client, which is built on first use. Returns `None` if it can't be built because no TLS root
    /// certificates were found.
    pub(super) fn client(&self) -> Option<&Client> {
        self.client.get_or_init(build_client).as_ref()
    }

    /// Sends a request and waits for the status and headers of the response. If a reused connection turns out to be
    /// dead, the request is sent again on the next connection, at most [`MAX_IDLE`] times.
    pub(super) async fn send(&self, client: &Client, request: Request) -> reqwest::Result<Response> {
        for _ in 0..MAX_IDLE {
            let Some(again) = request.try_clone() else { break };
            match client.execute(again).await {
                Err(error) if self.failed_on_reused_connection(&error) => {}
                response => return response.inspect(|response| self.remember(response)),
            }
        }
        client.execute(request).await.inspect(|response| self.remember(response))
    }

    /// Opens a connection and leaves it open for the next request, by `HEAD` and, if the server closes the connection
    /// after that, by `GET`. Nothing happens if the HTTP client can't be built.
    pub(super) async fn warm_up(&self, url: Url) -> reqwest::Result<()> {
        let Some(client) = self.client() else { return Ok(()) };
        let head = self.send(client, Request::new(Method::HEAD, url.clone())).await;
        match &head {
            Err(error) if error.is_connect() => return head.map(drop),
            // The response to HEAD has no body, so the connection is free at once.
            Ok(response) if !will_close(response) => return Ok(()),
            _ => {}
        }
        let mut response = self.send(client, Request::new(Method::GET, url)).await?;
        for _ in 0..MAX_CHUNKS {
            if response.chunk().await?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Records the connection of this response as used, for
    /// [`failed_on_reused_connection`](Self::failed_on_reused_connection).
    fn remember(&self, response: &Response) {
        let Some(local) = response.extensions().get::<HttpInfo>().map(HttpInfo::local_addr) else { return };
        let mut answered = self.used_addresses.lock().unwrap_or_else(PoisonError::into_inner);
        answered.retain(|known| *known != local);
        answered.push_back(local);
        if answered.len() > MAX_KNOWN {
            answered.pop_front();
        }
    }

    /// Returns whether a request failed on a connection that had already brought a response, so that the server may
    /// have closed it and the request can be sent again.
    fn failed_on_reused_connection(&self, error: &reqwest::Error) -> bool {
        if error.is_connect() || error.is_timeout() || error.is_builder() {
            return false;
        }
        let chain = std::iter::successors(error.source(), |error: &&(dyn Error + 'static)| (*error).source());
        let local = chain.into_iter().find_map(|error| {
            let connected = error.downcast_ref::<legacy::Error>()?.connect_info()?;
            let mut extras = Extensions::new();
            connected.get_extras(&mut extras);
            extras.get::<HttpInfo>().map(HttpInfo::local_addr)
        });
        let answered = self.used_addresses.lock().unwrap_or_else(PoisonError::into_inner);
        local.is_some_and(|local| answered.contains(&local))
    }
}

/// Returns whether the response announces, by `connection: close`, that the server closes the connection.
fn will_close(response: &Response) -> bool {
    let connection = response.headers().get(header::CONNECTION).and_then(|value| value.to_str().ok());
    connection.is_some_and(|connection| connection.eq_ignore_ascii_case("close"))
}

/// Builds the HTTP client; `None` if that fails. Redirects are not followed, because they would send the API key to
/// another server.
fn build_client() -> Option<Client> {
    Client::builder()
        .user_agent(concat!("ag-ui-lambda/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        // A compressed response may be held back until a block is full.
        .no_gzip()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE)
        // A redirect would send the API key to another server.
        .redirect(redirect::Policy::none())
        .build()
        .ok()
}
