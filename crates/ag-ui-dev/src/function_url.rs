//! A function URL on loopback: HTTP in, its event to the function, the function's answer streamed out.
//!
//! For clients that speak HTTP. It adds no identity and checks nothing, as a URL with `AuthType: NONE` does.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use serde_json::Value;

use super::{Answer, EntryPoint, FunctionError, loopback::Loopback};

/// A function URL; gone when dropped.
pub struct FunctionUrl {
    /// Ends every connection when dropped.
    server: Loopback,
}

/// The function broke its answer off.
#[derive(Debug, thiserror::Error)]
#[error("the function broke its answer off")]
struct BrokenOff;

type Body = UnsyncBoxBody<Bytes, BrokenOff>;

impl FunctionUrl {
    /// Listens on a free port of 127.0.0.1 and hands the event of each request to `invoke`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn serve<I, F>(invoke: I) -> io::Result<Self>
    where
        I: Fn(Value) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Answer, FunctionError>> + Send + 'static,
    {
        let answer = move |request: Request<Incoming>| {
            let invoke = invoke.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| BrokenOff)?.to_bytes();
                let answer =
                    invoke(EntryPoint::FunctionUrl.event(&Request::from_parts(head, body), None)).await;
                let answer = answer.map_err(|_| BrokenOff)?;
                Ok::<_, BrokenOff>(response(answer))
            }
        };
        Ok(Self { server: Loopback::serve(answer)? })
    }

    /// Its address: `http://127.0.0.1:<port>/`.
    pub fn url(&self) -> String {
        self.server.url() + "/"
    }
}

fn response(answer: Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers: HeaderMap = answer.headers().clone();
    let frames = stream::unfold(Some(answer), |answer| async {
        let mut answer = answer?;
        match answer.next().await {
            Some(frame) => Some((Ok(Frame::data(frame.bytes)), Some(answer))),
            None if answer.is_truncated() => Some((Err(BrokenOff), None)),
            None => None,
        }
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
