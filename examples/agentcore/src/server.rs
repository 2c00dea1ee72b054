//! The HTTP server of the container, with time limits for clients that do nothing.
//!
//! `axum::serve` has none of them: a client that sends half a request, or takes no response, would keep its connection open for
//! ever, and what belongs to it in memory.

use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tracing::{debug, warn};

/// How long the head of a request may take, and how long a connection is kept open between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the next part of a request's body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the client may leave sent data unacknowledged, or take none at all.
#[cfg(target_os = "linux")]
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the server waits if it cannot accept a connection, because too many files are open for example.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves the routes until `stop` is ready. Requests that have begun end first.
pub(crate) async fn serve(listener: TcpListener, routes: Router, stop: impl Future<Output = ()>) {
    let routes = routes.layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT));
    let (connections, mut tasks) = (GracefulShutdown::new(), JoinSet::new());
    tokio::pin!(stop);
    loop {
        while tasks.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted.and_then(|(stream, _)| configure(&stream).map(|()| stream)) {
            Ok(stream) => {
                let connection = connections.watch(connection(stream, routes.clone()));
                tasks.spawn(async move {
                    if let Err(cause) = connection.await {
                        debug!(%cause, "a connection has ended early");
                    }
                });
            }
            Err(cause) => {
                warn!(%cause, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Sets the options of a connection.
///
/// # Errors
/// If the client has gone already.
fn configure(stream: &TcpStream) -> io::Result<()> {
    // Without this a frame may wait up to 40 ms for the acknowledgement of the one before.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let milliseconds = u32::try_from(WRITE_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
        rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds)?;
    }
    Ok(())
}

/// Serves the requests of one connection.
fn connection<S>(stream: S, routes: Router) -> http1::Connection<TokioIo<S>, TowerToHyperService<Router>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut http = Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::{Instant, timeout};

    use super::*;

    /// Sends the beginning of a request, and returns what comes back until the connection ends, with the time that it took.
    async fn answer_to(beginning: &str) -> (String, Duration) {
        let (mut client, server) = duplex(4096);
        let echo = post(async |body: String| body);
        let routes = Router::new().route("/", echo).layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT));
        let mut served = JoinSet::new();
        served.spawn(connection(server, routes));
        client.write_all(beginning.as_bytes()).await.unwrap();
        let began = Instant::now();
        let mut answer = String::new();
        let limit = HEAD_TIMEOUT + BODY_TIMEOUT + Duration::from_secs(5);
        timeout(limit, client.read_to_string(&mut answer)).await.unwrap().unwrap();
        (answer, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn client_that_stops_within_a_request_loses_its_connection() {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n";
        for (why, beginning, status) in [
            ("no byte", String::new(), ""),
            ("half a head", "POST / HTTP/1.1\r\nhost:".into(), ""),
            ("half a body", format!("{head}half"), "400"),
        ] {
            let (answer, took) = answer_to(&beginning).await;
            assert_eq!(answer.get(9..12).unwrap_or_default(), status, "{why}: {answer}");
            assert!(took <= HEAD_TIMEOUT + BODY_TIMEOUT, "{why}: {took:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connection_is_closed_if_no_other_request_comes() {
        let request = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nwell";

        let (answer, took) = answer_to(request).await;

        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("well"), "{answer}");
        assert!(took >= HEAD_TIMEOUT, "not earlier: {took:?}");
    }
}
