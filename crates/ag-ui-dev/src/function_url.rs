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
use serde_json::{Map, Value, json};

use super::{Answer, FunctionError, loopback::Loopback};

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
                let answer = invoke(url_event(&Request::from_parts(head, body))).await;
                let answer = answer.map_err(|_| BrokenOff)?;
                Ok::<_, BrokenOff>(response(answer))
            }
        };
        Ok(Self { server: Loopback::serve(answer).await? })
    }

    /// Its address: `http://127.0.0.1:<port>/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.server.address)
    }
}

/// The event that a function URL makes of a request, in its format 2.0; the body must be text.
pub fn url_event(request: &Request<Bytes>) -> Value {
    let headers: Map<String, Value> =
        request.headers().iter().map(|(name, value)| (name.to_string(), text(value).into())).collect();
    let (uri, method) = (request.uri(), request.method().as_str());
    let domain = "abc.lambda-url.us-east-1.on.aws";
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": uri.path(),
        "rawQueryString": uri.query().unwrap_or_default(), "headers": headers,
        "requestContext": {
            "accountId": "anonymous", "apiId": "abc", "domainName": domain, "domainPrefix": "abc",
            "requestId": "1", "routeKey": "$default", "stage": "$default",
            "time": "22/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_305_600_000_i64,
            "http": {
                "method": method, "path": uri.path(), "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1", "userAgent": "dev",
            },
        },
        "body": String::from_utf8_lossy(request.body()), "isBase64Encoded": false,
    })
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
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
