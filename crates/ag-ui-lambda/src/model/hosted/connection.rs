//! Connections to a provider: opened once, used again, and replaced when they turn out to be dead.
//!
//! Servers close connections that they have promised to keep: llama-server does so right behind the end of a stream. The
//! next request on such a connection fails before a byte of an answer comes. It is no failure of the provider: the request is
//! sent again at once.

use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::{Extensions, Method, header};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::{Client, Request, Response, Url, redirect};

/// Limit of making a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// The most connections that are kept while they are idle; each may be dead.
const MAX_IDLE: usize = 8;

/// The most connections that are known as used before.
const MAX_KNOWN: usize = 64;

/// The most chunks of a body that is read for the sake of its connection.
const MAX_CHUNKS: usize = 64;

/// The connections to one provider.
#[derive(Default)]
pub(super) struct Connections {
    /// Made by the first use: it costs milliseconds, which a start should not wait for. None if there is no TLS to
    /// be had.
    client: OnceLock<Option<Client>>,
    /// Our ends of the connections on which an answer came, the latest last.
    answered: Mutex<VecDeque<SocketAddr>>,
}

impl Connections {
    /// The client; None if there is no TLS to be had.
    pub(super) fn client(&self) -> Option<&Client> {
        self.client.get_or_init(client).as_ref()
    }

    /// Sends a request. Where a connection that was used before is dead, the next one is taken at once, which is a new one
    /// in the end.
    pub(super) async fn send(&self, client: &Client, request: Request) -> reqwest::Result<Response> {
        for _ in 0..MAX_IDLE {
            let Some(again) = request.try_clone() else { break };
            match client.execute(again).await {
                Err(error) if self.was_reused(&error) => {}
                answer => return answer.inspect(|answer| self.answered_on(answer)),
            }
        }
        client.execute(request).await.inspect(|answer| self.answered_on(answer))
    }

    /// Opens a connection that is kept. Some servers close one behind a `HEAD`, or behind any request without a key.
    pub(super) async fn warm(&self, url: Url) -> reqwest::Result<()> {
        let Some(client) = self.client() else { return Ok(()) };
        let head = self.send(client, Request::new(Method::HEAD, url.clone())).await;
        match &head {
            Err(error) if error.is_connect() => return head.map(drop),
            // A HEAD has no body, so that the connection is free at once.
            Ok(answer) if !is_closed(answer) => return Ok(()),
            _ => {}
        }
        let mut answer = self.send(client, Request::new(Method::GET, url)).await?;
        for _ in 0..MAX_CHUNKS {
            if answer.chunk().await?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn answered_on(&self, answer: &Response) {
        let Some(local) = answer.extensions().get::<HttpInfo>().map(HttpInfo::local_addr) else { return };
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.retain(|known| *known != local);
        answered.push_back(local);
        if answered.len() > MAX_KNOWN {
            answered.pop_front();
        }
    }

    /// Whether a request failed on a connection that had brought an answer before.
    fn was_reused(&self, error: &reqwest::Error) -> bool {
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
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        local.is_some_and(|local| answered.contains(&local))
    }
}

/// Whether the server closes the connection behind this answer.
fn is_closed(answer: &Response) -> bool {
    let connection = answer.headers().get(header::CONNECTION).and_then(|value| value.to_str().ok());
    connection.is_some_and(|connection| connection.eq_ignore_ascii_case("close"))
}

fn client() -> Option<Client> {
    Client::builder()
        .user_agent(concat!("ag-ui-lambda/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        // What is compressed may be held back to fill a block.
        .no_gzip()
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(MAX_IDLE)
        // A redirect would carry the key to where nobody has sent it.
        .redirect(redirect::Policy::none())
        .build()
        .ok()
}
